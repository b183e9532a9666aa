"""Brier score, its split into miscalibration, discrimination and uncertainty, and the curve."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.estimates import mean
from tools.instruments.intervals import LEVEL, Interval
from tools.instruments.reliability.common import (
    Clusters,
    Floats,
    Frame,
    Ints,
    Values,
    claims,
    codes,
    insufficient,
    reported,
    resampled,
    sums,
)

FEWEST = 50
"""Clusters below which the bootstrap of a monotone fit is not to be believed; our default."""
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Corp:
    """BS = MCB - DSC + UNC (Dimitriadis, Gneiting & Jordan 2021, eq. 1)."""

    score: float
    """mean (p - y)^2."""
    miscalibration: float
    """BS(p) - BS(g(p)), where g is the best monotone map; at least 0."""
    discrimination: float
    """BS(ybar) - BS(g(p)): what the order of the claims is worth; at least 0."""
    uncertainty: float
    """ybar (1 - ybar): the score of the base rate."""


def corp(p: Values, y: Values) -> Corp:
    """The three parts, by pooling adjacent violators."""
    return _split(_levels(*claims("corp", p, y)), None)


@dataclass(frozen=True, slots=True)
class _Levels:
    """Items sorted into their distinct claims."""

    claim: Floats
    index: Ints
    y: Floats


def _levels(p: Floats, y: Floats) -> _Levels:
    claim, index = np.unique(p, return_inverse=True)
    return _Levels(claim, np.asarray(index, dtype=np.int64), y)


def _curve(
    levels: _Levels, weight: Floats | None, y: Floats | None = None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Per claim that has weight: claim, weight, share of ones, its monotone fit."""
    truth = levels.y if y is None else y
    each = np.ones_like(truth) if weight is None else weight
    total, ones = sums(each, levels.index), sums(each * truth, levels.index)
    there = total > 0
    total, share, claim = total[there], ones[there] / total[there], levels.claim[there]
    return claim, total, share, isotonic_regression(share, weights=total).x


def _split(levels: _Levels, weight: Floats | None, y: Floats | None = None) -> Corp:
    claim, total, share, fit = _curve(levels, weight, y)
    total = total / total.sum()
    base = float(total @ share)
    score = float(total @ (share * (1 - claim) ** 2 + (1 - share) * claim**2))
    best = float(total @ (share * (1 - fit) ** 2 + (1 - share) * fit**2))
    uncertainty = base * (1 - base)
    return Corp(score, max(0.0, score - best), max(0.0, uncertainty - best), uncertainty)


# --- measurements ----------------------------------------------------------------
def brier(p: Values, y: Values, *, clusters: Clusters = None, of: str = "") -> Measurement:
    """Mean squared error of claimed probabilities, in [0, 1]; 0 is best.

    A proper score: the best claim is the true probability (Brier 1950). `null` is the score of
    somebody who knows only the base rate.

    Raises:
        UndefinedMeasurement: impossible input.
    """
    p, y = claims("brier", p, y)
    base = float(y.mean()) if len(y) else 0.5
    return mean(
        "brier",
        ((p - y) ** 2).tolist(),
        units="probability^2",
        clusters=codes("brier", clusters, len(p)).tolist(),
        of=of,
        lower=0.0,
        upper=1.0,
        null=base * (1 - base),
    )


def miscalibration(
    p: Values,
    y: Values,
    *,
    clusters: Clusters = None,
    draws: int = 499,
    seed: int = 0,
    alpha: float = ALPHA,
    of: str = "",
) -> Measurement:
    """What a monotone recalibration would take off the Brier score (MCB).

    The fit follows noise, so MCB is above 0 for a calibrated judge too: `null` is its mean when
    y ~ Bernoulli(p), the status is that of the test against it, and the interval is the basic
    bootstrap over clusters, which takes the bias off again (percentiles of the bootstrap keep it
    and hardly ever cover the truth). Where the test does not reject 0, the interval reaches to 0.

    Raises:
        UndefinedMeasurement: impossible input.
    """
    name = "miscalibration"
    p, y = claims(name, p, y)
    rng = np.random.default_rng(seed)
    levels = _levels(p, y)
    null = [
        _split(levels, None, (rng.random(len(p)) < p).astype(np.float64)).miscalibration
        for _ in range(draws if len(p) else 0)
    ]
    return _part(name, levels, clusters, np.array(null), rng, seed, alpha, of)


def discrimination(
    p: Values,
    y: Values,
    *,
    clusters: Clusters = None,
    draws: int = 499,
    seed: int = 0,
    alpha: float = ALPHA,
    of: str = "",
) -> Measurement:
    """What the order of the claims is worth (DSC): a constant judge is calibrated, and useless.

    `null` is the mean DSC of claims in a random order. Green when the order is better than that,
    red when it is not: a judge with no discrimination must not be used however calibrated.

    Raises:
        UndefinedMeasurement: impossible input.
    """
    name = "discrimination"
    p, y = claims(name, p, y)
    rng = np.random.default_rng(seed)
    levels = _levels(p, y)
    null = [
        _split(levels, None, rng.permutation(y)).discrimination
        for _ in range(draws if len(p) else 0)
    ]
    return _part(name, levels, clusters, np.array(null), rng, seed, alpha, of)


def _part(
    name: str,
    levels: _Levels,
    clusters: Clusters,
    null: Floats,
    rng: np.random.Generator,
    seed: int,
    alpha: float,
    of: str,
) -> Measurement:
    groups = codes(name, clusters, len(levels.y))
    many = int(groups.max(initial=-1)) + 1
    frame = Frame(
        instrument=name,
        units="probability^2",
        of=of,
        seed=seed,
        null=float(null.mean()) if len(null) else None,
    )
    if many < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} clusters", n=len(levels.y), clusters=many)
    found: float = getattr(_split(levels, None), name)
    weights = resampled(groups, len(null), rng)
    drawn = np.array([getattr(_split(levels, weight), name) for weight in weights])
    above_null = (1 + int((null >= found - 1e-12).sum())) / (len(null) + 1) <= alpha
    return reported(
        frame,
        found,
        _basic(found, drawn, above_null),
        n=len(levels.y),
        clusters=many,
        status=Status.GREEN if above_null is (name == "discrimination") else Status.RED,
        assumptions=("the best map is monotone", "items independent under the null"),
    )


def _basic(found: float, drawn: Floats, above_null: bool) -> Interval:
    """Basic bootstrap interval; it holds 0 unless the test says otherwise."""
    most, least = np.quantile(drawn, [(1 + LEVEL) / 2, (1 - LEVEL) / 2])
    low = max(0.0, 2 * found - float(most)) if above_null else 0.0
    return min(low, found), max(found, 2 * found - float(least))


# --- the curve -------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """Data for a plot: what was claimed, what was observed, where a calibrated judge would lie."""

    claimed: tuple[float, ...]
    observed: tuple[float, ...]
    """The monotone fit at each claim."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Pointwise consistency band around the diagonal."""
    count: tuple[int, ...]
    level: float


def reliability_curve(
    p: Values, y: Values, *, draws: int = 499, seed: int = 0, level: float = LEVEL
) -> ReliabilityCurve:
    """The curve of the monotone fit with its consistency band, y ~ Bernoulli(p) resampled.

    Source: Dimitriadis, Gneiting & Jordan 2021, figure 1; items independent given the claims.

    Raises:
        UndefinedMeasurement: impossible input, or none.
    """
    p, y = claims("reliability_curve", p, y)
    if not len(p):
        raise UndefinedMeasurement(
            "A curve of no claims cannot be drawn.",
            saw="0 claims",
            wanted="at least 1",
            try_this="label some of the judge's claims",
        )
    levels = _levels(p, y)
    rng = np.random.default_rng(seed)
    claim, total, _, fit = _curve(levels, None)
    null = np.array(
        [_curve(levels, None, (rng.random(len(p)) < p).astype(float))[3] for _ in range(draws)]
    )
    low, high = np.quantile(null, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return ReliabilityCurve(
        tuple(claim.tolist()),
        tuple(fit.tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
        tuple(int(k) for k in total),
        level,
    )
