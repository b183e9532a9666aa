"""Intervals of a mean that hold at every look at once: confidence sequences.

Each takes values in [0, 1] along the last axis, with their expectation given the past equal to
one mean, and gives the running intersection (low, high) after each item.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible
from tools.instruments.intervals import Thresholds
from tools.instruments.sequential.betting import (
    Floats,
    log_wealth,
    mean_before,
    refuse_alpha,
    spread_before,
    times,
)

Method = Literal["betting", "bernstein", "normal"]
Band = tuple[Floats, Floats]

POINTS = 1000
BEST_AT = 500
"""Items at which the normal mixture is tightest."""
MOST_STAKE = 0.5
_AT_ONCE = 50
"""Means of the grid that are bet against at once; keeps the arrays in the cache."""


def normal_mixture(values: Floats, *, alpha: float = 0.05, best_at: int = BEST_AT) -> Band:
    """Mean +- sqrt((t + r) log((t + r) / (r alpha^2))) / (2 t), r = t* / (A + log(1 + A)).

    A = 2 log(1 / alpha); t* = `best_at`. Uses nothing of the values but their range.

    Source: Robbins (1970), doi:10.1214/aoms/1177696786; Howard et al. (2021),
    doi:10.1214/20-AOS1991, the two-sided normal mixture, at variance 1/4.
    """
    count, double = times(values), 2 * math.log(1 / alpha)
    r = best_at / (double + math.log1p(double))
    half = np.sqrt((count + r) * np.log((count + r) / (r * alpha**2))) / (2 * count)
    mean = np.cumsum(values, axis=-1) / count
    return _intersected(mean - half, mean + half)


def empirical_bernstein(values: Floats, *, alpha: float = 0.05) -> Band:
    """Two-sided, narrower where the values vary little.

    Centre sum l_i X_i / sum l_i, radius [log(2 / alpha) + sum (X_i - mu_{i-1})^2 psi(l_i)]
    / sum l_i, psi(l) = -log(1 - l) - l,
    l_i = min(sqrt(2 log(2 / alpha) / (s2_{i-1} i log(1 + i))), 1/2).

    Source: Waudby-Smith & Ramdas (2024), doi:10.1093/jrsssb/qkad009, theorem 2.
    """
    stakes = _stakes(values, alpha / 2, times(values) * np.log1p(times(values)))
    return _intersected(_bernstein(values, stakes, alpha / 2), _above(values, stakes, alpha / 2))


def bernstein_lower(values: Floats, *, delta: float) -> float:
    """One-sided lower bound of the mean at a number of items fixed beforehand.

    As `empirical_bernstein`, with l_i tuned for the last item: i log(1 + i) becomes n.

    Source: Waudby-Smith & Ramdas (2024), theorem 2 at a fixed time.
    """
    stakes = _stakes(values, delta, np.full(values.shape[-1], float(values.shape[-1])))
    return max(0.0, float(_bernstein(values, stakes, delta)[..., -1]))


def betting_grid(
    values: Floats, *, alpha: float = 0.05, points: int = POINTS, population: int | None = None
) -> Band:
    """The means that two-sided betting has not refuted: the tightest of the three.

    Each mean of a grid is bet against; the interval reaches from the least to the largest that
    was never refuted, widened by one step of the grid.

    Args:
        values: one path, shape (n,).
        population: size of the finite pool the items are drawn from without replacement; the
            null then moves, m_t = (N m - S_{t-1}) / (N - t + 1).

    Source: Waudby-Smith & Ramdas (2024), sections 4 and, without replacement, 5.
    """
    grid = (np.arange(points) + 0.5) / points
    alive = np.empty((points, values.shape[-1]), dtype=bool)
    for start in range(0, points, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        nulls = _nulls(values, grid[part, None], population)
        wealth = log_wealth(values[None, :], nulls, claim="different")
        alive[part] = np.maximum.accumulate(wealth, axis=-1) < math.log(1 / alpha)
    low, high = grid[alive.argmax(0)], grid[points - 1 - alive[::-1].argmax(0)]
    none = ~alive.any(0)
    low, high = np.where(none, 1.0, low - 1 / points), np.where(none, 0.0, high + 1 / points)
    if population is not None:
        seen, count = np.cumsum(values), times(values)
        low = np.maximum(low, seen / population)
        high = np.minimum(high, (seen + population - count) / population)
    return _intersected(low, high)


def mean_over_time(
    instrument: str,
    values: Sequence[float] | Floats,
    *,
    units: str,
    method: Method = "betting",
    alpha: float = 0.05,
    lower: float = 0.0,
    upper: float = 1.0,
    population: int | None = None,
    thresholds: Thresholds | None = None,
    of: str = "",
) -> Measurement:
    """The mean so far, with an interval that holds at every look.

    Args:
        values: in the order they came, each in [lower, upper].
        method: `betting` is the tightest; `bernstein` takes time linear in n and suits long runs.
        population: size of a finite pool drawn from without replacement; for `betting` only.

    Raises:
        UndefinedMeasurement: a value is not in range, or alpha is no probability.
    """
    refuse_alpha(instrument, alpha)
    items = np.asarray(values, dtype=np.float64)
    refuse_impossible(instrument, items.tolist(), lower=lower, upper=upper)
    refuse_impossible(instrument, [upper - lower], lower=1e-12)
    if population is not None:
        refuse_impossible(instrument, [population], lower=max(1, len(values)))
    unit = (items - lower) / (upper - lower)
    bands = {
        "betting": lambda: betting_grid(unit, alpha=alpha, population=population),
        "bernstein": lambda: empirical_bernstein(unit, alpha=alpha),
        "normal": lambda: normal_mixture(unit, alpha=alpha),
    }
    low, high = bands[method]() if len(values) else (np.array([0.0]), np.array([1.0]))
    pool = () if population is None else (f"drawn without replacement from {population}",)
    return over_time(
        instrument,
        float(items.mean()) if len(items) else None,
        (lower + (upper - lower) * float(low[-1]), lower + (upper - lower) * float(high[-1])),
        thresholds or Thresholds(),
        units=units,
        alpha=alpha,
        n=len(values),
        assumptions=(f"{method} confidence sequence; one mean throughout", *pool),
        of=of,
    )


def over_time(
    instrument: str,
    estimate: float | None,
    interval: tuple[float, float],
    thresholds: Thresholds,
    *,
    units: str,
    alpha: float,
    n: int,
    count: int | None = None,
    assumptions: tuple[str, ...] = (),
    of: str = "",
) -> Measurement:
    """A measurement that holds at every look; an empty interval is insufficient, and says so."""
    empty = interval[0] > interval[1]
    status = Status.INSUFFICIENT if empty or not n else thresholds.status(interval)
    if empty:
        assumptions = (*assumptions, "the intervals do not meet: the mean moved, or a rare miss")
    return Measurement(
        instrument=instrument,
        estimate=None if status is Status.INSUFFICIENT else estimate,
        units=units,
        low=interval[0] if n and not empty else None,
        high=interval[1] if n and not empty else None,
        level=1 - alpha,
        guarantee=Guarantee.ANYTIME,
        n=n,
        count=count,
        margin=thresholds.margin,
        status=status,
        assumptions=assumptions,
        of=of,
    )


def _stakes(values: Floats, delta: float, pace: Floats) -> Floats:
    wanted = np.sqrt(2 * math.log(1 / delta) / (spread_before(values) * pace))
    stakes: Floats = np.minimum(wanted, MOST_STAKE)
    return stakes


def _bernstein(values: Floats, stakes: Floats, delta: float) -> Floats:
    """Lower bound after each item."""
    noise = (values - mean_before(values)) ** 2 * (-np.log1p(-stakes) - stakes)
    won = np.cumsum(stakes * values - noise, axis=-1) - math.log(1 / delta)
    bound: Floats = won / np.cumsum(stakes, axis=-1)
    return bound


def _above(values: Floats, stakes: Floats, delta: float) -> Floats:
    """Upper bound after each item, by symmetry."""
    bound: Floats = 1 - _bernstein(1 - values, stakes, delta)
    return bound


def _nulls(values: Floats, means: Floats, population: int | None) -> Floats:
    """What each item's mean would be; the same for all unless the pool is finite."""
    if population is None:
        return means
    before = np.cumsum(values) - values
    moved = (population * means - before) / (population - times(values) + 1)
    # Outside (0, 1) the pool itself refutes the mean; that is cut off afterwards.
    inside: Floats = np.clip(moved, 1e-9, 1 - 1e-9)
    return inside


def _intersected(low: Floats, high: Floats) -> Band:
    return (
        np.maximum.accumulate(np.maximum(low, 0.0), axis=-1),
        np.minimum.accumulate(np.minimum(high, 1.0), axis=-1),
    )
