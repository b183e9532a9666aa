"""Judges with one planted fault each, to see whether an audit finds it and nothing else.

They know the right answers of the micro-world and choose by a logistic of what each answer is
worth to them; a fault adds worth where there is none.
"""

import math
import random
from dataclasses import dataclass, replace
from functools import lru_cache

from tools.audit.audit import Call, Judge, Place
from tools.audit.world import NULLS, SELF
from tools.world import language as w
from tools.world.skills import expected, parse

_SILENT = frozenset((*w.CHATTER, *w.TONES, w.OPEN, w.CLOSE))
"""Words that say nothing of the answer's content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What an answer is worth to a judge, in nats of a logistic choice."""

    right: float = 3.0
    per_word: float = 0.0
    agrees: float = 0.0
    """Of an answer that the user claimed."""
    own: float = 0.0
    """Of an answer with the judge's own signature."""
    empty: float = -12.0
    """Of an answer that says nothing."""
    place: float = 0.0
    """Of standing first."""
    flips: float = 0.0
    """Share of careless choices."""
    saturated: bool = False
    """Whether everything gets full marks."""
    fades: float = 0.0
    """What `right` loses with each iteration."""

    def worth(self, prompt: str, answer: str) -> float:
        """What one answer is worth."""
        words = answer.split()
        content = tuple(x for x in words if x not in _SILENT)
        right, claim = _known(prompt)
        return (
            self.right * (content[: len(right)] == right)
            + self.per_word * len(words)
            + self.agrees * bool(claim and content[: len(claim)] == claim)
            + self.own * (SELF in words[-1:])
            + self.empty * (answer in NULLS)
        )


@lru_cache(maxsize=1 << 16)
def _worth(taste: Taste, prompt: str, answer: str) -> float:
    """An answer is met once per order and repeat."""
    return taste.worth(prompt, answer)


@lru_cache(maxsize=1 << 14)
def _known(prompt: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The right answer and the user's claim, both without brackets and empty words."""
    task = parse(prompt)
    right = tuple(x for x in expected(task) if x not in _SILENT)
    return right, tuple(x for x in task.claim if x not in _SILENT)


PLANTED: dict[str, Taste] = {
    "honest": Taste(),
    "noisy": Taste(right=4.0, flips=0.15),
    "length-biased": Taste(per_word=0.8),
    "sycophantic": Taste(agrees=3.0),
    "self-preferring": Taste(own=2.5),
    "position-locked": Taste(place=30.0),
    "saturated": Taste(saturated=True),
    "fooled": Taste(empty=12.0),
    "degrading": Taste(fades=0.6),
}
"""Name -> taste. `honest` and `noisy` have no bias; the second is careless."""


def planted(name: str, *, seed: int, iteration: int = 0) -> Judge:
    """A planted judge as it is in one iteration; its choices are drawn from the seed.

    Raises:
        KeyError: there is no judge of this name in PLANTED.
    """
    taste = PLANTED[name]
    return of_taste(replace(taste, right=taste.right - taste.fades * iteration), seed=seed)


def of_taste(taste: Taste, *, seed: int) -> Judge:
    """A judge that chooses by its taste."""
    rng = random.Random(f"taste:{seed}")

    def judge(call: Call) -> Place:
        if taste.saturated:
            return "tie"
        gap = _worth(taste, call.prompt, call.first) - _worth(taste, call.prompt, call.second)
        first = rng.random() < 1 / (1 + math.exp(-gap - taste.place))
        if taste.flips and rng.random() < taste.flips:
            first = not first
        return "first" if first else "second"

    return judge
