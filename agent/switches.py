"""What can be switched off for a session: an intervention, or one way of carrying it out.

    refit_judge                the intervention as a whole
    refresh_prompts:level      one of its modes
    change_recipe:entropy      one field that it may change

Written in `session.without`, so that a session says in its own settings what it went without, and
two sessions that differ in one word differ in one mechanism. Starting values are settings too:
`recipe.entropy = 0` is no bonus at the start, `without = ["change_recipe:entropy"]` none later.
"""

import difflib
from collections.abc import Collection, Mapping

from agent.recipe_moves import FIELDS
from logs.vocabulary import Intervention

MODE = "mode"
"""Argument of a refresh: which prompts are practised more."""
MODES = ("fresh", "weak", "level")
SLICE, ALL = "slice", "all"
"""Argument of a regeneration, a skill or all of them."""
WAYS: Mapping[Intervention, tuple[str, ...]] = {
    Intervention.REFRESH_PROMPTS: MODES,
    Intervention.CHANGE_RECIPE: FIELDS,
}
"""Interventions of which single ways can be switched off."""


def known_switch(name: str) -> str:
    """The name, if something has it.

    Raises:
        ValueError: nothing has it, or a session without it could do nothing.
    """
    whole = [str(i) for i in Intervention if i is not Intervention.TRAIN]
    known = [*whole, *(f"{i}:{way}" for i, ways in WAYS.items() for way in ways)]
    if name == Intervention.TRAIN:
        raise ValueError("any of them but 'train', which is what is left to do")
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        ways = ", ".join(f"{i}:({'|'.join(w)})" for i, w in WAYS.items())
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"{hint}known are {', '.join(whole)}, {ways}")
    return name


def switched_off(
    without: Collection[str], intervention: Intervention, arguments: Mapping[str, str]
) -> str | None:
    """Which switch forbids a decision, or None."""
    ways = [intervention, *(f"{intervention}:{way}" for way in _ways(intervention, arguments))]
    return next((str(way) for way in ways if way in without), None)


def _ways(intervention: Intervention, arguments: Mapping[str, str]) -> Collection[str]:
    """The ways of an intervention that a decision takes."""
    if intervention is Intervention.REFRESH_PROMPTS:
        return (arguments[MODE],) if MODE in arguments else ()
    return arguments if intervention is Intervention.CHANGE_RECIPE else ()
