"""A judged share corrected for the judge's known errors (Rogan & Gladen), or refused."""

import math
from dataclasses import dataclass

from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.intervals import LEVEL, Interval, Thresholds
from tools.instruments.reliability.common import Frame, insufficient, reported

LEAST = 0.2
"""Below this lower bound of Se + Sp - 1 the correction divides by next to nothing."""


_SAID = ("the judge errs on this policy as on the graded items", "items independent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a judge said of many items, and of graded ones."""

    yes: int
    judged: int
    right_yes: int
    """Of the graded items that are good, those the judge called good: sensitivity."""
    good: int
    right_no: int
    """Of the graded items that are bad, those the judge called bad: specificity."""
    bad: int


def rogan_gladen(
    counts: Counts,
    *,
    least: float = LEAST,
    thresholds: Thresholds | None = None,
    null: float | None = None,
    of: str = "",
) -> Measurement:
    """Share of good answers, from the share that a judge calls good.

    theta = (p + Sp - 1) / (Se + Sp - 1), cut to [0, 1] (Rogan & Gladen 1978). Interval: Lee et al.
    2025 (arXiv 2511.21140), the delta method on counts to which imagined ones were added, with
    their shift. It holds when the share of good answers has changed since the judge was graded,
    not when the judge's errors have: grade it on the current policy, or use PPI.

    Args:
        least: where the lower bound of Se + Sp - 1 is below, the measurement is insufficient.

    Raises:
        UndefinedMeasurement: counts that cannot be.
    """
    _refuse(counts)
    frame = Frame(
        instrument="rogan_gladen",
        units="share of answers",
        of=of,
        null=null,
        thresholds=thresholds or Thresholds(),
    )
    graded = counts.good + counts.bad
    if not (counts.judged and counts.good and counts.bad):
        return insufficient(frame, "no items, or none graded good, or bad", n=counts.judged)
    bound = youden_bound(counts)
    if bound < least:
        why = f"Se + Sp - 1 may be as low as {bound:.2f}; {least} is asked"
        return insufficient(frame, why, n=counts.judged, clusters=graded)
    p = counts.yes / counts.judged
    sensitivity, specificity = counts.right_yes / counts.good, counts.right_no / counts.bad
    raw = (p + specificity - 1) / (sensitivity + specificity - 1)
    estimate = min(1.0, max(0.0, raw))
    low, high = _interval(counts)
    return reported(
        frame,
        estimate,
        (min(low, estimate), max(high, estimate)),
        n=counts.judged,
        clusters=graded,
        assumptions=(*_SAID, *((f"{raw:.3f} cut to the range",) if raw != estimate else ())),
    )


def youden_bound(counts: Counts, *, level: float = LEVEL) -> float:
    """Lower bound of Se + Sp - 1: score intervals of both, squared and added (Newcombe 1998)."""
    shares = (counts.right_yes / counts.good, counts.right_no / counts.bad)
    lows = (
        _wilson_low(counts.right_yes, counts.good, level),
        _wilson_low(counts.right_no, counts.bad, level),
    )
    below = math.hypot(*(share - low for share, low in zip(shares, lows, strict=True)))
    return sum(shares) - 1 - below


def _wilson_low(k: int, n: int, level: float) -> float:
    z = float(stats.norm.isf((1 - level) / 2))
    share = k / n
    middle = share + z**2 / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return (middle - half) / (1 + z**2 / n)


def _interval(counts: Counts) -> Interval:
    """Algorithm of Lee et al. 2025; the reference implementation is the authors'."""
    z = float(stats.norm.isf((1 - LEVEL) / 2))
    n, m0, m1 = counts.judged + z**2, counts.bad + 2, counts.good + 2
    p = (counts.yes + z**2 / 2) / n
    q0, q1 = (counts.right_no + 1) / m0, (counts.right_yes + 1) / m1
    theta = (p + q0 - 1) / (q0 + q1 - 1)
    no, yes = q0 * (1 - q0) / m0, q1 * (1 - q1) / m1
    shift = 2 * z**2 * (theta * yes - (1 - theta) * no)
    spread = math.sqrt(p * (1 - p) / n + (1 - theta) ** 2 * no + theta**2 * yes) / (q0 + q1 - 1)
    low, high = theta + shift - z * spread, theta + shift + z * spread
    return min(1.0, max(0.0, low)), min(1.0, max(0.0, high))


def _refuse(counts: Counts) -> None:
    pairs = (
        (counts.yes, counts.judged),
        (counts.right_yes, counts.good),
        (counts.right_no, counts.bad),
    )
    for k, n in pairs:
        whole = all(isinstance(x, int) and not isinstance(x, bool) for x in (k, n))
        if not whole or not 0 <= k <= n:
            raise UndefinedMeasurement(
                "rogan_gladen counts answers.",
                saw=f"{k} of {n}",
                wanted="whole numbers, 0 <= k <= n",
                try_this="count again; a share is not a count",
            )
