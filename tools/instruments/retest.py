"""Does a judge still say of the same answers what it said before?

A judge that is served elsewhere may be changed under its name, and weights on a disk may be too.
The same answers, under the same constitution, must get the same scores: any other is a change of
the judge and no chance, so this needs no grade and raises no false alarm.
"""

from collections.abc import Sequence

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import proportion

TOLERANCE = 1e-4
"""Relative to the larger of 1 and the score: what another number of threads may do to a sum."""
EXPLAINED = 0.5
"""Correlation from which a change of scores is said to follow a feature of the answers."""
Scores = Sequence[float | None]


def retest(then: Scores, now: Scores, *, judge: str) -> Measurement:
    """Share of answers that a judge scores otherwise than it did; an error in place of a score too.

    Exact on the answers that were asked again (`guarantee` none); red from the first change on.

    Raises:
        UndefinedMeasurement: unequal numbers of scores.
    """
    _refuse_unequal(then, now)
    changed = sum(_differ(a, b) for a, b in zip(then, now, strict=True))
    found = proportion(
        "judge_retest", changed, len(now), units="share of answers", of=judge, null=0.0
    )
    status = Status.INSUFFICIENT if not now else Status.RED if changed else Status.GREEN
    return found.model_copy(
        update={"status": status, "guarantee": Guarantee.NONE, "low": None, "high": None}
    )


def follows(
    then: Scores, now: Scores, feature: Sequence[float], *, judge: str, by: str
) -> Measurement:
    """Pearson correlation of the change of a judge's scores with a feature of the answers.

    Insufficient where nothing changed or all answers have the same value of the feature.

    Raises:
        UndefinedMeasurement: unequal numbers of scores and features.
    """
    _refuse_unequal(then, now, feature)
    rows = [
        (b - a, f)
        for a, b, f in zip(then, now, feature, strict=True)
        if a is not None and b is not None
    ]
    change, value = (np.array([row[i] for row in rows]) for i in range(2))
    told = len(rows) > 2 and change.std() > TOLERANCE and value.std() > 0
    r = float(np.corrcoef(change, value)[0, 1]) if told else None
    status = Status.INSUFFICIENT if r is None else Status.GREEN
    return Measurement(
        instrument="judge_shift_follows",
        estimate=r,
        units="correlation",
        n=len(rows),
        null=0.0,
        of=f"{judge}, {by}",
        status=Status.RED if r is not None and abs(r) >= EXPLAINED else status,
    )


def _differ(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is not b
    return abs(a - b) > TOLERANCE * max(1.0, abs(a), abs(b))


def _refuse_unequal(*columns: Sequence[object]) -> None:
    if len({len(c) for c in columns}) != 1:
        raise UndefinedMeasurement(
            "Scores of the same answers were expected.",
            saw=", ".join(str(len(c)) for c in columns),
            wanted="as many of each",
            try_this="ask the judge again about exactly the answers of before",
        )
