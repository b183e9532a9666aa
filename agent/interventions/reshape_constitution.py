"""Edits that add a principle, restrict one to skills, or say one in other words.

Whether an edit is lawful is not asked here: the law knows tiers, floors and the core.
"""

from decimal import Decimal

from agent.made import Made, Making
from logs.vocabulary import Principle, PrincipleTier
from tools.principles import LIBRARY, READS_TEXT, REWORDINGS, unknown_skills

ADD, CONTEXT, REWORD = "add", "context", "reword"
"""Arguments of a decision: id of a shipped principle, or of one in force."""
WEIGHT, SKILLS, TEXT = "weight", "skills", "text"
ALL = "all"
"""Skills of a principle that applies everywhere."""


def make(making: Making) -> Made | str:
    """The edited constitution, or why there is none."""
    arguments = making.decision.arguments
    if ADD in arguments:
        found = _added(making, arguments[ADD], arguments[WEIGHT])
    elif CONTEXT in arguments:
        found = _restricted(making, arguments[CONTEXT], arguments[SKILLS])
    else:
        found = _reworded(making, arguments[REWORD], arguments[TEXT])
    return found if isinstance(found, str) else _edited(making, found)


def shapes(arguments: dict[str, str]) -> bool:
    """Whether a decision is of this kind."""
    return bool({ADD, CONTEXT, REWORD} & arguments.keys())


def _added(making: Making, name: str, weight: str) -> tuple[Principle, ...] | str:
    known = making.state.constitution.principles
    if name not in LIBRARY or any(p.id == name for p in known):
        return f"{name!r} is no shipped principle that the constitution lacks"
    try:
        share = Decimal(weight)
    except ArithmeticError:
        return f"{weight!r} is no weight"
    if not share.is_finite() or share <= 0:
        return f"{weight!r} is no weight above 0"
    principle = Principle(
        id=name, text=LIBRARY[name].text, weight=share, tier=PrincipleTier.ADAPTIVE
    )
    return (*known, principle)


def _restricted(making: Making, name: str, said: str) -> tuple[Principle, ...] | str:
    skills = () if said == ALL else tuple(dict.fromkeys(said.split(",")))
    if unknown := unknown_skills(skills):
        return f"no prompt asks for the skill {', '.join(map(repr, unknown))}"
    return _changed(making, name, "contexts", skills)


def _reworded(making: Making, name: str, number: str) -> tuple[Principle, ...] | str:
    if not any(j.kind in READS_TEXT for j in making.state.panel.judges):
        return "no judge of the panel reads the text of a principle"
    texts = dict(enumerate(REWORDINGS.get(name, ()), start=1))
    text = texts.get(int(number)) if number.isascii() and number.isdigit() else None
    if text is None:
        return f"there is no wording {number!r} of the principle {name!r}"
    return _changed(making, name, "text", text)


def _changed(
    making: Making, name: str, field: str, value: str | tuple[str, ...]
) -> tuple[Principle, ...] | str:
    known = making.state.constitution.principles
    if all(p.id != name for p in known):
        return f"the constitution has no principle {name!r}"
    edited = tuple(p.model_copy(update={field: value}) if p.id == name else p for p in known)
    return "the principle says so already" if edited == known else edited


def _edited(making: Making, principles: tuple[Principle, ...]) -> Made:
    now = making.state
    edited = now.constitution.model_copy(
        update={"version": now.constitution.version + 1, "principles": principles}
    )
    return Made(
        new=now.model_copy(update={"constitution": edited}),
        inputs={"samples": making.observation.samples},
    )
