"""Lessons: what turns that are over taught about kinds of intervention, and how they are kept.

One lesson is one turn: what was done, in which context, and what it returned. A file of them has
one JSON object a line, so that what one workspace learnt can be brought into another.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationError

from logs.canonical import canonical
from logs.errors import UsageError
from logs.vocabulary import Count, Diagnosis, Finite, Hypothesis, Intervention, Word

SINCE_MOST = 6
"""Turns after a repair from which on more of them say nothing new."""
FEATURES = (
    "always",
    *(str(h) for h in Hypothesis if h is not Hypothesis.HEALTHY),
    "uncalibrated",
    "labels_spent",
    "since_repair",
)
"""The context: one; support of each hypothesis; whether the panel's scores were never compared
with grades; share of the labels that is spent; turns since the judges changed, of SINCE_MOST."""
DIGITS = 6
MOST_BYTES = 16 * 2**20
ENDINGS = frozenset({Intervention.STOP, Intervention.ASK_PERSON})
"""They end a session: nothing follows that could be their return."""


def _known(context: dict[str, float]) -> dict[str, float]:
    if strange := sorted(context.keys() - set(FEATURES)):
        raise ValueError(f"no feature {strange[0]!r} is known to this version")
    return context


def _learnable(kind: Intervention) -> Intervention:
    if kind in ENDINGS:
        raise ValueError("an intervention that does not end the session")
    return kind


Share = Annotated[Finite, Field(ge=0, le=1)]


class Lesson(Word):
    """What one turn taught."""

    of: str = Field(min_length=3, max_length=120, pattern=r"^[0-9a-f]{12}/[^/\s]+/[0-9]+$")
    """WORKSPACE/SESSION/ITERATION: the same turn is learnt from once."""
    intervention: Annotated[Intervention, AfterValidator(_learnable)]
    context: Annotated[dict[str, Share], AfterValidator(_known)]
    """By name of the feature; what is not named is 0."""
    returned: Finite = Field(ge=-1, le=1)
    """Change of the audited share of right answers that followed, discounted."""
    variance: Finite = Field(gt=0, le=4)
    """Of that number, from its grades."""
    seen: Count
    """Later turns whose grades it rests on; 0 for a turn that changed nothing."""


def context_of(
    found: Diagnosis, *, calibrated: bool, labels_spent: float, since_repair: int
) -> dict[str, float]:
    """The context of a decision, by feature; zeros are left out.

    Args:
        found: the diagnosis of the turn.
        calibrated: whether the panel's scores were ever compared with grades.
        labels_spent: share of the audit labels that the policy allows.
        since_repair: turns since the judges changed, or since the session began.
    """
    values = {
        "always": 1.0,
        **{str(f.hypothesis): f.support for f in found.findings},
        "uncalibrated": float(not calibrated),
        "labels_spent": labels_spent,
        "since_repair": since_repair / SINCE_MOST,
    }
    bounded = {name: round(min(1.0, max(0.0, v)), DIGITS) for name, v in values.items()}
    return {name: bounded[name] for name in FEATURES if bounded.get(name)}


def vector_of(context: Mapping[str, float]) -> NDArray[np.float64]:
    """The context as numbers, in the order of FEATURES."""
    return np.array([context.get(name, 0.0) for name in FEATURES])


def gathered(*of: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """All lessons, each turn once, in an order of their own.

    Of one turn that is told twice, what was written later rests on more grades, and counts.
    """
    best: dict[str, Lesson] = {}
    for lesson in sorted((x for some in of for x in some), key=lambda x: (x.seen, canonical(x))):
        best[lesson.of] = lesson
    return tuple(best[name] for name in sorted(best))


def written(lessons: Iterable[Lesson]) -> bytes:
    """Lessons as JSON lines; the same lessons give the same bytes."""
    return b"".join(canonical(lesson) + b"\n" for lesson in gathered(lessons))


def read(data: bytes, name: str) -> tuple[Lesson, ...]:
    """The lessons of a file.

    Raises:
        UsageError: a line is not a lesson, or the file is too long.
    """
    if len(data) > MOST_BYTES:
        raise _unreadable(name, f"more than {MOST_BYTES} bytes")
    rows = [(i, line) for i, line in enumerate(data.splitlines(), 1) if line.strip()]
    return gathered([_lesson(line, i, name) for i, line in rows])


def _lesson(line: bytes, number: int, name: str) -> Lesson:
    try:
        return Lesson.model_validate(json.loads(line.decode("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(x) for x in first["loc"])
        raise _unreadable(name, f"line {number}: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(name, f"line {number} is not JSON") from error


def _unreadable(name: str, saw: str) -> UsageError:
    return UsageError(
        "The experience for the decider cannot be read.",
        saw=f"{name}: {saw}",
        wanted="JSON lines, as plimsoll session experience writes them",
        try_this="write it again, or set decider.experience in plimsoll.toml to an empty text",
    )
