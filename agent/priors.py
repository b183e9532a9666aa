"""What a turn of the micro-world takes, before this workspace knows better. Rough, and said to be.

From the shares of a whole session in docs/speed.md (12 turns, 768 prompts, 8 answers each, two
passes over 1,280 examples: 236 s on two shared cores). Real models and other machines differ by
factors; the first recorded turn replaces it.
"""

from logs.vocabulary import Intervention, Recipe

FIXED = 2.4
"""Seconds of trial, gold, gate and log, whatever the recipe."""
PER_ANSWER = 1.15e-3
"""Seconds to draw and judge one answer."""
PER_EXAMPLE = 4.3e-3
"""Seconds to train on one example once."""
AUDITED = 96
"""Prompts that each observation answers beside those of the recipe."""
FACTOR = 3.0
"""A turn takes between a third and three times as long."""
TRAINS = frozenset({Intervention.TRAIN})


def seconds_of(intervention: Intervention, recipe: Recipe) -> float:
    """Seconds of a turn: a function of the recipe alone, so that a proposal that carries it has
    the same digest on every machine."""
    answers = (recipe.prompts + AUDITED) * recipe.samples
    examples = recipe.epochs * (recipe.prompts + recipe.replay)
    trained = PER_EXAMPLE * examples if intervention in TRAINS else 0.0
    return round(FIXED + PER_ANSWER * answers + trained, 1)
