"""A verifier in a judge's place: of the micro-world, or of a user's data.

Then the judge that teaches and the gold that measures are the same rule: what it gets wrong no
number shows.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from logs.errors import JudgeError, Undecided
from logs.vocabulary import Constitution
from tools.data.task import FORMAT, DataTask
from tools.features import Answer
from tools.judges import Scorer


def load_verifier(path: Path) -> Scorer:
    """The verifier of an artefact."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = json.loads(lines[0])
    if head.get("format") == FORMAT:
        return DataVerifier(DataTask.read([head, *map(json.loads, lines[1:])]))
    from tools.world.verifier import verifier

    return verifier


class DataVerifier:
    """1 for an answer that the verifier of the data calls right, else 0."""

    def __init__(self, task: DataTask) -> None:
        self.task = task

    def __call__(self, answers: Sequence[Answer], constitution: Constitution) -> list[float]:
        """One score per answer; the constitution does not reach it."""
        try:
            return [float(self.task.grade(a.prompt, a.text)) for a in answers]
        except Undecided as error:
            raise JudgeError(
                error.what, saw=error.saw, wanted=error.wanted, try_this=error.try_this
            ) from error
