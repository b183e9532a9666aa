"""The oracle in a judge's place: for baselines and tests, never in a governed session."""

from collections.abc import Sequence

from logs.vocabulary import Constitution
from tools.features import Answer
from tools.world.verify import grade


def verifier(answers: Sequence[Answer], constitution: Constitution) -> list[float]:
    """1 for an answer that is all that people want, else 0."""
    return [float(grade(a.prompt, a.text).gold) for a in answers]
