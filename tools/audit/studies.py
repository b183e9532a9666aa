"""Study files: one judge under several constitutions and prompt shapes, as people write them.

    format = "plimsoll-study/1"
    base = "as-is"                     # what the others are held against

    [[strategy]]
    id = "safety-first"
    says = "Harm weighs most."
    weights = { harmless = "0.40", thorough = "0.04" }

`weights` changes principles of the constitution in force, `only` keeps some of them, `order`
puts them first, `constitution` takes another file; `template` is prompt text around `{prompt}`
for judges that read text; `mode` is `scalar` (each answer by itself) or `pairwise`, where a
template may also show the `{rival}`.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from logs.errors import UsageError
from logs.vocabulary import Constitution, Principle

FORMAT = "plimsoll-study/1"
PROMPT, RIVAL = "{prompt}", "{rival}"
Mode = Literal["scalar", "pairwise"]
MODES: tuple[Mode, ...] = ("scalar", "pairwise")
_STUDY = ("format", "name", "base", "items", "seed", "strategy")
_STRATEGY = ("id", "says", "mode", "template", "constitution", "weights", "only", "order")
MOST = 40
"""Strategies of one study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One way to prompt a judge."""

    id: str
    says: str = ""
    mode: Mode = "scalar"
    template: str = PROMPT
    constitution: str = ""
    """A file beside the study; empty means the constitution in force."""
    weights: Mapping[str, Decimal]
    only: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Strategies, and what they are tried on."""

    name: str
    base: str
    """The strategy that the others are held against."""
    items: int
    seed: int
    strategies: tuple[Strategy, ...]


def read(data: bytes, name: str) -> Study:
    """Read a study file.

    Raises:
        UsageError: not TOML, an unknown key, or a value that does not fit; names the place.
    """
    try:
        raw = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused("The study is not TOML.", name, str(error), "TOML") from error
    _known(raw, _STUDY, name)
    if raw.get("format") != FORMAT:
        raise _refused("This is no study file.", name, repr(raw.get("format")), f"{FORMAT!r}")
    tables = raw.get("strategy")
    if not isinstance(tables, list) or not 2 <= len(tables) <= MOST:
        raise _refused(
            "A study holds strategies against each other.",
            name,
            f"{len(tables) if isinstance(tables, list) else 'no'} [[strategy]] tables",
            f"2 to {MOST}",
        )
    strategies = tuple(_strategy(table, name) for table in tables)
    ids = [s.id for s in strategies]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise _refused("Two strategies have one id.", name, twice[0], "distinct ids")
    base = _text(raw, "base", name, default=ids[0])
    if base not in ids:
        near = difflib.get_close_matches(base, ids, n=1)
        wanted = f"one of {', '.join(ids)}"
        raise _refused("The base is no strategy of this study.", name, base, wanted, near)
    return Study(
        name=_text(raw, "name", name, default=Path(name).stem),
        base=base,
        items=_whole(raw, "items", name, 200, least=20, most=2000),
        seed=_whole(raw, "seed", name, 0, least=0, most=2**31 - 1),
        strategies=strategies,
    )


def _strategy(table: Any, name: str) -> Strategy:
    if not isinstance(table, dict):
        raise _refused("A strategy is a table.", name, repr(table)[:80], "[[strategy]]")
    _known(table, _STRATEGY, name)
    strategy_id = _text(table, "id", name)
    where = f"{name}, strategy {strategy_id!r}"
    mode = _text(table, "mode", where, default="scalar")
    if mode not in MODES:
        near = difflib.get_close_matches(mode, MODES, n=1)
        raise _refused("There is no such mode.", where, mode, " or ".join(MODES), near)
    template = _text(table, "template", where, default=PROMPT)
    if template.count(PROMPT) != 1:
        raise _refused("A template holds the prompt once.", where, repr(template[:80]), PROMPT)
    if mode == "scalar" and RIVAL in template:
        raise _refused("Only a pairwise judge sees the rival.", where, template[:80], "pairwise")
    return Strategy(
        id=strategy_id,
        says=_text(table, "says", where, default=""),
        mode=mode,
        template=template,
        constitution=_text(table, "constitution", where, default=""),
        weights=_weights(table.get("weights", {}), where),
        only=_ids(table.get("only", ()), "only", where),
        order=_ids(table.get("order", ()), "order", where),
    )


def _weights(given: Any, where: str) -> Mapping[str, Decimal]:
    if not isinstance(given, dict):
        raise _refused("Weights are a table.", where, repr(given)[:80], 'honest = "0.20"')
    found = {}
    for principle, text in given.items():
        try:
            value = Decimal(text) if isinstance(text, str) else Decimal("NaN")
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or not 0 <= value <= 1:
            wanted = 'a quoted decimal from "0" to "1"'
            raise _refused("A weight does not fit.", where, f"{principle} = {text!r}", wanted)
        found[principle] = value
    return found


def _ids(given: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(i, str) for i in given):
        raise _refused("This is a list of principles.", where, f"{key} = {given!r}"[:80], '["a"]')
    if len(set(given)) < len(given):
        raise _refused("A principle is named twice.", where, f"{key} = {given!r}"[:80], "once each")
    return tuple(given)


# --- the constitution of a strategy ------------------------------------------------
def applied(strategy: Strategy, constitution: Constitution, where: str) -> Constitution:
    """The constitution that a strategy puts before the judge.

    Raises:
        UsageError: it names a principle that there is not, or none is left.
    """
    there = {p.id: p for p in constitution.principles}
    for wanted in (*strategy.weights, *strategy.only, *strategy.order):
        if wanted not in there:
            raise _refused(
                "The constitution has no such principle.",
                f"{where}, strategy {strategy.id!r}",
                wanted,
                ", ".join(there),
                difflib.get_close_matches(wanted, there, n=1),
            )
    kept = [p for p in constitution.principles if not strategy.only or p.id in strategy.only]
    first = [there[i] for i in strategy.order if there[i] in kept]
    principles = tuple(
        _weighted(p, strategy.weights) for p in (*first, *(p for p in kept if p not in first))
    )
    if not any(p.weight > 0 for p in principles):
        raise _refused(
            "A strategy leaves no principle of weight.",
            f"{where}, strategy {strategy.id!r}",
            "every weight is 0",
            "one weight above 0",
        )
    return constitution.model_copy(update={"principles": principles})


def _weighted(principle: Principle, weights: Mapping[str, Decimal]) -> Principle:
    return principle.model_copy(update={"weight": weights.get(principle.id, principle.weight)})


# --- refusals ----------------------------------------------------------------------
def _text(table: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    found = table.get(key, default)
    if not isinstance(found, str) or len(found) > 4000 or (default is None and not found):
        saw = f"{key} = {found!r}"[:80]
        raise _refused("A value does not fit.", where, saw, f"{key}, as quoted text")
    return found


def _whole(
    table: Mapping[str, Any], key: str, where: str, default: int, *, least: int, most: int
) -> int:
    found = table.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        saw, wanted = f"{key} = {found!r}"[:80], f"a whole number from {least} to {most}"
        raise _refused("A value does not fit.", where, saw, wanted)
    return found


def _known(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            raise _refused("A study has no such key.", where, key, ", ".join(keys), near)


def _refused(what: str, where: str, saw: str, wanted: str, near: Sequence[str] = ()) -> UsageError:
    try_this = f"did you mean {near[0]!r}?" if near else "compare with examples/judge-study.toml"
    return UsageError(what, saw=f"{saw} (in {where})", wanted=wanted, try_this=try_this)
