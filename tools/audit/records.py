"""What a judge said in an audit: one frozen record per call, and tables of them.

Verdict   one call: an item in one order, once, with or without a treatment
Table     the calls of one treatment, checked, as arrays over (items, orders, repeats)
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from logs.errors import UndefinedMeasurement

Floats = NDArray[np.float64]
Side = Literal["A", "B"]
Order = Literal["AB", "BA"]
"""Which answer was shown first."""
Choice = Literal["A", "B", "tie"]
BASE = "base"
"""The condition in which nothing was changed."""
ORDERS: tuple[Order, Order] = ("AB", "BA")
_FOR_A = {"A": 1.0, "B": 0.0, "tie": 0.5}


class Verdict(NamedTuple):
    """One call of a judge. A and B name answers, not places: the order is undone."""

    item_id: str
    cluster_id: str
    """Prompt or template: what is drawn independently."""
    judge_hash: str
    prompt_hash: str
    """The judge's prompt; with `judge_hash` it is the version that is audited."""
    order: Order
    repeat: int
    treatment: str
    """BASE, or the bias and its variant, for example `authority/url`."""
    verdict: Choice | None
    """None when the judge gave none: an error is not a verdict."""
    score: float | None = None
    """P(A wins), or the difference of scalar scores, A - B."""
    gold: Side | None = None
    fresh: bool = True
    """Never seen by the judge's training, nor in an audit whose result was released."""
    iteration: int = 0
    side: Side = "A"
    """The answer that receives the treatment."""
    domain: str = ""
    control: str = BASE
    """The condition a treatment is held against: BASE, or its own neutral twin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The verdicts of one condition, each item in each order, equally often."""

    treatment: str
    items: tuple[str, ...]
    clusters: tuple[str, ...]
    sides: tuple[Side, ...]
    gold: tuple[Side | None, ...]
    domains: tuple[str, ...]
    for_a: Floats
    """1 A won, 0 B won, 1/2 tie, NaN no verdict; shape (items, 2, repeats)."""
    scores: Floats
    """The judge's scores, NaN where it gave none; the same shape."""

    @property
    def first(self) -> Floats:
        """1 when the answer shown first won; the same shape."""
        return np.stack([self.for_a[:, 0], 1 - self.for_a[:, 1]], axis=1)

    @property
    def preference(self) -> Floats:
        """1 when the answer that receives the treatment won; the same shape."""
        treated_is_a = np.array([side == "A" for side in self.sides])[:, None, None]
        return np.where(treated_is_a, self.for_a, 1 - self.for_a)

    @property
    def missing(self) -> int:
        """Calls without a verdict."""
        return int(np.isnan(self.for_a).sum())

    def where(self, keep: Sequence[bool]) -> "Table":
        """The same table with some of its items."""
        chosen = [i for i, k in enumerate(keep) if k]
        return Table(
            treatment=self.treatment,
            items=tuple(self.items[i] for i in chosen),
            clusters=tuple(self.clusters[i] for i in chosen),
            sides=tuple(self.sides[i] for i in chosen),
            gold=tuple(self.gold[i] for i in chosen),
            domains=tuple(self.domains[i] for i in chosen),
            for_a=self.for_a[chosen],
            scores=self.scores[chosen],
        )


def check(verdicts: Sequence[Verdict], *, complete: bool = True) -> tuple[str, str]:
    """The one version that was audited: (judge, prompt).

    Args:
        complete: refuse verdicts that are missing; else they stay as NaN.

    Raises:
        UndefinedMeasurement: there are none; several judge or prompt versions are mixed; a call
            is recorded twice; an item was seen before; a verdict is missing; gold, cluster or
            side of an item differ between its calls.
    """
    if not verdicts:
        raise _refused("An audit needs verdicts.", "0 verdicts", "at least one", "run the judge")
    versions = sorted({(v.judge_hash, v.prompt_hash) for v in verdicts})
    if len(versions) > 1:
        shown = ", ".join(f"{j[:8]}/{p[:8]}" for j, p in versions[:4])
        raise _refused(
            "Verdicts of several judge versions are not one judge's.",
            f"{len(versions)} versions: {shown}",
            "one judge_hash and one prompt_hash",
            "audit each version by itself, and compare the cards",
        )
    calls = Counter((v.item_id, v.treatment, v.order, v.repeat) for v in verdicts)
    if twice := [call for call, n in calls.items() if n > 1]:
        raise _refused(
            "The same call is recorded twice.",
            f"{twice[0]} and {len(twice) - 1} more",
            "one verdict per item, treatment, order and repeat",
            "number the repeats; drop copies of the log",
        )
    _check_items(verdicts)
    if complete and (lost := [v for v in verdicts if v.verdict is None]):
        raise _refused(
            "Verdicts are missing, and a judge may fail exactly where it would be wrong.",
            f"{len(lost)} of {len(verdicts)}, for example {lost[0].item_id} {lost[0].order}",
            "a verdict for every call",
            "ask again, or measure with complete=False, which counts them as wrong",
        )
    return versions[0]


def _check_items(verdicts: Sequence[Verdict]) -> None:
    if stale := sorted({v.item_id for v in verdicts if not v.fresh}):
        raise _refused(
            "An item that the judge may have seen audits its memory.",
            f"{stale[0]} and {len(stale) - 1} more are not fresh",
            "fresh items only",
            "draw new items, and retire those whose result was released",
        )
    facts: dict[str, tuple[str, Side | None]] = {}
    for v in verdicts:
        if facts.setdefault(v.item_id, (v.cluster_id, v.gold)) != (v.cluster_id, v.gold):
            raise _refused(
                "One item has one cluster and one gold answer.",
                f"{v.item_id}: {facts[v.item_id]} and {(v.cluster_id, v.gold)}",
                "the same in all its calls",
                "give different items different ids: two files may number alike",
            )
        if v.verdict not in ("A", "B", "tie", None) or v.order not in ORDERS:
            raise _refused(
                "A verdict is A, B or tie, in order AB or BA.",
                f"{v.verdict!r} in {v.order!r} for {v.item_id}",
                "one of these, or None where the judge gave none",
                "map the judge's own words before recording them",
            )
        if v.score is not None and not math.isfinite(v.score):
            raise _refused(
                "A score is a finite number.",
                f"{v.score} for {v.item_id}",
                "a number, or None",
                "an error is not a score: record None",
            )


def tables(verdicts: Sequence[Verdict], *, complete: bool = True) -> dict[str, Table]:
    """Checked verdicts by treatment.

    Raises:
        UndefinedMeasurement: as `check`; or an item lacks an order or a repeat.
    """
    check(verdicts, complete=complete)
    by_treatment: dict[str, list[Verdict]] = {}
    for v in verdicts:
        by_treatment.setdefault(v.treatment, []).append(v)
    return {name: _table(name, rows) for name, rows in by_treatment.items()}


def _table(treatment: str, rows: Iterable[Verdict]) -> Table:
    rows = list(rows)
    index = {item: i for i, item in enumerate(dict.fromkeys(v.item_id for v in rows))}
    repeats = sorted({v.repeat for v in rows})
    place = {r: i for i, r in enumerate(repeats)}
    shape = (len(index), 2, len(repeats))
    for_a, scores, seen = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, bool)
    heads: dict[str, Verdict] = {}
    for v in rows:
        at = index[v.item_id], ORDERS.index(v.order), place[v.repeat]
        seen[at] = True
        for_a[at] = np.nan if v.verdict is None else _FOR_A[v.verdict]
        scores[at] = np.nan if v.score is None else v.score
        heads.setdefault(v.item_id, v)
    if not seen.all():
        item = list(index)[int(np.argwhere(~seen)[0][0])]
        raise _refused(
            "Every item is judged in both orders, equally often.",
            f"{treatment}: {int((~seen).sum())} calls absent, for example of {item}",
            f"orders AB and BA, repeats {repeats}",
            "record a call that failed with verdict None instead of leaving it out",
        )
    return Table(
        treatment=treatment,
        items=tuple(index),
        clusters=tuple(heads[i].cluster_id for i in index),
        sides=tuple(heads[i].side for i in index),
        gold=tuple(heads[i].gold for i in index),
        domains=tuple(heads[i].domain for i in index),
        for_a=for_a,
        scores=scores,
    )


def _refused(what: str, saw: str, wanted: str, try_this: str) -> UndefinedMeasurement:
    return UndefinedMeasurement(what, saw=saw, wanted=wanted, try_this=try_this)
