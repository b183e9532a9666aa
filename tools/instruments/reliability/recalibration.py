"""Make claims true: temperature, Platt or isotonic, cross-fitted, or refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq, isotonic_regression
from scipy.special import expit, log_expit, logit

from logs.errors import Refused, UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.estimates import mean
from tools.instruments.reliability.common import (
    Clusters,
    Floats,
    Frame,
    Ints,
    Values,
    claims,
    codes,
)
from tools.instruments.reliability.common import insufficient as too_few

Method = Literal["temperature", "platt", "isotonic"]
FROM: tuple[tuple[int, Method], ...] = ((1000, "isotonic"), (200, "platt"), (100, "temperature"))
"""The most flexible map that so many clusters pay for; the 200 is ours."""
FOLDS = 5
EDGE = 1e-6
"""Claims of 0 and 1 have no logit."""
COLDEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class Recalibrator:
    """A map from what a judge claims to what its claims have been worth."""

    method: Method
    knots: tuple[float, ...]
    """(1/T,) of a temperature, (slope, intercept) of Platt on the logit, claims of isotonic."""
    values: tuple[float, ...] = ()
    """Isotonic: the worth at each knot; linear between them."""

    def __call__(self, p: Floats) -> Floats:
        """Recalibrated probabilities, in (0, 1)."""
        if self.method == "isotonic":
            return np.interp(p, self.knots, self.values)
        slope, intercept = (*self.knots, 0.0)[:2]
        return np.asarray(expit(slope * _logit(p) + intercept))


def _logit(p: Floats) -> Floats:
    return np.asarray(logit(np.clip(p, EDGE, 1 - EDGE)))


def _slope_loss(slope: float, x: Floats, y: Floats) -> float:
    """Derivative of the log loss in 1/T; it only rises."""
    return float(((expit(slope * x) - y) * x).mean())


def temperature(p: Floats, y: Floats) -> Recalibrator:
    """p -> sigma(logit(p) / T), with T in [1/20, 20] of least log loss (Guo et al. 2017)."""
    x = _logit(p)
    ends = (1 / HOTTEST, 1 / COLDEST)
    at = [_slope_loss(end, x, y) for end in ends]
    if at[0] >= 0 or at[1] <= 0:
        return Recalibrator("temperature", (ends[0] if at[0] >= 0 else ends[1],))
    return Recalibrator("temperature", (float(brentq(_slope_loss, *ends, args=(x, y))),))


def platt(p: Floats, y: Floats) -> Recalibrator:
    """p -> sigma(a logit(p) + b) by Newton, with Platt's targets (Platt 1999; Lin et al. 2007).

    The targets (n1 + 1)/(n1 + 2) and 1/(n0 + 2) keep separable labels from an infinite slope.
    """
    x = np.stack([_logit(p), np.ones_like(p)], axis=1)
    ones = float(y.sum())
    target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (len(y) - ones + 2))
    beta = np.array([0.0, np.log((ones + 1) / (len(y) - ones + 1))])
    for _ in range(100):
        q = expit(x @ beta)
        curvature = (x * (q * (1 - q))[:, None]).T @ x + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, x.T @ (target - q))
        while _logistic(x, target, beta + step) > _logistic(x, target, beta) + 1e-12:
            step = step / 2
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return Recalibrator("platt", (float(beta[0]), float(beta[1])))


def _logistic(x: Floats, target: Floats, beta: Floats) -> float:
    eta = x @ beta
    return float(-(target * log_expit(eta) + (1 - target) * log_expit(-eta)).sum())


def isotonic(p: Floats, y: Floats) -> Recalibrator:
    """The best monotone map, linear between its knots, kept 1/(n+2) away from 0 and 1.

    Without that distance one surprise outside the sample would cost an infinite log loss.
    """
    claim, index, count = np.unique(p, return_inverse=True, return_counts=True)
    share = np.bincount(index, weights=y) / count
    fit = isotonic_regression(share, weights=count).x
    fit = np.clip(fit, 1 / (len(y) + 2), (len(y) + 1) / (len(y) + 2))
    return Recalibrator("isotonic", tuple(claim.tolist()), tuple(fit.tolist()))


_FIT: dict[Method, Callable[[Floats, Floats], Recalibrator]] = {
    "temperature": temperature,
    "platt": platt,
    "isotonic": isotonic,
}


def method_for(clusters: int) -> Method | None:
    """Which map so many clusters can bear; None below 100."""
    return next((method for least, method in FROM if clusters >= least), None)


# --- out of sample ---------------------------------------------------------------
def _folds(groups: Ints, folds: int, seed: int) -> Ints:
    """The fold of each item; a cluster is never in two."""
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    return np.asarray(order[groups] % folds, dtype=np.int64)


def cross_fitted(
    p: Values,
    y: Values,
    *,
    method: Method,
    clusters: Clusters = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> Floats:
    """Each claim recalibrated by a map that has not seen its cluster.

    Raises:
        UndefinedMeasurement: impossible input, or fewer clusters than folds.
    """
    name = "cross_fitted"
    p, y = claims(name, p, y)
    groups = codes(name, clusters, len(p))
    if int(groups.max(initial=-1)) + 1 < folds:
        raise UndefinedMeasurement(
            "Each fold needs a cluster.",
            saw=f"{int(groups.max(initial=-1)) + 1} clusters",
            wanted=f"at least {folds}",
            try_this="label more items",
        )
    fold = _folds(groups, folds, seed)
    out = np.empty_like(p)
    for k in range(folds):
        out[fold == k] = _FIT[method](p[fold != k], y[fold != k])(p[fold == k])
    return out


def log_loss(p: Floats, y: Floats) -> Floats:
    """-log of the probability given to what was right, per item, in nats."""
    p = np.clip(p, EDGE, 1 - EDGE)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)))


def recalibration_gain(
    p: Values,
    y: Values,
    *,
    clusters: Clusters = None,
    method: Method | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    of: str = "",
) -> Measurement:
    """Log loss that recalibration takes off items it has not seen, in nats per item.

    The map is chosen by the number of clusters (temperature from 100, Platt from 200, isotonic
    from 1,000) unless `method` says; 5-fold by cluster. Green: surely better. Yellow: better,
    but perhaps by chance. Red: not better, and `recalibrated` refuses it.

    Raises:
        UndefinedMeasurement: impossible input.
    """
    name = "recalibration_gain"
    p, y = claims(name, p, y)
    groups = codes(name, clusters, len(p))
    many = int(groups.max(initial=-1)) + 1
    chosen = method or method_for(many)
    if chosen is None or many < FROM[-1][0]:
        frame = Frame(instrument=name, units="nats/item", of=of, seed=seed)
        return too_few(frame, f"fewer than {FROM[-1][0]} clusters", n=len(p), clusters=many)
    fitted = cross_fitted(p, y, method=chosen, clusters=clusters, folds=folds, seed=seed)
    measured = mean(
        name,
        (log_loss(p, y) - log_loss(fitted, y)).tolist(),
        units="nats/item",
        clusters=groups.tolist(),
        of=of,
        null=0.0,
        assumptions=(f"{chosen}, {folds} folds by cluster", "the policy of these items"),
    )
    return measured.model_copy(update={"seed": seed, "status": _status(measured)})


def _status(measured: Measurement) -> Status:
    if measured.estimate is None or measured.low is None:
        return Status.INSUFFICIENT
    if measured.estimate <= 0:
        return Status.RED
    return Status.GREEN if measured.low > 0 else Status.YELLOW


def recalibrated(
    p: Values,
    y: Values,
    *,
    clusters: Clusters = None,
    method: Method | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> tuple[Recalibrator, Measurement]:
    """A map fitted on all items, and what it gained on items that its folds had not seen.

    Raises:
        Refused: the gain is not above 0, or the map turns the judge's order round.
        UndefinedMeasurement: impossible input, or fewer than 100 clusters.
    """
    gain = recalibration_gain(p, y, clusters=clusters, method=method, folds=folds, seed=seed)
    if gain.estimate is None:
        raise UndefinedMeasurement(
            "There is too little to recalibrate on.",
            saw=f"{gain.clusters} clusters",
            wanted=f"at least {FROM[-1][0]}",
            try_this="label more items of the current policy",
        )
    p, y = claims("recalibrated", p, y)
    chosen = method or method_for(gain.clusters or 0)
    assert chosen is not None  # an estimate exists
    fitted = _FIT[chosen](p, y)
    if gain.status is Status.RED:
        raise Refused(
            "Recalibration does not help on items it has not seen.",
            saw=f"{gain.estimate:+.4f} nats per item by {chosen}",
            wanted="a gain above 0",
            try_this="keep the judge's own claims, or label more items",
        )
    if chosen == "platt" and fitted.knots[0] <= 0:
        raise Refused(
            "Recalibration would turn the judge's order round.",
            saw=f"a slope of {fitted.knots[0]:.3f}",
            wanted="a slope above 0",
            try_this="replace the judge: it prefers what gold rejects",
        )
    return fitted, gain
