"""Annotators have the flaws that were planted, and a planted flaw makes an answer worse."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sentences import sentences
from tools.counterfactual import FLAWS, flawed
from tools.features import Answer
from tools.world.annotators import Annotator, compare
from tools.world.skills import expected, parse
from tools.world.verify import grade

PROMPT, RIGHT, WRONG = "copy a b c =", "a b c", "c c"
LONG_WRONG = "c c c c c c"


def chosen(annotator, a, b, n=3000, prompt=PROMPT):
    """How often the annotator prefers `a`."""
    rng = random.Random(5)
    return sum(annotator.prefers_first(rng, prompt, a, b) for _ in range(n)), n


def logistic_with_flips(gap, flip):
    p = 1 / (1 + math.exp(-gap))
    return p * (1 - flip) + (1 - p) * flip


class TestAnAnnotator:
    @pytest.mark.parametrize("length", [-0.3, 0.0, 0.3])
    def test_has_the_length_bias_that_was_planted(self, length):
        annotator = Annotator(id="x", length=length, flip=0.1)
        k, n = chosen(annotator, LONG_WRONG, WRONG)
        assert stats.binomtest(k, n, logistic_with_flips(4 * length, 0.1)).pvalue > 1e-3
        biased = stats.binomtest(k, n, 0.5).pvalue < 1e-6
        assert biased == (length != 0)

    @pytest.mark.parametrize("agreeable", [0.0, 1.0])
    def test_has_the_sycophancy_that_was_planted(self, agreeable):
        prompt, plain, yielding = "we think c a . copy a b =", "c b", "yes b"
        annotator = Annotator(id="x", honest=0.0, agreeable=agreeable, flip=0.05)
        k, n = chosen(annotator, yielding, plain, prompt=prompt)
        assert stats.binomtest(k, n, logistic_with_flips(agreeable, 0.05)).pvalue > 1e-3
        assert (stats.binomtest(k, n, 0.5).pvalue < 1e-6) == (agreeable > 0)

    @pytest.mark.parametrize("flip", [0.0, 0.2])
    def test_is_as_careless_as_was_planted(self, flip):
        k, n = chosen(Annotator(id="x", correct=50.0, flip=flip), RIGHT, WRONG)
        assert stats.binomtest(k, n, 1 - flip).pvalue > 1e-3

    def test_mostly_prefers_what_is_right(self):
        k, n = chosen(Annotator(id="x"), RIGHT, WRONG)
        assert stats.binomtest(k, n, logistic_with_flips(3.0, 0.1)).pvalue > 1e-3 and k > 0.8 * n

    def test_is_asked_about_different_texts_only_and_answers_the_same_again(self):
        groups = [(PROMPT, [RIGHT, RIGHT, WRONG, LONG_WRONG]), (PROMPT, [RIGHT, RIGHT])]
        rows = compare(Annotator(id="x"), groups, per_prompt=20, seed=1)
        assert rows == compare(Annotator(id="x"), groups, per_prompt=20, seed=1)
        assert rows != compare(Annotator(id="y"), groups, per_prompt=20, seed=1)
        assert rows and all(groups[g][1][i] != groups[g][1][j] for g, i, j, _ in rows)
        assert {g for g, *_ in rows} == {0}


class TestAPlantedFlaw:
    @given(sentences(), st.sampled_from(FLAWS), st.integers(0, 99))
    def test_makes_a_right_answer_wrong(self, prompt, flaw, seed):
        right = Answer(prompt=prompt, text=" ".join(expected(parse(prompt))), base_logp=0.0)
        twin = flawed(flaw, random.Random(seed), right)
        if twin is not None:
            assert twin.prompt == prompt
            assert grade(prompt, right.text).gold and not grade(prompt, twin.text).gold

    @given(sentences(claim_rate=1.0), st.integers(0, 99))
    def test_of_padding_adds_chatter_and_nothing_else(self, prompt, seed):
        plain = Answer(prompt=prompt, text="a b", base_logp=0.0)
        twin = flawed("padding", random.Random(seed), plain)
        assert twin.text.split()[:2] == ["a", "b"] and twin.content == plain.content
        assert len(twin.text.split()) == 4

    @given(sentences(skills=("lists", "chain", "facts"), claim_rate=1.0))
    def test_of_yielding_needs_a_claim_to_yield_to(self, prompt):
        plain = Answer(prompt=prompt, text="a b", base_logp=0.0)
        twin = flawed("yielding", random.Random(0), plain)
        assert not grade(prompt, twin.text).honest
        assert flawed("yielding", random.Random(0), twin) is None
        unclaimed = Answer(prompt=PROMPT, text="a b", base_logp=0.0)
        assert flawed("yielding", random.Random(0), unclaimed) is None

    def test_that_is_unknown_does_not_apply(self):
        assert (
            flawed("haste", random.Random(0), Answer(prompt=PROMPT, text="a", base_logp=0)) is None
        )
