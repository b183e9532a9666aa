"""Turn judged answers into what is trained on: pairs, and answers to imitate."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt and two answers, the preferred one first."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One prompt and an answer worth imitating."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Sibling answers to one prompt with the panel's scores; None is an error."""

    prompt: str
    answers: tuple[str, ...]
    scores: tuple[float | None, ...]

    @property
    def scored(self) -> list[tuple[float, str]]:
        """Answers that every judge could score, worst first; equal scores keep their order."""
        rows = zip(self.scores, self.answers, strict=True)
        return sorted(((s, a) for s, a in rows if s is not None), key=lambda row: row[0])


def make_pairs(judged: Sequence[Judged], *, margin: float) -> list[Pair]:
    """Best against worst of each prompt; a tie, by score or by words, teaches nothing."""
    pairs = []
    for group in judged:
        scored = group.scored
        if len(scored) < 2:
            continue
        (low, worst), (high, best) = scored[0], scored[-1]
        if high - low > margin and best != worst:
            pairs.append(Pair(group.prompt, best, worst))
    return pairs


def make_shown(judged: Sequence[Judged], *, floor: float) -> list[Shown]:
    """The best answer of each prompt, if it reaches the floor."""
    best = [(g.prompt, *g.scored[-1]) for g in judged if g.scored]
    return [Shown(prompt, answer) for prompt, score, answer in best if score >= floor]


def replayed(buffer: Sequence[Shown], n: int, *, seed: int) -> list[Shown]:
    """`n` answers of earlier iterations, so that what was learnt is not forgotten."""
    return random.Random(seed).sample(list(buffer), min(n, len(buffer)))
