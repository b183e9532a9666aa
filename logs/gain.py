"""Is it really better? Two gold measurements compared, and the words that are earned."""

import math
from collections.abc import Sequence
from enum import StrEnum

from logs.text import interval, number
from logs.turns import Turn
from logs.vocabulary import Guarantee, Measurement, Status, Word


class Change(StrEnum):
    """What may be said of the model, from the first gold measurement to the last."""

    BETTER = "better"
    WORSE = "worse"
    NO_CLEAR_CHANGE = "no clear change"
    INCONCLUSIVE = "inconclusive"
    """Something that the comparison needs was not measured."""


class Gain(Word):
    """The difference of two measurements, in their units, with its interval."""

    change: Change
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    single_look: bool = False
    """The intervals hold for one look only, so this is no anytime-valid claim."""


def compare(first: Measurement | None, last: Measurement | None) -> Gain:
    """Compare two measurements with intervals, taken to be independent.

    Fixed-n intervals are combined by the square-root rule (Zou & Donner 2008,
    doi:10.1002/sim.3095, eq. 2); others by the union bound, which looks do not weaken.
    """
    if first is None or last is None:
        return Gain(change=Change.INCONCLUSIVE)
    bands = (first.estimate, first.low, first.high, last.estimate, last.low, last.high)
    if None in bands or first.units != last.units:
        return Gain(change=Change.INCONCLUSIVE)
    a, a_low, a_high, b, b_low, b_high = (float(x) for x in bands if x is not None)
    lasting = {Guarantee.ANYTIME, Guarantee.RUN_HORIZON} >= {first.guarantee, last.guarantee}
    low = b - a - _joined(b - b_low, a_high - a, lasting)
    high = b - a + _joined(b_high - b, a - a_low, lasting)
    change = Change.BETTER if low > 0 else Change.WORSE if high < 0 else Change.NO_CLEAR_CHANGE
    return Gain(change=change, difference=b - a, low=low, high=high, single_look=not lasting)


def of_session(turns: Sequence[Turn]) -> tuple[Gain, Turn | None, Turn | None]:
    """Return the gain from the first gold measurement to the last, and where they are."""
    golden = [turn for turn in turns if _gold(turn)]
    if len(golden) < 2:
        return Gain(change=Change.INCONCLUSIVE), None, None
    return compare(_gold(golden[0]), _gold(golden[-1])), golden[0], golden[-1]


def sentence(turns: Sequence[Turn]) -> str:
    """Return what answers whether the model is better, the claim first.

    A gain is claimed only by the test on fresh gold, which is valid however often it looks; a log
    without one tells the difference at a single look, and says so.
    """
    looked = [turn for turn in turns if turn.claim]
    if not looked:
        return _described(turns)
    gain, first, last = of_session(turns)
    if first is None or last is None:
        return _claimed(looked[-1])
    return (
        f"{_claimed(looked[-1])} On prompts that are measured every turn, which alone prove"
        f" nothing: {_moved(gain, first, last)}."
    )


def _claimed(turn: Turn) -> str:
    """Return what the last test on fresh gold allows to say."""
    gain = turn.claim[0]
    numbers = (
        f"against the founding state it wins {number(gain.estimate)} of fresh gold items at"
        f" iteration {turn.iteration}, at least {number(gain.low)} at any look (one-sided"
        f" {gain.level:.2%}, look {turn.look}, n={gain.n})"
    )
    match gain.status:
        case Status.GREEN:
            return f"Gain: {numbers}."
        case Status.YELLOW:
            return f"No clear change: {numbers}; {number(gain.null)} is not excluded."
        case _:
            because = "; ".join(turn.denied_by) or "too little was measured"
            return f"Inconclusive: {because}; {numbers}."


def _described(turns: Sequence[Turn]) -> str:
    gain, first, last = of_session(turns)
    if first is None or last is None or gain.difference is None:
        return "Inconclusive: gold was not measured twice with an interval, so nothing is claimed."
    numbers = _moved(gain, first, last)
    once = " at a single look (not an anytime-valid claim)" if gain.single_look else ""
    match gain.change:
        case Change.BETTER:
            return f"The model is better{once}: {numbers}."
        case Change.WORSE:
            return f"The model is worse{once}: {numbers}."
        case _:
            return f"No clear change: {numbers}; the interval holds zero."


def _moved(gain: Gain, first: Turn, last: Turn) -> str:
    return (
        f"gold {said(first)} at iteration {first.iteration}, {said(last)} at iteration"
        f" {last.iteration}, difference {signed(gain)}"
    )


def signed(gain: Gain) -> str:
    """Return `+0.24 [+0.20, +0.28]`."""
    if gain.difference is None or gain.low is None or gain.high is None:
        return "undefined"
    return f"{gain.difference:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def said(turn: Turn, instrument: str = "gold") -> str:
    """Return `0.41 [0.39, 0.43]` of one turn; a dash where it was not measured."""
    found = turn.measured(instrument)
    return interval(found.estimate, found.low, found.high) if found else "-"


def _gold(turn: Turn) -> Measurement | None:
    return turn.measured("gold")


def _joined(one: float, other: float, lasting: bool) -> float:
    return one + other if lasting else math.hypot(one, other)
