"""The founding judges: annotators compare the base model's answers, judges are fitted."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from logs.vocabulary import Constitution
from tools.drawing import draw_answers
from tools.features import FEATURES, SURFACE, Floats, describe
from tools.judges import FeatureJudge, fit
from tools.judging import answers_of
from tools.lists import FITTING_SAMPLES
from tools.world.annotators import Annotator, compare

Progress = Callable[[int, int, str], None]
Choice = tuple[int, int, int, bool]
"""Group, two answers of it, and whether the first was preferred."""
PER_PROMPT = 8
"""Pairs of siblings shown per prompt, of 28."""


def fit_founding_judges(args: dict[str, Any], scratch: Path, progress: Progress) -> dict[str, Any]:
    """One judge per annotator, written to `<id>.json`, and the choices to `<id>.choices.jsonl`."""
    constitution = Constitution.model_validate(args["constitution"])
    groups, _ = draw_answers(
        args | {"adapter": None, "samples": FITTING_SAMPLES, "temperature": 1.0},
        lambda done, of: progress(done, of, "drawing answers for the annotators"),
    )
    features = [describe(answers_of(g)) for g in groups]
    report: dict[str, Any] = {}
    for i, (name, fields) in enumerate(args["annotators"].items()):
        progress(i, len(args["annotators"]), "fitting judges")
        annotator = Annotator(id=name, **fields["bias"])
        sees = tuple(FEATURES) if fields["reads"] else SURFACE
        judge, choices = _fit(
            annotator, groups, features, args["seed"], constitution, sees, fields["comparisons"]
        )
        (scratch / f"{name}.json").write_bytes(judge.dump())
        lines = [json.dumps(c) for c in choices]
        (scratch / f"{name}.choices.jsonl").write_text("\n".join(lines) + "\n")
        report[name] = {"comparisons": judge.labels}
    return report


def _fit(
    annotator: Annotator,
    groups: Sequence[dict[str, Any]],
    features: Sequence[Floats],
    seed: int,
    constitution: Constitution,
    sees: Sequence[str],
    comparisons: int,
) -> tuple[FeatureJudge, list[dict[str, Any]]]:
    texts = [(g["prompt"], [a[0] for a in g["answers"]]) for g in groups]
    asked = compare(annotator, texts, per_prompt=PER_PROMPT, seed=seed)
    asked = _spread(asked, comparisons)
    judge = fit(
        np.array([features[g][i] - features[g][j] for g, i, j, _ in asked]),
        np.array([float(first) for *_, first in asked]),
        background=np.vstack(features),
        constitution=constitution,
        sees=sees,
    )
    choices = [
        {
            "prompt": texts[g][0],
            "chosen": texts[g][1][i if first else j],
            "rejected": texts[g][1][j if first else i],
        }
        for g, i, j, first in asked
    ]
    return judge, choices


def _spread(asked: list[Choice], n: int) -> list[Choice]:
    """At most `n` of the choices, evenly over the prompts."""
    if len(asked) <= n:
        return asked
    return [asked[i * len(asked) // n] for i in range(n)]
