"""Yes or no, in closed form: every alternative is bet on at once, in the proportion of a beta.

    e_t(m) = B(S + a, F + b) / [B(a, b) m^S (1 - m)^F],  S successes, F failures

is a martingale when each outcome is 1 with probability m given the past. The means that it has
not refuted, {m: e_t(m) < 1 / alpha}, are a confidence sequence. Default a = b = 1: no favourite.

Source: Robbins (1970), doi:10.1214/aoms/1177696786; Ville (1939).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, xlog1py, xlogy

from logs.vocabulary import Measurement
from tools.instruments.estimates import refuse_impossible
from tools.instruments.intervals import Thresholds
from tools.instruments.sequential.betting import Floats, refuse_alpha
from tools.instruments.sequential.confidence import Band, over_time

_HALVINGS = 40


def log_evidence(
    successes: Floats, failures: Floats, null: float | Floats, *, a: float = 1.0, b: float = 1.0
) -> Floats:
    """Natural logarithm of e_t(m) against "the probability is exactly m", m in (0, 1)."""
    mixed = betaln(successes + a, failures + b) - betaln(a, b)
    evidence: Floats = mixed - _log_chance(successes, failures, null)
    return evidence


def beta_mixture(outcomes: Floats, *, alpha: float = 0.05) -> Band:
    """Running intersection of the unrefuted means after each outcome, along the last axis."""
    successes = np.cumsum(outcomes, axis=-1)
    failures = np.cumsum(1 - outcomes, axis=-1)
    low = _edge(successes, failures, alpha)
    high = 1 - _edge(failures, successes, alpha)
    return np.maximum.accumulate(low, axis=-1), np.minimum.accumulate(high, axis=-1)


def proportion_over_time(
    instrument: str,
    outcomes: Sequence[float] | Floats,
    *,
    units: str,
    alpha: float = 0.05,
    thresholds: Thresholds | None = None,
    of: str = "",
) -> Measurement:
    """The share of successes so far, with an interval that holds at every look.

    Args:
        outcomes: 1 or 0, in the order they came.

    Raises:
        UndefinedMeasurement: an outcome is neither 0 nor 1.
    """
    refuse_alpha(instrument, alpha)
    odd = [float(x) for x in outcomes if x not in (0.0, 1.0)]
    refuse_impossible(instrument, odd, lower=0.0, upper=0.0)
    told = np.asarray(outcomes, dtype=np.float64)
    low, high = beta_mixture(told, alpha=alpha) if len(told) else _NOTHING
    mean, interval = float(told.mean()) if len(told) else None, (float(low[-1]), float(high[-1]))
    note = "beta(1, 1) mixture; one probability throughout"
    if mean is not None and interval[0] <= interval[1] and not interval[0] <= mean <= interval[1]:
        # No one probability fits all looks: the set of this look alone holds at any time too.
        interval = _now(told, alpha)
        note = "beta(1, 1) mixture; the probability has changed: earlier looks are left out"
    return over_time(
        instrument,
        mean,
        interval,
        thresholds or Thresholds(),
        units=units,
        alpha=alpha,
        n=len(told),
        count=int(told.sum()),
        assumptions=(note,),
        of=of,
    )


def _now(outcomes: Floats, alpha: float) -> tuple[float, float]:
    """The means that are unrefuted at this look, whatever was refuted before; holds the mean."""
    successes = np.array([outcomes.sum()])
    failures = len(outcomes) - successes
    low, high = _edge(successes, failures, alpha), 1 - _edge(failures, successes, alpha)
    return float(low[0]), float(high[0])


_NOTHING: Band = (np.array([0.0]), np.array([1.0]))


def _edge(successes: Floats, failures: Floats, alpha: float) -> Floats:
    """The least unrefuted mean: e falls from infinity at 0 to its least at S / t."""
    least, most = np.zeros_like(successes), successes / (successes + failures)
    refutable = betaln(successes + 1, failures + 1) - math.log(1 / alpha)
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        refuted = _log_chance(successes, failures, middle) <= refutable
        least, most = np.where(refuted, middle, least), np.where(refuted, most, middle)
    edge: Floats = np.where(successes > 0, least, 0.0)
    return edge


def _log_chance(successes: Floats, failures: Floats, mean: float | Floats) -> Floats:
    """Logarithm of m^S (1 - m)^F."""
    chance: Floats = xlogy(successes, mean) + xlog1py(failures, -np.asarray(mean))
    return chance
