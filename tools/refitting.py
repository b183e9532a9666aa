"""Refit a feature judge on answers that people graded: all pairs of a right and a wrong sibling."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logs.errors import Undecided
from logs.vocabulary import Constitution
from tools.features import describe
from tools.judges import Calibration, FeatureJudge, calibrate, fit, load
from tools.judging import answers_of

Floats = NDArray[np.float64]
MIN_PAIRS = 12


def refit(args: dict[str, Any], labels: Sequence[dict[str, Any]], scratch: Path) -> dict[str, Any]:
    """Write the refitted judge to `judge.json`; report its cross-validated accuracy.

    Args:
        labels: rows {prompt, answers, grades: {index: 0|1}}; siblings without a grade still
            count as context of the features.
        args: judge, constitution, ridge, folds; `held`: features that must not pay, and
            `keep_prior`: whether the fit stays close to the judge that is given.

    Returns:
        pairs, prompts, `correct` of `tried` pairs ordered rightly, one per prompt, each by a
        judge that did not see that prompt, and the log loss of those pairs.

    Raises:
        Undecided: too few prompts have both a right and a wrong answer.
    """
    constitution = Constitution.model_validate(args["constitution"])
    prior = load(Path(args["judge"]).read_bytes())
    blocks = [b for b in map(_differences, labels) if len(b)]
    if len(blocks) < MIN_PAIRS:
        raise Undecided(
            "There are too few graded pairs to refit a judge.",
            saw=f"{len(blocks)} prompts with both a right and a wrong answer",
            wanted=f"at least {MIN_PAIRS}",
            try_this="audit another iteration first",
        )
    background = np.vstack([describe(answers_of(row)) for row in labels])

    def fitted(parts: Sequence[Floats]) -> FeatureJudge:
        rows = np.vstack(parts)
        return fit(
            rows,
            np.ones(len(rows)),
            background=background,
            constitution=constitution,
            sees=prior.sees,
            prior=prior if args.get("keep_prior") else None,
            ridge=args["ridge"],
            held=args.get("held", ()),
        )

    correct, loss = _cross_validated(blocks, fitted, args["folds"])
    judge = fitted(blocks)
    judge = replace(judge, calibration=_calibration(judge, labels, constitution))
    (scratch / "judge.json").write_bytes(judge.dump())
    return {
        "pairs": judge.labels,
        "prompts": len(blocks),
        "correct": correct,
        "tried": len(blocks),
        "log_loss": loss,
    }


def _differences(row: dict[str, Any]) -> Floats:
    """phi(right) - phi(wrong) for every such pair of siblings."""
    features = describe(answers_of(row))
    right = [int(i) for i, g in row["grades"].items() if g]
    wrong = [int(i) for i, g in row["grades"].items() if not g]
    return np.array([features[i] - features[j] for i in right for j in wrong])


def _calibration(
    judge: FeatureJudge, labels: Sequence[dict[str, Any]], constitution: Constitution
) -> Calibration:
    """What a score of this judge means, from every graded answer."""
    scores, right = [], []
    for row in labels:
        scored = judge(answers_of(row), constitution)
        scores += [scored[int(i)] for i in row["grades"]]
        right += list(row["grades"].values())
    return calibrate(np.array(scores), np.array(right, dtype=float))


def _cross_validated(blocks: Sequence[Floats], fitted: Any, folds: int) -> tuple[int, float]:
    """Prompts whose first pair a judge fitted on the other folds orders rightly, and the mean
    Bradley-Terry log loss of those pairs in nats (ln 2 is a coin)."""
    correct, loss = 0, 0.0
    for fold in range(folds):
        seen = [b for i, b in enumerate(blocks) if i % folds != fold]
        judge = fitted(seen)
        slope = np.array(judge.coefficients) / np.array(judge.scale)
        margins = [float(b[0] @ slope) for i, b in enumerate(blocks) if i % folds == fold]
        correct += sum(m > 0 for m in margins)
        loss += sum(float(np.logaddexp(0, -m)) for m in margins)
    return correct, loss / len(blocks)
