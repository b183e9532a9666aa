"""States with principles of chosen weights, for tests of edits."""

from decimal import Decimal

from hypothesis import strategies as st

from logs.vocabulary import Principle, PrincipleTier, State

weights = st.sampled_from(["0", "0.01", "0.04", "0.1", "0.12", "0.3"])


def principles(**weights: str) -> tuple[Principle, ...]:
    return tuple(
        Principle(id=name, text=name, weight=Decimal(weight), tier=PrincipleTier.ADAPTIVE)
        for name, weight in weights.items()
    )


def written(now: State, **weights: str) -> State:
    """The state with other principles."""
    constitution = now.constitution.model_copy(update={"principles": principles(**weights)})
    return now.model_copy(update={"constitution": constitution})
