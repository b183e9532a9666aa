"""The first of many that is bad: asked one by one, or by halves if what is bad stays bad."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Self


class Verdict(StrEnum):
    """What is said of one of them."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "cannot be judged"

    @classmethod
    def of(cls, bad: bool | None) -> Self:
        """From a truth value; None is neither."""
        return cls("cannot be judged" if bad is None else "bad" if bad else "good")


class Found(NamedTuple):
    """Where the first bad one is, as far as that can be told."""

    first: int | None
    """None where there is none, or where it is one of several candidates."""
    candidates: tuple[int, ...]
    """More than one where those between cannot be judged."""
    last_good: int | None
    asked: dict[int, Verdict]


Ask = Callable[[int], Verdict]


def one_by_one(of: Sequence[int], ask: Ask) -> Found:
    """Ask each in order, all of them: the first bad one is the first, whatever comes after."""
    asked = {i: ask(i) for i in of}
    bad = next((i for i in of if asked[i] is Verdict.BAD), None)
    if bad is None:
        return Found(None, (), None, asked)
    good = max((i for i in of if i < bad and asked[i] is Verdict.GOOD), default=None)
    return Found(bad, (bad,), good, asked)


def by_halves(of: Sequence[int], ask: Ask) -> Found:
    """Ask the middle again and again; where it cannot be judged, its nearest neighbours.

    Assumes that everything after a bad one is bad. The last one is asked first: if it is good,
    there is none.
    """
    asked: dict[int, Verdict] = {}

    def at(place: int) -> Verdict:
        if of[place] not in asked:
            asked[of[place]] = ask(of[place])
        return asked[of[place]]

    low, high = -1, _last_judged(len(of), at)
    if high is None or at(high) is Verdict.GOOD:
        return Found(None, (), None, asked)
    while (middle := _between(low, high, at)) is not None:
        if at(middle) is Verdict.BAD:
            high = middle
        else:
            low = middle
    candidates = tuple(of[i] for i in range(low + 1, high + 1))
    good = of[low] if low >= 0 else None
    return Found(of[high] if len(candidates) == 1 else None, candidates, good, asked)


def _last_judged(count: int, at: Callable[[int], Verdict]) -> int | None:
    return next((i for i in range(count - 1, -1, -1) if at(i) is not Verdict.SKIP), None)


def _between(low: int, high: int, at: Callable[[int], Verdict]) -> int | None:
    """The place nearest to the middle that can be judged."""
    middle = (low + high) // 2
    places = sorted(range(low + 1, high), key=lambda i: abs(i - middle))
    return next((i for i in places if at(i) is not Verdict.SKIP), None)
