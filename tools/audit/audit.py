"""Run a judge over an audit set, and measure what it said.

    verdicts = run(judge, cases, judge_hash=..., prompt_hash=...)
    audit = measure(verdicts, faults)

Every call is its own: a judge gets one `Call` and no memory of the others, and the calls come
in random order, so that what a judge keeps to itself cannot line up with a treatment.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Real
from typing import Literal, NamedTuple

from logs.errors import JudgeError
from tools.audit.items import Pair
from tools.audit.records import BASE, ORDERS, Choice, Order, Verdict
from tools.audit.treatments import Case, Shown, Treatment

REPEATS = 2
ITEMS = 200
Place = Literal["first", "second", "tie"]
"""What a judge says: a place, not an answer; it does not know which answer is which."""


class Call(NamedTuple):
    """All that a judge is shown in one call."""

    prompt: str
    first: str
    second: str
    note: str = ""
    history: tuple[str, ...] = ()


Judge = Callable[[Call], Place | float]
"""A place, or the probability that the first answer is the better one; it may raise."""


def from_scores(score: Callable[[str, str], float], *, tie: float = 0.0) -> Judge:
    """A judge from scores of single answers; position cannot reach it.

    Args:
        score: (prompt, answer) to a number, larger is better.
        tie: scores closer than this, or equal, are a tie.
    """

    def judge(call: Call) -> Place:
        gap = score(call.prompt, call.first) - score(call.prompt, call.second)
        return "tie" if abs(gap) <= tie else "first" if gap > 0 else "second"

    return judge


def cases(pairs: Sequence[Pair], treatments: Iterable[Treatment]) -> list[Case]:
    """Every pair under every treatment that applies to it."""
    made = (t.case(pair) for t in treatments for pair in pairs)
    return [case for case in made if case is not None]


class _Asked(NamedTuple):
    """One call to be made, and what to record of it."""

    shown: Shown
    treatment: str
    control: str
    order: Order
    repeat: int


def run(
    judge: Judge,
    pairs: Sequence[Pair],
    audited: Sequence[Case],
    *,
    judge_hash: str,
    prompt_hash: str,
    repeats: int = REPEATS,
    seed: int = 0,
    iteration: int = 0,
    seen: Collection[str] = (),
) -> list[Verdict]:
    """Ask a judge about pairs as they are and under treatments, in both orders, repeatedly.

    Args:
        judge: called once per verdict; whatever it raises is a missing verdict.
        pairs: judged unchanged: position, accuracy, noise.
        audited: from `cases`; a case whose control is the unchanged pair reuses its verdicts.
        seed: of the order of the calls.
        seen: ids of items that the judge may know already; they are marked, and refused later.
    """
    each = [(order, repeat) for order in ORDERS for repeat in range(repeats)]
    asked = [_Asked(Shown(pair=p), BASE, BASE, o, r) for p in pairs for o, r in each]
    present = {pair.id for pair in pairs}
    for case in audited:
        name = case.control_name
        if name != BASE:
            asked += [_Asked(case.control, name, name, o, r) for o, r in each]
        elif case.control.pair.id not in present:
            raise _absent(case)
        asked += [_Asked(case.treated, case.bias, name, o, r) for o, r in each]
    order = list(range(len(asked)))
    random.Random(seed).shuffle(order)
    said: dict[int, tuple[Choice | None, float | None]] = {}
    for i in order:
        said[i] = _said(judge, asked[i])
    return [
        _recorded(asked[i], said[i], judge_hash, prompt_hash, iteration, seen)
        for i in range(len(asked))
    ]


def _said(judge: Judge, asked: _Asked) -> tuple[Choice | None, float | None]:
    """The verdict and P(A), in terms of answers; a failure is no verdict."""
    try:
        said = judge(_call(asked.shown, asked.order))
    except Exception:  # a judge is foreign code: whatever it raises is a verdict not given
        return None, None
    p: float | None = None
    if isinstance(said, Real) and not isinstance(said, bool):
        p = float(said)
        if not 0 <= p <= 1:
            return None, None
        said = "tie" if p == 0.5 else "first" if p > 0.5 else "second"
    if said not in ("first", "second", "tie"):
        return None, None
    straight = asked.order == "AB"
    p_a = None if p is None else p if straight else 1 - p
    if said == "tie":
        return "tie", p_a
    return ("A" if (said == "first") == straight else "B"), p_a


def _call(shown: Shown, order: Order) -> Call:
    pair, note = shown.pair, shown.note
    first, second = (pair.a, pair.b) if order == "AB" else (pair.b, pair.a)
    if note:
        places = ("the first answer", "the second answer")
        a, b = places if order == "AB" else places[::-1]
        note = note.replace("{A}", a).replace("{B}", b)
        note = note[:1].upper() + note[1:]
    return Call(pair.prompt, first, second, note, shown.history)


def _recorded(
    asked: _Asked,
    said: tuple[Choice | None, float | None],
    judge_hash: str,
    prompt_hash: str,
    iteration: int,
    seen: Collection[str],
) -> Verdict:
    pair = asked.shown.pair
    return Verdict(
        item_id=pair.id,
        cluster_id=pair.cluster or pair.id,
        judge_hash=judge_hash,
        prompt_hash=prompt_hash,
        order=asked.order,
        repeat=asked.repeat,
        treatment=asked.treatment,
        verdict=said[0],
        score=said[1],
        gold=pair.gold,
        fresh=pair.id not in seen,
        iteration=iteration,
        side=pair.side,
        domain=pair.domain,
        control=asked.control,
    )


def _absent(case: Case) -> JudgeError:
    return JudgeError(
        "A treatment is held against the unchanged pair, which is not judged.",
        saw=f"{case.bias} of {case.control.pair.id}",
        wanted="the pair among those that are judged unchanged",
        try_this="give run() the pairs that the cases were made from",
    )


def faults(treatments: Iterable[Treatment]) -> Mapping[str, str]:
    """Bias -> the direction in which a shift is a fault."""
    return {t.bias: t.fault for t in treatments}
