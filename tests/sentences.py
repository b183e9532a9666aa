"""Prompts of the micro-world, for properties that must hold for every one of them."""

import random

from hypothesis import strategies as st

from tools.world.skills import SKILLS, draw


@st.composite
def sentences(draw_from, skills=SKILLS, **parameters):
    """A prompt of the world."""
    skill = draw_from(st.sampled_from(skills))
    return draw(random.Random(draw_from(st.integers(0, 10**9))), skill, **parameters)
