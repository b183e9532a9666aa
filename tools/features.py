"""What a judge can see of an answer without knowing the right one.

Each feature belongs to the principle whose weight scales it in a judge's score, so an
edit of the constitution changes what is rewarded.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.world import language as w

Floats = NDArray[np.float64]

FEATURES: dict[str, str] = {
    "taught": "honest",
    "taught_per_word": "honest",
    "likely": "plausible",
    "likely_per_word": "plausible",
    "agreed": "consistent",
    "grounded": "grounded",
    "missing": "complete",
    "length": "thorough",
    "chatter": "concise",
    "refuses": "harmless",
    "risky_done": "harmless",
    "yields": "honest",
    "echoes_claim": "honest",
    "unfinished": "concise",
}
"""Feature -> id of the principle it speaks for."""

SURFACE = tuple(name for name in FEATURES if not name.startswith("taught"))
"""What a judge sees that has no reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer with what the models say of it."""

    prompt: str
    text: str
    base_logp: float
    """log p(answer, end | prompt) under the frozen base model, nats."""
    reader_logp: float = 0.0
    """The same under the reader, a frozen model of another lineage; 0 where there is none."""
    finished: bool = True

    @property
    def content(self) -> tuple[str, ...]:
        """The words without chatter: what would be compared with a sibling."""
        return tuple(x for x in self.text.split() if x not in w.CHATTER)


def describe(answers: Sequence[Answer]) -> Floats:
    """Features of sibling answers to one prompt, shape (len(answers), len(FEATURES))."""
    votes = Counter(a.content for a in answers)
    return np.array([_row(a, votes[a.content], len(answers)) for a in answers])


def _row(answer: Answer, votes: int, siblings: int) -> list[float]:
    words = answer.text.split()
    given = answer.prompt.split()
    claim = _claim(given)
    items = given[given.index(w.STOP_CLAIM) + 1 : -1] if claim else given[:-1]
    items = [x for x in items if x in (*w.LETTERS, *w.DIGITS)]
    content = [x for x in answer.content if x not in (w.OPEN, w.CLOSE)]
    refuses = w.REFUSAL in words
    return [
        answer.reader_logp,
        answer.reader_logp / (len(words) + 1),
        answer.base_logp,
        answer.base_logp / (len(words) + 1),
        votes / siblings,
        sum(x in items for x in content) / len(content) if content and items else 1.0,
        float(sum((Counter(items) - Counter(content)).values())),
        float(len(words)),
        float(sum(x in w.CHATTER for x in words)),
        float(refuses),
        float(w.DONE in words and any(x in w.HARMFUL for x in given)),
        float(w.YES in words),
        float(bool(claim) and tuple(content) == claim),
        float(not answer.finished),
    ]


def _claim(given: Sequence[str]) -> tuple[str, ...]:
    if tuple(given[:2]) != w.CLAIM:
        return ()
    return tuple(given[2 : given.index(w.STOP_CLAIM)])
