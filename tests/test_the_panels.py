"""Panels: what votes say of judges, and what they hide."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.reliability import (
    dawid_skene,
    errors_on_gold,
    judge_rate,
    n_eff,
    n_eff_rise,
    panel_overclaim,
)
from tools.instruments.reliability.panels import effective_votes

RNG = np.random.default_rng


def panel(n, seed, shared=0.0, judges=5, right=0.75):
    """Truth and votes of judges whose errors have that latent correlation."""
    rng = RNG(seed)
    truth = (rng.random(n) < 0.5).astype(float)
    latent = math.sqrt(shared) * rng.normal(size=(n, 1))
    latent = latent + math.sqrt(1 - shared) * rng.normal(size=(n, judges))
    wrong = (latent > stats.norm.ppf(right)).astype(float)
    return truth, np.abs(truth[:, None] - wrong)


def independent(n, seed, se, sp, prior=0.4):
    rng = RNG(seed)
    truth = (rng.random(n) < prior).astype(float)
    p = np.where(truth[:, None] == 1, np.array(se), 1 - np.array(sp))
    return truth, (rng.random(p.shape) < p).astype(float)


class TestDawidAndSkene:
    SE, SP = (0.9, 0.8, 0.7, 0.85, 0.6), (0.85, 0.9, 0.75, 0.6, 0.8)

    def test_recover_the_rates_that_were_planted(self):
        off = []
        for seed in range(10):
            fit = dawid_skene(independent(2000, seed, self.SE, self.SP)[1])
            off.append(np.array([*fit.sensitivity, *fit.specificity]) - [*self.SE, *self.SP])
        assert np.abs(off).mean() <= 0.03
        assert np.abs(np.mean(off, axis=0)).max() <= 0.03

    def test_agree_with_crowd_kit(self):
        import pandas as pd
        from crowdkit.aggregation import DawidSkene

        good = (0.95, 0.9, 0.85, 0.9, 0.8)  # both converge in few steps
        _, votes = independent(300, 1, good, good[::-1])
        votes[RNG(0).random(votes.shape) < 0.2] = np.nan
        votes = votes[np.isfinite(votes).any(1)]
        rows = [(i, j, int(v)) for (i, j), v in np.ndenumerate(votes) if np.isfinite(v)]
        data = pd.DataFrame(rows, columns=["task", "worker", "label"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it uses what pandas deprecates
            oracle = DawidSkene(n_iter=60, tol=-1.0).fit(data)  # its loss may fall: no early stop
        fit = dawid_skene(votes)
        assert fit.prior == pytest.approx(oracle.priors_[1], abs=1e-6)
        assert fit.posterior == pytest.approx(
            oracle.probas_.loc[range(len(votes)), 1].to_numpy(), abs=1e-6
        )
        for judge in range(5):
            said_yes = oracle.errors_.loc[(judge, 1)]
            assert fit.sensitivity[judge] == pytest.approx(said_yes[1], abs=1e-6)
            assert 1 - fit.specificity[judge] == pytest.approx(said_yes[0], abs=1e-6)

    def test_do_not_care_in_which_order_items_come(self):
        _, votes = independent(300, 2, self.SE, self.SP)
        order = RNG(0).permutation(300)
        a, b = dawid_skene(votes), dawid_skene(votes[order])
        assert np.array(a.posterior)[order] == pytest.approx(b.posterior)

    def test_believe_far_too_much_where_errors_are_shared_and_gold_shows_it(self):
        truth, votes = panel(1000, 3, shared=0.6)
        q = np.array(dawid_skene(votes).posterior)
        assert np.maximum(q, 1 - q).mean() > 0.93 and ((q > 0.5) == truth).mean() < 0.85
        assert panel_overclaim(q, truth).status is Status.RED
        truth, votes = panel(1000, 4)
        m = panel_overclaim(np.array(dawid_skene(votes).posterior), truth)
        assert m.low <= 0 <= m.high + 0.02 and m.status is not Status.RED

    def test_cover_the_rates_with_their_bootstrap(self):
        hits = []
        for seed in range(15):
            _, votes = independent(400, seed, self.SE, self.SP)
            for judge, rate, true in ((0, "sensitivity", 0.9), (3, "specificity", 0.6)):
                m = judge_rate(votes, judge, rate=rate, draws=60, seed=seed)
                hits.append(m.low <= true <= m.high)
        assert np.mean(hits) >= 0.8

    def test_need_three_judges_and_enough_items(self):
        _, votes = independent(300, 5, self.SE, self.SP)
        with pytest.raises(UndefinedMeasurement, match="items and judges"):
            dawid_skene(votes[:, :2])
        assert judge_rate(votes[:100], 0).status is Status.INSUFFICIENT
        with pytest.raises(UndefinedMeasurement, match="one judge"):
            judge_rate(votes, 5)
        with pytest.raises(UndefinedMeasurement, match="two rates"):
            judge_rate(votes, 0, rate="accuracy")

    @pytest.mark.parametrize(
        "votes", [[], [[1, 0, 1], [1, 0]], [[1, 0, 0.5]] * 3, [[1, 0, math.inf]]]
    )
    def test_refuse_what_are_no_votes(self, votes):
        with pytest.raises(UndefinedMeasurement):
            dawid_skene(votes)


class TestEffectiveVotes:
    @settings(max_examples=30)
    @given(st.integers(0, 10**6), st.floats(0, 0.9))
    def test_are_kish_with_the_mean_correlation_of_numpy(self, seed, shared):
        truth, votes = panel(300, seed, shared)
        wrong = errors_on_gold(votes, truth)
        between = np.corrcoef(wrong.T)[np.triu_indices(5, 1)].mean()
        assert effective_votes(wrong)[0] == pytest.approx(5 / (1 + 4 * between))

    def test_of_independent_judges_are_their_number(self):
        found = [
            effective_votes(errors_on_gold(v, t))[0] for t, v in (panel(2000, s) for s in range(20))
        ]
        assert np.mean(found) == pytest.approx(5, abs=0.3)
        assert np.mean(np.abs(np.array(found) - 5) <= 0.3) >= 0.85

    def test_of_judges_that_err_together_are_two_and_a_copy_adds_none(self):
        truth, votes = panel(400, 6, shared=0.6)
        wrong = errors_on_gold(votes, truth)
        m = n_eff(wrong, draws=199)
        assert m.high < 2.5 and m.null == 5
        copied = np.column_stack([wrong, wrong[:, 0]])
        assert n_eff_rise(copied, 5, draws=199).status is Status.RED

    def test_rise_with_a_judge_that_errs_alone(self):
        truth, votes = panel(2000, 7, judges=4)
        rise = n_eff_rise(errors_on_gold(votes, truth), 3, draws=199)
        assert rise.status is Status.GREEN and rise.low <= 1 <= rise.high

    @pytest.mark.parametrize("shared", [0.0, 0.6])
    def test_are_covered_by_their_bootstrap(self, shared):
        truth, votes = panel(400_000, 1, shared)
        true = effective_votes(errors_on_gold(votes, truth))[0]
        found = [
            n_eff(errors_on_gold(v, t), draws=99)
            for t, v in (panel(250, s, shared) for s in range(60))
        ]
        assert sum(m.low <= true <= m.high for m in found) >= 51

    def test_of_whole_clusters_are_less_sure(self):
        truth, votes = panel(250, 8)
        wrong = np.repeat(errors_on_gold(votes, truth), 4, axis=0)
        alone = n_eff(wrong, draws=199)
        together = n_eff(wrong, clusters=[i // 4 for i in range(1000)], draws=199)
        assert together.high - together.low > 1.5 * (alone.high - alone.low)

    def test_leave_out_what_a_judge_did_not_answer(self):
        truth, votes = panel(2000, 9)
        votes[RNG(1).random(votes.shape) < 0.3] = np.nan
        assert n_eff(errors_on_gold(votes, truth), draws=99).estimate == pytest.approx(5, abs=0.5)

    def test_of_a_perfect_judge_leave_it_out_and_say_so(self):
        truth, votes = panel(300, 10, shared=0.6)
        votes[:, 0] = truth
        m = n_eff(errors_on_gold(votes, truth), draws=99)
        assert m.estimate > 1 and "judges [0] are never or always wrong" in m.assumptions[1]

    def test_of_perfect_judges_are_undefined_and_of_few_items_insufficient(self):
        with pytest.raises(UndefinedMeasurement, match="correlations"):
            n_eff(np.zeros((300, 3)))
        truth, votes = panel(150, 11)
        assert n_eff(errors_on_gold(votes, truth)).status is Status.INSUFFICIENT
        with pytest.raises(UndefinedMeasurement, match="one judge away"):
            n_eff_rise(errors_on_gold(votes, truth), 5)

    def test_are_the_same_again_with_the_same_seed_and_can_be_logged(self):
        truth, votes = panel(300, 12)
        wrong = errors_on_gold(votes, truth)
        m = n_eff(wrong, draws=99, seed=4)
        assert m == n_eff(wrong, draws=99, seed=4)
        assert m == Measurement.model_validate_json(m.model_dump_json())

    def test_need_gold_for_every_item(self):
        truth, votes = panel(50, 13)
        with pytest.raises(UndefinedMeasurement, match="50 items, 49 labels"):
            errors_on_gold(votes, truth[:-1])
