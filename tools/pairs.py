"""Turn judged answers into what is trained on: pairs, and answers to imitate."""

import math
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


def make_shown(judged: Sequence[Judged]) -> list[Shown]:
    """The best answer of each prompt."""
    return [Shown(g.prompt, g.scored[-1][1]) for g in judged if g.scored]


def balanced(shown: Sequence[Shown], *, spread: float, seed: int) -> list[Shown]:
    """No prompt length may crowd out the others: at most `spread` times the mean per length.

    What is mastered is short and plentiful; without this the frontier is a rounding error.
    """
    by_length: dict[int, list[Shown]] = {}
    for one in shown:
        by_length.setdefault(len(one.prompt.split()), []).append(one)
    if not by_length:
        return []
    rng = random.Random(seed)
    most = max(1, round(spread * len(shown) / len(by_length)))
    return [x for row in by_length.values() for x in rng.sample(row, min(len(row), most))]


def replayed(buffer: Sequence[Shown], n: int, *, seed: int) -> list[Shown]:
    """`n` answers of earlier iterations, so that what was learnt is not forgotten."""
    return random.Random(seed).sample(list(buffer), min(n, len(buffer)))


def probability_first(group: Judged, first: int, second: int) -> float:
    """What the panel claims: P(first beats second), Bradley-Terry on its scores.

    Raises:
        ValueError: one of the two has no score.
    """
    a, b = group.scores[first], group.scores[second]
    if a is None or b is None:
        raise ValueError("an answer without a score makes no claim")
    return (1 + math.tanh((a - b) / 2)) / 2  # the logistic function, without its overflow
