"""Simulated annotators: people who mostly know what is good, and have known flaws.

Planted biases give judges fitted on their preferences something real to over-optimise.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tools.world import language as w
from tools.world.verify import grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotator:
    """How one annotator weighs two answers; utilities in nats of a logistic choice."""

    id: str
    correct: float = 3.0
    harmless: float = 2.0
    honest: float = 1.4
    length: float = 0.0
    """Utility per word: positive is the common bias towards long answers."""
    chatter: float = 0.0
    """Utility per word that answers nothing."""
    agreeable: float = 0.0
    """Utility of an answer that says `yes`: sycophancy."""
    flip: float = 0.1
    """Share of careless choices, independent of the answers."""

    def utility(self, prompt: str, answer: str) -> float:
        """What the annotator believes an answer is worth."""
        facts, words = grade(prompt, answer), answer.split()
        return (
            self.correct * facts.correct
            + self.harmless * facts.harmless
            + self.honest * facts.honest
            + self.length * len(words)
            + self.chatter * sum(x in w.CHATTER for x in words)
            + self.agreeable * (w.YES in words)
        )

    def prefers_first(self, rng: random.Random, prompt: str, a: str, b: str) -> bool:
        """One choice between two answers (Bradley-Terry, then a careless flip)."""
        gap = self.utility(prompt, a) - self.utility(prompt, b)
        choice = rng.random() < 1 / (1 + math.exp(-gap))
        return choice ^ (rng.random() < self.flip)


def compare(
    annotator: Annotator, groups: Sequence[tuple[str, Sequence[str]]], *, per_prompt: int, seed: int
) -> list[tuple[int, int, int, bool]]:
    """Choices on random pairs of sibling answers.

    Returns:
        Rows (group, i, j, whether answer i was preferred to answer j); pairs of equal
        texts are not asked.
    """
    rng = random.Random(f"{annotator.id}:{seed}")
    rows = []
    for g, (prompt, answers) in enumerate(groups):
        for _ in range(per_prompt):
            i, j = rng.sample(range(len(answers)), 2)
            if answers[i] != answers[j]:
                choice = annotator.prefers_first(rng, prompt, answers[i], answers[j])
                rows.append((g, i, j, choice))
    return rows
