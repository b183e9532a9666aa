"""Make a judge's claims true without touching its order: another map from score to P(right)."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from logs.errors import Refused, Undecided
from logs.vocabulary import Measurement, Status
from tools.instruments.estimates import mean
from tools.instruments.reliability.recalibration import (
    Method,
    cross_fitted,
    log_loss,
    platt,
    temperature,
)
from tools.judges import Calibration, FeatureJudge

Floats = NDArray[np.float64]
FEWEST = 48
"""Graded prompts below which claims are left as they are."""
ENOUGH = 100
"""From so many prompts on a gain above 0 is enough (instruments.md B3); below, it must be sure."""
FLEXIBLE = 200
"""From so many prompts on a map that exists is shifted as well as stretched."""
FOLDS = 5


def recalibrate(
    judge: FeatureJudge,
    scores: Sequence[float],
    right: Sequence[int],
    prompts: Sequence[Hashable],
    *,
    seed: int = 0,
) -> tuple[FeatureJudge, Measurement]:
    """The judge with another map from score to claim, and the log loss that this takes off.

    A judge with claims gets a temperature (Guo et al. 2017), from 200 prompts on Platt's two
    numbers; one that never claimed anything gets Platt's, held against the base rate.

    Args:
        scores: what it says of graded answers that it was not fitted on.
        right: their grades, 0 or 1.
        prompts: of each answer; the folds keep a prompt together.

    Returns:
        The judge, and nats per answer gained on prompts that its folds had not seen.

    Raises:
        Undecided: fewer than 48 graded prompts, or only one kind of grade.
        Refused: claims would not become better on unseen prompts, or the order would turn.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    many = len(set(prompts))
    if many < FEWEST or len(set(y.tolist())) < 2:
        raise Undecided(
            "There is too little to recalibrate a judge on.",
            saw=f"{many} graded prompts, {int(y.sum())} of {len(y)} answers right",
            wanted=f"at least {FEWEST} prompts, and answers of both kinds",
            try_this="audit further iterations first",
        )
    claimed = expit(s) if judge.calibration is None else _claims(judge.calibration, s)
    before = np.full(len(y), y.mean()) if judge.calibration is None else claimed
    method: Method = "platt" if judge.calibration is None or many >= FLEXIBLE else "temperature"
    unseen = cross_fitted(claimed, y, method=method, clusters=prompts, folds=FOLDS, seed=seed)
    gain = _gain(log_loss(before, y) - log_loss(unseen, y), prompts, method, seed)
    _require_gain(gain, many)
    return replace(judge, calibration=_composed(judge.calibration, method, claimed, y)), gain


def _claims(known: Calibration, scores: Floats) -> Floats:
    return np.asarray(expit(known[0] * scores + known[1]))


def _gain(gains: Floats, prompts: Sequence[Hashable], method: str, seed: int) -> Measurement:
    measured = mean(
        "recalibration_gain",
        gains.tolist(),
        units="nats/item",
        clusters=list(prompts),
        null=0.0,
        assumptions=(f"{method}, {FOLDS} folds by prompt", "the policy of these answers"),
    )
    sure = measured.low is not None and measured.low > 0
    better = measured.estimate is not None and measured.estimate > 0
    status = Status.GREEN if sure else Status.YELLOW if better else Status.RED
    return measured.model_copy(update={"seed": seed, "status": status})


def _require_gain(gain: Measurement, many: int) -> None:
    wanted = (Status.GREEN, Status.YELLOW) if many >= ENOUGH else (Status.GREEN,)
    if gain.status not in wanted:
        raise Refused(
            "Recalibration is not shown to help on prompts that it has not seen.",
            saw=f"{gain.estimate:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] nats per answer"
            if gain.estimate is not None and gain.low is not None and gain.high is not None
            else "no estimate",
            wanted="a gain above 0" if many >= ENOUGH else f"a sure gain below {ENOUGH} prompts",
            try_this="keep the judge's own claims, or grade more answers",
        )


def _composed(known: Calibration | None, method: Method, claimed: Floats, y: Floats) -> Calibration:
    """The fitted map over the claims, as a slope and an intercept over the score.

    Raises:
        Refused: the slope is not above 0.
    """
    fitted = (temperature if method == "temperature" else platt)(claimed, y)
    slope, shift = (*fitted.knots, 0.0)[:2]
    if slope <= 0:
        raise Refused(
            "Recalibration would turn the judge's order round.",
            saw=f"a slope of {slope:.3f}",
            wanted="a slope above 0",
            try_this="refit or swap the judge: its order is wrong, not only its claims",
        )
    a, b = known or (1.0, 0.0)
    return slope * a, slope * b + shift
