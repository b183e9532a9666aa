"""Does a judge pay for words? Regression on length, and padding against truncation.

`wins` is 1 when answer A was preferred, 0 when B was, 1/2 for a tie, one row per verdict;
`longer` is how much longer A is than B, in words or tokens.
"""

from collections.abc import Hashable, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.audit.bounds import GREEN
from tools.instruments.audit.logistic import Fit, Floats, Separated, fit
from tools.instruments.audit.shift import Shift
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL, Interval

SEPARATED = "length and quality tell every verdict: no finite coefficient; read net_shift"
SAME = "all pairs differ in length by the same amount: nothing to regress on"


def length_slope(
    wins: ArrayLike,
    longer: ArrayLike,
    *,
    quality: ArrayLike | None = None,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
) -> Measurement:
    """How the odds of winning grow with length, quality held fixed.

        logit P(A wins) = a + b tanh(longer / sd) + c quality

    Args:
        quality: what makes A the better answer whatever its length, for example +1/2 where
            gold says A and -1/2 where it says B; None leaves the term out.

    Returns:
        b in log-odds per unit of tanh. Red when its interval excludes 0; never green, since a
        slope that was not seen is not thereby absent: `shift.certify` on padded twins tells.

    Source:
        Dubois et al. (2024), arXiv:2404.04475; its length term, without its ridge.
    """
    fitted = _fitted("length_slope", wins, longer, quality, clusters)
    if isinstance(fitted, str):
        return _insufficient("length_slope", "log-odds", np.size(wins), of, fitted)
    interval = fitted.interval(1)
    seen = interval[0] > 0 or interval[1] < 0
    return _measured(
        "length_slope",
        float(fitted.coefficients[1]),
        interval,
        "log-odds",
        n=np.size(wins),
        clusters=fitted.clusters,
        null=0.0,
        status=Status.RED if seen else Status.YELLOW,
        of=of,
    )


def length_controlled_win_rate(
    wins: ArrayLike,
    longer: ArrayLike,
    *,
    quality: ArrayLike | None = None,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
) -> Measurement:
    """The win rate of A as it would be if both answers were equally long.

    Mean over verdicts of sigmoid(a + c quality), the fit of `length_slope` at longer = 0, with
    a delta-method interval; the raw win rate stands among the assumptions.
    """
    fitted = _fitted("length_controlled_win_rate", wins, longer, quality, clusters)
    if isinstance(fitted, str):
        return _insufficient("length_controlled_win_rate", "share", np.size(wins), of, fitted)
    design = _design(np.zeros(np.size(wins)), quality)
    p = expit(design @ fitted.coefficients)
    slope = (design * (p * (1 - p))[:, None]).mean(0)
    half = fitted.quantile() * float(np.sqrt(slope @ fitted.covariance @ slope))
    rate, raw = float(p.mean()), float(np.mean(np.asarray(wins, dtype=float)))
    return _measured(
        "length_controlled_win_rate",
        rate,
        (max(0.0, rate - half), min(1.0, rate + half)),
        "share",
        n=np.size(wins),
        clusters=fitted.clusters,
        null=0.5,
        status=Status.GREEN,
        of=of,
        assumptions=(f"raw win rate {raw:.3f}",),
    )


class LengthReading(StrEnum):
    """What padding and truncation together say of a judge."""

    PAYS_FOR_WORDS = "pays for words"
    """Padding without content is rewarded."""
    READS_CONTENT = "reads content"
    """Removed content is punished, padding is certified not to be rewarded."""
    DOES_NEITHER = "does neither"
    """Truncation goes unpunished: the judge does not read to the end."""
    UNCLEAR = "unclear"
    """The audit is too small to tell."""


def length_reading(padding: Shift, truncation: Shift, *, margin: float = GREEN) -> LengthReading:
    """Tell a judge that likes words from one that likes what they say.

    Both like the longer answer of most pairs. Words without content move only the first, and
    real content removed moves both; so truncation alone convicts nobody.

    Args:
        padding: the shift towards an answer that content-free text was appended to.
        truncation: the shift towards an answer whose last part was removed.
    """
    if padding.detected and padding.estimate > 0:
        return LengthReading.PAYS_FOR_WORDS
    unpaid = padding.upper <= margin or (padding.detected and padding.estimate < 0)
    punished = truncation.detected and truncation.estimate < 0
    if unpaid and punished:
        return LengthReading.READS_CONTENT
    if unpaid and truncation.upper <= margin:
        return LengthReading.DOES_NEITHER
    return LengthReading.UNCLEAR


def _fitted(
    instrument: str,
    wins: ArrayLike,
    longer: ArrayLike,
    quality: ArrayLike | None,
    clusters: Sequence[Hashable] | None,
) -> Fit | str:
    """The fit, or why there is none."""
    won, extra = np.asarray(wins, dtype=np.float64), np.asarray(longer, dtype=np.float64)
    refuse_impossible(instrument, won.tolist(), lower=0.0, upper=1.0)
    refuse_impossible(instrument, extra.tolist())
    n_quality = len(won) if quality is None else np.size(quality)
    n_clusters = len(won) if clusters is None else len(clusters)
    refuse_unequal(
        instrument,
        {"wins": len(won), "lengths": len(extra), "quality": n_quality, "clusters": n_clusters},
    )
    sd = float(extra.std(ddof=1)) if len(extra) > 1 else 0.0
    if not sd:
        return SAME
    try:
        return fit(_design(np.tanh(extra / sd), quality), won, clusters)
    except Separated:
        return SEPARATED


def _design(length: Floats, quality: ArrayLike | None) -> Floats:
    columns = [np.ones(len(length)), length]
    if quality is not None:
        columns.append(np.asarray(quality, dtype=np.float64))
    return np.stack(columns, axis=1)


def _measured(
    instrument: str,
    estimate: float,
    interval: Interval,
    units: str,
    *,
    n: int,
    clusters: int,
    null: float,
    status: Status,
    of: str,
    assumptions: tuple[str, ...] = (),
) -> Measurement:
    return Measurement(
        instrument=instrument,
        estimate=estimate,
        units=units,
        low=interval[0],
        high=interval[1],
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n,
        clusters=clusters,
        null=null,
        status=status,
        assumptions=("logistic in tanh of the standardised length difference", *assumptions),
        of=of,
    )


def _insufficient(instrument: str, units: str, n: int, of: str, why: str) -> Measurement:
    return Measurement(
        instrument=instrument,
        estimate=None,
        units=units,
        n=n,
        status=Status.INSUFFICIENT,
        assumptions=(why,),
        of=of,
    )
