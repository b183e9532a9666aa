"""Judges: anything that scores sibling answers; errors stay errors.

The feature judge is a Bradley-Terry model (Bradley & Terry 1952) over what can be seen of
an answer: P(a beats b) = sigmoid(w . (phi(a) - phi(b))). The constitution is live in it: a
principle's weight, relative to its weight when the judge was fitted, scales the coefficients
of the principle's features; one that was added since pushes its own (`tools.principles`). Where a
principle does not apply it has no weight.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from logs.errors import JudgeError, UsageError
from logs.vocabulary import Constitution, JudgeVerdict
from tools.features import FEATURES, Answer, describe
from tools.principles import in_context, pushed

Floats = NDArray[np.float64]
Calibration = tuple[float, float]


class Scorer(Protocol):
    """Scores sibling answers to one prompt; may raise, be slow, or return nonsense."""

    def __call__(self, answers: Sequence[Answer], constitution: Constitution) -> Sequence[float]:
        """One finite number per answer, larger is better."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureJudge:
    """Standardised features, their coefficients, and the principles' weights when it was fitted."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    spread: float
    """Standard deviation of its scores on the answers it was fitted on; it divides every score."""
    sees: tuple[str, ...]
    """Features it may use; the others have no coefficient."""
    weights: dict[str, float]
    """Principle -> weight at the time of fitting."""
    labels: int
    """Comparisons or grades it was fitted on."""
    calibration: Calibration | None = None
    """Platt's slope and intercept: P(right) = sigmoid(slope * score + intercept); None when
    it was never calibrated on grades."""

    def __call__(self, answers: Sequence[Answer], constitution: Constitution) -> list[float]:
        """Scores in units of the founding spread, one per answer."""
        if not answers:
            return []
        here = in_context(constitution, answers[0].prompt)
        return [float(s) for s in self.score_features(describe(answers), here)]

    def score_features(self, features: Floats, constitution: Constitution) -> Floats:
        """Scores of rows of features; a principle that was removed has weight 0."""
        z = (features - np.array(self.mean)) / np.array(self.scale)
        return np.asarray(z @ self.live(constitution) / self.spread)

    def live(self, constitution: Constitution) -> Floats:
        """Its coefficients under the principles as they are now."""
        fitted = np.array(self.coefficients)
        added = pushed(constitution, self.weights, fitted, self.sees)
        return fitted * self._emphasis(constitution) + added

    def _emphasis(self, constitution: Constitution) -> Floats:
        now = {p.id: float(p.weight) for p in constitution.principles}
        return np.array(
            [
                now.get(p, 0.0) / self.weights[p] if self.weights.get(p) else 1.0
                for p in FEATURES.values()
            ]
        )

    def dump(self) -> bytes:
        """The judge as an artefact."""
        return json.dumps({"features": list(FEATURES), **asdict(self)}).encode()


def load(data: bytes) -> FeatureJudge:
    """Read a judge back from its artefact.

    Raises:
        UsageError: it was fitted on other features than this version computes.
    """
    raw = json.loads(data)
    features = raw.pop("features")
    if features != list(FEATURES):
        raise UsageError(
            "A feature judge scores only the features that it was fitted on.",
            saw=", ".join(features),
            wanted=", ".join(FEATURES),
            try_this="refit the judge with this version: plimsoll init in a new folder",
        )
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    return FeatureJudge(**fields)


def fit(
    differences: Floats,
    wins: Floats,
    *,
    background: Floats,
    constitution: Constitution,
    sees: Sequence[str],
    prior: FeatureJudge | None = None,
    ridge: float = 2.0,
    held: Sequence[str] = (),
) -> FeatureJudge:
    """Maximum a posteriori Bradley-Terry weights.

    Args:
        differences: phi(a) - phi(b), shape (pairs, features).
        wins: 1 where a was preferred, shape (pairs,).
        background: features of the answers the pairs were drawn from; fixes mean and scale.
        constitution: what the fit is relative to.
        sees: the features that may get a coefficient.
        prior: a judge to stay close to (Gaussian on its coefficients); None is zero.
        ridge: inverse variance of the prior, per standardised coefficient.
        held: features with a coefficient of at most 0.
    """
    if prior is None:
        mean, scale = background.mean(0), np.maximum(background.std(0), MIN_SCALE)
        centre = np.zeros(len(FEATURES))
    else:
        mean, scale = np.array(prior.mean), np.array(prior.scale)
        centre = prior.live(constitution)
    seen, (most, bounds) = np.array([name in sees for name in FEATURES]), _bounds(held)
    z, sign = np.where(seen, differences / scale, 0.0), 2.0 * wins - 1.0

    def loss(w: Floats) -> tuple[float, Floats]:
        margin = sign * (z @ w)
        value = np.logaddexp(0, -margin).sum() + ridge / 2 * ((w - centre) ** 2).sum()
        return float(value), -z.T @ (sign * expit(-margin)) + ridge * (w - centre)

    found = minimize(loss, np.minimum(centre, most), jac=True, method="L-BFGS-B", bounds=bounds)
    w = np.where(seen, found.x, 0.0)
    spread = float(((background - mean) / scale @ w).std()) or 1.0
    return FeatureJudge(
        mean=tuple(map(float, mean)),
        scale=tuple(map(float, scale)),
        coefficients=tuple(map(float, w)),
        spread=spread,
        sees=tuple(sees),
        weights={p.id: float(p.weight) for p in constitution.principles},
        labels=len(wins),
    )


def _bounds(held: Sequence[str]) -> tuple[Floats, list[tuple[None, float | None]] | None]:
    """The largest coefficient of each feature, as numbers and as the optimiser wants it."""
    most = np.array([0.0 if name in held else np.inf for name in FEATURES])
    return most, [(None, 0.0 if m == 0 else None) for m in most] if held else None


MIN_SCALE = 0.05
"""A feature that hardly varied while fitting must not explode when it varies later."""


def verdicts(
    judge: str, scorer: Scorer, answers: Sequence[Answer], constitution: Constitution
) -> list[JudgeVerdict]:
    """One verdict per answer; whatever goes wrong becomes an error, never a number."""
    try:
        scores = list(scorer(answers, constitution))
        if len(scores) != len(answers):
            raise JudgeError(
                "A judge gives one score per answer.",
                saw=f"{len(scores)} scores",
                wanted=f"{len(answers)}",
                try_this="plimsoll judge list",
            )
    except Exception as error:  # a judge is foreign code: whatever it raises is its verdict
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return [_error(judge, a, reason) for a in answers]
    return [_verdict(judge, a, s) for a, s in zip(answers, scores, strict=True)]


def _verdict(judge: str, answer: Answer, said: Any) -> JudgeVerdict:
    """A score, unless what was said is no finite number; text is none, whatever it spells."""
    number = isinstance(said, Real) and not isinstance(said, bool)
    if not number or not math.isfinite(said):
        return _error(judge, answer, f"not a finite number: {str(said)[:80]}")
    return JudgeVerdict(prompt=answer.prompt, answer=answer.text, judge=judge, score=float(said))


def _error(judge: str, answer: Answer, reason: str) -> JudgeVerdict:
    return JudgeVerdict(prompt=answer.prompt, answer=answer.text, judge=judge, error=reason)


def panel_scores(
    by_judge: Mapping[str, Sequence[JudgeVerdict]], weights: Mapping[str, float]
) -> list[float | None]:
    """Weighted mean of the judges' scores per answer; None where any judge of weight failed.

    A mean over the judges that happened to answer would reward what makes a judge fail.

    Raises:
        JudgeError: no judge has any weight.
    """
    weights = {judge: weight for judge, weight in weights.items() if weight}
    if not weights:
        raise JudgeError(
            "A panel needs a judge of weight.",
            saw="every weight is 0",
            wanted="at least one weight above 0",
            try_this="plimsoll judge list",
        )
    total = sum(weights.values())
    rows = zip(*(by_judge[j] for j in weights), strict=True)
    return [
        None
        if any(v.score is None for v in row)
        else sum(w * (v.score or 0.0) for w, v in zip(weights.values(), row, strict=True)) / total
        for row in rows
    ]


def calibrate(scores: Floats, right: Floats) -> Calibration:
    """Platt scaling (Platt 1999, eq. 1 with its smoothed targets) of scores on graded answers.

    Args:
        scores: shape (N,).
        right: 0 or 1, shape (N,).
    """
    n_right, n_wrong = right.sum(), (1 - right).sum()
    target = np.where(right > 0, (n_right + 1) / (n_right + 2), 1 / (n_wrong + 2))

    def loss(ab: Floats) -> tuple[float, Floats]:
        z = ab[0] * scores + ab[1]
        value = (np.logaddexp(0, z) - target * z).sum()
        residual = expit(z) - target
        return float(value), np.array([(residual * scores).sum(), residual.sum()])

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    return float(slope), float(intercept)
