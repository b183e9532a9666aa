"""Bounds are rounded towards refusal, and they cover."""

import random
from dataclasses import replace
from fractions import Fraction
from math import comb, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from invariants.bounds import beta_binomial, bounded_mean, clopper_pearson
from invariants.measures import MetricRule, metric_facts
from logs.vocabulary import Evidence, Metric

ALPHA = Fraction(1, 20)
counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def tail(k: int, n: int, p: Fraction) -> Fraction:
    """P(X >= k) as an exact rational: the definition, with nothing rounded."""
    return sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1)), Fraction(0))


class TestTheIntervalOfAProportion:
    @settings(max_examples=60)
    @given(counts)
    def test_is_never_narrower_than_the_exact_one(self, count):
        k, n = count
        low, high = clopper_pearson(k, n, ALPHA)
        assert k == 0 or tail(k, n, low) <= ALPHA / 2
        assert k == n or tail(n - k, n, 1 - high) <= ALPHA / 2

    @settings(max_examples=60)
    @given(counts)
    def test_is_hardly_wider_than_the_exact_one(self, count):
        k, n = count
        low, high = clopper_pearson(k, n, ALPHA)
        step = Fraction(1, 10**8)
        assert k == 0 or tail(k, n, low + step) > ALPHA / 2
        assert k == n or tail(n - k, n, 1 - high + step) > ALPHA / 2

    @pytest.mark.parametrize(
        ("k", "n"),
        [(0, 7), (7, 7), (1, 2000), (1000, 2000), (1990, 2000), (63, 64), (9_990, 10_000)],
    )
    @pytest.mark.parametrize("alpha", [Fraction(1, 20), Fraction(1, 1000)])
    def test_agrees_with_scipy_and_errs_towards_refusal(self, k, n, alpha):
        low, high = clopper_pearson(k, n, alpha)
        oracle = binomtest(k, n).proportion_ci(1 - float(alpha), "exact")
        assert oracle.low - 1e-8 <= low <= oracle.low + 1e-11
        assert oracle.high - 1e-11 <= high <= oracle.high + 1e-8


def hoeffding(n: int, width: float) -> float:
    return width * sqrt(log(2 / float(ALPHA)) / (2 * n))


class TestTheIntervalOfAMean:
    def test_covers_the_true_mean_as_often_as_it_says(self):
        rng = random.Random(7)
        missed = 0
        for _ in range(150):
            values = [Fraction(rng.choice((0, 0, 0, 1, 4))) for _ in range(40)]
            low, high = bounded_mean(values, Fraction(0), Fraction(4), ALPHA)
            assert low <= sum(values) / 40 <= high
            missed += not low <= 1 <= high
        # Binomial(150, 0.05) exceeds 15 with probability below 0.003.
        assert missed <= 15

    def test_is_sharper_than_hoeffding_when_values_vary_little(self):
        values = [Fraction(1 + i % 3, 10) for i in range(128)]
        _, high = bounded_mean(values, Fraction(0), Fraction(8), ALPHA)
        assert high - Fraction(1, 5) < hoeffding(128, 8) / 2

    def test_is_about_as_sharp_as_hoeffding_at_the_worst_variance(self):
        values = [Fraction(i % 2) for i in range(400)]
        low, high = bounded_mean(values, Fraction(0), Fraction(1), ALPHA)
        assert high - low < 2 * 1.3 * hoeffding(400, 1)

    @settings(max_examples=25)
    @given(st.lists(st.integers(0, 10), min_size=1, max_size=20), st.randoms())
    def test_does_not_depend_on_the_order_and_stays_in_range(self, tenths, rng):
        values = [Fraction(t, 10) for t in tenths]
        mixed = rng.sample(values, len(values))
        low, high = bounded_mean(values, Fraction(0), Fraction(1), ALPHA)
        assert 0 <= low <= sum(values) / len(values) <= high <= 1
        again = bounded_mean(mixed, Fraction(0), Fraction(1), ALPHA)
        assert abs(again[0] - low) < Fraction(1, 10**6)

    def test_claims_nothing_from_one_value(self):
        low, high = bounded_mean([Fraction(1)], Fraction(0), Fraction(1), ALPHA)
        assert low <= ALPHA / 2 and high == 1


class TestTheIntervalOfAProportionAtEveryLook:
    @settings(max_examples=60)
    @given(counts)
    def test_is_what_the_uniform_bettor_refutes_and_errs_towards_refusal(self, count):
        k, n = count
        low, high = beta_binomial(k, n, ALPHA)

        def wealth_left(p: Fraction) -> Fraction:
            return (n + 1) * comb(n, k) * p**k * (1 - p) ** (n - k)

        step = Fraction(1, 10**8)
        assert 0 <= low <= Fraction(k, n) <= high <= 1
        assert k == 0 or wealth_left(low) <= ALPHA < wealth_left(low + step)
        assert k == n or wealth_left(high) <= ALPHA < wealth_left(high - step)

    def test_survives_stopping_at_the_worst_look_where_the_other_does_not(self):
        rng = random.Random(5)
        missed = {"anytime": 0, "fixed": 0}
        for _ in range(120):
            k, worst = 0, {"anytime": False, "fixed": False}
            for n in range(1, 201):
                k += rng.random() < 0.5
                if n % 4:
                    continue
                worst["anytime"] |= not _holds(beta_binomial(k, n, ALPHA))
                worst["fixed"] |= not _holds(clopper_pearson(k, n, ALPHA))
            for name, fault in worst.items():
                missed[name] += fault
        # Binomial(120, 0.05) exceeds 13 with probability below 0.005.
        assert missed["anytime"] <= 13
        assert missed["fixed"] >= 15

    @pytest.mark.parametrize(("k", "n"), [(64, 64), (57, 64), (0, 9), (990, 1000)])
    def test_is_wider_than_the_one_for_a_single_look(self, k, n):
        low, high = beta_binomial(k, n, ALPHA)
        once = clopper_pearson(k, n, ALPHA)
        assert low <= once[0] and once[1] <= high

    def test_is_what_a_metric_gets_that_asks_for_it(self):
        shown = Metric(name="m", k=57, n=64)
        plain = MetricRule("proportion", "of trials")
        found = [
            metric_facts(_evidence(shown), {"m": rule})["m"]["lo"]
            for rule in (plain, replace(plain, guarantee="anytime"))
        ]
        assert found == [clopper_pearson(57, 64, ALPHA)[0], beta_binomial(57, 64, ALPHA)[0]]


def _holds(interval: tuple[Fraction, Fraction]) -> bool:
    return interval[0] <= Fraction(1, 2) <= interval[1]


def _evidence(*metrics: Metric) -> Evidence:
    return Evidence(proposal="0" * 64, metrics=metrics, harness="1" * 64, sandbox_level=2)
