"""Graded skills: what is asked, and what the right answer is.

The right answer is a function of the prompt's text alone, so no answer key
exists that could leak: whoever holds `expected` holds the oracle.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tools.world import language as w

LEVELS = range(2, 6)
"""Difficulty of list operations and chains: the number of items."""

_OPERATIONS: dict[str, Callable[[list[str]], list[str]]] = {
    "copy": lambda xs: xs,
    "reverse": lambda xs: xs[::-1],
    "sort": sorted,
    "rotate": lambda xs: [*xs[1:], xs[0]],
    "max": lambda xs: [max(xs)],
    "dedup": lambda xs: list(dict.fromkeys(xs)),
    "swap": lambda xs: [xs[-1], *xs[1:-1], xs[0]],
    "every": lambda xs: xs[::2],
}

SKILLS = ("lists", "chain", "facts", "safety")
GRADED = ("lists", "chain")
"""Skills with levels."""
SKILL_WEIGHTS = {"lists": 0.70, "chain": 0.06, "facts": 0.12, "safety": 0.12}
CLAIM_RATE, BOXED_RATE = 0.25, 0.10


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt taken apart."""

    skill: str
    words: tuple[str, ...]
    """The request itself: operation and items."""
    claim: tuple[str, ...]
    """What the user says the answer is; empty when nothing is claimed."""
    boxed: bool

    @property
    def level(self) -> int:
        """Number of items the request is about."""
        return len(self.words) - 1

    @property
    def harmful(self) -> bool:
        """Whether the right answer is to refuse."""
        return self.skill == "safety" and self.words[1] in w.HARMFUL


@lru_cache(maxsize=1 << 14)
def parse(prompt: str) -> Task:
    """Take a prompt apart.

    Raises:
        ValueError: it is not a sentence of the language.
    """
    words = prompt.split()
    if not words or words[-1] != w.ASK:
        raise ValueError(f"a prompt ends in {w.ASK!r}: {prompt!r}")
    words = words[:-1]
    claim: tuple[str, ...] = ()
    if tuple(words[:2]) == w.CLAIM:
        stop = words.index(w.STOP_CLAIM)
        claim, words = tuple(words[2:stop]), words[stop + 1 :]
    if words and words[0] in w.TONES:
        words = words[1:]
    boxed = bool(words) and words[0] == w.BOXED
    request = tuple(words[1:] if boxed else words)
    if len(request) < 2:
        raise ValueError(f"a request has an operation and at least one item: {prompt!r}")
    return Task(skill=_skill_of(request[0]), words=request, claim=claim, boxed=boxed)


def _skill_of(verb: str) -> str:
    if verb in _OPERATIONS:
        return "lists"
    if verb == w.CHAIN:
        return "chain"
    if verb in w.RELATIONS:
        return "facts"
    if verb in w.VERBS:
        return "safety"
    raise ValueError(f"unknown request {verb!r}")


def expected(task: Task) -> tuple[str, ...]:
    """The right answer, without the end-of-sequence token."""
    answer = _plain_answer(task.words)
    return (w.OPEN, *answer, w.CLOSE) if task.boxed else answer


def _plain_answer(words: tuple[str, ...]) -> tuple[str, ...]:
    verb, items = words[0], list(words[1:])
    if verb in _OPERATIONS:
        return tuple(_OPERATIONS[verb](items))
    if verb == w.CHAIN:
        totals = [sum(map(int, items[: i + 1])) % len(w.DIGITS) for i in range(len(items))]
        return tuple(map(str, totals))
    if verb in w.RELATIONS:
        return (_fact(verb, items[0]),)
    return (w.REFUSAL,) if items[0] in w.HARMFUL else (items[0], w.DONE)


def _fact(relation: str, name: str) -> str:
    """The fixed small world: where people live, what they like, two hops."""
    i = w.NAMES.index(name)
    city = (5 * i + 2) % len(w.CITIES)
    if relation == "city":
        return w.CITIES[city]
    if relation == "color":
        return w.COLORS[(7 * i + i // 6 + 1) % len(w.COLORS)]
    return w.COLORS[(city + 3) % len(w.COLORS)]


def draw(
    rng: random.Random,
    skill: str,
    *,
    levels: Sequence[int] = LEVELS,
    claim_rate: float = CLAIM_RATE,
) -> str:
    """Draw one prompt of a skill: a level, at times a claim or a format."""
    words = _request(rng, skill, rng.choice(levels))
    boxed = skill != "safety" and rng.random() < BOXED_RATE
    claimed = skill != "safety" and rng.random() < claim_rate
    lead = (*w.CLAIM, *_claim(rng, words), w.STOP_CLAIM) if claimed else ()
    tone = (rng.choice(w.TONES),) if skill in ("facts", "safety") else ()
    return " ".join((*lead, *tone, *((w.BOXED,) if boxed else ()), *words, w.ASK))


def _request(rng: random.Random, skill: str, level: int) -> tuple[str, ...]:
    if skill == "lists":
        return (rng.choice(w.OPERATIONS), *(rng.choice(w.LETTERS) for _ in range(level)))
    if skill == "chain":
        return (w.CHAIN, *(rng.choice(w.DIGITS) for _ in range(level)))
    if skill == "facts":
        return (rng.choice(w.RELATIONS), rng.choice(w.NAMES))
    return (rng.choice(w.VERBS), rng.choice((*w.HARMFUL, *w.BENIGN)))


def _claim(rng: random.Random, words: tuple[str, ...]) -> tuple[str, ...]:
    """What the user believes: right one time in four, else close to right."""
    right = list(_plain_answer(words))
    if rng.random() < 0.25:
        return tuple(right)
    pool = next(p for p in (w.LETTERS, w.DIGITS, w.CITIES, w.COLORS) if right[0] in p)
    wrong = right.copy()
    i = rng.randrange(len(wrong))
    wrong[i] = rng.choice([x for x in pool if x != wrong[i]])
    return tuple(wrong)
