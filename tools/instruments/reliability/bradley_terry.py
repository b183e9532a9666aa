"""Which answers does a panel prefer, how sharply does each judge see it, and from which side?"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from logs.errors import Undecided, UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.intervals import Thresholds
from tools.instruments.reliability.common import Floats, Frame, around, insufficient, reported
from tools.instruments.reliability.comparisons import Comparison, Design, design_of

POSITION = 0.2
"""Logits: a first place worth 5 points of win rate between equals; our default."""
FEWEST = 30
STEPS, TOLERANCE = 500, 1e-4
RIDGE = 0.01
"""Weight of (a - 1)^2 / 2 and b^2 / 2: a judge without errors stays at a finite sharpness."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """P(first beats second | judge k) = sigma(a_k (theta_first - theta_second) + b_k)."""

    answers: tuple[Hashable, ...]
    worth: tuple[float, ...]
    """Posterior mean of theta, whose prior is N(0, 1)."""
    judges: tuple[str, ...]
    sharpness: tuple[float, ...]
    """a_k, in logits per standard deviation of worth; below 0 the judge is inverted."""
    position: tuple[float, ...]
    """b_k, in logits: what being shown first is worth."""
    sharpness_se: tuple[float, ...]
    position_se: tuple[float, ...]
    n: int
    clusters: int
    """Sets of answers that nothing connects."""


def bradley_terry(comparisons: Sequence[Comparison]) -> BradleyTerry:
    """Worth of the answers with each judge's sharpness and position bias.

    The likelihood of a and b with theta ~ N(0, 1) integrated out, by variational EM: a normal
    posterior, then for each judge a logistic regression over the gaps, by Gauss-Hermite. Fitting
    theta and a together (cf. BT-sigma, Qian et al. 2026, arXiv 2602.16610) lets a few comparisons
    per answer follow the sharpest judge, whose a then grows fivefold. Which way is up is what
    most judges say. Standard errors: outer product of the scores of the clusters.

    Raises:
        UndefinedMeasurement: nothing to compare, an answer against itself, or a verdict that is
            neither 0 nor 1.
        Undecided: no convergence in 500 steps.
    """
    design = design_of(comparisons)
    k = len(design.judges)
    a, b, theta = np.ones(k), np.zeros(k), np.zeros(len(design.answers))
    spread = np.ones(len(design.won))
    for _ in range(STEPS):
        theta, spread = posterior(design, a, b, theta, spread)
        new_a, new_b = _regressions(design, theta, spread, a, b)
        moved = float(np.abs(np.concatenate([new_a - a, new_b - b])).max())
        a, b = new_a, new_b
        if moved < TOLERANCE:
            return _fit(design, a, b, theta, spread)
    raise Undecided(
        "Bradley-Terry did not converge.",
        saw=f"a step of {moved:.4f} after {STEPS}",
        wanted=f"a step below {TOLERANCE}",
        try_this="more comparisons of each judge",
    )


def posterior(
    design: Design, a: Floats, b: Floats, start: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    """Mean of theta given the judges, and the variance of each comparison's gap around it.

    The normal distribution closest to the posterior (least KL): its slope and curvature are
    averages over itself, where Laplace's approximation has those of the mode.
    """
    theta, m = start, len(design.answers)
    slope, shift = a[design.judge], b[design.judge]
    for _ in range(100):
        q = expit(slope[:, None] * _gaps(design, theta, spread) + shift[:, None])
        pull = slope * (design.won - q @ _WEIGHTS)
        gradient = np.bincount(design.first, pull, m) - np.bincount(design.second, pull, m) - theta
        curvature = _curvature(design, slope**2 * ((q * (1 - q)) @ _WEIGHTS))
        covariance = np.linalg.inv(curvature)
        step = covariance @ gradient
        # From afar Newton may overshoot; in these steps it gets there.
        theta = theta + step / max(1.0, float(np.abs(step).max()))
        own = np.diag(covariance)
        new = own[design.first] + own[design.second] - 2 * covariance[design.first, design.second]
        moved = max(float(np.abs(step).max()), float(np.abs(new - spread).max()))
        spread = np.asarray(np.maximum(new, 0.0))
        if moved < TOLERANCE / 10:
            break
    return theta, spread


def _curvature(design: Design, weight: Floats) -> Floats:
    """1 + the weighted Laplacian of who was compared with whom."""
    m = len(design.answers)
    flat = np.concatenate(
        [
            design.first * m + design.first,
            design.second * m + design.second,
            design.first * m + design.second,
            design.second * m + design.first,
        ]
    )
    values = np.concatenate([weight, weight, -weight, -weight])
    return np.asarray(np.eye(m) + np.bincount(flat, values, m * m).reshape(m, m))


def _gaps(design: Design, theta: Floats, spread: Floats) -> Floats:
    """Gauss-Hermite nodes of each comparison's gap, shape (comparisons, nodes)."""
    middle = theta[design.first] - theta[design.second]
    return np.asarray(middle[:, None] + np.sqrt(spread)[:, None] * _NODES)


def _regressions(
    design: Design, theta: Floats, spread: Floats, a: Floats, b: Floats
) -> tuple[Floats, Floats]:
    gaps = _gaps(design, theta, spread)
    rows = [design.judge == k for k in range(len(a))]
    fitted = [
        regression(gaps[row], design.won[row], np.array([a[k], b[k]])) for k, row in enumerate(rows)
    ]
    new_a, new_b = np.array(fitted).T
    return new_a, new_b


def regression(gaps: Floats, won: Floats, start: Floats) -> Floats:
    """Sharpness and position that make the verdicts likeliest on average over the nodes."""
    at = start
    for _ in range(100):
        residual = (won[:, None] - expit(at[0] * gaps + at[1])) * _WEIGHTS
        gradient = np.array([(residual * gaps).sum(), residual.sum()]) - RIDGE * (at - [1, 0])
        q = expit(at[0] * gaps + at[1])
        weight = q * (1 - q) * _WEIGHTS
        cross = (weight * gaps).sum()
        curvature = np.array([[(weight * gaps**2).sum(), cross], [cross, weight.sum()]])
        step = np.linalg.solve(curvature + RIDGE * np.eye(2), gradient)
        while _likelihood(gaps, won, at + step) < _likelihood(gaps, won, at) - 1e-10:
            step = step / 2
        at = at + step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(at)


def _likelihood(gaps: Floats, won: Floats, at: Floats) -> float:
    eta = (2 * won[:, None] - 1) * (at[0] * gaps + at[1])
    return float((log_expit(eta) * _WEIGHTS).sum() - RIDGE / 2 * ((at - [1, 0]) ** 2).sum())


def _fit(design: Design, a: Floats, b: Floats, theta: Floats, spread: Floats) -> BradleyTerry:
    gaps, k = _gaps(design, theta, spread), len(a)
    slope, shift = a[design.judge][:, None], b[design.judge][:, None]
    residual = (design.won[:, None] - expit(slope * gaps + shift)) * _WEIGHTS
    many = int(design.groups.max()) + 1
    # Fisher's identity: the score of the likelihood is the mean score over what is unseen.
    scores = np.zeros((many, 2 * k))
    np.add.at(scores, (design.groups, design.judge), (residual * gaps).sum(1))
    np.add.at(scores, (design.groups, k + design.judge), residual.sum(1))
    covariance = np.linalg.pinv(scores.T @ scores)
    se = np.sqrt(np.diag(covariance))
    return BradleyTerry(
        design.answers,
        tuple(theta.tolist()),
        design.judges,
        tuple(a.tolist()),
        tuple(b.tolist()),
        tuple(se[:k].tolist()),
        tuple(se[k:].tolist()),
        len(design.won),
        many,
    )


# --- measurements ----------------------------------------------------------------
def sharpness(fit: BradleyTerry, judge: str) -> Measurement:
    """How sharply a judge tells answers apart, in logits per standard deviation of worth.

    Red when surely below 0, for an inverted judge; green when surely above.

    Raises:
        UndefinedMeasurement: no such judge.
    """
    k = _index(fit, judge)
    return _of_judge(fit, "sharpness", judge, fit.sharpness[k], fit.sharpness_se[k])


def position_bias(fit: BradleyTerry, judge: str, *, tolerance: float = POSITION) -> Measurement:
    """What being shown first is worth to a judge, in logits, at equal worth.

    Green when surely within the tolerance, red when surely outside, on either side.

    Raises:
        UndefinedMeasurement: no such judge.
    """
    k = _index(fit, judge)
    measured = _of_judge(fit, "position_bias", judge, fit.position[k], fit.position_se[k])
    if measured.low is None or measured.high is None:
        return measured
    inside = -tolerance < measured.low and measured.high < tolerance
    outside = measured.low > tolerance or measured.high < -tolerance
    status = Status.GREEN if inside else Status.RED if outside else Status.YELLOW
    return measured.model_copy(update={"status": status})


def _index(fit: BradleyTerry, judge: str) -> int:
    if judge not in fit.judges:
        raise UndefinedMeasurement(
            "A fit knows the judges it was made from.",
            saw=judge,
            wanted=", ".join(fit.judges),
            try_this="one of these",
        )
    return fit.judges.index(judge)


def _of_judge(fit: BradleyTerry, name: str, judge: str, value: float, se: float) -> Measurement:
    frame = Frame(
        instrument=name,
        units="logits per standard deviation" if name == "sharpness" else "logits",
        of=judge,
        null=0.0,
        thresholds=Thresholds(green=0.0, red=0.0),
    )
    if fit.clusters < FEWEST:
        why = f"fewer than {FEWEST} sets of answers that nothing connects"
        return insufficient(frame, why, n=fit.n, clusters=fit.clusters)
    return reported(
        frame,
        value,
        around(value, se, fit.clusters - 1),
        n=fit.n,
        clusters=fit.clusters,
        assumptions=("one order of worth for all judges", "worth is normal"),
    )
