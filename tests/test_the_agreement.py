"""Agreement: what people and judges share beyond chance, and whether a judge contradicts itself."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.reliability import (
    cohen_kappa,
    cyclic_triads,
    gold_auc,
    kappa_gap,
    kendall_zeta,
    krippendorff_alpha,
    rank_agreement,
)
from tools.instruments.reliability.agreement import kappa
from tools.instruments.reliability.alpha import alpha
from tools.instruments.reliability.transitivity import triads, zeta

RNG = np.random.default_rng
_ = None
WORKED = [  # items x raters; Krippendorff 2011, section E
    (1, 1, _, 1),
    (2, 2, 3, 2),
    (3, 3, 3, 3),
    (3, 3, 3, 3),
    (2, 2, 2, 2),
    (1, 2, 3, 4),
    (4, 4, 4, 4),
    (1, 1, 2, 1),
    (2, 2, 2, 2),
    (_, 5, 5, 5),
    (_, _, 1, 1),
    (_, _, 3, _),
]


def raters(n, seed, agree, prevalence=0.5):
    """A judge who knows the label of a person so often, and otherwise draws one like it."""
    rng = RNG(seed)
    people, other = (rng.random((2, n)) < prevalence).astype(int)
    return np.where(rng.random(n) < agree, people, other).tolist(), people.tolist()


class TestKappa:
    @settings(max_examples=30)
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
    def test_is_that_of_scikit_learn(self, rows):
        from sklearn.metrics import cohen_kappa_score

        judge, people = [a for a, _ in rows], [b for _, b in rows]
        assume(len({*judge, *people}) > 1)
        assert kappa(judge, people).kappa == pytest.approx(cohen_kappa_score(judge, people))

    def test_has_the_standard_error_of_statsmodels(self):
        from statsmodels.stats.inter_rater import cohens_kappa

        rng = RNG(0)
        people = rng.integers(0, 3, size=300)
        judge = np.where(rng.random(300) < 0.6, people, rng.integers(0, 3, size=300))
        table = np.zeros((3, 3))
        np.add.at(table, (judge, people), 1)
        oracle = cohens_kappa(table)
        found = kappa(judge.tolist(), people.tolist())
        se = np.sqrt(np.mean(np.square(found.influence)) / 300)
        assert (found.kappa, se) == pytest.approx((oracle.kappa, oracle.std_kappa))

    @pytest.mark.parametrize("prevalence", [0.5, 0.85])
    def test_has_an_interval_that_covers(self, prevalence):
        found = [cohen_kappa(*raters(200, s, 0.6, prevalence), margin=1) for s in range(200)]
        assert sum(m.low <= 0.6 <= m.high for m in found) >= 0.9 * 200

    def test_shows_both_prevalences_for_agreement_is_easy_where_a_label_is_rare(self):
        rare = cohen_kappa([0] * 96 + [1, 1, 0, 0], [0] * 96 + [0, 0, 1, 1], margin=1)
        assert rare.estimate < 0 and "observed agreement 0.96" in rare.assumptions[0]
        assert "0: judge 0.98, people 0.98" in rare.assumptions[1]

    def test_of_guesses_is_red_and_of_a_good_judge_green(self):
        assert cohen_kappa(*raters(300, 1, 0.0)).status is Status.RED
        assert cohen_kappa(*raters(300, 1, 0.85)).status is Status.GREEN
        assert cohen_kappa(*raters(300, 1, 0.5)).status is Status.YELLOW

    def test_of_few_that_decide_nothing_is_insufficient(self):
        m = cohen_kappa(*raters(60, 2, 0.5))
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)
        assert cohen_kappa(*raters(10, 2, 0.9)).status is Status.INSUFFICIENT

    def test_of_one_label_is_refused_and_of_one_sided_raters_says_so(self):
        with pytest.raises(UndefinedMeasurement, match="two labels"):
            cohen_kappa(["a"] * 40, ["a"] * 40)
        with pytest.raises(UndefinedMeasurement, match="two labels"):
            cohen_kappa([], [])
        m = cohen_kappa(["a"] * 40, ["a", "b"] * 20, margin=1)
        assert m.estimate == 0 and "judge used one label only" in m.assumptions

    def test_of_perfect_agreement_does_not_claim_certainty(self):
        m = cohen_kappa(["a", "b"] * 40, ["a", "b"] * 40)
        assert m.estimate == m.high == 1 and 0.85 < m.low < 1

    def test_of_clustered_labels_is_less_sure(self):
        judge, people = (np.repeat(x, 5).tolist() for x in raters(60, 3, 0.6))
        clusters = [i // 5 for i in range(300)]
        alone = cohen_kappa(judge, people, margin=1)
        together = cohen_kappa(judge, people, clusters=clusters, margin=1)
        assert together.high - together.low > 1.8 * (alone.high - alone.low)
        assert (together.n, together.clusters) == (300, 60)

    def test_is_held_against_the_agreement_among_people(self):
        rng = RNG(4)
        truth = rng.integers(0, 2, size=400)

        def noisy(share):
            return np.where(rng.random(400) < share, truth, 1 - truth).tolist()

        same = kappa_gap(noisy(0.85), noisy(0.85), noisy(0.85))
        worse = kappa_gap(noisy(0.6), noisy(0.9), noisy(0.9))
        assert same.low < 0 < same.high and worse.high < 0

    def test_of_unequal_lists_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="3 judge, 2 people"):
            cohen_kappa([1, 0, 1], [1, 0])


class TestAlpha:
    @pytest.mark.parametrize(
        ("metric", "wanted"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
    )
    def test_is_that_of_the_worked_example(self, metric, wanted):
        assert alpha(WORKED, metric) == pytest.approx(wanted, abs=5e-4)

    def test_is_that_of_crowd_kit(self):
        import pandas as pd
        from crowdkit.metrics.data import alpha_krippendorff

        rng = RNG(5)
        rows = rng.integers(0, 4, size=(60, 1)) + rng.integers(0, 2, size=(60, 3))
        missing = rng.random((60, 3)) < 0.2
        table = [
            [None if gone else int(v) for v, gone in zip(r, m, strict=True)]
            for r, m in zip(rows, missing, strict=True)
        ]
        answers = [
            {"task": i, "worker": j, "label": v}
            for i, row in enumerate(table)
            for j, v in enumerate(row)
            if v is not None
        ]
        # crowd-kit counts items rated once among the marginals; the others are alike.
        answers = [a for a in answers if sum(v is not None for v in table[a["task"]]) > 1]
        assert alpha(table) == pytest.approx(alpha_krippendorff(pd.DataFrame(answers)))

    @given(
        st.lists(
            st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=3, max_size=3),
            min_size=2,
            max_size=15,
        ),
        st.sampled_from(("nominal", "interval")),
    )
    def test_is_observed_over_expected_disagreement_of_all_pairs(self, rows, metric):
        kept = [[v for v in row if v is not None] for row in rows]
        kept = [row for row in kept if len(row) > 1]
        values = [v for row in kept for v in row]
        assume(len(set(values)) > 1)

        def apart(a, b):
            return (a - b) ** 2 if metric == "interval" else a != b

        seen = sum(
            apart(a, b) / (len(row) - 1) for row in kept for a, b in itertools.permutations(row, 2)
        )
        chance = sum(apart(a, b) for a, b in itertools.permutations(values, 2))
        wanted = 1 - seen / (chance / (len(values) - 1))
        assert alpha(rows, metric) == pytest.approx(wanted)

    @pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
    def test_covers_the_truth(self, metric):
        found = [
            krippendorff_alpha(
                np.stack(raters(150, s, 0.6), axis=1).tolist(), metric=metric, draws=199, margin=1
            )
            for s in range(80)
        ]
        assert sum(m.low <= 0.6 <= m.high for m in found) >= 70

    def test_leaves_out_what_was_rated_once_and_says_so(self):
        rows = [[1, 1, None], [0, 0, 0]] * 30 + [[1, None, None]] * 7
        m = krippendorff_alpha(rows, draws=99)
        assert m.n == 60 and "7 items" in m.assumptions[0]
        assert m.estimate == 1 and m.status is Status.YELLOW

    def test_needs_two_values_and_items_rated_twice(self):
        for rows in ([[1, 1]] * 40, [[1, None]] * 40, []):
            with pytest.raises(UndefinedMeasurement, match="two values"):
                krippendorff_alpha(rows)
        with pytest.raises(UndefinedMeasurement, match="finite"):
            krippendorff_alpha([[1.0, math.inf]] * 40)

    def test_of_few_is_insufficient(self):
        assert krippendorff_alpha(WORKED).status is Status.INSUFFICIENT

    def test_is_the_same_again_with_the_same_seed_and_can_be_logged(self):
        rows = np.stack(raters(60, 7, 0.7), axis=1).tolist()
        m = krippendorff_alpha(rows, draws=99, seed=5, margin=1)
        assert m == krippendorff_alpha(rows, draws=99, seed=5, margin=1)
        assert m != krippendorff_alpha(rows, draws=99, seed=6, margin=1)
        assert m == Measurement.model_validate_json(m.model_dump_json())


def tournament(order):
    """The round robin of a strict order."""
    place = {a: i for i, a in enumerate(order)}
    return [[float(place[i] < place[j]) for j in range(len(order))] for i in range(len(order))]


def coin(m, rng):
    upper = np.triu(rng.integers(0, 2, size=(m, m)), 1).astype(float)
    return upper + np.tril(1 - upper.T, -1)


@st.composite
def tournaments(draw):
    m = draw(st.integers(3, 8))
    return coin(m, RNG(draw(st.integers(0, 10**6))))


class TestCycles:
    @given(tournaments())
    def test_are_counted_as_kendall_does(self, wins):
        m = len(wins)
        cyclic, decided = triads(wins)
        scores = (wins - np.diag(np.diag(wins))).sum(1)
        assert decided == math.comb(m, 3)
        assert cyclic == decided - sum(s * (s - 1) / 2 for s in scores)
        assert 0 <= zeta(wins) <= 1

    @given(st.permutations(range(6)))
    def test_of_a_strict_order_are_none(self, order):
        assert triads(tournament(order)) == (0, 20)
        assert zeta(tournament(order)) == 1

    @pytest.mark.parametrize("m", [3, 5, 7])
    def test_are_as_many_as_there_can_be_where_everybody_wins_half(self, m):
        wins = [[float((j - i) % m in range(1, m // 2 + 1)) for j in range(m)] for i in range(m)]
        assert zeta(wins) == pytest.approx(0)

    def test_of_a_coin_are_a_quarter_and_alarm(self):
        m = cyclic_triads([coin(6, RNG(s)) for s in range(200)])
        assert 0.23 <= m.estimate <= 0.27 and m.status is Status.RED and m.null == 0.25
        k = kendall_zeta([coin(6, RNG(s)) for s in range(200)])
        assert k.low <= k.null <= k.high

    def test_of_a_consistent_judge_do_not(self):
        m = cyclic_triads([tournament(RNG(s).permutation(6).tolist()) for s in range(40)])
        assert (m.estimate, m.status, m.clusters) == (0, Status.GREEN, 40)

    def test_with_ties_leave_those_triads_out(self):
        tied = np.array(tournament(range(4)))
        tied[0, 1] = tied[1, 0] = 0.5
        m = cyclic_triads([tied] * 3)
        assert m.assumptions == ("6 triads with a tie left out",)
        with pytest.raises(UndefinedMeasurement, match="without ties"):
            kendall_zeta([tied])

    @pytest.mark.parametrize(
        "wins",
        [[[0, 1], [1, 0]], [[0, 1, 1], [0, 0, 1]], [[0, 0.7], [0.3, 0]], [[0, math.nan], [1, 0]]],
    )
    def test_of_what_is_no_round_robin_are_refused(self, wins):
        with pytest.raises(UndefinedMeasurement, match="round robins"):
            cyclic_triads([wins])

    def test_of_few_prompts_are_insufficient(self):
        assert cyclic_triads([]).status is Status.INSUFFICIENT
        assert cyclic_triads([coin(6, RNG(s)) for s in (1, 2, 3)]).status is Status.INSUFFICIENT


class TestTwoOrders:
    def test_agree_as_much_as_scipy_says(self):
        rng = RNG(8)
        new = [
            dict(zip("abcdef", map(float, rng.integers(0, 4, 6)), strict=True)) for _ in range(30)
        ]
        old = [
            dict(zip("abcdef", map(float, rng.integers(0, 4, 6)), strict=True)) for _ in range(30)
        ]
        wanted = [
            stats.kendalltau([n[k] for k in "abcdef"], [o[k] for k in "abcdef"]).statistic
            for n, o in zip(new, old, strict=True)
        ]
        m = rank_agreement(new, old)
        assert m.estimate == pytest.approx(np.mean(wanted)) and m.low < 0 < m.high

    def test_of_the_same_judge_agree_wholly_though_it_be_wrong(self):
        scores = [{"right": 0.0, "wrong": 1.0, "worse": 2.0}] * 20
        assert rank_agreement(scores, scores).estimate == 1
        found = gold_auc([[0.0, 1.0, 2.0]] * 20, [[1, 0, 0]] * 20)
        assert (found.estimate, found.status) == (0, Status.RED)

    def test_without_an_order_are_left_out(self):
        flat, steep = {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 2.0}
        m = rank_agreement([flat, steep, steep], [steep, steep, steep])
        assert (m.estimate, m.n) == (1, 2) and "1 prompts without an order" in m.assumptions[0]
        assert rank_agreement([flat], [steep]).status is Status.INSUFFICIENT

    def test_of_other_candidates_are_refused(self):
        with pytest.raises(UndefinedMeasurement, match="same candidates"):
            rank_agreement([{"a": 1.0, "b": 2.0}], [{"a": 1.0, "c": 2.0}])
        with pytest.raises(UndefinedMeasurement):
            rank_agreement([{"a": 1.0, "b": math.nan}], [{"a": 1.0, "b": 2.0}])
        with pytest.raises(UndefinedMeasurement):
            rank_agreement([{"a": 1.0}], [])

    @settings(max_examples=30)
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=2, max_size=20))
    def test_area_is_that_of_scikit_learn(self, rows):
        from sklearn.metrics import roc_auc_score

        scores, gold = [float(s) for s, _ in rows], [g for _, g in rows]
        assume(len(set(gold)) == 2)
        m = gold_auc([scores] * 2, [gold] * 2)
        assert m.low <= roc_auc_score(gold, scores) <= m.high
        assert m.estimate == pytest.approx(roc_auc_score(gold, scores))

    def test_area_without_both_labels_is_insufficient(self):
        assert gold_auc([[1.0, 2.0]] * 5, [[1, 1]] * 5).status is Status.INSUFFICIENT
        with pytest.raises(UndefinedMeasurement):
            gold_auc([[1.0, 2.0]], [[1, 0.5]])
