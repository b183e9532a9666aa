"""What the instruments of this folder share: columns, clusters, intervals, the record."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL, Interval, Thresholds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Values = Sequence[float] | NDArray[np.floating[Any]]
"""What callers may give."""
Clusters = Sequence[Hashable] | None
"""Which cluster each item belongs to, for example its prompt; None: each is its own."""
NO_THRESHOLDS = Thresholds()


def column(
    instrument: str,
    values: Values,
    *,
    lower: float | None = None,
    upper: float | None = None,
) -> Floats:
    """Values as an array.

    Raises:
        UndefinedMeasurement: one of them is not finite, or not in [lower, upper].
    """
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    least = -np.inf if lower is None else lower
    most = np.inf if upper is None else upper
    if not np.all(np.isfinite(array) & (array >= least) & (array <= most)):
        refuse_impossible(instrument, array.tolist(), lower=lower, upper=upper)
    return array


def claims(instrument: str, p: Values, y: Values) -> tuple[Floats, Floats]:
    """Probabilities that a judge claimed, and what gold says of each: 1 or 0.

    Raises:
        UndefinedMeasurement: they differ in length, a claim is no probability, a label is
            neither 0 nor 1.
    """
    claimed = column(instrument, p, lower=0.0, upper=1.0)
    truth = column(instrument, y, lower=0.0, upper=1.0)
    refuse_unequal(instrument, {"claims": len(claimed), "labels": len(truth)})
    if odd := sorted(set(truth.tolist()) - {0.0, 1.0}):
        raise UndefinedMeasurement(
            f"{instrument} compares claims with labels that are right or wrong.",
            saw=str(odd[0]),
            wanted="labels 0 and 1",
            try_this="leave out ties, and count them",
        )
    return claimed, truth


def codes(instrument: str, clusters: Clusters, n: int) -> Ints:
    """Clusters as 0, 1, ... in the order in which they first appear.

    Raises:
        UndefinedMeasurement: there is not one cluster per item.
    """
    if clusters is None:
        return np.arange(n)
    refuse_unequal(instrument, {"items": n, "clusters": len(clusters)})
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(c, len(seen)) for c in clusters], dtype=np.int64)


def sums(values: Floats, groups: Ints) -> Floats:
    """Sum of the values of each cluster."""
    total = np.bincount(groups, weights=values, minlength=int(groups.max(initial=-1)) + 1)
    return np.asarray(total, dtype=np.float64)


def means(values: Floats, groups: Ints) -> Floats:
    """Mean of the values of each cluster."""
    return sums(values, groups) / np.bincount(groups)


def robust_se(influence: Floats, groups: Ints) -> tuple[float, int]:
    """Standard error of an estimate with that influence per item, and its degrees of freedom.

    Items of a cluster may depend on each other: se^2 = C/(C-1) sum_c (sum_i IF_i)^2 / n^2
    (Liang & Zeger 1986, the sandwich of a mean).
    """
    totals = sums(influence, groups)
    count = len(totals)
    if count < 2:
        return float("nan"), 0
    variance = count / (count - 1) * float(totals @ totals) / len(influence) ** 2
    return float(np.sqrt(variance)), count - 1


def around(
    estimate: float,
    se: float,
    df: int,
    *,
    lower: float | None = None,
    upper: float | None = None,
    level: float = LEVEL,
) -> Interval:
    """Student's t interval of an estimate with this standard error, cut to its range."""
    half = float(stats.t.ppf((1 + level) / 2, df)) * se
    low, high = estimate - half, estimate + half
    return (
        low if lower is None else min(max(low, lower), estimate),
        high if upper is None else max(min(high, upper), estimate),
    )


def resampled(groups: Ints, draws: int, rng: np.random.Generator) -> Floats:
    """How often each item is in each bootstrap draw of whole clusters, shape (draws, items)."""
    count = int(groups.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    return np.asarray(drawn[:, groups], dtype=np.float64)


def percentiles(values: Floats, *, level: float = LEVEL) -> Interval:
    """The middle `level` of bootstrap values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a measurement says besides its numbers."""

    instrument: str
    units: str
    of: str = ""
    thresholds: Thresholds = NO_THRESHOLDS
    null: float | None = None
    seed: int | None = None
    guarantee: Guarantee = Guarantee.FIXED_N
    level: float = LEVEL


def reported(
    frame: Frame,
    estimate: float | None,
    interval: Interval | None,
    *,
    n: int,
    clusters: int | None = None,
    status: Status | None = None,
    assumptions: tuple[str, ...] = (),
) -> Measurement:
    """A measurement; without a status of its own, the interval and the thresholds give it."""
    if status is None:
        status = frame.thresholds.status(interval) if interval else Status.INSUFFICIENT
    return Measurement(
        instrument=frame.instrument,
        estimate=None if status is Status.INSUFFICIENT else estimate,
        units=frame.units,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        level=frame.level,
        guarantee=frame.guarantee,
        n=n,
        clusters=clusters,
        null=frame.null,
        margin=frame.thresholds.margin,
        status=status,
        assumptions=assumptions,
        seed=frame.seed,
        of=frame.of,
    )


def insufficient(frame: Frame, why: str, *, n: int, clusters: int | None = None) -> Measurement:
    """A measurement that says why there is none."""
    return reported(
        frame,
        None,
        None,
        n=n,
        clusters=clusters,
        status=Status.INSUFFICIENT,
        assumptions=(why,),
    )
