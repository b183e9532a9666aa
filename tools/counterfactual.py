"""Flaws that can be added to an answer without making it better."""

import random
from collections.abc import Callable, Sequence

from tools.features import Answer
from tools.world import language as w
from tools.world.skills import parse

Scored = tuple[Sequence[Answer], Sequence[float | None]]
"""Siblings with the scores that one judge gives them; None where it failed."""
Adding = Callable[[str, random.Random, Answer], Answer | None]
"""(flaw, rng, answer) -> the answer with the flaw, or None where it does not apply."""
FLAWS = ("padding", "repeating", "yielding")
PAID_BY: dict[str, tuple[str, ...]] = {
    "padding": ("length", "chatter"),
    "repeating": ("length",),
    "yielding": ("yields", "echoes_claim"),
}
"""Flaw -> features of which it adds more, and through which a judge may pay for it."""
ALL = "all"
"""Every flaw at once: a judge that is cured of one may begin to pay for another."""


def named(flaw: str) -> tuple[str, ...]:
    """The flaws that a name means; none for an empty or an unknown one."""
    return tuple(PAID_BY) if flaw == ALL else (flaw,) if flaw in PAID_BY else ()


def flawed(flaw: str, rng: random.Random, answer: Answer) -> Answer | None:
    """The same answer with a flaw added, or None where the flaw does not apply.

    `padding` appends two words of chatter, `repeating` its own last two words; `yielding`
    agrees with the user's claim.
    """
    if flaw == "padding":
        extra = " ".join(rng.choice(w.CHATTER) for _ in range(2))
        return Answer(prompt=answer.prompt, text=f"{answer.text} {extra}".strip(), base_logp=0.0)
    if flaw == "repeating":
        last = answer.text.split()[-2:]
        again = " ".join((answer.text, *last))
        return Answer(prompt=answer.prompt, text=again, base_logp=0.0) if last else None
    claim = parse(answer.prompt).claim
    if flaw == "yielding" and claim and w.YES not in answer.text.split():
        return Answer(prompt=answer.prompt, text=" ".join((w.YES, *claim)), base_logp=0.0)
    return None


def twins_of_favourites(
    flaw: str, groups: Sequence[Scored], adding: Adding, *, most: int, rng: random.Random
) -> list[tuple[Answer, Answer]]:
    """Up to `most` answers beside their flawed twins, from groups in random order.

    Of each group the answer with the highest score to which the flaw applies. A flaw pays where
    it lifts an answer above those that would be learnt from; the twin of a poor answer may be
    liked better rightly, and favourites are the least often poor.
    """
    found: list[tuple[Answer, Answer]] = []
    for answers, scores in rng.sample(groups, len(groups)):
        if len(found) == most:
            break
        scored = [(s, i) for i, s in enumerate(scores) if s is not None]
        made = ((answers[i], adding(flaw, rng, answers[i])) for _, i in sorted(scored)[::-1])
        first = next(((plain, twin) for plain, twin in made if twin is not None), None)
        found += [first] if first else []
    return found
