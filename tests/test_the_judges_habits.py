"""What is special to a bias: places, lengths, one's own answers, stereotypes, clustered scores."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tools.instruments import audit as a

RNG = np.random.default_rng
GOLD = ["A", "B"] * 100


def oracle(name):
    """A module of statsmodels; what it deprecates while it is imported is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return __import__(name, fromlist=["x"])


def always_first(n=200):
    return np.ones((n, 2))


def always_right(gold=GOLD):
    right = np.array([g == "A" for g in gold], dtype=float)
    return np.stack([right, 1 - right], axis=1)


class TestAPlace:
    def test_is_all_that_an_order_locked_judge_sees(self):
        assert a.consistency(always_first()).estimate == 0
        assert a.position_bias(always_first()).estimate == 0.5
        locked = a.order_locked(always_first())
        assert (locked.count, locked.n, locked.null) == (200, 200, 0.5)

    def test_gets_half_the_verdicts_right_on_average_and_none_in_both_orders(self):
        assert a.order_averaged_accuracy(always_first(), GOLD).estimate == 0.5
        gate = a.both_orders_accuracy(always_first(), GOLD)
        assert (gate.count, gate.status) == (0, Status.RED)

    def test_cannot_reach_a_judge_of_scores(self):
        score = RNG(0).normal(size=(200, 2))
        first = np.stack([score[:, 0] > score[:, 1], score[:, 1] > score[:, 0]], 1).astype(float)
        m = a.position_bias(first)
        assert (m.estimate, m.status) == (0.0, Status.GREEN)
        assert a.consistency(first).estimate == 1

    def test_says_nothing_of_a_judge_that_is_right(self):
        assert a.both_orders_accuracy(always_right(), GOLD).status is Status.GREEN
        assert a.position_bias(always_right()).estimate == 0
        assert a.order_locked(always_right()).status is Status.INSUFFICIENT

    def test_is_measured_with_clusters_and_repeats(self):
        cube = np.repeat(always_right()[:, :, None], 2, axis=2)
        cube[:10, 0, 0] = 1 - cube[:10, 0, 0]
        gate = a.both_orders_accuracy(cube, GOLD, clusters=[i // 2 for i in range(200)])
        assert (gate.estimate, gate.clusters) == (pytest.approx(1 - 5 / 200), 100)

    def test_counts_a_missing_verdict_as_wrong_and_inconsistent(self):
        first = always_right()
        first[:40] = math.nan
        gate = a.both_orders_accuracy(first, GOLD)
        assert (gate.count, gate.n) == (160, 200)
        assert a.consistency(first).count == 160
        assert "missing" in gate.assumptions[0]
        with pytest.raises(UndefinedMeasurement):
            a.position_bias(first)

    def test_gives_a_tie_to_nobody(self):
        ties = np.full((50, 2), 0.5)
        assert a.consistency(ties).count == 50
        assert a.both_orders_accuracy(ties, GOLD[:50]).count == 0

    @pytest.mark.parametrize("first", [np.ones(4), np.ones((4, 3)), np.full((4, 2), 0.3)])
    def test_needs_both_orders(self, first):
        with pytest.raises(UndefinedMeasurement, match="both orders"):
            a.consistency(first)

    @pytest.mark.parametrize("gold", [["A"] * 3, ["A", None, "B", "A"], ["A", "tie", "B", "B"]])
    def test_needs_gold_for_every_pair(self, gold):
        with pytest.raises(UndefinedMeasurement, match="right answer of every pair"):
            a.both_orders_accuracy(np.ones((4, 2)), gold)


class TestLength:
    def world(self, slope, n=400, seed=0):
        rng = RNG(seed)
        z, quality = rng.normal(size=n), rng.choice((-0.5, 0.5), n)
        p = 1 / (1 + np.exp(-slope * z - 2 * quality))
        return (rng.random(n) < p).astype(float), 30 * z, quality

    def test_has_the_slope_of_an_independent_regression(self):
        wins, longer, quality = self.world(0.8)
        api = oracle("statsmodels.api")
        design = np.stack([np.ones(400), np.tanh(longer / longer.std(ddof=1)), quality], 1)
        known = api.GLM(wins, design, family=api.families.Binomial()).fit(cov_type="HC0")
        m = a.length_slope(wins, longer, quality=quality)
        assert m.estimate == pytest.approx(known.params[1], abs=1e-6)
        half = stats.t.ppf(0.975, 399) * known.bse[1] * (400 / 399) ** 0.5
        assert (m.high - m.low) / 2 == pytest.approx(half, rel=1e-5)

    def test_has_clustered_errors_of_an_independent_regression(self):
        wins, longer, _ = self.world(0.8)
        groups = np.repeat(np.arange(80), 5)
        api = oracle("statsmodels.api")
        design = np.stack([np.ones(400), np.tanh(longer / longer.std(ddof=1))], 1)
        known = api.GLM(wins, design, family=api.families.Binomial()).fit(
            cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
        )
        m = a.length_slope(wins, longer, clusters=groups.tolist())
        half = stats.t.ppf(0.975, 79) * known.bse[1] * (80 / 79) ** 0.5
        assert (m.high - m.low) / 2 == pytest.approx(half, rel=1e-5)

    def test_is_seen_where_it_pays_and_never_cleared_where_it_was_not_seen(self):
        paid = [a.length_slope(w, x, quality=q).status for w, x, q in map_worlds(self, 1.0)]
        free = [a.length_slope(w, x, quality=q).status for w, x, q in map_worlds(self, 0.0)]
        assert paid.count(Status.RED) >= 18
        assert Status.GREEN not in free and free.count(Status.RED) <= 4

    def test_is_taken_out_of_a_win_rate(self):
        rng = RNG(7)
        longer = rng.normal(25, 20, size=3000)
        wins = (rng.random(3000) < 1 / (1 + np.exp(-1.5 * np.tanh(longer / 20)))).astype(float)
        m = a.length_controlled_win_rate(wins, longer)
        assert wins.mean() > 0.6 and "raw" in m.assumptions[1]
        assert m.low <= 0.5 <= m.high

    def test_that_tells_every_verdict_has_no_coefficient(self):
        longer = np.linspace(-10, 10, 60)
        m = a.length_slope((longer > 0).astype(float), longer)
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)
        assert "no finite coefficient" in m.assumptions[0]

    def test_that_never_differs_cannot_be_regressed_on(self):
        m = a.length_slope(RNG(0).integers(0, 2, 50), np.full(50, 7.0))
        assert m.status is Status.INSUFFICIENT and "same amount" in m.assumptions[0]

    @pytest.mark.parametrize("rows", [([2.0], [1.0]), ([1.0, 0.0], [1.0]), ([1.0], [math.nan])])
    def test_of_impossible_input_is_refused(self, rows):
        with pytest.raises(UndefinedMeasurement):
            a.length_slope(*rows)

    def test_is_told_from_content_by_cutting_real_content(self):
        def shift(estimate, n=400):
            psi = abs(estimate) + 0.02
            gained, lost = (round(n * (psi + s * estimate) / 2) for s in (1, -1))
            zeros = np.zeros(n - gained - lost)
            return a.shift_of(
                np.r_[np.zeros(gained), np.ones(lost), zeros],
                np.r_[np.ones(gained), np.zeros(lost), zeros],
            )

        reading = a.LengthReading
        assert a.length_reading(shift(0.3), shift(-0.3)) is reading.PAYS_FOR_WORDS
        assert a.length_reading(shift(0.0), shift(-0.3)) is reading.READS_CONTENT
        assert a.length_reading(shift(-0.3), shift(-0.3)) is reading.READS_CONTENT
        assert a.length_reading(shift(0.0), shift(0.0)) is reading.DOES_NEITHER
        assert a.length_reading(shift(0.0, n=40), shift(-0.3)) is reading.UNCLEAR


def map_worlds(test, slope):
    return [test.world(slope, seed=seed) for seed in range(20)]


class TestOnesOwnAnswers:
    gold = ["self"] * 200 + ["other"] * 200

    def test_are_preferred_where_being_right_about_them_is_likelier(self):
        picks = np.r_[np.arange(200) < 180, np.arange(200) < 80].astype(float)
        m = a.equal_opportunity_gap(picks, self.gold)
        assert m.estimate == pytest.approx(0.9 - 0.6)
        assert m.status is Status.RED

    def test_have_newcombes_interval_for_independent_shares(self):
        picks = np.r_[np.arange(200) < 180, np.arange(200) < 80].astype(float)
        m = a.equal_opportunity_gap(picks, self.gold)
        known = oracle("statsmodels.stats.proportion").confint_proportions_2indep(
            180, 200, 120, 200, compare="diff", method="newcomb"
        )
        assert (m.low, m.high) == pytest.approx(known)

    def test_are_not_preferred_by_a_judge_that_is_as_often_right_about_others(self):
        picks = np.r_[np.arange(2000) < 1800, np.arange(2000) < 200].astype(float)
        m = a.equal_opportunity_gap(picks, ["self"] * 2000 + ["other"] * 2000)
        assert (m.estimate, m.status) == (pytest.approx(0), Status.GREEN)

    def test_cannot_be_compared_without_those_of_others(self):
        m = a.equal_opportunity_gap([1.0] * 50, ["self"] * 50)
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)

    def test_that_nobody_graded_are_refused(self):
        with pytest.raises(UndefinedMeasurement, match="whose answer is better"):
            a.equal_opportunity_gap([1.0, 0.0], ["self", "tie"])

    def test_may_only_be_familiar(self):
        rng = RNG(5)
        gold, familiar = rng.choice(["self", "other"], 600), rng.normal(size=600)
        p = 1 / (1 + np.exp(-familiar - 2 * (gold == "self") + 1))
        picks = (rng.random(600) < p).astype(float)
        m = a.familiarity_slope(picks, familiar, gold.tolist())
        assert m.status is Status.RED and m.low <= 1 <= m.high
        none = a.familiarity_slope(picks, np.zeros(600), gold.tolist())
        assert none.status is Status.INSUFFICIENT


CHOSEN = st.lists(st.sampled_from(["biased", "counter", "unknown"]), min_size=2, max_size=60)


class TestAStereotype:
    @given(CHOSEN)
    def test_has_the_published_scores(self, chosen):
        biased, told = chosen.count("biased"), len(chosen) - chosen.count("unknown")
        untold = a.stereotype_untold(chosen)
        right = chosen.count("unknown") / len(chosen)
        published = (1 - right) * (2 * biased / told - 1) if told else 0.0
        assert untold.low - 1e-9 <= published <= untold.high + 1e-9
        if untold.estimate is not None:
            assert untold.estimate == pytest.approx(published)
        assume(told)
        m = a.stereotype_told(chosen)
        assert m.low - 1e-9 <= 2 * biased / told - 1 <= m.high + 1e-9

    def test_is_undefined_where_every_answer_is_that_it_cannot_be_told(self):
        with pytest.raises(UndefinedMeasurement, match="0/0"):
            a.stereotype_told(["unknown"] * 50)
        assert a.stereotype_untold(["unknown"] * 100).status is Status.GREEN

    def test_always_chosen_is_a_fault_and_choices_in_balance_are_not(self):
        assert a.stereotype_told(["biased"] * 60).status is Status.RED
        assert a.stereotype_told(["biased", "counter"] * 2000).status is Status.GREEN
        assert a.stereotype_told(["biased", "counter"] * 20).status is Status.INSUFFICIENT

    def test_counts_templates_not_items(self):
        rng = RNG(8)
        lean = np.repeat(rng.random(40) < 0.5, 25)
        chosen = np.where(lean, "biased", "counter").tolist()
        clustered = a.stereotype_told(chosen, clusters=[i // 25 for i in range(1000)])
        alone = a.stereotype_told(chosen)
        assert clustered.clusters == 40
        assert clustered.high - clustered.low > 4 * (alone.high - alone.low)

    def test_of_other_words_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="three kinds"):
            a.stereotype_told(["biased", "neutral"])


class TestAScale:
    def test_has_as_many_levels_as_it_uses(self):
        even = [[float(x) for x in range(5)] for _ in range(100)]
        assert a.effective_levels(even).estimate == pytest.approx(5, abs=0.05)
        rng = RNG(1)
        clustered = a.effective_levels(rng.choice((8, 7), (200, 4), p=(0.95, 0.05)).tolist())
        assert clustered.status is Status.RED and clustered.high < 2
        assert a.effective_levels([]).status is Status.INSUFFICIENT

    def test_that_is_saturated_has_one_level_and_nothing_but_ties(self):
        full = [[10.0] * 4] * 50
        assert a.effective_levels(full).estimate == pytest.approx(1)
        assert a.effective_levels(full).status is Status.RED
        assert a.pair_ties(full).status is Status.RED

    def test_of_fine_scores_has_no_ties(self):
        assert a.pair_ties(RNG(2).normal(size=(50, 4)).tolist()).status is Status.GREEN
        assert a.pair_ties([[1.0, 1.0, 2.0], [3.0]]).n == 1
        assert a.pair_ties([[1.0, 1.0, 2.0], [1.0, 2.0, 3.0]]).low == 0

    def test_orders_gold_pairs_with_half_credit_for_ties(self):
        m = a.gold_auc([3.0, 2.0, 2.0, 1.0], [1.0, 1.0, 2.0, 2.0])
        assert m.estimate == pytest.approx(2.5 / 4)
        assert "25.0% ties" in m.assumptions[0]

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40))
    def test_has_the_rank_sum_of_each_pair(self, rows):
        better, worse = np.array(rows, dtype=float).T
        wanted = np.mean([(b > w) + 0.5 * (b == w) for b, w in rows])
        assert a.gold_auc(better.tolist(), worse.tolist()).estimate == pytest.approx(wanted)


class TestSayingItTwice:
    SHROUT_FLEISS = ((9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9))
    SHROUT_FLEISS += ((6, 2, 4, 7),)

    def test_has_the_published_correlation_and_interval(self):
        """Shrout & Fleiss (1979), table 4; the interval as other programs print it."""
        m = a.retest_icc(self.SHROUT_FLEISS)
        assert m.estimate == pytest.approx(0.29, abs=0.005)
        assert (m.low, m.high) == pytest.approx((0.02, 0.76), abs=0.005)

    def test_exactly_has_correlation_one_and_at_random_none(self):
        once = RNG(3).normal(size=100)
        assert a.retest_icc(np.stack([once, once], 1)).estimate == pytest.approx(1)
        apart = a.retest_icc(RNG(4).normal(size=(100, 2)))
        assert apart.low <= 0 <= apart.high

    def test_of_a_saturated_judge_is_undefined(self):
        with pytest.raises(UndefinedMeasurement, match="that differ"):
            a.retest_icc(np.full((20, 2), 7.0))
        with pytest.raises(UndefinedMeasurement, match="0/0"):
            a.retest_kappa(["A"] * 20, ["A"] * 20)

    @settings(max_examples=50)
    @given(st.lists(st.tuples(st.sampled_from("ABt"), st.sampled_from("ABt")), min_size=3))
    def test_has_the_kappa_of_an_independent_library(self, rows):
        once, again = ([r[i] for r in rows] for i in (0, 1))
        labels = sorted({*once, *again})
        assume(len(labels) > 1)
        table = np.array([[rows.count((x, y)) for y in labels] for x in labels], dtype=float)
        p_e = (table.sum(0) @ table.sum(1)) / table.sum() ** 2
        assume(p_e < 1 - 1e-9)
        m = a.retest_kappa(once, again)
        rater = oracle("statsmodels.stats.inter_rater")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            known = rater.cohens_kappa(table)
        assert m.estimate == pytest.approx(known.kappa)
        if np.isfinite(known.std_kappa) and m.low > -0.9 and m.high < 1:
            assert (m.high - m.low) / 2 == pytest.approx(
                1.959964 * known.std_kappa, rel=1e-4, abs=1e-5
            )
