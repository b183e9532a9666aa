"""Flaws that can be added to an answer without making it better."""

import random

from tools.features import Answer
from tools.world import language as w
from tools.world.skills import parse

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
