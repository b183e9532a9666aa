"""The part of the menu that is about data and recipe: what to practise on, and how to train.

Single ways that a session goes without (`switches`) are not on it.
"""

from collections.abc import Iterable, Iterator

from agent.deciders import View
from agent.deciding.menu import Choice, Item, safe
from agent.recipe_moves import moves
from agent.switches import ALL, MODE, MODES, SLICE, switched_off
from logs.vocabulary import Intervention

_REFRESH, _CHANGE = Intervention.REFRESH_PROMPTS, Intervention.CHANGE_RECIPE
_MEANS = {
    "learning_rate": "change the size of training steps",
    "beta": "hold the preference stage nearer to the reference (more), or let it go (less)",
    "nll": "change the weight of imitating the chosen answers",
    "entropy": "change the bonus for staying unsure, against a policy that grows too certain",
    "temperature": "draw the answers of the next turns at another temperature",
    "samples": "draw another number of answers to each prompt",
    "epochs": "pass more or less often over the chosen answers",
    "reference": "hold the preference stage to the previous policy or to the founding one",
}


def items(view: View) -> Iterator[Item]:
    """Everything about data and recipe that may be chosen in this turn."""
    yield Item(_REFRESH, "practise on other prompts, more of the skills on which siblings differ")
    modes = [m for m in MODES if not switched_off(view.without, _REFRESH, {MODE: m})]
    if modes:
        means = (
            "practise on other prompts: fresh ones; more of the skills in which the policy is weak;"
            " or more of the levels at which it is right about half the time"
        )
        yield Item(_REFRESH, means, {MODE: _plain(modes)})
    means = "throw away replayed answers, of all skills or of one, and draw from other prompts"
    yield Item(Intervention.REGENERATE_DATA, means, {SLICE: _plain((ALL, *skills(view)))})
    for name, values in moves(view.state.recipe).items():
        if not switched_off(view.without, _CHANGE, {name: values[0]}):
            means = f"{_MEANS[name]}; nothing is trained in this turn"
            yield Item(_CHANGE, means, {name: _plain(values)})


def skills(view: View) -> tuple[str, ...]:
    """Skills that this turn's observation names."""
    told = (m.of for m in view.observation.measurements if m.instrument == "audited_right")
    return tuple(dict.fromkeys(told))


def _plain(values: Iterable[str]) -> Choice:
    return Choice({safe(value): value for value in values})
