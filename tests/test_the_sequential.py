"""Confidence sequences: the truth is inside at every look, and fewer items mean wider."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from invariants.bounds import beta_binomial
from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Status
from tests.test_the_betting import drawn, every_path
from tools.instruments.intervals import Thresholds
from tools.instruments.sequential import betting, confidence
from tools.instruments.sequential.betting import log_wealth
from tools.instruments.sequential.confidence import (
    bernstein_lower,
    betting_grid,
    empirical_bernstein,
    mean_over_time,
    normal_mixture,
)
from tools.instruments.sequential.mixture import beta_mixture, log_evidence, proportion_over_time

BANDS = {
    "normal": normal_mixture,
    "bernstein": empirical_bernstein,
    "betting": betting_grid,
    "mixture": beta_mixture,
}
OUTCOMES = st.lists(st.sampled_from((0.0, 1.0)), min_size=1, max_size=60)


class TestABand:
    @pytest.mark.parametrize("name", ["normal", "bernstein", "mixture"])
    @pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
    def test_hardly_ever_leaves_the_truth_out_at_any_look(self, name, p):
        low, high = BANDS[name](drawn(5, p, items=400))
        missed = (low[:, -1] > p) | (high[:, -1] < p)
        assert missed.mean() <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / len(missed))

    @pytest.mark.parametrize("name", BANDS)
    @given(OUTCOMES)
    def test_only_ever_narrows_and_stays_in_the_range(self, name, outcomes):
        low, high = BANDS[name](np.array(outcomes))
        assert (np.diff(low) >= 0).all() and (np.diff(high) <= 0).all()
        assert low[0] >= 0 and high[0] <= 1

    @pytest.mark.parametrize("name", BANDS)
    def test_turns_over_with_the_values(self, name):
        x = drawn(6, 0.3, paths=1, items=200)[0]
        low, high = BANDS[name](x)
        turned_low, turned_high = BANDS[name](1 - x)
        assert low == pytest.approx(1 - turned_high) and high == pytest.approx(1 - turned_low)


class TestTheNormalMixture:
    def test_ends_where_the_mixed_wealth_is_one_over_alpha(self):
        n, double = 300, 2 * math.log(20)
        r = 500 / (double + math.log1p(double))
        low, high = normal_mixture(np.full((1, n), 0.5))
        half = np.sqrt((n + r) * np.log((n + r) / (r * 0.05**2))) / (2 * n)
        total = n * half

        def wealth(stake):
            prior = stats.norm.pdf(stake, scale=math.sqrt(4 / r))
            return math.exp(stake * total - stake**2 * n / 8) * prior

        assert integrate.quad(wealth, -3, 3)[0] == pytest.approx(20, rel=1e-6)
        assert (high - low)[0, -1] / 2 == pytest.approx(half)

    def test_is_tightest_about_where_it_is_told_to_be(self):
        def half(best_at):
            low, high = normal_mixture(np.full((1, 1000), 0.5), best_at=best_at)
            return (high - low)[0]

        assert half(100)[99] < half(1000)[99] and half(1000)[999] < half(100)[999]


class TestTheEmpiricalBernstein:
    def test_is_that_of_the_printed_formula(self):
        x, stakes, won = drawn(7, 0.8, 1, 50)[0], 0.0, -math.log(40)
        seen, squares, best = [], 0.0, 0.0
        for i, value in enumerate(x, start=1):
            mean = (0.5 + sum(seen)) / i
            spread = (0.25 + squares) / i
            stake = min(math.sqrt(2 * math.log(40) / (spread * i * math.log(1 + i))), 0.5)
            won += stake * value - (value - mean) ** 2 * (-math.log(1 - stake) - stake)
            stakes += stake
            best = max(best, won / stakes)
            seen.append(value)
            squares += (value - (0.5 + sum(seen)) / (i + 1)) ** 2
        assert empirical_bernstein(x)[0][-1] == pytest.approx(best)

    def test_is_narrower_than_the_normal_where_values_vary_little(self):
        x = drawn(8, 0.97, 1, 1000)[0]
        widths = [float((high - low)[-1]) for low, high in (f(x) for f in list(BANDS.values())[:2])]
        assert widths[1] < widths[0] / 1.5

    def test_below_a_mean_fixed_beforehand_misses_as_rarely_as_it_says(self):
        misses = [bernstein_lower(x, delta=0.1) > 0.7 for x in drawn(9, 0.7, 400, 200)]
        assert np.mean(misses) <= 0.1 + 2 * math.sqrt(0.09 / 400)

    def test_is_fair_only_while_its_means_are_of_the_past(self, monkeypatch):
        def expected(p=0.8):
            paths = every_path(8)
            chances = np.prod(np.where(paths == 1, p, 1 - p), axis=-1)
            stakes = confidence._stakes(paths, 0.025, np.full(8, 4.0))
            noise = (paths - confidence.mean_before(paths)) ** 2 * (-np.log1p(-stakes) - stakes)
            return float(chances @ np.exp((stakes * (paths - p) - noise).sum(-1)))

        assert expected() <= 1
        monkeypatch.setattr(betting, "_shifted", lambda first, path: path)
        assert expected() > 1


class TestTheBettingGrid:
    def test_holds_the_means_that_betting_has_not_refuted(self):
        x = drawn(10, 0.6, 1, 150)[0]
        low, high = betting_grid(x)
        for m in (0.35, 0.45, 0.6, 0.7, 0.75):
            refuted = (log_wealth(x, m, claim="different") >= math.log(20)).any()
            assert refuted == (not low[-1] <= m <= high[-1])

    def test_of_a_pool_that_was_drawn_whole_is_its_mean(self):
        pool = np.random.default_rng(11).permutation(np.repeat([0.0, 1.0], [40, 60]))
        low, high = betting_grid(pool, population=100)
        assert low[-1] == high[-1] == pytest.approx(0.6)
        without = betting_grid(pool)
        assert (high - low)[79] < (without[1] - without[0])[79]

    def test_of_a_pool_never_leaves_its_mean_out_more_often_than_it_says(self):
        rng, pool = np.random.default_rng(12), np.repeat([0.0, 1.0], [15, 45])
        missed = 0
        for _ in range(60):
            low, high = betting_grid(rng.permutation(pool), population=60, points=200)
            missed += bool((low > 0.75 + 1e-9).any() or (high < 0.75 - 1e-9).any())
        assert stats.binomtest(missed, 60, 0.05, alternative="greater").pvalue > 0.01


class TestTheBetaMixture:
    @given(st.integers(0, 12), st.integers(0, 12), st.floats(0.05, 0.95))
    def test_is_every_alternative_bet_on_at_once(self, s, f, m):
        def ratio(q):
            return (q / m) ** s * ((1 - q) / (1 - m)) ** f

        wanted = integrate.quad(ratio, 0, 1, epsabs=0, limit=200)[0]
        found = log_evidence(np.array(s), np.array(f), m)
        assert math.exp(found) == pytest.approx(wanted, rel=1e-6)

    @given(OUTCOMES)
    def test_has_the_interval_that_the_law_computes_exactly(self, outcomes):
        low, high = beta_mixture(np.array(outcomes))
        exact = [
            beta_binomial(int(sum(outcomes[:n])), n, Fraction(1, 20))
            for n in range(1, len(outcomes) + 1)
        ]
        assert low[-1] == pytest.approx(float(max(a for a, _ in exact)), abs=1e-4)
        assert high[-1] == pytest.approx(float(min(b for _, b in exact)), abs=1e-4)

    @pytest.mark.parametrize("p", [0.1, 0.5])
    def test_is_one_on_average_when_the_null_is_true_exactly(self, p):
        paths = every_path(8)
        ones = paths.sum(-1)
        chances = p**ones * (1 - p) ** (8 - ones)
        assert chances @ np.exp(log_evidence(ones, 8 - ones, p)) == pytest.approx(1)


class TestTheMeasurement:
    @pytest.mark.parametrize("method", ["betting", "bernstein", "normal"])
    def test_is_in_the_units_of_the_values(self, method):
        x = np.random.default_rng(13).uniform(-1, 3, 400)
        m = mean_over_time("gap", x, units="points", method=method, lower=-1, upper=3)
        assert m.low < 1 < m.high and m.low < m.estimate < m.high
        assert (m.guarantee, m.n, m.units) == (Guarantee.ANYTIME, 400, "points")

    def test_is_green_or_red_only_when_the_whole_interval_says_so(self):
        lines = Thresholds(green=0.6, red=0.6)
        statuses = [
            mean_over_time("x", drawn(14, p, 1, 400)[0], units="u", thresholds=lines).status
            for p in (0.9, 0.6, 0.3)
        ]
        assert statuses == [Status.GREEN, Status.YELLOW, Status.RED]

    def test_of_nothing_is_insufficient(self):
        for m in (
            mean_over_time("x", np.array([]), units="u"),
            proportion_over_time("x", np.array([]), units="u"),
        ):
            assert (m.status, m.estimate, m.low) == (Status.INSUFFICIENT, None, None)

    def test_of_a_mean_that_moved_says_that_the_intervals_do_not_meet(self):
        moved = np.repeat([0.0, 1.0], 300)
        for m in (
            mean_over_time("x", moved, units="u", method="bernstein"),
            mean_over_time("x", moved, units="u"),
            proportion_over_time("x", moved, units="u"),
        ):
            assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)
            assert "do not meet" in m.assumptions[-1]

    def test_of_a_share_that_moved_a_little_still_holds_its_estimate(self):
        moved = [1.0, 0.0] * 20 + [1.0] * 60
        low, high = beta_mixture(np.array(moved))
        assert low[-1] <= high[-1] < np.mean(moved)  # what all looks together leave
        m = proportion_over_time("x", moved, units="u")
        assert m.low < m.estimate < m.high
        assert "has changed" in m.assumptions[-1]

    def test_of_outcomes_counts_them(self):
        m = proportion_over_time("wins", [1, 0, 1, 1], units="share", of="a")
        assert (m.count, m.n, m.estimate, m.of) == (3, 4, 0.75, "a")

    @pytest.mark.parametrize("bad", [math.nan, 0.5, 2.0])
    def test_of_impossible_values_is_refused(self, bad):
        with pytest.raises(UndefinedMeasurement):
            proportion_over_time("x", np.array([1.0, bad]), units="u")
        with pytest.raises(UndefinedMeasurement):
            mean_over_time("x", np.array([1.0, bad + 2]), units="u")

    def test_of_more_items_than_the_pool_holds_is_refused(self):
        with pytest.raises(UndefinedMeasurement):
            mean_over_time("x", np.ones(11), units="u", population=10)
