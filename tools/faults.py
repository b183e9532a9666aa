"""Faults that can be planted: judges that err in a known way, and data that was tampered with.

For the self-governance benchmark. A fault is described by plain JSON, so that it passes into a
job; what it does depends on its arguments alone.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from logs.vocabulary import Constitution
from tools.features import FEATURES, Answer, describe
from tools.judges import Scorer

NAMES = list(FEATURES)
LENGTH, YIELDS, ECHOES = (NAMES.index(n) for n in ("length", "yields", "echoes_claim"))


@dataclass(frozen=True, slots=True)
class FaultyJudge:
    """A judge with something added to, or drowning, what it would say."""

    judge: Scorer
    length: float = 0.0
    """Score per word."""
    agreeable: float = 0.0
    """Score for an answer that says yes to the user's claim or repeats it."""
    noise: float = 0.0
    """Share of the score that is replaced by noise, in [0, 1]."""

    def __call__(self, answers: Sequence[Answer], constitution: Constitution) -> list[float]:
        """Scores of the judge, with its fault."""
        seen = describe(answers)
        plain = self.judge(answers, constitution)
        return [
            (1 - self.noise) * float(score)
            + self.noise * _noise(answer)
            + self.length * float(row[LENGTH])
            + self.agreeable * float(row[YIELDS] or row[ECHOES])
            for score, answer, row in zip(plain, answers, seen, strict=True)
        ]


def faulty(judge: Scorer, fault: Mapping[str, float] | None) -> Scorer:
    """The judge as planted; itself without a fault."""
    return FaultyJudge(judge, **fault) if fault else judge


def _noise(answer: Answer) -> float:
    """A standard normal number that is always the same for the same answer."""
    digest = sha256(f"{answer.prompt}\n{answer.text}".encode()).digest()
    return random.Random(digest).gauss(0.0, 1.0)


def flipped(rows: Sequence[Sequence[Any]], share: float, seed: int) -> list[list[Any]]:
    """Training pairs (prompt, chosen, rejected), of which a share have the last two swapped."""
    rng = random.Random(f"flipped:{seed}")
    return [[p, b, a] if rng.random() < share else [p, a, b] for p, a, b in rows]


def poisoned(
    rows: Sequence[Sequence[Any]], share: float, seed: int, poison: Sequence[str]
) -> list[list[Any]]:
    """Shown answers (prompt, answer) of which a share were replaced by answers nobody drew."""
    rng = random.Random(f"poisoned:{seed}")
    return [[p, rng.choice(list(poison)) if rng.random() < share else a] for p, a in rows]
