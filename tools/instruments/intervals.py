"""Two-sided confidence intervals, and what they say when held against thresholds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from logs.vocabulary import Status

LEVEL = 0.95

Interval = tuple[float, float]


def clopper_pearson(k: int, n: int, *, level: float = LEVEL) -> Interval:
    """Exact interval of a proportion, k of n (Clopper & Pearson 1934)."""
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high


def student(
    values: Sequence[float],
    *,
    lower: float | None = None,
    upper: float | None = None,
    level: float = LEVEL,
) -> Interval:
    """Student's t interval of a mean, cut to [lower, upper].

    Equal values have no spread to estimate from. Where the range is known, the interval then
    takes in what n equal draws cannot rule out: with share p elsewhere, all n agree with
    probability (1 - p)^n. Without a range it is a point, and `mean` says so.
    """
    n, centre = len(values), float(np.mean(values))
    if len(set(values)) > 1:
        half = float(stats.t.ppf((1 + level) / 2, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
        low, high = centre - half, centre + half
    else:
        elsewhere = 1 - ((1 - level) / 2) ** (1 / n)
        low = centre if lower is None else centre - elsewhere * (centre - lower)
        high = centre if upper is None else centre + elsewhere * (upper - centre)
    return (
        low if lower is None else max(low, lower),
        high if upper is None else min(high, upper),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where good ends and bad begins; equal when one line divides them."""

    green: float | None = None
    red: float | None = None
    margin: float | None = None
    """Half-width above which an interval that decides nothing is insufficient."""
    bad_is: Literal["low", "high"] = "low"

    def status(self, interval: Interval) -> Status:
        """Green or red only when the whole interval lies on that side.

        Without thresholds nothing is asked of the value, and a measurement that exists is green.
        """
        low, high = interval if self.bad_is == "low" else (-interval[1], -interval[0])
        sign = 1.0 if self.bad_is == "low" else -1.0
        if self.red is not None and high < sign * self.red:
            return Status.RED
        if self.green is not None and low >= sign * self.green:
            return Status.GREEN
        if self.margin is not None and (high - low) / 2 > self.margin:
            return Status.INSUFFICIENT
        asked = self.red is not None or self.green is not None
        return Status.YELLOW if asked else Status.GREEN
