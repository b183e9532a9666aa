"""Paired yes-or-no verdicts: McNemar's test, Newcombe's interval, Wilson's interval."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from logs.errors import UndefinedMeasurement
from tools.instruments.intervals import LEVEL, Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Counts of items by (verdict before, verdict after) the treatment."""

    both: int
    gained: int
    """No before, yes after."""
    lost: int
    """Yes before, no after."""
    neither: int

    @property
    def n(self) -> int:
        """Items."""
        return self.both + self.gained + self.lost + self.neither

    @property
    def difference(self) -> float:
        """P(yes after) - P(yes before)."""
        return (self.gained - self.lost) / self.n


def cross(before: ArrayLike, after: ArrayLike) -> Paired:
    """Count paired verdicts of 0 and 1.

    Raises:
        UndefinedMeasurement: no items, unequal lengths, or a verdict that is neither 0 nor 1.
    """
    x, y = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if x.shape != y.shape or x.ndim != 1 or not x.size or not np.isin([x, y], (0, 1)).all():
        raise UndefinedMeasurement(
            "Paired verdicts are two equally long lists of yes and no.",
            saw=f"shapes {x.shape} and {y.shape}, values {np.unique(np.r_[x.ravel(), y.ravel()])}",
            wanted="at least one item, each verdict 0 or 1",
            try_this="with ties or repeats, use shift.net_shift, which takes averages",
        )
    a, b = x == 1, y == 1
    return Paired(
        both=int((a & b).sum()),
        gained=int((~a & b).sum()),
        lost=int((a & ~b).sum()),
        neither=int((~a & ~b).sum()),
    )


def mcnemar(gained: ArrayLike, lost: ArrayLike, *, mid: bool = True) -> Floats:
    """Two-sided p-value of H0 "as many were gained as lost", for one table or many.

        exact: min(1, 2 P(X <= min(b, c)));  mid-p: that minus P(X = min(b, c)),
        X ~ Binomial(b + c, 1/2)

    The mid-p is the default: the exact test keeps .03 where .05 is asked, and loses power.

    Source:
        Fagerland, Lydersen & Laake (2013), doi:10.1186/1471-2288-13-91, eq. 4 and 5.
    """
    b, c = np.asarray(gained, dtype=np.int64), np.asarray(lost, dtype=np.int64)
    least, total = np.minimum(b, c), b + c
    p = 2 * stats.binom.cdf(least, total, 0.5)
    if mid:
        p = p - stats.binom.pmf(least, total, 0.5)
    return np.asarray(np.minimum(1.0, p), dtype=np.float64)


def wilson(k: float, n: int, *, level: float = LEVEL) -> Interval:
    """Score interval of a proportion (Wilson 1927): near its level on average, not at least it."""
    if n <= 0 or not 0 <= k <= n:
        raise UndefinedMeasurement(
            "Wilson's interval is of k successes among n trials.",
            saw=f"{k} of {n}",
            wanted="0 <= k <= n, n at least 1",
            try_this="count again",
        )
    z = float(stats.norm.ppf((1 + level) / 2))
    p, z2 = k / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(table: Paired, *, level: float = LEVEL) -> Interval:
    """Score interval of a paired difference of proportions.

        [d - sqrt(l2^2 - 2 phi l2 u1 + u1^2),  d + sqrt(u2^2 - 2 phi u2 l1 + l1^2)]

    where (l1, u1) and (l2, u2) are the distances from each marginal share, before and after,
    to the ends of its Wilson interval, and phi is the correlation of the two verdicts with
    Newcombe's correction towards 0.

    Source:
        Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10.
    """
    n = table.n
    before, after = table.both + table.lost, table.both + table.gained
    p1, p2 = before / n, after / n
    (w1, v1), (w2, v2) = wilson(before, n, level=level), wilson(after, n, level=level)
    phi = _correlation(table)
    down = math.sqrt(_square(p2 - w2, v1 - p1, phi))
    up = math.sqrt(_square(v2 - p2, p1 - w1, phi))
    return max(-1.0, p2 - p1 - down), min(1.0, p2 - p1 + up)


def _square(x: float, y: float, phi: float) -> float:
    return max(0.0, x * x - 2 * phi * x * y + y * y)


def _correlation(table: Paired) -> float:
    n = table.n
    before, after = table.both + table.lost, table.both + table.gained
    scale = before * (n - before) * after * (n - after)
    if not scale:
        return 0.0
    cross_product = float(table.both * table.neither - table.gained * table.lost)
    if cross_product > 0:
        cross_product = max(0.0, cross_product - n / 2)
    return cross_product / math.sqrt(scale)
