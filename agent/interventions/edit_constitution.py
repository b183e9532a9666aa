"""Shift weight between principles, away from what pays for a flaw; other edits are reshapings."""

from collections.abc import Mapping
from decimal import Decimal

from agent.edits import OFFER
from agent.interventions import reshape_constitution
from agent.made import Made, Making
from agent.past import offer_of

WEIGHTS = "weights"
"""Argument of a decision that says itself where weights go."""
REMEDIES = {
    "padding": ("thorough", "concise"),
    "repeating": ("thorough", "concise"),
    "yielding": ("thorough", "honest"),
}
"""Flaw -> (principle that rewards it, principle that speaks against it)."""


def make(making: Making) -> Made | str:
    """The edited constitution, or why there is none.

    `all` moves the whole weight of the principle that rewards the flaw, `step` the longest
    way that is automatic; an offer says itself where every weight goes.
    """
    arguments = making.decision.arguments
    if reshape_constitution.shapes(arguments):
        return reshape_constitution.make(making)
    if WEIGHTS in arguments:
        moved = _named(making, arguments[WEIGHTS])
    else:
        moved = _offered(making) if OFFER in arguments else _shifted(making)
    return moved if isinstance(moved, str) else _edited(making, moved)


def _named(making: Making, said: str) -> Mapping[str, Decimal] | str:
    """Weights that the decision itself names, as `id=0.25,other=0.75`."""
    try:
        moved = {
            name: Decimal(value) for name, _, value in (x.partition("=") for x in said.split(","))
        }
    except ArithmeticError:
        return "the decision names weights that are no numbers"
    known = {p.id for p in making.state.constitution.principles}
    if not moved.keys() <= known or not all(v.is_finite() for v in moved.values()):
        return f"the decision names weights of other principles than {', '.join(sorted(known))}"
    return moved


def _offered(making: Making) -> Mapping[str, Decimal] | str:
    """The weights that the law offered when it refused an edit of this session."""
    of = int(making.decision.arguments[OFFER])
    offer = offer_of(making.context.journal.find(making.turn["session"], of, "refuse"))
    if offer is None or offer.weights.keys() != {
        p.id for p in making.state.constitution.principles
    }:
        return f"iteration {of} was offered no weights for these principles"
    return offer.weights


def _shifted(making: Making) -> Mapping[str, Decimal] | str:
    """The weight of the principle that rewards the flaw, or a part of it, given to its remedy."""
    less, more = REMEDIES[making.decision.arguments["flaw"]]
    weights = {p.id: p.weight for p in making.state.constitution.principles}
    if less not in weights or more not in weights:
        return f"the constitution has no principle {less!r} or {more!r} to shift weight between"
    step_l1 = making.context.policy.values["step_l1"]
    longest = Decimal(step_l1.numerator) / Decimal(step_l1.denominator) / 2
    size = making.decision.arguments["size"]
    step = weights[less] if size == "all" else min(longest, weights[less])
    if step <= 0:
        return f"{less!r} has no weight left to give"
    return {less: weights[less] - step, more: weights[more] + step}


def _edited(making: Making, moved: Mapping[str, Decimal]) -> Made:
    now = making.state
    principles = tuple(
        p.model_copy(update={"weight": moved.get(p.id, p.weight)})
        for p in now.constitution.principles
    )
    edited = now.constitution.model_copy(
        update={"version": now.constitution.version + 1, "principles": principles}
    )
    return Made(
        new=now.model_copy(update={"constitution": edited}),
        inputs={"samples": making.observation.samples},
    )
