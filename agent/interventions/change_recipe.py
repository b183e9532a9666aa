"""Change how the next iterations train, by a small step of a fixed table; nothing is trained."""

from agent.made import Made, Making
from agent.recipe_moves import moved


def make(making: Making) -> Made | str:
    """The state with another recipe and all else as it was, or why there is none."""
    now = making.state
    recipe = moved(now.recipe, making.decision.arguments)
    if isinstance(recipe, str):
        return recipe
    return Made(
        new=now.model_copy(update={"recipe": recipe}),
        inputs={"samples": making.observation.samples},
    )
