"""Transitivity: whether a judge contradicts itself, or what it said before."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tools.instruments.reliability import (
    cyclic_triads,
    gold_auc,
    kendall_zeta,
    rank_agreement,
)
from tools.instruments.reliability.transitivity import triads, zeta

RNG = np.random.default_rng


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
