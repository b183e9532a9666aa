"""Shift weight between principles, away from what pays for a flaw."""

from decimal import Decimal

from agent.made import Made, Making

REMEDIES = {
    "padding": ("thorough", "concise"),
    "repeating": ("thorough", "concise"),
    "yielding": ("thorough", "honest"),
}
"""Flaw -> (principle that rewards it, principle that speaks against it)."""


def make(making: Making) -> Made | str:
    """The edited constitution, or why there is none.

    `all` moves the whole weight of the principle that rewards the flaw, `step` the longest
    way that is automatic.
    """
    now = making.state
    less, more = REMEDIES[making.decision.arguments["flaw"]]
    weights = {p.id: p.weight for p in now.constitution.principles}
    if less not in weights or more not in weights:
        return f"the constitution has no principle {less!r} or {more!r} to shift weight between"
    step_l1 = making.context.policy.values["step_l1"]
    longest = Decimal(step_l1.numerator) / Decimal(step_l1.denominator) / 2
    size = making.decision.arguments["size"]
    step = weights[less] if size == "all" else min(longest, weights[less])
    if step <= 0:
        return f"{less!r} has no weight left to give"
    moved = {less: weights[less] - step, more: weights[more] + step}
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
