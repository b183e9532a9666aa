"""Refit a feature judge on answers that people graded: all pairs of a right and a wrong sibling.

A refit against a flaw also learns that a right answer is better than its twin with that flaw, and
holds the features through which the flaw pays at 0 or below: no label is needed for either.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logs.errors import Undecided
from logs.vocabulary import Constitution
from tools.counterfactual import PAID_BY, named
from tools.features import FEATURES, describe
from tools.judges import FeatureJudge, calibrate, fit, load
from tools.judging import answers_of
from tools.twins import readers_of, twins

Floats = NDArray[np.float64]
MIN_PAIRS = 12


def refit(args: dict[str, Any], labels: Sequence[dict[str, Any]], scratch: Path) -> dict[str, Any]:
    """Write the refitted judge to `judge.json`; report its cross-validated accuracy.

    Args:
        args: judge, constitution, ridge, folds; `keep_prior`: whether the fit stays close to the
            judge that is given; `against`: a flaw that must not pay, or `all`, and with it
            base, reader, threads and seed.
        labels: rows {prompt, answers, grades: {index: 0|1}}; siblings without a grade still
            count as context of the features.

    Returns:
        pairs, prompts, `correct` of `tried` pairs ordered rightly, one per prompt, each by a
        judge that did not see that prompt; the log loss of those pairs; the number of twins.

    Raises:
        Undecided: too few prompts have both a right and a wrong answer.
    """
    constitution = Constitution.model_validate(args["constitution"])
    prior = load(Path(args["judge"]).read_bytes())
    known = [(row, b) for row in labels if len(b := _differences(row))]
    blocks = [b for _, b in known]
    _require(blocks)
    beside, alone = _against(args, known, labels)
    background = np.vstack([describe(answers_of(row)) for row in labels])

    def fitted(parts: Sequence[Floats]) -> FeatureJudge:
        rows = np.vstack([*parts, *alone])
        return fit(
            rows,
            np.ones(len(rows)),
            background=background,
            constitution=constitution,
            sees=prior.sees,
            prior=prior if args.get("keep_prior") else None,
            ridge=args["ridge"],
            held=[f for flaw in named(args.get("against", "")) for f in PAID_BY[flaw]],
        )

    whole = [np.vstack([b, t]) for b, t in zip(blocks, beside, strict=True)]
    correct, loss = _cross_validated(whole, fitted, args["folds"])
    judge = _calibrated(fitted(whole), labels, constitution)
    (scratch / "judge.json").write_bytes(judge.dump())
    return {
        "pairs": sum(map(len, blocks)),
        "twins": sum(map(len, [*beside, *alone])),
        "prompts": len(blocks),
        "correct": correct,
        "tried": len(blocks),
        "log_loss": loss,
    }


def _require(blocks: Sequence[Floats]) -> None:
    if len(blocks) < MIN_PAIRS:
        raise Undecided(
            "There are too few graded pairs to refit a judge.",
            saw=f"{len(blocks)} prompts with both a right and a wrong answer",
            wanted=f"at least {MIN_PAIRS}",
            try_this="audit another iteration first",
        )


def _differences(row: Mapping[str, Any]) -> Floats:
    """phi(right) - phi(wrong) for every such pair of siblings."""
    features = describe(answers_of(dict(row)))
    right = [int(i) for i, g in row["grades"].items() if g]
    wrong = [int(i) for i, g in row["grades"].items() if not g]
    return np.array([features[i] - features[j] for i in right for j in wrong])


def _against(
    args: Mapping[str, Any],
    known: Sequence[tuple[Mapping[str, Any], Floats]],
    labels: Sequence[dict[str, Any]],
) -> tuple[list[Floats], list[Floats]]:
    """phi(right) - phi(its twin with the flaw): of the prompts that have pairs, in their order,
    and of those that have none.

    Only of answers that were graded right: what was wrong may be no worse with a flaw.
    """
    none = np.zeros((0, len(FEATURES)))
    flaws = named(args.get("against", ""))
    if not flaws:
        return [none] * len(known), []
    firsts = {
        row["prompt"]: answers_of(row)[min(int(i) for i, g in row["grades"].items() if g)]
        for row in labels
        if any(row["grades"].values())
    }
    rng = random.Random(f"{args['seed']}:{args['against']}")
    readers = readers_of(args)
    rows: dict[str, list[Floats]] = {}
    for flaw in flaws:
        for plain, twin in twins(flaw, rng, list(firsts.values()), readers):
            rows.setdefault(plain.prompt, []).append(np.subtract(*describe([plain, twin])))
    beside = [np.array(rows.pop(row["prompt"], none)) for row, _ in known]
    return beside, [np.array(found) for found in rows.values()]


def _calibrated(
    judge: FeatureJudge, labels: Sequence[dict[str, Any]], constitution: Constitution
) -> FeatureJudge:
    """The judge with what a score of this judge means, from every graded answer."""
    scores, right = [], []
    for row in labels:
        scored = judge(answers_of(row), constitution)
        scores += [scored[int(i)] for i in row["grades"]]
        right += list(row["grades"].values())
    found = calibrate(np.array(scores), np.array(right, dtype=float))
    return replace(judge, calibration=found)


def _cross_validated(
    blocks: Sequence[Floats], fitted: Callable[[Sequence[Floats]], FeatureJudge], folds: int
) -> tuple[int, float]:
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
