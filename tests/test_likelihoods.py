"""Evidence is weighed by likelihood ratios: for, against, and never without a bound."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, norm

from agent.hypotheses import RIGHT, WRONG
from agent.likelihood import MOST, Beta, Clue, Normal, chance, counted, measured, sign, support

rates = st.builds(Beta, st.floats(0.2, 50), st.floats(0.2, 50))
normals = st.builds(Normal, st.floats(-2, 2), st.floats(0.05, 2))
shares = st.floats(0.001, 0.999)


class TestACount:
    @given(st.integers(0, 60), st.integers(0, 60), rates, rates)
    def test_is_weighed_as_scipy_weighs_it(self, k, more, if_so, if_not):
        n = k + more
        oracle = betabinom.logpmf(k, n, if_so.a, if_so.b) - betabinom.logpmf(
            k, n, if_not.a, if_not.b
        )
        assert counted(k, n, if_so=if_so, if_not=if_not) == pytest.approx(oracle, abs=1e-6)

    @given(st.integers(1, 30), rates)
    def test_has_chances_that_sum_to_one(self, n, rate):
        assert sum(chance(k, n, rate) for k in range(n + 1)) == pytest.approx(1)

    @given(st.integers(0, 200), rates, rates)
    def test_of_nothing_says_nothing(self, worth, if_so, if_not):
        assert counted(0, 0, if_so=if_so, if_not=if_not, worth=worth) == 0

    def test_of_items_that_go_together_is_worth_less(self):
        alone = counted(450, 500, if_so=Beta(9, 1), if_not=Beta(5, 5))
        together = counted(450, 500, if_so=Beta(9, 1), if_not=Beta(5, 5), worth=20)
        assert 0 < together < alone


class TestAPanel:
    @given(st.integers(4, 40))
    def test_is_suspected_the_less_the_more_pairs_it_orders_rightly(self, n):
        supports = [
            support(0.1, [Clue("", counted(k, n, if_so=WRONG, if_not=RIGHT))]) for k in range(n + 1)
        ]
        worst = supports.index(max(supports))
        assert worst <= n / 2
        assert supports[worst:] == sorted(supports[worst:], reverse=True)

    def test_that_is_a_coin_is_found_out_in_24_pairs_and_a_good_one_is_not_accused(self):
        def of(k):
            return support(0.1, [Clue("", counted(k, 24, if_so=WRONG, if_not=RIGHT))])

        assert of(12) > 0.6
        assert of(20) < 0.05


class TestASign:
    @given(st.booleans(), shares, shares)
    def test_speaks_for_what_makes_it_likelier(self, fired, if_so, if_not):
        nats = sign(fired, if_so=if_so, if_not=if_not)
        likelier = if_so > if_not if fired else if_so < if_not
        assert (nats > 0) == likelier or nats == pytest.approx(0, abs=1e-9)


class TestANumber:
    @given(st.floats(-3, 3), normals, normals)
    def test_is_weighed_as_scipy_weighs_it(self, x, if_so, if_not):
        oracle = norm.logpdf(x, if_so.mean, if_so.sd) - norm.logpdf(x, if_not.mean, if_not.sd)
        assert measured(x, if_so=if_so, if_not=if_not) == pytest.approx(oracle, abs=1e-6)


class TestSupport:
    @given(shares)
    def test_without_evidence_is_the_prior(self, prior):
        assert support(prior, []) == pytest.approx(prior)

    @given(shares, st.lists(st.floats(-1e6, 1e6), max_size=8))
    def test_is_a_probability_and_does_not_depend_on_order(self, prior, nats):
        clues = [Clue("", n) for n in nats]
        assert 0 <= support(prior, clues) <= 1
        assert support(prior, clues) == pytest.approx(support(prior, clues[::-1]))

    @given(st.floats(-1e9, 1e9))
    def test_is_never_moved_by_one_clue_further_than_its_bound(self, nats):
        moved = support(0.5, [Clue("", nats)])
        assert abs(math.log(moved / (1 - moved))) <= MOST + 1e-9

    def test_refuses_evidence_of_undefined_weight(self):
        with pytest.raises(ValueError, match="undefined"):
            Clue("", math.nan)
