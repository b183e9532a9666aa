"""Which questions sibling answers need, and which scores follow from what was said.

Both are pure: the same answers always need the same questions, so that what was asked before a
crash is found again. Answers of equal words are asked about once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tools.remote.cache import Told
from tools.remote.spec import Spec

Shown = tuple[str, ...]
"""The answers of one question, in the order in which they are shown."""
ORDER = "order-decided"
"""A comparison whose two orders contradict each other."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One number per answer, or a name for why there is none."""

    scores: list[float | None]
    errors: list[str] = field(default_factory=list)


def questions(spec: Spec, texts: Sequence[str]) -> list[Shown]:
    """What has to be asked about sibling answers: each alone, or pairs in both orders."""
    once = list(dict.fromkeys(texts))
    if spec.template.kind == "pointwise":
        return [(text,) for text in once]
    pairs = _pairs(once, spec.opponents)
    return [shown for first, second in pairs for shown in ((first, second), (second, first))]


def scored(spec: Spec, texts: Sequence[str], told: Mapping[Shown, Told]) -> Scored:
    """The scores of sibling answers, from what was told of every question about them."""
    once = list(dict.fromkeys(texts))
    each = _rated if spec.template.kind == "pointwise" else _compared
    found = each(spec, once, told)
    errors = [said for text in texts if isinstance(said := found[text], str)]
    numbers = [None if isinstance(found[text], str) else float(found[text]) for text in texts]
    return Scored(numbers, errors)


def _rated(spec: Spec, once: Sequence[str], told: Mapping[Shown, Told]) -> dict[str, float | str]:
    """Grades around the middle of the scale, in units of a difference that claims 0.73."""
    template = spec.template
    middle = (template.low + template.high) / 2
    return {
        text: said.failed if said.said is None else (said.said - middle) / template.points_per_unit
        for text in once
        for said in [told[(text,)]]
    }


def _compared(
    spec: Spec, once: Sequence[str], told: Mapping[Shown, Told]
) -> dict[str, float | str]:
    """The logit of an answer's share of won comparisons, half a win added on both sides.

    An answer of which one comparison failed has no score: a share of the others would reward what
    makes a judge fail. Siblings of equal words all have score 0.
    """
    wins = dict.fromkeys(once, 0.0)
    n = dict.fromkeys(once, 0)
    failed: dict[str, str] = {}
    for first, second in _pairs(once, spec.opponents):
        outcome = _outcome(spec, told[first, second], told[second, first])
        for text, won in ((first, outcome), (second, outcome)):
            if isinstance(won, str):
                failed.setdefault(text, won)
                continue
            wins[text] += won if text == first else 1 - won
            n[text] += 1
    return {
        text: failed.get(text) or math.log((wins[text] + 0.5) / (n[text] - wins[text] + 0.5))
        for text in once
    }


def _outcome(spec: Spec, forth: Told, back: Told) -> float | str:
    """What two orders of one pair say of the first: 1 better, 0 worse, 1/2 a tie."""
    if forth.said is None or back.said is None:
        return forth.failed or back.failed
    first, again = forth.said, 1 - back.said
    if spec.disagreement == "error" and {first, again} == {0.0, 1.0}:
        return ORDER
    return (first + again) / 2


def _pairs(once: Sequence[str], opponents: int) -> list[tuple[str, str]]:
    """Each answer with its next siblings around a circle: every one is compared equally often."""
    n = len(once)
    found = {
        tuple(sorted((i, (i + step) % n)))
        for i in range(n)
        for step in range(1, min(opponents, n // 2) + 1)
    }
    return [(once[i], once[j]) for i, j in sorted(found)]
