"""Two judges side by side: the difference of every measurement, paired where that can be."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from logs.vocabulary import Guarantee, Measurement, Status
from tools.audit.card import JudgeCard
from tools.audit.design import Kept
from tools.audit.measuring import controls_of, joined_tables
from tools.audit.records import BASE, Table, tables
from tools.instruments.audit.bounds import GREEN, RED, held
from tools.instruments.estimates import mean

PAIRED, APART = "paired by item", "two independent audits"
SAYS = {
    Status.GREEN: "alike",
    Status.YELLOW: "nearly alike",
    Status.RED: "differ",
    Status.INSUFFICIENT: "cannot tell",
}
"""Status of a difference -> what it means: green is surely within .05, red surely not 0."""
Name = tuple[str, str]
"""Instrument, and what of."""
_NOT_A_SHARE = ("order_locked", "retest_kappa", "noise_floor")
"""Not differenced: conditional on what differs between the judges, or 0 by construction."""


@dataclass(frozen=True, slots=True)
class Values:
    """One number per item, and its cluster."""

    by_item: Mapping[str, float]
    clusters: Mapping[str, str]


def differences(
    a: JudgeCard, b: JudgeCard, kept: tuple[Kept, Kept] | None
) -> tuple[Measurement, ...]:
    """B minus A for every measurement that both have.

    Args:
        kept: the verdicts of both, where both judged the same items; then differences are taken
            item by item, which is sharper wherever the judges err on the same items.

    The status holds the difference against the margins of a bias: green is surely within .05.
    """
    ours, theirs = (
        {(m.instrument, m.of): m for m in c.audit.measurements() if _comparable(m)} for c in (a, b)
    )
    values = tuple(values_of(k) for k in kept) if kept else ({}, {})
    return tuple(
        _paired(name, values[0][name], values[1][name], theirs[name].units)
        if name in values[0] and name in values[1]
        else _apart(ours[name], theirs[name])
        for name in ours
        if name in theirs
    )


def values_of(kept: Kept) -> dict[Name, Values]:
    """What every measurement is the mean of, item by item; items with a missing verdict are
    wrong, or are left out, as they are in the measurements themselves."""
    found: dict[Name, Values] = {}
    by = tables(kept.verdicts, complete=False)
    base = by[BASE]
    found |= dict(_of_base(base))
    for name, control in controls_of(kept.verdicts).items():
        before, after = joined_tables(by[control], by[name])
        shift = (after.preference - before.preference).mean((1, 2))
        found["net_shift", name] = _values(after, shift.tolist())
    if kept.attacked:
        table = tables(kept.attacked, complete=False)[BASE]
        fooled = 1 - _right(table).all((1, 2)).astype(float)
        found["attack_success", ""] = _values(table, fooled.tolist())
    return found


def _of_base(base: Table) -> Iterator[tuple[Name, Values]]:
    known = base.where([g is not None for g in base.gold])
    domains = sorted(set(known.domains))
    parts = [("", known)]
    parts += [(d, known.where([x == d for x in known.domains])) for d in domains]
    for of, part in parts if known.items else []:
        right = _right(part)
        both = right.all(1).mean(1).astype(float)
        yield ("both_orders_accuracy", of), _values(part, both.tolist())
        yield ("order_averaged_accuracy", of), _values(part, right.mean((1, 2)).tolist())
    same = (base.for_a[:, 0] == base.for_a[:, 1]) & ~np.isnan(base.for_a).any(1)
    yield ("consistency", ""), _values(base, same.mean(1).tolist())
    whole = base.where([not np.isnan(row).any() for row in base.for_a])
    yield ("position_bias", ""), _values(whole, (whole.first.mean((1, 2)) - 0.5).tolist())
    yield ("tie_share", ""), _values(whole, (whole.for_a == 0.5).mean((1, 2)).tolist())


def _right(table: Table) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether each verdict is the gold one; shape (items, orders, repeats)."""
    gold = np.array([1.0 if g == "A" else 0.0 for g in table.gold])
    return np.asarray(table.for_a == gold[:, None, None])


def _values(table: Table, values: Sequence[float]) -> Values:
    return Values(
        dict(zip(table.items, values, strict=True)),
        dict(zip(table.items, table.clusters, strict=True)),
    )


def _comparable(m: Measurement) -> bool:
    return m.instrument not in _NOT_A_SHARE


def _paired(name: Name, a: Values, b: Values, units: str) -> Measurement:
    both = [item for item in a.by_item if item in b.by_item]
    found = mean(
        name[0],
        [b.by_item[item] - a.by_item[item] for item in both],
        units=units,
        clusters=[a.clusters[item] for item in both],
        of=name[1],
        lower=-2.0 if name[0] == "net_shift" else -1.0,
        upper=2.0 if name[0] == "net_shift" else 1.0,
        null=0.0,
        assumptions=(PAIRED,),
    )
    return _judged(found)


def _apart(a: Measurement, b: Measurement) -> Measurement:
    """B - A of two intervals: half-widths add in squares (MOVER, Zou & Donner 2008)."""
    estimate = low = high = None
    # An estimate that is withheld as insufficient lies in the middle of nothing we know.
    if None not in (a.estimate, a.low, a.high, b.estimate, b.low, b.high):
        x, x0, x1 = (float(v or 0) for v in (a.estimate, a.low, a.high))
        y, y0, y1 = (float(v or 0) for v in (b.estimate, b.low, b.high))
        estimate = y - x
        low = estimate - math.hypot(y - y0, x1 - x)
        high = estimate + math.hypot(y1 - y, x - x0)
    return _judged(
        Measurement(
            instrument=b.instrument,
            estimate=estimate,
            units=b.units,
            low=low,
            high=high,
            guarantee=Guarantee.FIXED_N,
            n=min(a.n, b.n),
            null=0.0,
            status=Status.INSUFFICIENT,
            assumptions=(APART,),
            of=b.of,
        )
    )


def _judged(m: Measurement) -> Measurement:
    status = Status.INSUFFICIENT
    if m.low is not None and m.high is not None:
        status = held((m.low, m.high), GREEN, RED)
        if m.low > 0 or m.high < 0:
            status = Status.RED if status is not Status.GREEN else status
    return m.model_copy(update={"status": status, "margin": GREEN})
