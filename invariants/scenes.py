"""A proposal told in a few words of TOML, made into the states and evidence that the gate reads.

A scene says what differs from a plain one: `old` from `founding`, `new` from `old`. Counters,
digests and the list of changes follow from the states, unless the scene tells otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from invariants.diff import diff
from invariants.table import Table
from invariants.tiers import judges_differ
from logs.canonical import digest_of, sha256
from logs.errors import UsageError
from logs.vocabulary import (
    Commit,
    Constitution,
    Digest,
    Evidence,
    Intervention,
    Judge,
    JudgeKind,
    Ledgers,
    Metric,
    Panel,
    Principle,
    PrincipleTier,
    PromptPool,
    Proposal,
    Recipe,
    State,
)

FLAGS = ("restores", "stale", "foreign_evidence", "hides_changes")
SCENE = ("founding", "old", "new", "evidence", "ledger", "sandbox_level", "approvals", *FLAGS)
"""What a baseline or a case may tell of a proposal."""

_LEDGER = tuple(Ledgers.model_fields)

Seat = TypeVar("Seat", Principle, Judge)
"""What stands in a state under an id of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One proposal with everything that the gate asks for."""

    founding: State
    old: State
    head: Digest
    proposal: Proposal
    evidence: Evidence
    ledgers: Ledgers
    approvals: int
    restored: Commit | None


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of `base` with those of `over` laid on them; a metric is replaced as a whole."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        result[key] = merged(below or {}, value) if both and not _is_metric(value) else value
    return result


def scene_of(table: Table) -> Scene:
    """Make the scene that a table tells.

    Raises:
        UsageError: an unknown name, or a value that does not fit; names the nearest.
    """
    try:
        return _scene(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            "The case tells of a state that cannot be.",
            saw=f"{where}: {first['msg']}",
            wanted="values of the types in docs/reference/policy.md",
            try_this=f"mend {where}",
        ) from error


def _scene(table: Table) -> Scene:
    founding = _state(table.sub("founding"), _nothing())
    old = _state(table.sub("old"), founding)
    new = _state(table.sub("new"), old)
    flags = {name: table.flag(name) for name in FLAGS}
    head = sha256(b"another HEAD" if flags["stale"] else b"HEAD")
    # An ancestor, so that a rollback has a commit to name.
    restored = _commit(new) if flags["restores"] else None
    proposal = Proposal(
        iteration=1,
        base=sha256(b"HEAD"),
        intervention=Intervention.ROLL_BACK if restored else Intervention.TRAIN,
        new=new,
        changes=() if flags["hides_changes"] else diff(old, new),
        restores=digest_of(restored) if restored else None,
        undo="roll back to HEAD",
    )
    evidence = Evidence(
        proposal=sha256(b"another") if flags["foreign_evidence"] else digest_of(proposal),
        metrics=_metrics(table.sub("evidence")),
        harness=sha256(b"harness"),
        sandbox_level=table.count("sandbox_level", 0),
    )
    return Scene(
        founding=founding,
        old=old,
        head=head,
        proposal=proposal,
        evidence=evidence,
        ledgers=_ledgers(table.sub("ledger")),
        approvals=table.count("approvals", 0),
        restored=restored,
    )


def _nothing() -> State:
    return State(
        base=sha256(b"base"),
        adapter=None,
        panel=Panel(judges=()),
        constitution=Constitution(version=1, principles=()),
        prompts=PromptPool(seed=1, size=0),
        recipe=Recipe(),
    )


def _state(table: Table, before: State) -> State:
    """The state that a table tells as a difference from another one."""
    principles = _people(table, before.constitution.principles)
    judges = _panel(table, before.panel.judges)
    edited = principles != before.constitution.principles
    after = before.model_copy(
        update={
            "base": _digest(table, "base", before.base),
            "adapter": _digest(table, "adapter", before.adapter),
            "replay": _digest(table, "replay", before.replay),
            "panel": Panel(judges=judges),
            "constitution": Constitution(
                version=before.constitution.version + edited, principles=principles
            ),
            "prompts": PromptPool(seed=table.count("prompts", before.prompts.seed), size=0),
            "recipe": _recipe(table.sub("recipe"), before.recipe),
        }
    )
    trained = after.adapter != before.adapter
    counters = {
        "policy_updates": table.count("policy_updates", before.policy_updates + trained),
        "judge_updates": table.count(
            "judge_updates", before.judge_updates + judges_differ(before, after)
        ),
    }
    table.done()
    return after.model_copy(update=counters)


def _people(table: Table, before: tuple[Principle, ...]) -> tuple[Principle, ...]:
    return _edited(table.sub("principles"), before, _principle)


def _principle(key: str, item: Table, was: Principle | None) -> Principle:
    return Principle(
        id=key,
        text=item.text("text", was.text if was else f"Be {key}."),
        weight=_decimal(item, "weight", was.weight if was else None),
        tier=PrincipleTier(item.choice("tier", tuple(PrincipleTier), was.tier if was else None)),
        contexts=item.words("contexts", was.contexts if was else ()),
    )


def _panel(table: Table, before: tuple[Judge, ...]) -> tuple[Judge, ...]:
    return _edited(table.sub("judges"), before, _judge)


def _judge(key: str, item: Table, was: Judge | None) -> Judge:
    kind = was.kind if was else JudgeKind.FEATURE
    return Judge(
        id=key,
        kind=JudgeKind(item.choice("kind", tuple(JudgeKind), kind)),
        family=item.text("family", was.family if was else key),
        version=item.count("version", was.version if was else 1),
        artefact=cast(str, _digest(item, "artefact", was.artefact if was else key)),
        weight=_decimal(item, "weight", was.weight if was else Decimal(1)),
    )


def _edited(
    group: Table, before: tuple[Seat, ...], made: Callable[[str, Table, Seat | None], Seat]
) -> tuple[Seat, ...]:
    """Those before in their order, changed or absent as the tables say, and new ones behind."""
    found: dict[str, Seat] = {one.id: one for one in before}
    for key in group.given():
        item = group.inner(key)
        was = found.pop(key, None)
        if not item.flag("absent"):
            found[key] = made(key, item, was)
        item.done()
    order: list[str] = [one.id for one in before if one.id in found]
    return tuple(found[key] for key in dict.fromkeys((*order, *found)))


def _recipe(table: Table, before: Recipe) -> Recipe:
    rank, family = table.count("rank", before.rank), table.text("family", before.family)
    table.done()
    return before.model_copy(update={"rank": rank, "family": family})


def _metrics(table: Table) -> tuple[Metric, ...]:
    found = [_metric(name, table.inner(name)) for name in table.given()]
    return tuple(metric for metric in found if metric is not None)


def _metric(name: str, table: Table) -> Metric | None:
    if table.flag("missing"):
        table.done()
        return None
    values = table.words("values", ()) * table.count("times", 1)
    given = table.given()
    metric = Metric(
        name=name,
        k=table.count("k", 0) if "k" in given else None,
        n=table.count("n", 0) if "n" in given else None,
        values=values,
        exact=table.text("exact") if "exact" in given else None,
        alpha=table.text("alpha", "1/20"),
    )
    table.done()
    return metric


def _ledgers(table: Table) -> Ledgers:
    found = {name: _decimal(table, name, Decimal(0)) for name in _LEDGER}
    table.done()
    whole = ("audit_labels", "gold_queries")
    return Ledgers.model_validate(found | {name: int(found[name]) for name in whole})


def _commit(state: State) -> Commit:
    return Commit(
        parent=None,
        session="case",
        iteration=0,
        state=state,
        proposal=None,
        evidence=None,
        verdict=None,
    )


def _digest(table: Table, key: str, before: Digest | None) -> Digest | None:
    """A name of an artefact stands for its digest; `none` for no artefact."""
    if key not in table.given():
        table.text(key, "absent")
        return before if before is None or len(before) == 64 else sha256(before.encode())
    name = table.text(key)
    return None if name == "none" else sha256(name.encode())


def _decimal(table: Table, key: str, before: Decimal | None) -> Decimal:
    if before is not None and key not in table.given():
        table.text(key, "absent")
        return before
    value = table.exact(key)
    if table.text(key).count("/"):
        raise table.error(key, "A case writes amounts as decimals.", 'a decimal such as "0.05"')
    return Decimal(value.numerator) / Decimal(value.denominator)


def _is_metric(value: Mapping[str, Any]) -> bool:
    return bool(value.keys() & {"k", "values", "exact", "missing"})
