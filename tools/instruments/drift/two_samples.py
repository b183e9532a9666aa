"""Do two samples of answers come from one policy? Two tests that see different things.

MMD sees any difference of distribution, a shrink as well as a shift; the classifier sees what
a linear rule can tell and names the items it is surest of. Drift is not harm: both say that an
audit is due (yellow), never more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.drift.permutations import Ints, Sides, groups_of, labellings, p_value

Floats = NDArray[np.float64]
ALPHA = 0.05
PERMUTATIONS = 499
MMD_NEEDS, C2ST_NEEDS = 200, 400
"""Answers per side below which silence says little: power .93 (MMD) and .72 / .46 for shifts of
1 and .4 standard deviations are for these sizes. An alarm from fewer is still an alarm."""
FOLDS = 5
RIDGE = 0.1
"""Shrinkage of the classifier, relative to the variance of a standardised coordinate."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class KernelTest:
    """Unbiased MMD^2, its permutation p value, and the bandwidth used."""

    mmd2: float
    p: float
    bandwidth: float


@dataclass(frozen=True, slots=True)
class ClassifierTest:
    """How well a cross-fitted classifier tells the sides apart."""

    auc: float
    accuracy: float
    p: float
    """Of the AUC, by permutation."""
    unlike_then: tuple[int, ...]
    """Rows of `now` that look least like the anchor, strangest first."""
    unlike_now: tuple[int, ...]
    """Rows of `then` that look least like the policy."""


def mmd(
    now: Floats,
    then: Floats,
    *,
    seed: int,
    prompts: Sides | None = None,
    permutations: int = PERMUTATIONS,
) -> KernelTest:
    """Unbiased squared maximum mean discrepancy with an RBF kernel, and its permutation test.

        MMD^2 = sum_{i!=j} k(x_i,x_j)/(n(n-1)) + sum_{i!=j} k(y_i,y_j)/(m(m-1))
                - 2 sum_ij k(x_i,y_j)/(nm),   k(x,y) = exp(-|x-y|^2 / (2 s^2))

    s is the median distance in the pooled sample, which no relabelling changes; where most
    points coincide, the median of the distances that are not 0.

    Raises:
        UndefinedMeasurement: a side has fewer than 2 rows, a value is not finite, all points
            coincide, or the prompts do not match.

    Source:
        Gretton et al. 2012, JMLR 13, eq. 3 and section 8.
    """
    pooled = _pooled("mmd", now, then)
    groups = groups_of("mmd", len(now), len(then), prompts)
    distances = pdist(pooled)
    bandwidth = float(np.median(distances)) or _typical(distances)
    kernel = squareform(np.exp(-(distances**2) / (2 * bandwidth**2)))
    labels = labellings(groups, len(now), permutations, seed)
    found = _mmd2(kernel, labels, len(now), len(then))
    return KernelTest(float(found[0]), p_value(found), bandwidth)


def _typical(distances: Floats) -> float:
    apart = distances[distances > 0]
    if not len(apart):
        raise UndefinedMeasurement(
            "mmd has no scale when all points coincide.",
            saw=f"{len(distances)} distances, all 0",
            wanted="at least two different points",
            try_this="look at the answers: they are all the same text",
        )
    return float(np.median(apart))


def _mmd2(kernel: Floats, labels: Floats, n: int, m: int) -> Floats:
    """For all labellings at once; the kernel's diagonal is 0."""
    towards = kernel @ labels
    within = np.einsum("ij,ij->j", labels, towards)
    across = towards.sum(axis=0) - within
    others = kernel.sum() - within - 2 * across
    out: Floats = within / (n * (n - 1)) + others / (m * (m - 1)) - 2 * across / (n * m)
    return out


def c2st(
    now: Floats,
    then: Floats,
    *,
    seed: int,
    prompts: Sides | None = None,
    permutations: int = PERMUTATIONS,
) -> ClassifierTest:
    """Classifier two-sample test: ridge regression on the labels, cross-fitted in five folds.

    The statistic is the AUC within held-out folds, averaged over folds by their number of
    pairs. Answers to one prompt share a fold. Coordinates are scaled and folds drawn without
    looking at labels, so the scores of a fold are one matrix times the labels of the others:
    all permutations cost one product, and the p value is exact.

    Raises:
        UndefinedMeasurement: a side has fewer than 2 x folds rows, a value is not finite, all
            points coincide, or the prompts do not match.

    Source:
        Lopez-Paz & Oquab 2017, arXiv:1610.06545; their normal null is too narrow here.
    """
    pooled = _pooled("c2st", now, then, fewest=2 * FOLDS)
    groups = groups_of("c2st", len(now), len(then), prompts)
    labels = labellings(groups, len(now), permutations, seed)
    scores, folds = _scores(_scaled(pooled), labels, _folds(groups, prompts is not None, seed))
    aucs = _aucs(scores, labels, folds)
    seen, side = scores[:, 0], labels[:, 0]
    right = np.where(seen == 0, 0.5, (seen > 0) == (side > 0))
    order = np.argsort(-seen, kind="stable")
    return ClassifierTest(
        auc=float(aucs[0]),
        accuracy=float(np.mean(right)),
        p=p_value(aucs),
        unlike_then=tuple(int(i) for i in order if i < len(now))[:SHOWN],
        unlike_now=tuple(int(i) - len(now) for i in order[::-1] if i >= len(now))[:SHOWN],
    )


def _folds(groups: Ints, grouped: bool, seed: int) -> Ints:
    """A fold for each item, equal in size; items of one prompt share theirs."""
    rng = np.random.default_rng([seed, FOLDS])
    units = int(groups.max()) + 1 if grouped else len(groups)
    of_unit = rng.permutation(np.arange(units) % FOLDS)
    return of_unit[groups] if grouped else of_unit


def _scaled(pooled: Floats) -> Floats:
    centred = pooled - pooled.mean(axis=0)
    spread = centred.std(axis=0)
    if not spread.any():
        raise UndefinedMeasurement(
            "c2st cannot tell points apart that coincide.",
            saw=f"{len(pooled)} equal rows",
            wanted="at least two different points",
            try_this="look at the answers: they are all the same text",
        )
    out: Floats = centred / np.where(spread > 0, spread, 1.0)
    return out


def _scores(points: Floats, labels: Floats, folds: Ints) -> tuple[Floats, Ints]:
    """Out-of-fold predictions for all labellings; above 0 means `now`."""
    scores = np.empty_like(labels)
    signs = 2 * labels - 1
    for fold in range(FOLDS):
        out, rest = folds == fold, folds != fold
        train = points[rest]
        gram = train.T @ train
        gram[np.diag_indices_from(gram)] += RIDGE * len(train)
        # Equal answers are scored once, so that no rounding can break their ties.
        unlike, which = np.unique(points[out], axis=0, return_inverse=True)
        hat = unlike @ np.linalg.solve(gram, train.T)
        scores[out] = (hat @ (signs[rest] - signs[rest].mean(axis=0)))[which.ravel()]
    return scores, folds


def _aucs(scores: Floats, labels: Floats, folds: Ints) -> Floats:
    """AUC within folds, weighted by pairs, per labelling (Mann-Whitney, ties count half)."""
    wins, pairs = np.zeros(labels.shape[1]), np.zeros(labels.shape[1])
    for fold in range(FOLDS):
        of = folds == fold
        ranks = stats.rankdata(scores[of].T, axis=1).T
        ones = labels[of].sum(axis=0)
        wins += (ranks * labels[of]).sum(axis=0) - ones * (ones + 1) / 2
        pairs += ones * (of.sum() - ones)
    out: Floats = wins / pairs
    return out


def _pooled(instrument: str, now: Floats, then: Floats, fewest: int = 2) -> Floats:
    shaped = now.ndim == then.ndim == 2 and now.shape[1:] == then.shape[1:]
    if not shaped or min(len(now), len(then)) < fewest:
        raise UndefinedMeasurement(
            f"{instrument} compares two tables of points.",
            saw=f"shapes {now.shape} and {then.shape}",
            wanted=f"at least {fewest} rows each, of one embedding",
            try_this="embed both sides with one map; draw more answers",
        )
    pooled = np.concatenate([now, then]).astype(np.float64)
    if not np.isfinite(pooled).all():
        raise UndefinedMeasurement(
            f"{instrument} cannot place points that are not finite.",
            saw=f"{int((~np.isfinite(pooled)).any(axis=1).sum())} rows with NaN or infinity",
            wanted="finite coordinates",
            try_this="leave out, on both sides, answers that could not be embedded",
        )
    return pooled


def kernel_drift(
    now: Floats,
    then: Floats,
    of: str,
    *,
    seed: int,
    prompts: Sides | None = None,
    embedding: str = "",
    alpha: float = ALPHA,
    permutations: int = PERMUTATIONS,
) -> Measurement:
    """Unbiased MMD^2 between the answers of two policies; yellow at permutation p <= alpha."""
    frame = _Frame("mmd", "squared kernel distance", 0.0, MMD_NEEDS, alpha, permutations)
    if min(len(now), len(then)) < 2:
        return _tested(frame, None, 1.0, now, then, of, seed, embedding)
    test = mmd(now, then, seed=seed, prompts=prompts, permutations=permutations)
    return _tested(frame, test.mmd2, test.p, now, then, of, seed, embedding)


def classifier_drift(
    now: Floats,
    then: Floats,
    of: str,
    *,
    seed: int,
    prompts: Sides | None = None,
    embedding: str = "",
    alpha: float = ALPHA,
    permutations: int = PERMUTATIONS,
) -> Measurement:
    """AUC with which a classifier tells two policies apart; yellow at permutation p <= alpha."""
    frame = _Frame("c2st", "AUC", 0.5, C2ST_NEEDS, alpha, permutations)
    if min(len(now), len(then)) < 2 * FOLDS:
        return _tested(frame, None, 1.0, now, then, of, seed, embedding)
    test = c2st(now, then, seed=seed, prompts=prompts, permutations=permutations)
    return _tested(frame, test.auc, test.p, now, then, of, seed, embedding)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a test is called and at what level it alarms."""

    instrument: str
    units: str
    null: float
    needs: int
    alpha: float
    permutations: int


def _tested(
    frame: _Frame,
    estimate: float | None,
    p: float,
    now: Floats,
    then: Floats,
    of: str,
    seed: int,
    embedding: str,
) -> Measurement:
    """Yellow on an alarm; silence is green only where it was to be heard."""
    fewest = min(len(now), len(then))
    heard = fewest >= frame.needs and 1 / (1 + frame.permutations) <= frame.alpha
    silent = Status.GREEN if heard else Status.INSUFFICIENT
    found = Status.YELLOW if p <= frame.alpha else silent
    return Measurement(
        instrument=frame.instrument,
        estimate=None if found is Status.INSUFFICIENT else estimate,
        units=frame.units,
        level=1 - frame.alpha,
        guarantee=Guarantee.FIXED_N,
        n=len(now) + len(then),
        null=frame.null,
        status=found,
        assumptions=(
            f"permutation p = {p:.4f} of {frame.permutations}, alarm at {frame.alpha:.4g}",
            f"embedding {embedding or 'not named'}",
            f"{frame.needs} answers per side wanted, {fewest} seen",
        ),
        seed=seed,
        of=of,
    )
