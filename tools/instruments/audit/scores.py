"""What a scalar judge's scores can tell apart, and whether it says the same thing twice."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.audit.paired import Floats
from tools.instruments.estimates import mean, measured, refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL, Thresholds, student

LEVELS, TIES = 3.0, 0.25
"""Fewer effective levels, or more tied siblings, than this: the scale is clustered."""


def effective_levels(scores: Sequence[Sequence[float]], *, of: str = "") -> Measurement:
    """How many levels a judge's scale really has: exp of the entropy of its scores.

    2 levels used equally often give 2; a scale of 10 on which nearly all is an 8 gives about 1.
    The interval is a jackknife over prompts (Tukey 1958), which also removes the plug-in's
    first-order bias downwards.

    Args:
        scores: per prompt, the scores of its answers.
    """
    counts = [Counter(row) for row in scores if row]
    refuse_impossible("effective_levels", [s for row in scores for s in row])
    if len(counts) < 2:
        return measured(
            "effective_levels", None, None, Thresholds(), units="levels", n=0, clusters=0
        )
    kinds = {level: i for i, level in enumerate(dict.fromkeys(s for c in counts for s in c))}
    table = np.zeros((len(counts), len(kinds)))
    for row, count in zip(table, counts, strict=True):
        for level, k in count.items():
            row[kinds[level]] = k
    total, groups = table.sum(0), len(counts)
    whole = _levels(total[None])[0]
    pseudo = groups * whole - (groups - 1) * _levels(total[None] - table)
    low, high = student(pseudo.tolist(), lower=1.0)
    return measured(
        "effective_levels",
        max(1.0, float(pseudo.mean())),
        (low, max(low, high)),
        Thresholds(green=LEVELS, red=LEVELS),
        units="levels",
        n=int(total.sum()),
        clusters=groups,
        assumptions=(f"plug-in {whole:.2f}", "jackknife over prompts"),
        of=of,
    )


def _levels(counts: Floats) -> Floats:
    p = counts / counts.sum(1, keepdims=True)
    logs = np.log(np.where(p > 0, p, 1.0))
    return np.asarray(np.exp(-(p * logs).sum(1)), dtype=np.float64)


def pair_ties(scores: Sequence[Sequence[float]], *, of: str = "") -> Measurement:
    """Share of pairs of sibling answers with equal scores, averaged over prompts."""
    refuse_impossible("pair_ties", [s for row in scores for s in row])
    shares = []
    for row in scores:
        n = len(row)
        if n > 1:
            tied = sum(k * (k - 1) for k in Counter(row).values())
            shares.append(tied / (n * (n - 1)))
    return mean(
        "pair_ties",
        shares,
        units="share of pairs",
        lower=0.0,
        upper=1.0,
        green=TIES,
        red=TIES,
        bad_is="high",
        of=of,
        assumptions=("prompts with at least two scored answers",),
    )


def gold_auc(
    better: Sequence[float],
    worse: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
) -> Measurement:
    """P(score of the better > score of the worse) on gold pairs, ties counting half.

    Within pairs, so a scale that shifts from prompt to prompt costs nothing.
    """
    refuse_unequal("gold_auc", {"better": len(better), "worse": len(worse)})
    refuse_impossible("gold_auc", [*better, *worse])
    gap = np.sign(np.asarray(better, dtype=np.float64) - np.asarray(worse, dtype=np.float64))
    return mean(
        "gold_auc",
        ((gap + 1) / 2).tolist(),
        units="probability",
        clusters=clusters,
        lower=0.0,
        upper=1.0,
        null=0.5,
        of=of,
        assumptions=(f"{float((gap == 0).mean()):.1%} ties, half credit",) if len(gap) else (),
    )


def retest_icc(scores: ArrayLike, *, of: str = "") -> Measurement:
    """ICC(2,1): share of the variance of one score that is the answers', not the occasion's.

        (MSR - MSE) / (MSR + (k-1) MSE + k (MSC - MSE) / n)

    absolute agreement of single scores, two-way random effects; F-based interval.

    Args:
        scores: shape (answers, occasions).

    Raises:
        UndefinedMeasurement: fewer than two answers or occasions, or no variance at all (0/0).

    Source:
        Shrout & Fleiss (1979), doi:10.1037/0033-2909.86.2.420, case 2; interval by
        McGraw & Wong (1996), doi:10.1037/1082-989X.1.1.30, table 7.
    """
    x = np.asarray(scores, dtype=np.float64)
    refuse_impossible("retest_icc", x.ravel().tolist())
    if x.ndim != 2 or min(x.shape) < 2 or float(np.ptp(x)) == 0:
        raise UndefinedMeasurement(
            "Test-retest reliability needs several answers, scored several times, that differ.",
            saw=f"shape {x.shape}, range {float(np.ptp(x)) if x.size else 0:g}",
            wanted="at least 2 answers x 2 occasions, not all scores equal",
            try_this="a saturated judge has no reliability: see ceiling_mass",
        )
    n, k = x.shape
    msr, msc, mse = _mean_squares(x)
    spread = msr + (k - 1) * mse + k * (msc - mse) / n
    icc = (msr - mse) / spread
    low, high = _icc_interval(icc, msr, msc, mse, n, k)
    return Measurement(
        instrument="retest_icc",
        estimate=float(icc),
        units="share of variance",
        low=low,
        high=high,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n * k,
        clusters=n,
        null=0.0,
        status=Status.GREEN,
        of=of,
        assumptions=("two-way random effects, absolute agreement, normal scores",),
    )


def _mean_squares(x: Floats) -> tuple[float, float, float]:
    """Between answers, between occasions, and what is left."""
    n, k = x.shape
    whole = x.mean()
    rows, columns = x.mean(1), x.mean(0)
    msr = k * float(((rows - whole) ** 2).sum()) / (n - 1)
    msc = n * float(((columns - whole) ** 2).sum()) / (k - 1)
    rest = x - rows[:, None] - columns[None] + whole
    return msr, msc, float((rest**2).sum()) / ((n - 1) * (k - 1))


def _icc_interval(
    icc: float, msr: float, msc: float, mse: float, n: int, k: int
) -> tuple[float, float]:
    tail = (1 + LEVEL) / 2
    if mse == 0 and msc == 0:
        return icc, icc
    if icc >= 1:
        return 1.0, 1.0
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    v = (a * msc + b * mse) ** 2 / ((a * msc) ** 2 / (k - 1) + (b * mse) ** 2 / ((n - 1) * (k - 1)))
    f_low = float(stats.f.ppf(tail, n - 1, v))
    f_high = float(stats.f.ppf(tail, v, n - 1))
    rest = k * msc + (k * n - k - n) * mse
    low = n * (msr - f_low * mse) / (f_low * rest + n * msr)
    high = n * (f_high * msr - mse) / (rest + n * f_high * msr)
    return max(-1.0, float(low)), min(1.0, float(high))


def retest_kappa(
    first: Sequence[Hashable], second: Sequence[Hashable], *, of: str = ""
) -> Measurement:
    """Cohen's kappa of a judge with itself, one verdict per item and occasion.

        kappa = (p_o - p_e) / (1 - p_e)

    Large-sample interval (Fleiss, Cohen & Everitt 1969).

    Raises:
        UndefinedMeasurement: unequal lengths, no items, or one label only (p_e = 1: 0/0).

    Source:
        Cohen (1960), doi:10.1177/001316446002000104.
    """
    refuse_unequal("retest_kappa", {"first": len(first), "second": len(second)})
    labels = list(dict.fromkeys((*first, *second)))
    if len(labels) < 2:
        raise UndefinedMeasurement(
            "Kappa is 0/0 when only one label is ever used.",
            saw=f"{len(first)} items, labels {labels}",
            wanted="at least two labels in use",
            try_this="audit both orders: a judge locked to a place then shows two labels",
        )
    table = np.zeros((len(labels), len(labels)))
    where = {label: i for i, label in enumerate(labels)}
    for a, b in zip(first, second, strict=True):
        table[where[a], where[b]] += 1
    kappa, error = _kappa(table / table.sum())
    half = float(stats.norm.ppf((1 + LEVEL) / 2)) * error / np.sqrt(len(first))
    return measured(
        "retest_kappa",
        kappa,
        (max(-1.0, kappa - half), min(1.0, kappa + half)),
        Thresholds(),
        units="beyond chance",
        n=len(first),
        clusters=len(first),
        null=0.0,
        of=of,
        assumptions=(
            f"agreement {float(np.trace(table) / table.sum()):.3f}",
            "large sample"
            if error
            else "no spread in a large-sample error: a point, not certainty",
        ),
    )


def _kappa(p: Floats) -> tuple[float, float]:
    """Kappa, and its standard error times the root of n."""
    row, column = p.sum(1), p.sum(0)
    seen, chance = float(np.trace(p)), float(row @ column)
    kappa = (seen - chance) / (1 - chance)
    own = np.diag(p) * (1 - (row + column) * (1 - kappa)) ** 2
    cross = p * (column[:, None] + row[None]) ** 2
    others = (1 - kappa) ** 2 * (cross.sum() - np.trace(cross))
    last = (kappa - chance * (1 - kappa)) ** 2
    variance = float(own.sum() + others - last) / (1 - chance) ** 2
    return kappa, variance**0.5 if variance > 1e-12 else 0.0
