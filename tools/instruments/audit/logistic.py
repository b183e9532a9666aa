"""Logistic regression by Newton's method, with cluster-robust standard errors."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from logs.errors import UndefinedMeasurement
from tools.instruments.intervals import LEVEL, Interval

Floats = NDArray[np.float64]
STEPS, CLOSE, LARGEST = 50, 1e-10, 30.0
"""Newton steps at most; the step that ends them; log-odds that only separated data reach."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients in log-odds and their covariance."""

    coefficients: Floats
    covariance: Floats
    clusters: int

    def interval(self, i: int, *, level: float = LEVEL) -> Interval:
        """t interval of one coefficient, with clusters - 1 degrees of freedom."""
        half = self.quantile(level) * float(np.sqrt(self.covariance[i, i]))
        return float(self.coefficients[i]) - half, float(self.coefficients[i]) + half

    def quantile(self, level: float = LEVEL) -> float:
        """Half-width of an interval in standard errors."""
        return float(stats.t.ppf((1 + level) / 2, self.clusters - 1))


class Separated(Exception):
    """No finite maximum: some combination of the terms tells every verdict."""


def fit(design: Floats, wins: Floats, clusters: Sequence[Hashable] | None = None) -> Fit:
    """Maximum likelihood of P(win) = sigmoid(design @ w), wins in [0, 1].

    The covariance is the sandwich over clusters with the factor G / (G - 1), so that the
    verdicts of one prompt may depend on each other, and a tie may count as half a win.

    Raises:
        Separated: the likelihood has no finite maximum.
        UndefinedMeasurement: fewer clusters than two more than terms, or terms that are copies
            of each other.

    Source:
        Liang & Zeger (1986), doi:10.1093/biomet/73.1.13, with independent working correlation.
    """
    groups = _groups(len(wins), clusters)
    n_groups, terms = int(groups.max()) + 1 if len(groups) else 0, design.shape[1]
    if n_groups < terms + 2 or np.linalg.matrix_rank(design) < terms:
        raise UndefinedMeasurement(
            "A logistic regression needs more clusters than terms, and terms that differ.",
            saw=f"{n_groups} clusters, {terms} terms of rank {np.linalg.matrix_rank(design)}",
            wanted=f"at least {terms + 2} clusters, full rank",
            try_this="audit pairs whose answers differ in length, on more prompts",
        )
    w = _maximum(design, wins)
    p = expit(design @ w)
    bread = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
    scores = np.zeros((n_groups, terms))
    np.add.at(scores, groups, design * (wins - p)[:, None])
    meat = scores.T @ scores * n_groups / (n_groups - 1)
    return Fit(w, bread @ meat @ bread, n_groups)


def _maximum(design: Floats, wins: Floats) -> Floats:
    w = np.zeros(design.shape[1])
    for _ in range(STEPS):
        p = expit(design @ w)
        curvature = design.T @ (design * (p * (1 - p))[:, None])
        if np.linalg.cond(curvature) > 1e12:
            raise Separated
        step = np.linalg.solve(curvature, design.T @ (wins - p))
        w = w + step
        if np.abs(design @ w).max() > LARGEST:
            raise Separated
        if np.abs(step).max() < CLOSE:
            return np.asarray(w, dtype=np.float64)
    raise Separated


def _groups(n: int, clusters: Sequence[Hashable] | None) -> NDArray[np.int64]:
    if clusters is None:
        return np.arange(n, dtype=np.int64)
    index = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    return np.array([index[name] for name in clusters], dtype=np.int64)
