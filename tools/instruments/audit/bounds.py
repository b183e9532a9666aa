"""What a shift is bounded by, and what bounds are held to be."""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from logs.vocabulary import Status
from tools.instruments.audit.paired import Floats
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.intervals import Interval

GREEN, RED = 0.05, 0.10
"""Largest shift that is taken for none, and smallest that is a fault, in probability."""
ALPHA = 0.05

Fault = Literal["either", "up"]
"""In which direction a shift is a fault; `up` where the treatment makes an answer worse."""


def bound(
    centre: float, error: float, skew: float, n: int, fault: Fault, tail: float = ALPHA
) -> tuple[float, float]:
    """The size of a shift, and what its upper bound adds to it (TOST, Schuirmann 1987).

        |Delta| + t SE + max(0, skew) SD (1 + 2 t^2) / (6 n),   t the 1 - tail quantile

    The last term is Johnson's (1978, doi:10.1080/01621459.1978.10480063): where most changes go
    one way, the t bound alone would certify a shift at the margin in up to 9 % of audits. It
    is never subtracted. Equal changes have no spread; then the share p that could be elsewhere
    is bounded by (1 - p)^n >= tail.
    """
    if not error:
        elsewhere = 1 - tail ** (1 / n)
        if fault == "up":
            return centre, elsewhere * (1 - centre)
        return abs(centre), elsewhere * (1 - abs(centre)) if centre else elsewhere
    t = float(stats.t.ppf(1 - tail, n - 1))
    ways = [(centre, skew)] if fault == "up" else [(centre, skew), (-centre, -skew)]
    sides = [(c, t * error + max(0.0, k) * error * (1 + 2 * t * t) / (6 * n**0.5)) for c, k in ways]
    return max(sides, key=sum)


def held(interval: Interval, green: float, red: float) -> Status:
    """The same for a two-sided interval of something that should be 0."""
    largest = max(-interval[0], interval[1])
    if largest <= green:
        return Status.GREEN
    if largest <= red:
        return Status.YELLOW
    return Status.RED if interval[0] > 0 or interval[1] < 0 else Status.INSUFFICIENT


def per_item(instrument: str, verdicts: ArrayLike) -> Floats:
    """One preference per item: the average over orders and repeats.

    Raises:
        UndefinedMeasurement: a verdict is missing (NaN) or not in [0, 1].
    """
    values = np.asarray(verdicts, dtype=np.float64)
    refuse_impossible(instrument, values.ravel().tolist(), lower=0.0, upper=1.0)
    return values.reshape(len(values), -1).mean(1) if values.ndim > 1 else values


def cluster_means(instrument: str, values: Floats, clusters: Sequence[Hashable] | None) -> Floats:
    """One mean per cluster, in order of appearance."""
    if clusters is None:
        return values
    refuse_unequal(instrument, {"items": len(values), "clusters": len(clusters)})
    index = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    where = np.array([index[name] for name in clusters], dtype=np.int64)
    return np.bincount(where, values, len(index)) / np.bincount(where, minlength=len(index))
