"""Are a judge's probabilities true? Calibration error without its bias, and three tests."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.intervals import Interval, Thresholds
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
    sums,
)

BINS = 10
ENOUGH = 500
"""Fewer items than this can show that a judge is miscalibrated, not that it is calibrated."""
TOLERANCE = 0.05**2
"""A root mean square error of 5 points; our default, where recalibration begins to pay."""
ALPHA = 0.05


# --- how far off -----------------------------------------------------------------
def calibration_error(
    p: Values,
    y: Values,
    *,
    clusters: Clusters = None,
    bins: int = BINS,
    tolerance: float = TOLERANCE,
    of: str = "",
) -> Measurement:
    """Mean squared distance between claimed and observed shares, without its sampling bias.

    CE2 = sum_b (n_b/n) [(pbar_b - ybar_b)^2 - ybar_b (1 - ybar_b) / (n_b - 1)] over bins of
    equal mass (Brocker 2012; Ferro & Fricker 2012; Kumar, Liang & Ma 2019, section 5). With
    clusters the subtracted variance is that of the cluster sums. May be below 0; its root is
    in probability points. The interval inverts a noncentral chi-square whose scale and degrees
    of freedom are Satterthwaite's: unlike a bootstrap it also holds at 0.

    Args:
        p: what the judge claims, in [0, 1].
        y: what gold says of the same items, 0 or 1.
        bins: tied claims stay in one bin, so there may be fewer.
    """
    name = "calibration_error"
    p, y = claims(name, p, y)
    groups = codes(name, clusters, len(p))
    frame = Frame(
        instrument=name,
        units="probability^2",
        of=of,
        null=0.0,
        thresholds=Thresholds(green=tolerance, red=tolerance, bad_is="high"),
    )
    if len(p) < 2 * bins:
        return insufficient(frame, f"fewer than 2 items for each of {bins} bins", n=len(p))
    found = _binned(p, y, groups if clusters is not None else None, bins)
    interval = _scaled_chi_square(found, len(p))
    status = frame.thresholds.status(interval)
    if status is Status.YELLOW and len(p) < ENOUGH:
        status = Status.INSUFFICIENT
    return reported(
        frame,
        found.debiased,
        interval,
        n=len(p),
        clusters=int(groups.max()) + 1,
        status=status,
        assumptions=(f"{found.bins} bins of equal mass", "normal bin means"),
    )


@dataclass(frozen=True, slots=True)
class Binned:
    """Claims and labels compared bin by bin."""

    bins: int
    ece: float
    """Plug-in: sum_b (n_b/n) |pbar_b - ybar_b|; biased up."""
    squared: float
    """Plug-in: sum_b (n_b/n) (pbar_b - ybar_b)^2; biased up."""
    debiased: float
    spread: tuple[float, ...]
    """Per bin n_b Var(pbar_b - ybar_b)."""


def binned(p: Values, y: Values, *, bins: int = BINS) -> Binned:
    """Plug-in and debiased errors over bins of equal mass; items are independent."""
    return _binned(*claims("calibration_error", p, y), None, bins)


def _binned(p: Floats, y: Floats, groups: Ints | None, bins: int) -> Binned:
    index = equal_mass(p, bins)
    size = np.bincount(index)
    gap = sums(p - y, index) / size
    if groups is None:
        share = sums(y, index) / size
        spread = size * share * (1 - share) / (size - 1)
    else:
        spread = _clustered_spread(p - y - gap[index], index, groups, size)
    weight = size / len(p)
    return Binned(
        bins=len(size),
        ece=float(weight @ np.abs(gap)),
        squared=float(weight @ gap**2),
        debiased=float(weight @ (gap**2 - spread / size)),
        spread=tuple(spread.tolist()),
    )


def _clustered_spread(centred: Floats, index: Ints, groups: Ints, size: Ints) -> Floats:
    """n_b times the sandwich variance of a bin's mean; the parts of a cluster move together."""
    _, cell = np.unique(index * (groups.max() + 1) + groups, return_inverse=True)
    totals = sums(centred, cell)
    bin_of_cell = np.zeros(len(totals), dtype=np.int64)
    bin_of_cell[cell] = index
    parts = np.bincount(bin_of_cell)
    correction = parts / np.maximum(parts - 1, 1)
    return np.asarray(correction * sums(totals**2, bin_of_cell) / size)


def equal_mass(p: Floats, bins: int) -> Ints:
    """The bin of each claim: equal counts, equal claims together, at least two claims in each."""
    rank = stats.rankdata(p, "average")
    raw = np.minimum(bins - 1, np.floor(bins * (rank - 0.5) / len(p))).astype(np.int64)
    _, index = np.unique(raw, return_inverse=True)
    index = np.asarray(index, dtype=np.int64)
    while (size := np.bincount(index)).min() < 2 and len(size) > 1:
        lone = int(size.argmin())
        index = index - (index >= max(lone, 1))
    return index


def _scaled_chi_square(found: Binned, n: int) -> Interval:
    """Invert n * plug-in ~ a chi^2_df(n CE2 / a), with a and df from the spreads of the bins."""
    spread = np.array(found.spread)
    if spread.sum() == 0:
        return found.squared, found.squared
    scale = float((spread**2).sum() / spread.sum())
    df = float(spread.sum() ** 2 / (spread**2).sum())
    seen = n * found.squared / scale
    low, high = (_noncentrality(seen, df, tail) * scale / n for tail in (0.975, 0.025))
    return min(low, found.debiased), max(high, found.debiased)


def _noncentrality(seen: float, df: float, level: float) -> float:
    """The nc at which chi^2_df(nc) lies below `seen` with that probability; 0 where none does."""
    if stats.chi2.cdf(seen, df) <= level:
        return 0.0
    most = seen + df + 20 * math.sqrt(seen + df) + 100
    return float(optimize.brentq(lambda nc: stats.ncx2.cdf(seen, df, nc) - level, 1e-12, most))


# --- whether it is off -----------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Consistency:
    """A plug-in ECE beside those of judges that are calibrated and claim the same."""

    ece: float
    expected: float
    """Mean over calibrated judges: what small samples show without any miscalibration."""
    p_value: float


def ece_consistency(
    p: Values, y: Values, *, bins: int = BINS, draws: int = 999, seed: int = 0
) -> Consistency:
    """Compare the plug-in ECE with its distribution when y ~ Bernoulli(p) (Brocker & Smith 2007).

    p-value = (1 + #{ECE* >= ECE}) / (draws + 1): exact for independent items.
    """
    p, y = claims("ece_consistency", p, y)
    member = np.eye(int((index := equal_mass(p, bins)).max()) + 1)[index]
    rng = np.random.default_rng(seed)
    # Sums of equal numbers in another order differ in the last digits; equal is "as far".
    null = np.abs((p - (rng.random((draws, len(p))) < p)) @ member).sum(1) / len(p)
    ece = float(np.abs((p - y) @ member).sum() / len(p))
    beyond = int((null >= ece - 1e-12).sum())
    return Consistency(ece, float(null.mean()), (1 + beyond) / (draws + 1))


def calibration_test(
    p: Values,
    y: Values,
    *,
    clusters: Clusters = None,
    bins: int = BINS,
    draws: int = 999,
    seed: int = 0,
    alpha: float = ALPHA,
    of: str = "",
) -> Measurement:
    """p-value of "calibrated", from the plug-in ECE; one item of each cluster, at random, is read.

    Red rejects. Not rejecting is green only from 500 items, below it is insufficient.

    Raises:
        UndefinedMeasurement: impossible input.
    """
    name = "calibration_test"
    p, y = claims(name, p, y)
    groups = codes(name, clusters, len(p))
    shuffled = np.random.default_rng(seed).permutation(len(p))
    one = shuffled[np.unique(groups[shuffled], return_index=True)[1]]
    frame = Frame(instrument=name, units="p-value", of=of, seed=seed, level=1 - alpha)
    if len(one) < 2 * bins:
        return insufficient(frame, f"fewer than 2 items for each of {bins} bins", n=len(p))
    found = ece_consistency(p[one], y[one], bins=bins, draws=draws, seed=seed)
    return reported(
        frame,
        found.p_value,
        None,
        n=len(p),
        clusters=len(one),
        status=_verdict(found.p_value <= alpha, len(one)),
        assumptions=(
            f"p = {found.p_value:.3f}: ECE {found.ece:.3f}, calibrated judges of this size "
            f"show {found.expected:.3f}",
            "one item of each cluster",
        ),
    )


def spiegelhalter_z(
    p: Values, y: Values, *, clusters: Clusters = None, alpha: float = ALPHA, of: str = ""
) -> Measurement:
    """Is the Brier score what the claims themselves predict? No bins; above 0 is overconfident.

    Z = sum (y-p)(1-2p) / sqrt(sum (1-2p)^2 p(1-p)), N(0, 1) when calibrated (Spiegelhalter 1986).
    With clusters the variance is the sum of squared cluster totals.

    Raises:
        UndefinedMeasurement: impossible input, or every claim is 0, 1/2 or 1.
    """
    name = "spiegelhalter_z"
    p, y = claims(name, p, y)
    groups = codes(name, clusters, len(p))
    frame = Frame(instrument=name, units="standard deviations", of=of, null=0.0, level=1 - alpha)
    if len(p) < 2 * BINS:
        return insufficient(frame, f"fewer than {2 * BINS} items", n=len(p))
    totals = sums((y - p) * (1 - 2 * p), groups)
    known = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    variance = known if clusters is None else float(totals @ totals)
    if known == 0 or variance == 0:
        raise UndefinedMeasurement(
            f"{name} needs claims whose outcome is uncertain.",
            saw="claims of 0, 1/2 and 1 only",
            wanted="some other probability",
            try_this="calibration_test",
        )
    z = float(totals.sum()) / math.sqrt(variance)
    return reported(
        frame,
        z,
        None,
        n=len(p),
        clusters=len(totals),
        status=_verdict(abs(z) > stats.norm.isf(alpha / 2), len(totals)),
        assumptions=(f"Z = {z:.2f}", "independent clusters"),
    )


def _verdict(rejected: bool, n: int) -> Status:
    """A rejection stands at any size; its absence says something only when n is large."""
    if rejected:
        return Status.RED
    return Status.GREEN if n >= ENOUGH else Status.INSUFFICIENT
