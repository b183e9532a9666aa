"""Instruments: right on average, silent on nulls, loud on planted faults, and never guessing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments import (
    ceiling_mass,
    divergence,
    flaw_pays,
    gold,
    judge_accuracy,
    judge_errors,
    judge_gap,
    mean,
    proportion,
    score,
    tie_rate,
)

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RNG = np.random.default_rng


def share(k, n, **thresholds):
    return proportion("share", k, n, units="share", **thresholds)


def exact(k, n):
    """Clopper-Pearson by its definition: where each tail of the binomial is 2.5 %."""
    low = 0.0 if k == 0 else brentq(lambda p: stats.binom.sf(k - 1, n, p) - 0.025, 1e-12, 1)
    high = 1.0 if k == n else brentq(lambda p: stats.binom.cdf(k, n, p) - 0.025, 0, 1 - 1e-12)
    return low, high


class TestAProportion:
    @given(COUNTS)
    def test_has_the_exact_interval(self, counts):
        m = share(*counts)
        assert (m.low, m.high) == pytest.approx(exact(*counts), abs=1e-9)
        assert m.low <= m.estimate == counts[0] / counts[1] <= m.high
        assert (m.count, m.n, m.level, m.guarantee) == (*counts, 0.95, Guarantee.FIXED_N)

    @pytest.mark.parametrize(("p", "n"), [(0.02, 40), (0.3, 25), (0.5, 100), (0.97, 60)])
    def test_covers_the_truth_at_least_as_often_as_it_says(self, p, n):
        inside = [share(k, n).low <= p <= share(k, n).high for k in range(n + 1)]
        assert stats.binom.pmf(np.arange(n + 1), n, p)[inside].sum() >= 0.95

    def test_of_nothing_is_insufficient_not_zero(self):
        m = share(0, 0, green=0.0)
        assert (m.estimate, m.low, m.high, m.n) == (None, None, None, 0)
        assert m.status is Status.INSUFFICIENT

    @pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (0, -1), (1.0, 2), (True, 2)])
    def test_of_impossible_counts_is_refused(self, k, n):
        with pytest.raises(UndefinedMeasurement, match="whole numbers"):
            share(k, n)


class TestTheStatus:
    @given(COUNTS, st.floats(0, 1), st.floats(0, 1), st.sampled_from(("low", "high")))
    def test_is_green_or_red_only_when_the_whole_interval_says_so(self, counts, a, b, bad_is):
        worse, better = (min(a, b), max(a, b)) if bad_is == "low" else (max(a, b), min(a, b))
        m = share(*counts, red=worse, green=better, bad_is=bad_is)
        beyond = [x >= better if bad_is == "low" else x <= better for x in (m.low, m.high)]
        below = [x < worse if bad_is == "low" else x > worse for x in (m.low, m.high)]
        wanted = Status.RED if all(below) else Status.GREEN if all(beyond) else Status.YELLOW
        assert m.status is wanted

    def test_is_yellow_between(self):
        assert share(70, 100, green=0.6, red=0.6).status is Status.GREEN
        assert share(63, 100, green=0.6, red=0.6).status is Status.YELLOW
        assert share(45, 100, green=0.6, red=0.6).status is Status.RED

    def test_of_an_interval_wider_than_the_margin_is_insufficient_unless_it_decides(self):
        thresholds = {"green": 0.6, "red": 0.6, "margin": 0.1}
        wide = share(12, 20, **thresholds)
        assert (wide.status, wide.estimate, wide.count) == (Status.INSUFFICIENT, None, 12)
        assert wide.low < 0.6 < wide.high
        assert share(240, 400, **thresholds).status is Status.YELLOW
        assert share(1, 20, **thresholds).status is Status.RED
        assert share(20, 20, **thresholds).status is Status.GREEN

    @given(COUNTS, st.floats(0, 1))
    def test_of_few_is_never_greener_than_of_many(self, counts, line):
        k, n = counts
        if share(k, n, green=line).status is Status.GREEN:
            assert share(10 * k, 10 * n, green=line).status is Status.GREEN


class TestAMean:
    def test_has_the_t_interval(self):
        values = RNG(0).normal(3, 2, size=30)
        m = mean("x", list(values), units="u")
        wanted = stats.t.interval(0.95, 29, loc=values.mean(), scale=stats.sem(values))
        assert (m.low, m.high) == pytest.approx(wanted)
        assert (m.estimate, m.n, m.clusters) == (pytest.approx(values.mean()), 30, 30)

    def test_of_clusters_counts_each_cluster_once(self):
        m = mean("x", [1, 1, 1, 5], units="u", clusters=["a", "a", "a", "b"])
        assert (m.estimate, m.n, m.clusters) == (3.0, 4, 2)

    def test_of_clustered_values_covers_the_truth_and_without_clusters_does_not(self):
        rng, hits = RNG(1), {True: 0, False: 0}
        for _ in range(400):
            values = (rng.normal(size=(40, 1)) + rng.normal(size=(40, 5))).ravel().tolist()
            for clustered in hits:
                prompts = [i // 5 for i in range(200)] if clustered else None
                m = mean("x", values, units="u", clusters=prompts)
                hits[clustered] += m.low <= 0 <= m.high
        assert stats.binomtest(hits[True], 400, 0.95).pvalue > 1e-3
        assert hits[False] < 0.85 * 400

    @pytest.mark.parametrize("values", [[], [0.5]])
    def test_of_fewer_than_two_clusters_is_insufficient(self, values):
        m = mean("x", values, units="u", green=0.0)
        assert (m.status, m.estimate, m.low) == (Status.INSUFFICIENT, None, None)
        many = mean("x", values * 9, units="u", clusters=["same"] * 9 * len(values), green=0.0)
        assert many.status is Status.INSUFFICIENT

    def test_of_equal_values_does_not_claim_certainty_where_the_range_is_known(self):
        m = mean("x", [1.0] * 10, units="u", lower=0.0, upper=1.0, green=0.99)
        low, _ = exact(10, 10)
        assert (m.low, m.high) == pytest.approx((low, 1.0))
        assert m.status is Status.YELLOW
        without = mean("x", [1.0] * 10, units="u")
        assert without.low == without.high == 1.0
        assert "no spread" in without.assumptions[0]

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1.5, -0.5])
    def test_of_impossible_values_is_refused(self, bad):
        with pytest.raises(UndefinedMeasurement, match="finite numbers in"):
            mean("x", [0.2, bad, 0.3], units="u", lower=0.0, upper=1.0)

    def test_of_lists_that_do_not_belong_together_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="2 values, 1 clusters"):
            mean("x", [1, 2], units="u", clusters=["a"])


class TestTheAccuracyOfAJudge:
    def status(self, p, n=194, seeds=300):
        draws = RNG(2).binomial(n, p, size=seeds)
        return [judge_accuracy(int(k), n, "a").status for k in draws]

    def test_of_a_coin_is_never_green(self):
        assert Status.GREEN not in self.status(0.5)

    def test_of_a_good_judge_is_green(self):
        assert self.status(0.8).count(Status.GREEN) > 0.95 * 300

    def test_of_a_judge_at_the_floor_is_flagged_no_more_often_than_it_says(self):
        assert self.status(0.6).count(Status.RED) < 0.05 * 300

    def test_of_an_inverted_judge_is_red(self):
        assert self.status(0.3).count(Status.RED) > 0.95 * 300

    def test_of_no_pairs_is_insufficient(self):
        m = judge_accuracy(0, 0, "a")
        assert (m.status, m.of, m.estimate, m.null) == (Status.INSUFFICIENT, "a", None, 0.5)


class TestTheGapOfAJudge:
    def measured(self, claim, truth, n=400, seed=0):
        rng = RNG(seed)
        p = np.clip(rng.normal(claim, 0.1, size=n), 0, 1)
        labels = (rng.random(n) < p + truth - claim).astype(float)
        return judge_gap(p.tolist(), labels.tolist())

    def test_of_an_honest_judge_is_not_flagged(self):
        flagged = [self.measured(0.7, 0.7, seed=s).status for s in range(200)]
        assert flagged.count(Status.RED) <= 0.05 * 200

    def test_of_a_judge_that_claims_too_much_is_flagged(self):
        flagged = [self.measured(0.9, 0.6, seed=s) for s in range(50)]
        assert all(m.status is Status.RED for m in flagged)
        assert np.mean([m.estimate for m in flagged]) == pytest.approx(0.3, abs=0.02)

    def test_counts_a_tie_as_half(self):
        m = judge_gap([1.0, 1.0, 0.5], [0.5, 1, 0])
        assert (m.estimate, m.of, m.units) == (pytest.approx(1 / 3), "panel", "probability")

    @given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from((0, 0.5, 1))), min_size=2))
    def test_stays_between_minus_one_and_one(self, rows):
        m = judge_gap([p for p, _ in rows], [label for _, label in rows])
        assert -1 <= m.low <= m.estimate + 1e-9 and m.estimate - 1e-9 <= m.high <= 1

    @pytest.mark.parametrize(
        ("claims", "labels"),
        [
            ([0.5], [0.7, 1]),
            ([1.2, 0.5], [1, 1]),
            ([math.nan, 0.5], [1, 1]),
            ([0.5, 0.5], [1, 0.7]),
        ],
    )
    def test_of_impossible_input_is_refused(self, claims, labels):
        with pytest.raises(UndefinedMeasurement):
            judge_gap(claims, labels)


class TestAFlaw:
    def test_that_never_pays_is_green_and_one_that_always_pays_is_red(self):
        assert flaw_pays(0, 60, "padding", "a").status is Status.GREEN
        assert flaw_pays(60, 60, "padding", "a").status is Status.RED
        assert flaw_pays(30, 60, "padding").status is Status.YELLOW

    def test_is_named_with_its_judge(self):
        assert flaw_pays(1, 2, "padding", "a").of == "padding/a"
        assert flaw_pays(1, 2, "padding").of == "padding"


class TestTies:
    def test_are_prompts_whose_best_and_worst_score_the_same(self):
        m = tie_rate([[1, 1, 1], [1, 2, 1], [0.5, 0.5, None], [3, None], []])
        assert (m.count, m.n) == (2, 3)

    def test_may_be_within_a_margin(self):
        scores = [[0.0, 0.1], [0.0, 0.3]]
        assert [tie_rate(scores, within=w).count for w in (0.0, 0.1, 0.3)] == [0, 1, 2]

    def test_of_saturated_prompts_are_red_and_of_fresh_ones_green(self):
        rng = RNG(3)
        fresh = tie_rate(rng.normal(size=(100, 4)).tolist())
        stale = tie_rate([[1.0] * 4] * 100)
        assert (fresh.status, stale.status) == (Status.GREEN, Status.RED)

    def test_where_nothing_was_scored_are_insufficient(self):
        assert tie_rate([[None, None], [1.0]]).status is Status.INSUFFICIENT

    @pytest.mark.parametrize("within", [-0.1, math.nan])
    def test_need_a_margin_that_can_be(self, within):
        with pytest.raises(UndefinedMeasurement):
            tie_rate([[1, 2]], within=within)


class TestTheCeiling:
    def test_is_the_share_at_the_maximum_averaged_over_prompts(self):
        m = ceiling_mass([[5, 5], [5, 1], [2, None], [1, 3]])
        assert (m.estimate, m.n, m.clusters) == (0.375, 7, 4)

    def test_of_a_judge_that_gives_everything_full_marks_is_red(self):
        assert ceiling_mass([[5.0] * 4] * 50, top=5).status is Status.RED
        spread = RNG(4).normal(size=(50, 4)).tolist()
        assert ceiling_mass(spread).status is Status.GREEN

    def test_above_the_scale_is_refused(self):
        with pytest.raises(UndefinedMeasurement):
            ceiling_mass([[6, 1], [2, 2]], top=5)


class TestTheRest:
    def test_errors_of_a_judge_are_counted(self):
        assert judge_errors(0, 400, "a").status is Status.GREEN
        assert judge_errors(40, 400, "a").status is Status.RED

    def test_divergence_is_named_after_what_it_is_from(self):
        m = divergence([0.1, 0.2, 0.3], "anchor", green=0.5, red=1.0)
        assert (m.instrument, m.units) == ("kl_to_anchor", "nats/token")
        assert m.estimate == pytest.approx(0.2) and m.low >= 0
        with pytest.raises(UndefinedMeasurement):
            divergence([-0.1, 0.2], "anchor")

    def test_divergence_beyond_its_budget_is_red(self):
        values = RNG(5).gamma(4, 0.1, size=100).tolist()
        assert divergence(values, "anchor", green=0.1, red=0.2).status is Status.RED

    def test_gold_has_three_names(self):
        names = [gold(1, 2), gold(1, 2, greedy=True), gold(1, 2, skill="facts")]
        assert [(m.instrument, m.of) for m in names] == [
            ("gold", ""),
            ("gold_greedy", ""),
            ("gold_skill", "facts"),
        ]

    def test_score_is_clustered_by_prompt(self):
        m = score([1.0, 3.0, 5.0], ["p", "p", "q"])
        assert (m.instrument, m.estimate, m.clusters) == ("judge_score", 3.5, 2)

    @given(COUNTS)
    def test_the_same_numbers_give_the_same_measurement_and_it_can_be_logged(self, counts):
        m = share(*counts, green=0.5)
        assert (
            m == share(*counts, green=0.5) == Measurement.model_validate_json(m.model_dump_json())
        )
