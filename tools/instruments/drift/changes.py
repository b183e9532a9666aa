"""A change against the anchor, paired by prompt, and the line beyond which it alarms.

Both sides are given row by row: `now[i]` and `then[i]` belong to one item, `prompts[i]` is its
cluster. Rows that carry ids are joined by `joined` first. A line is signed: -0.15 alarms on a
fall of 15 %, +0.05 on a rise by 0.05.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_unequal
from tools.instruments.intervals import LEVEL, Interval

Floats = NDArray[np.float64]
Prompts = Sequence[Hashable] | None
FEWEST = 10
"""Clusters below which a t interval of a ratio or of a functional is not trusted."""
FEW = f"fewer than {FEWEST} prompts"
PAIRED = "both sides answer the same prompts; prompts are independent"


@dataclass(frozen=True, slots=True)
class Change:
    """An estimate with its interval, and the number of clusters it rests on."""

    estimate: float
    interval: Interval
    clusters: int


def status(estimate: float, interval: Interval, line: float | None) -> Status:
    """What a change says when held against its line.

    Red: the whole interval is beyond the line. Yellow: the estimate is, and no change is
    excluded. Green: the interval excludes a change as large as the line. Otherwise the data
    tell neither, which is insufficient. Without a line nothing is asked.
    """
    if line is None:
        return Status.GREEN
    sign = 1.0 if line > 0 else -1.0
    low, high = sorted(sign * end for end in interval)
    if low > abs(line):
        return Status.RED
    if sign * estimate >= abs(line) and low > 0:
        return Status.YELLOW
    return Status.GREEN if high < abs(line) else Status.INSUFFICIENT


def reported(
    instrument: str,
    change: Change | None,
    line: float | None,
    *,
    units: str,
    n: int,
    of: str = "",
    assumptions: tuple[str, ...] = (),
    verdict: Status | None = None,
    count: int | None = None,
    clusters: int | None = None,
    level: float = LEVEL,
    paired: str = PAIRED,
) -> Measurement:
    """The measurement of a change; None, for want of data, is insufficient."""
    found = (
        Status.INSUFFICIENT
        if change is None
        else verdict or status(change.estimate, change.interval, line)
    )
    return Measurement(
        instrument=instrument,
        estimate=None if change is None or found is Status.INSUFFICIENT else change.estimate,
        units=units,
        low=change.interval[0] if change else None,
        high=change.interval[1] if change else None,
        level=level,
        guarantee=Guarantee.FIXED_N,
        n=n,
        clusters=change.clusters if change else clusters,
        count=count,
        null=0.0,
        margin=None if line is None else abs(line),
        status=found,
        assumptions=(*assumptions, *_pointlike(change), paired),
        of=of,
    )


def _pointlike(change: Change | None) -> tuple[str, ...]:
    if change is None or change.interval[0] < change.interval[1]:
        return ()
    return ("no spread among prompts: the interval is a point",)


def joined(
    instrument: str, now: Mapping[Hashable, Any], then: Mapping[Hashable, Any]
) -> tuple[list[Hashable], list[Any], list[Any]]:
    """Ids that both sides have, in the order of `then`, and the values of each side.

    Raises:
        UndefinedMeasurement: an id is on one side only.
    """
    alone = set(now) ^ set(then)
    if alone:
        raise UndefinedMeasurement(
            f"{instrument} is paired by item.",
            saw=f"{len(alone)} ids on one side only, for example {sorted(map(repr, alone))[0]}",
            wanted="the same ids on both sides",
            try_this="draw both sides on one fixed list of prompts",
        )
    return list(then), [now[i] for i in then], [then[i] for i in then]


def clustered(instrument: str, values: Floats, prompts: Prompts) -> tuple[Floats, int]:
    """Sums of rows per cluster, shape (clusters, ...), and how many clusters there are.

    Raises:
        UndefinedMeasurement: there is not one cluster per row.
    """
    if prompts is None:
        return values, len(values)
    refuse_unequal(instrument, {"rows": len(values), "prompts": len(prompts)})
    names: dict[Hashable, int] = {}
    index = np.array([names.setdefault(p, len(names)) for p in prompts], dtype=int)
    out = np.zeros((len(names), *values.shape[1:]))
    np.add.at(out, index, values)
    return out, len(names)


def difference(
    instrument: str,
    now: Floats,
    then: Floats,
    prompts: Prompts = None,
    *,
    level: float = LEVEL,
) -> Change | None:
    """mean(now) - mean(then) over clusters of their mean differences, with a t interval.

    Raises:
        UndefinedMeasurement: a value is not finite, or the rows do not match.
    """
    refuse_rows(instrument, now, then)
    if not len(now):
        return None
    rows = np.stack([now - then, np.ones(len(now))], axis=1)
    sums, clusters = clustered(instrument, rows, prompts)
    if clusters < 2:
        return None
    means = sums[:, 0] / sums[:, 1]
    centre, half = float(means.mean()), spread(means, level)
    return Change(centre, (centre - half, centre + half), clusters)


def ratio(
    instrument: str,
    now: Floats,
    then: Floats,
    prompts: Prompts = None,
    *,
    level: float = LEVEL,
) -> Change | None:
    """sum(now) / sum(then) - 1, with the delta interval of its logarithm, paired by cluster.

    Source:
        Log ratio of two sample means, linearised: its influence is now_i/mean(now) -
        then_i/mean(then) (Cochran 1977, section 6.3, on the log scale).

    Raises:
        UndefinedMeasurement: a value is negative or not finite, the rows do not match, or a
            side sums to 0, where the ratio is 0/0 or has no logarithm.
    """
    refuse_rows(instrument, now, then, lower=0.0)
    if not len(now):
        return None
    sums, clusters = clustered(instrument, np.stack([now, then], axis=1), prompts)
    if clusters < FEWEST:
        return None
    means = sums.mean(axis=0)
    if not (means > 0).all():
        raise UndefinedMeasurement(
            f"{instrument} is a change relative to the anchor, and a side is 0.",
            saw=f"{means[0]:g} now, {means[1]:g} at the anchor, per prompt",
            wanted="both above 0",
            try_this="compare the values themselves; 0 has no relative change",
        )
    influence = sums[:, 0] / means[0] - sums[:, 1] / means[1]
    return from_log(float(np.log(means[0] / means[1])), spread(influence, level), clusters)


def from_log(centre: float, half: float, clusters: int) -> Change:
    """A relative change from its log ratio and the half-width of that."""
    low, high = np.expm1([centre - half, centre + half])
    return Change(float(np.expm1(centre)), (float(low), float(high)), clusters)


def spread(values: Floats, level: float = LEVEL) -> float:
    """Half-width of the t interval of the mean of independent values."""
    n = len(values)
    return float(stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))


def refuse_rows(instrument: str, now: Floats, then: Floats, lower: float = -np.inf) -> None:
    """Look at two sides before they are compared.

    Raises:
        UndefinedMeasurement: their shapes differ, or a value is not finite or below `lower`.
    """
    refuse_unequal(instrument, {"rows now": len(now), "rows at the anchor": len(then)})
    for side in (now, then):
        bad = ~(np.isfinite(side) & (side >= lower))
        if bad.any():
            raise UndefinedMeasurement(
                f"{instrument} cannot be measured on values that cannot be.",
                saw=f"{side[bad].flat[0]} and {int(bad.sum()) - 1} more of {side.size}",
                wanted=f"finite numbers, at least {lower:g}",
                try_this="leave errors out on both sides: an error is not a number",
            )
