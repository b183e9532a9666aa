"""What a turn and the rest of a session will cost, from what earlier turns did cost.

Pure functions: costs in, estimates out. They learn as turns are recorded, for nothing else is kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import fmean, quantiles, stdev

from logs.vocabulary import Intervention

LEVEL = 0.9
"""Of the interval for the rest of a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one turn took; None where nobody counted."""

    seconds: float | None = None
    cpu_seconds: float | None = None
    labels: float | None = None
    tokens: float | None = None
    disk_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCost:
    """A recorded turn and what it took."""

    session: str
    iteration: int
    intervention: Intervention
    cost: Cost


@dataclass(frozen=True, slots=True)
class Range:
    """A middle value and what lies around it; no spread where too little is known."""

    middle: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    """Turns that it comes from; 0 is a prior."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One range per kind of cost; None where nothing is known."""

    source: str
    seconds: Range | None = None
    cpu_seconds: Range | None = None
    labels: Range | None = None
    tokens: Range | None = None
    disk_bytes: Range | None = None


KINDS = tuple(field.name for field in fields(Cost))


def of_turn(
    turns: Sequence[TurnCost], intervention: Intervention, session: str, prior: Estimate
) -> Estimate:
    """Median and quartiles of turns with this intervention.

    Those of this session are taken if there are any, else those of other sessions of the
    workspace, else the prior: another session may have another recipe.
    """
    alike = [turn for turn in turns if turn.intervention is intervention]
    known, source = _nearest(alike, session)
    if not known:
        return prior
    return Estimate(source=source, **{kind: around(_values(known, kind)) for kind in KINDS})


def of_rest(turns: Sequence[TurnCost], left: int, session: str, prior: Estimate) -> Estimate:
    """The sum over the `left` turns that are still to come, whatever they will be.

    left * mean, with the prediction interval of a sum of `left` further turns that are like the
    n known ones: +- t(n-1) s sqrt(left + left^2 / n). Turns are taken as exchangeable, which a
    session that changes its recipe is not.
    """
    known, source = _nearest(turns, session)
    if not known:
        return Estimate(source=prior.source, **{k: _times(getattr(prior, k), left) for k in KINDS})
    return Estimate(source=source, **{kind: summed(_values(known, kind), left) for kind in KINDS})


def around(values: Sequence[float]) -> Range | None:
    """Median and quartiles; one value has no spread."""
    if not values:
        return None
    if len(values) == 1:
        return Range(values[0], n=1)
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Range(middle, low, high, len(values))


def summed(values: Sequence[float], left: int) -> Range | None:
    """The sum of `left` further values like these, with its prediction interval, above zero."""
    if not values:
        return None
    n, middle = len(values), left * fmean(values)
    if n == 1 or left == 0:
        return Range(middle, n=n) if left else Range(0.0, 0.0, 0.0, n)
    half = _t(n - 1) * stdev(values) * math.sqrt(left + left**2 / n)
    return Range(middle, max(0.0, middle - half), middle + half, n)


def prior_estimate(seconds: float, factor: float, labels: float, *, asks_a_model: bool) -> Estimate:
    """What is said before anything was recorded; tokens and disk are not guessed."""
    return Estimate(
        source="a rough prior for the micro-world, not this machine",
        seconds=Range(seconds, seconds / factor, seconds * factor),
        labels=Range(labels),
        tokens=None if asks_a_model else Range(0.0),
    )


def _nearest(turns: Sequence[TurnCost], session: str) -> tuple[list[TurnCost], str]:
    own = [turn for turn in turns if turn.session == session]
    if own:
        return own, "turns of this session"
    return list(turns), "turns of other sessions of this workspace"


def _values(turns: Sequence[TurnCost], kind: str) -> list[float]:
    found = (getattr(turn.cost, kind) for turn in turns)
    return [value for value in found if value is not None]


def _times(found: Range | None, left: int) -> Range | None:
    if found is None:
        return None
    low, high = (None if v is None else v * left for v in (found.low, found.high))
    return Range(found.middle * left, low, high, found.n)


def _t(freedom: int) -> float:
    """Student's quantile for a two-sided interval at LEVEL."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, freedom))
