"""The Ladder: what it releases cannot be talked up by asking again and again."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.ladder import PROMOTE, RELEASE, Ladder
from logs.errors import Undecided

MODELS = st.lists(st.lists(st.integers(0, 1), min_size=12, max_size=12), min_size=1, max_size=8)


def released(models, errors=RELEASE):
    ladder, numbers = Ladder(errors), []
    for losses in models:
        ladder = ladder.after(losses)
        numbers.append(ladder.released)
    return numbers


def by_reference(models, errors):
    """The published algorithm in floating point, with a standard deviation."""
    best, last, numbers = None, math.inf, []
    for losses in (np.array(m, dtype=float) for m in models):
        spread = np.std(losses - best, ddof=1) if best is not None else np.std(losses, ddof=1)
        edge = last - errors * spread / math.sqrt(len(losses))
        # A tie is decided by exact arithmetic; floats may fall on either side of it.
        close = math.isclose(losses.mean(), edge, abs_tol=1e-9)
        if not close and losses.mean() < edge:
            best, last = losses, losses.mean()
        numbers.append(last)
    return numbers


class TestTheReleasedNumber:
    @given(MODELS, st.sampled_from((RELEASE, PROMOTE)))
    def test_is_that_of_the_published_algorithm(self, models, errors):
        assert [float(x) for x in released(models, errors)] == pytest.approx(
            by_reference(models, errors)
        )

    @given(MODELS)
    def test_never_rises_and_is_always_a_loss_that_was_seen(self, models):
        numbers = released(models)
        assert numbers == sorted(numbers, reverse=True)
        assert set(numbers) <= {Fraction(sum(m), 12) for m in models}

    def test_repeats_itself_when_the_step_is_within_chance(self):
        first, luck = [1] * 50 + [0] * 50, [0] + [1] * 49 + [0] * 50
        better = [1] * 30 + [0] * 70
        assert released([first, luck, better]) == [
            Fraction(1, 2),
            Fraction(1, 2),
            Fraction(3, 10),
        ]

    def test_of_promotions_asks_for_twice_the_step(self):
        first, better = [1] * 50 + [0] * 50, [1] * 47 + [0] * 53
        assert released([first, better])[-1] == Fraction(47, 100)
        assert released([first, better], PROMOTE)[-1] == Fraction(1, 2)

    def test_is_compared_exactly_at_the_edge(self):
        # One answer of four mended: gain 1/4, and s / sqrt(n) is 1/4 too; not less, so no.
        assert released([[1, 1, 0, 0], [0, 1, 0, 0]])[-1] == Fraction(1, 2)


class TestAnAttack:
    def inflation(self, release_of, seeds=12, n=500, queries=200):
        """Mean inflation by the majority of random submissions that looked better than 1/2."""
        found = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            truth, votes, seen, release = rng.integers(0, 2, n), np.zeros(n), 0.5, release_of()
            for _ in range(queries - 1):
                guess = rng.integers(0, 2, n)
                told = release((guess != truth).astype(int).tolist())
                if told < 0.5 and told != seen:
                    votes += 2 * guess - 1
                seen = told
            final = np.where(votes == 0, rng.integers(0, 2, n), votes > 0).astype(int)
            found.append(0.5 - release((final != truth).astype(int).tolist()))
        return float(np.mean(found))

    def test_inflates_a_naive_score_by_more_than_a_tenth(self):
        assert self.inflation(lambda: lambda losses: sum(losses) / len(losses)) >= 0.12

    def test_hardly_inflates_the_ladder(self):
        def ladder():
            state = [Ladder()]

            def release(losses):
                state[0] = state[0].after(losses)
                return float(state[0].released)

            return release

        assert self.inflation(ladder) <= 0.06


class TestAnHonestAgent:
    def test_is_told_nearly_all_of_what_it_gained(self):
        off = []
        for seed in range(20):
            hard = np.random.default_rng(seed).random(500)
            models = [(hard < rate).astype(int).tolist() for rate in np.linspace(0.4, 0.3, 21)]
            off.append(float(released(models)[-1]) - sum(models[-1]) / 500)
        assert abs(np.mean(off)) <= 0.01


class TestLossesThatAreNone:
    @pytest.mark.parametrize("losses", [[], [1], [0, 2], [0, True], [0, 1.0], [0, None], [0, 1, 1]])
    def test_are_undecided(self, losses):
        with pytest.raises(Undecided, match="same gold prompts"):
            Ladder().after([0, 1]).after(losses)
