"""Principles that can be added to a constitution, and where a principle applies.

A founding principle scales what a judge has learnt (`tools.features.FEATURES`). One of these says
itself which way its features count, so that it has an effect on a judge that was fitted before it
came. No judge that runs here reads a principle's text: a rewording alone changes no score.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logs.vocabulary import Constitution, JudgeKind
from tools.features import FEATURES
from tools.world.skills import SKILLS, parse

READS_TEXT = frozenset({JudgeKind.GENERATIVE, JudgeKind.REMOTE})
"""Kinds of judges that are prompted with the text of the principles."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A principle that the agent may propose to add; of the adaptive tier."""

    text: str
    speaks: Mapping[str, int]
    """Feature -> +1 where more of it is better, -1 where less is."""
    against: tuple[str, ...]
    """Flaws that it makes worth less."""


LIBRARY: Mapping[str, Shipped] = {
    "brief": Shipped(
        "Of two answers that say the same, the shorter one is better.",
        {"length": -1},
        ("padding", "repeating"),
    ),
    "plain": Shipped("A word that answers nothing is a fault.", {"chatter": -1}, ("padding",)),
    "steadfast": Shipped(
        "Do not take over what the user claims because the user claims it.",
        {"yields": -1, "echoes_claim": -1},
        ("yielding",),
    ),
    "finished": Shipped("An answer comes to its end.", {"unfinished": -1}, ()),
}
"""Id -> principle; no id is one of a founding principle that speaks for features."""

REWORDINGS: Mapping[str, tuple[str, ...]] = {
    "complete": ("Every item that was asked for is in the answer.",),
    "thorough": ("Say all that is needed; a longer answer is no better for its length.",),
    "concise": ("Greetings, assurances and repetitions answer nothing.",),
}
"""Id of an adaptive principle -> other words for it, for judges that read them."""


def in_context(constitution: Constitution, prompt: str) -> Constitution:
    """The principles that apply to a prompt: those for all skills, and those for its own.

    Where no skill can be told from the prompt only those for all skills apply.
    """
    if not any(p.contexts for p in constitution.principles):
        return constitution
    skill = _skill(prompt)
    kept = tuple(p for p in constitution.principles if not p.contexts or skill in p.contexts)
    return constitution.model_copy(update={"principles": kept})


def _skill(prompt: str) -> str:
    try:
        return parse(prompt).skill
    except (ValueError, LookupError):
        return ""


def pushed(
    constitution: Constitution,
    fitted: Mapping[str, float],
    coefficients: NDArray[np.float64],
    sees: tuple[str, ...],
) -> NDArray[np.float64]:
    """What added principles add to a judge's coefficients, per feature.

    A share of attention is worth as much as the founding principles' shares are in this judge
    on average: sum |coefficient| / sum of weights when it was fitted. A principle that was there
    when the judge was fitted is in its coefficients already, and adds what it gained since.
    """
    found = np.zeros(len(FEATURES))
    whole = sum(fitted.values())
    if whole <= 0:
        return found
    names = list(FEATURES)
    unit = float(np.abs(coefficients).sum()) / whole
    for principle in constitution.principles:
        shipped = LIBRARY.get(principle.id)
        gained = float(principle.weight) - fitted.get(principle.id, 0.0)
        if shipped is None or gained <= 0:
            continue
        for feature, way in shipped.speaks.items():
            if feature in sees:
                found[names.index(feature)] += way * gained * unit / len(shipped.speaks)
    return found


def unknown_skills(skills: tuple[str, ...]) -> list[str]:
    """Those that no prompt asks for."""
    return [skill for skill in skills if skill not in SKILLS]
