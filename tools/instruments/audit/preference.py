"""Does a judge prefer its own answers, or what it finds familiar, beyond what gold allows?"""

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.audit.bounds import GREEN, RED, cluster_means, held
from tools.instruments.audit.logistic import Fit, Floats, Separated, fit
from tools.instruments.audit.paired import wilson
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL, Interval, student

Bools = NDArray[np.bool_]
Gold = Sequence[Literal["self", "other"]]
FEWEST = 10
"""Clusters in an arm below which the gap is insufficient."""


def equal_opportunity_gap(
    picks_self: ArrayLike,
    gold: Gold,
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
    green: float = GREEN,
    red: float = RED,
) -> Measurement:
    """P(pick self | gold self) - P(pick other | gold other): the judge is right more often
    where being right favours itself.

    The interval combines those of the two arms (MOVER; Newcombe 1998b, method 10, for single
    yes-or-no verdicts): no arm may be empty, and no spread in an arm is not certainty.

    Args:
        picks_self: per pair, 1 when the judge picked its own answer, 0 the other, averaged over
            orders and repeats.
        gold: which of the two is better.

    Source:
        Wataoka, Takahashi & Ri (2024), arXiv:2410.21819 (equal opportunity).
    """
    picks = np.asarray(picks_self, dtype=np.float64)
    refuse_impossible("self_preference", picks.tolist(), lower=0.0, upper=1.0)
    refuse_unequal("self_preference", {"picks": len(picks), "labels": len(gold)})
    mine = _is_self(gold)
    arms = [
        _arm(values[where], clusters, where)
        for values, where in ((picks, mine), (1 - picks, ~mine))
    ]
    if min(n for *_, n in arms) < FEWEST:
        return _gap(None, None, [n for *_, n in arms], len(picks), Status.INSUFFICIENT, of, green)
    (p1, (l1, u1), n1), (p2, (l2, u2), n2) = arms
    low = p1 - p2 - math.hypot(p1 - l1, u2 - p2)
    high = p1 - p2 + math.hypot(u1 - p1, p2 - l2)
    status = held((low, high), green, red)
    estimate = None if status is Status.INSUFFICIENT else p1 - p2
    return _gap(estimate, (low, high), [n1, n2], len(picks), status, of, green)


def _is_self(gold: Gold) -> Bools:
    if odd := sorted(set(gold) - {"self", "other"}):
        raise UndefinedMeasurement(
            "Self-preference is measured where gold says whose answer is better.",
            saw=", ".join(odd),
            wanted="self or other",
            try_this="leave pairs that gold calls equal out",
        )
    return np.array([g == "self" for g in gold], dtype=np.bool_)


def _arm(
    values: Floats, clusters: Sequence[Hashable] | None, where: Bools
) -> tuple[float, Interval, int]:
    """Share, interval and clusters of one arm."""
    chosen = None if clusters is None else [clusters[i] for i, w in enumerate(where) if w]
    means = cluster_means("self_preference", values, chosen)
    if len(means) < 2:
        return 0.0, (0.0, 1.0), len(means)
    centre = float(means.mean())
    if set(means.tolist()) <= {0.0, 1.0}:
        return centre, wilson(float(means.sum()), len(means)), len(means)
    return centre, student(means.tolist(), lower=0.0, upper=1.0), len(means)


def _gap(
    estimate: float | None,
    interval: Interval | None,
    arms: Sequence[int],
    n: int,
    status: Status,
    of: str,
    margin: float,
) -> Measurement:
    return Measurement(
        instrument="self_preference",
        estimate=estimate,
        units="probability",
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n,
        clusters=sum(arms),
        null=0.0,
        margin=margin,
        status=status,
        assumptions=(f"{arms[0]} clusters where gold is self, {arms[1]} where it is the other",),
        of=of,
    )


def familiarity_slope(
    picks_self: ArrayLike,
    more_likely: ArrayLike,
    gold: Gold,
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
) -> Measurement:
    """How the odds of a pick grow with familiarity, gold held fixed.

        logit P(pick self) = a + b z + c gold,   gold = +-1/2

    where z is the standardised difference in log-perplexity, other - self: how much less
    the judge was surprised by the one than by the other.

    Returns:
        b in log-odds per standard deviation. Red when its interval excludes 0, else yellow.

    Source:
        Wataoka, Takahashi & Ri (2024), arXiv:2410.21819, who see preference fall with perplexity.
    """
    picks = np.asarray(picks_self, dtype=np.float64)
    surprise = np.asarray(more_likely, dtype=np.float64)
    refuse_impossible("familiarity_slope", picks.tolist(), lower=0.0, upper=1.0)
    refuse_impossible("familiarity_slope", surprise.tolist())
    refuse_unequal(
        "familiarity_slope",
        {"picks": len(picks), "perplexities": len(surprise), "labels": len(gold)},
    )
    sd = float(surprise.std(ddof=1)) if len(surprise) > 1 else 0.0
    sign = np.where(_is_self(gold), 0.5, -0.5)
    try:
        if not sd:
            raise Separated
        z = (surprise - surprise.mean()) / sd
        fitted = fit(np.stack([np.ones(len(z)), z, sign], axis=1), picks, clusters)
    except Separated:
        return _slope(None, len(picks), of)
    return _slope(fitted, len(picks), of)


def _slope(fitted: Fit | None, n: int, of: str) -> Measurement:
    """The measurement of a slope; without a fit it is insufficient."""
    if fitted is None:
        return Measurement(
            instrument="familiarity_slope",
            estimate=None,
            units="log-odds per sd",
            n=n,
            status=Status.INSUFFICIENT,
            assumptions=("no finite coefficient: constant perplexity, or verdicts separated",),
            of=of,
        )
    low, high = fitted.interval(1)
    return Measurement(
        instrument="familiarity_slope",
        estimate=float(fitted.coefficients[1]),
        units="log-odds per sd",
        low=low,
        high=high,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n,
        clusters=fitted.clusters,
        null=0.0,
        status=Status.RED if low > 0 or high < 0 else Status.YELLOW,
        assumptions=("logistic in the standardised difference of log-perplexity",),
        of=of,
    )
