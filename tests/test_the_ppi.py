"""Gold with a judge's help: never worse than gold alone, whatever the judge."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.reliability import (
    Counts,
    Labelled,
    gold_multiplier,
    ppi_difference,
    ppi_mean,
    ppi_win_rate,
    rogan_gladen,
)
from tools.instruments.reliability.ppi import ppi
from tools.instruments.reliability.prevalence import youden_bound

RNG = np.random.default_rng


def normal(seed, rho, n=200, many=4000):
    """Gold and judge with that correlation; the truth is 0."""
    rng = RNG(seed)
    judge = rng.normal(size=n)
    gold = rho * judge + math.sqrt(1 - rho**2) * rng.normal(size=n)
    return Labelled(gold=gold, judge=judge, alone=rng.normal(size=many))


def binary(seed, share, se, sp, n=200, many=4000):
    rng = RNG(seed)
    y = (rng.random(n + many) < share).astype(float)
    said = np.where(y == 1, rng.random(n + many) < se, rng.random(n + many) > sp).astype(float)
    return Labelled(gold=y[:n], judge=said[:n], alone=said[n:])


class TestPpi:
    @settings(max_examples=40)
    @given(st.integers(0, 10**6), st.floats(-0.9, 0.95))
    def test_is_that_of_ppi_python(self, seed, rho):
        from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

        data = normal(seed, rho, n=80, many=300)
        found = ppi(data)
        args = (data.gold, data.judge, data.alone)
        point = ppi_mean_pointestimate(*args, lam=found.weight)
        assert found.estimate == pytest.approx(float(np.squeeze(point)))
        low, high = ppi_mean_ci(*args, alpha=0.05, lam=found.weight)
        half = float(np.squeeze(high - low)) / 2
        assert found.se * 1.959964 == pytest.approx(half, rel=0.01)
        # With lambda of its own choice; it divides the covariance by n, we by n - 1.
        own = float(np.squeeze(ppi_mean_pointestimate(*args)))
        assert found.estimate == pytest.approx(own, abs=0.01)

    def test_covers_the_truth_whatever_the_judge(self):
        for rho in (0.75, 0.0, -0.5):
            found = [ppi_mean(normal(s, rho), lower=None, upper=None) for s in range(200)]
            assert 0.90 <= np.mean([m.low <= 0 <= m.high for m in found]) <= 0.98

    def test_covers_where_the_judge_is_hacked_and_the_judge_alone_does_not(self):
        datas = [binary(s, 0.5, 0.95, 0.6) for s in range(200)]
        assert np.mean([m.low <= 0.5 <= m.high for m in map(ppi_mean, datas)]) >= 0.9
        assert np.mean([abs(d.alone.mean() - 0.5) > 0.1 for d in datas]) == 1

    def test_is_never_much_wider_than_gold_alone_and_much_narrower_with_a_good_judge(self):
        for rho, ratio in ((0.75, 0.75), (0.25, 1.0), (0.0, 1.001)):
            found = [ppi(normal(s, rho)) for s in range(200)]
            assert max(f.se / f.gold_se for f in found) <= 1.05
            assert np.mean([f.se / f.gold_se for f in found]) <= ratio

    def test_counts_clusters_not_answers(self):
        rng = RNG(1)
        gold = np.repeat(rng.normal(size=100), 5)
        data = Labelled(
            gold=gold,
            judge=gold + 0.1 * rng.normal(size=500),
            alone=np.repeat(rng.normal(size=300), 5),
            clusters=[i // 5 for i in range(500)],
            alone_clusters=[1000 + i // 5 for i in range(1500)],
        )
        m = ppi_mean(data, lower=None, upper=None)
        assert (m.n, m.clusters) == (2000, 100)
        found = ppi(data)
        assert found.gold_se == pytest.approx(np.std(gold[::5], ddof=1) / 10)

    def test_of_prompts_on_both_sides_is_refused(self):
        y = np.array([0.0, 1.0])
        with pytest.raises(UndefinedMeasurement, match="share nothing"):
            ppi(Labelled(gold=y, judge=y, alone=y, clusters=["p", "q"], alone_clusters=["q", "r"]))

    def test_of_a_constant_judge_is_gold_alone(self):
        rng = RNG(2)
        gold = rng.normal(size=100)
        found = ppi(Labelled(gold=gold, judge=np.ones(100), alone=np.ones(500)))
        assert (found.weight, found.correlation) == (0, 0)
        assert (found.estimate, found.se) == (pytest.approx(gold.mean()), found.gold_se)

    def test_of_gold_that_is_all_the_same_does_not_claim_certainty(self):
        said = (RNG(3).random(500) < 0.9).astype(float)
        m = ppi_mean(Labelled(gold=np.ones(100), judge=said[:100], alone=said[100:]))
        assert m.estimate == m.high == 1 and 0.95 < m.low < 1

    def test_of_few_is_insufficient_and_of_nothing_refused(self):
        m = ppi_mean(normal(4, 0.7, n=30), lower=None, upper=None)
        assert (m.status, m.estimate, m.clusters) == (Status.INSUFFICIENT, None, 30)
        empty = np.array([])
        with pytest.raises(UndefinedMeasurement, match="spread"):
            ppi_mean(Labelled(gold=empty, judge=empty, alone=empty))

    @pytest.mark.parametrize("bad", [math.nan, math.inf, 1.5])
    def test_of_impossible_gold_is_refused(self, bad):
        y = np.array([0.0, bad, 1.0])
        with pytest.raises(UndefinedMeasurement):
            ppi_mean(Labelled(gold=y, judge=np.ones(3), alone=np.ones(5)))

    def test_of_unequal_lists_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="3 gold, 2 judge"):
            ppi(Labelled(gold=np.ones(3), judge=np.ones(2), alone=np.ones(5)))


class TestDifferences:
    def test_in_win_rate_cover_and_stay_in_range(self):
        hits = []
        for seed in range(200):
            rng = RNG(seed)
            y = rng.choice([-1.0, 0.0, 1.0], p=[0.3, 0.3, 0.4], size=2200)
            f = np.where(rng.random(2200) < 0.7, y, rng.choice([-1.0, 0.0, 1.0], size=2200))
            m = ppi_win_rate(Labelled(gold=y[:200], judge=f[:200], alone=f[200:]))
            hits.append(m.low <= 0.1 <= m.high)
        assert np.mean(hits) >= 0.9
        assert (m.instrument, m.null) == ("ppi_win_rate", 0)
        with pytest.raises(UndefinedMeasurement):
            ppi_win_rate(Labelled(gold=y[:200], judge=2 * f[:200], alone=f[200:]))

    def test_of_two_policies_cover_though_the_judge_worsened_between_them(self):
        found = [
            ppi_difference(binary(s, 0.6, 0.9, 0.6), binary(10_000 + s, 0.5, 0.9, 0.85))
            for s in range(200)
        ]
        assert 0.9 <= np.mean([m.low <= 0.1 <= m.high for m in found]) <= 0.99

    def test_are_plain_welch_where_the_judge_is_constant(self):
        from scipy import stats

        rng = RNG(5)
        a, b = ((rng.random(n) < p).astype(float) for n, p in ((100, 0.7), (150, 0.5)))
        flat = [Labelled(gold=y, judge=np.ones(len(y)), alone=np.ones(50)) for y in (a, b)]
        m = ppi_difference(*flat)
        wanted = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
        assert (m.low, m.high) == pytest.approx((wanted.low, wanted.high), abs=1e-3)

    def test_of_few_or_without_spread_are_insufficient(self):
        assert (
            ppi_difference(binary(1, 0.5, 0.9, 0.9, n=20), binary(2, 0.5, 0.9, 0.9)).estimate
            is None
        )
        flat = Labelled(gold=np.ones(100), judge=np.ones(100), alone=np.ones(100))
        assert ppi_difference(flat, binary(2, 0.5, 0.9, 0.9)).status is Status.INSUFFICIENT


class TestTheGoldMultiplier:
    @pytest.mark.parametrize(("rho", "worth"), [(0.75, 2.15), (0.5, 1.31), (0.25, 1.06)])
    def test_is_what_the_correlation_is_worth(self, rho, worth):
        found = [gold_multiplier(normal(s, rho), draws=20) for s in range(30)]
        assert np.mean([m.estimate for m in found]) == pytest.approx(worth, rel=0.08)

    def test_is_green_only_when_the_judge_surely_helps(self):
        assert gold_multiplier(normal(1, 0.75), draws=99).status is Status.GREEN
        m = gold_multiplier(normal(1, 0.75, n=30))
        assert (m.status, m.null) == (Status.INSUFFICIENT, 1)

    def test_is_the_same_again_with_the_same_seed_and_can_be_logged(self):
        m = gold_multiplier(normal(2, 0.6), draws=50, seed=9)
        assert m == gold_multiplier(normal(2, 0.6), draws=50, seed=9)
        assert m == Measurement.model_validate_json(m.model_dump_json())


def counts(seed, share, se, sp, judged=4000, each=100):
    rng = RNG(seed)
    good = int(rng.binomial(judged, share))
    return Counts(
        yes=int(rng.binomial(good, se) + rng.binomial(judged - good, 1 - sp)),
        judged=judged,
        right_yes=int(rng.binomial(each, se)),
        good=each,
        right_no=int(rng.binomial(each, sp)),
        bad=each,
    )


class TestRoganAndGladen:
    @given(st.floats(0.05, 0.95), st.floats(0.6, 1), st.floats(0.6, 1))
    def test_undo_the_errors_of_the_judge(self, share, se, sp):
        p = share * se + (1 - share) * (1 - sp)
        n = 10**6
        m = rogan_gladen(
            Counts(
                yes=round(p * n),
                judged=n,
                right_yes=round(se * n),
                good=n,
                right_no=round(sp * n),
                bad=n,
            )
        )
        if m.estimate is not None:
            assert m.estimate == pytest.approx(share, abs=1e-4)
        else:
            assert se + sp - 1 < 0.21

    @pytest.mark.parametrize(
        ("share", "se", "sp", "each"),
        [(0.6, 0.9, 0.85, 100), (0.95, 0.95, 0.9, 50), (0.1, 0.8, 0.95, 50)],
    )
    def test_cover_the_truth_also_near_the_ends(self, share, se, sp, each):
        found = [rogan_gladen(counts(s, share, se, sp, each=each)) for s in range(300)]
        assert np.mean([m.low <= share <= m.high for m in found]) >= 0.92

    def test_are_wrong_when_the_judge_has_worsened_since(self):
        """Their errors are assumed to be those of the graded items; this is what it costs."""
        off = []
        for seed in range(50):
            now, before = counts(seed, 0.5, 0.9, 0.7), counts(seed, 0.5, 0.9, 0.85)
            stale = Counts(
                yes=now.yes,
                judged=now.judged,
                right_yes=before.right_yes,
                good=100,
                right_no=before.right_no,
                bad=100,
            )
            off.append(rogan_gladen(stale).estimate - 0.5)
        assert np.mean(off) == pytest.approx(0.10, abs=0.02)
        assert any("errs on this policy" in a for a in rogan_gladen(stale).assumptions)

    def test_refuse_a_judge_that_may_be_a_coin(self):
        m = rogan_gladen(counts(1, 0.5, 0.6, 0.55))
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)
        assert "0.2 is asked" in m.assumptions[0]
        good = counts(1, 0.5, 0.9, 0.9)
        assert 0.6 < youden_bound(good) < 0.85

    def test_stay_in_range_and_say_when_they_were_cut(self):
        m = rogan_gladen(
            Counts(yes=1000, judged=1000, right_yes=90, good=100, right_no=90, bad=100)
        )
        assert m.estimate == m.high == 1 and any("cut" in a for a in m.assumptions)

    @pytest.mark.parametrize("field", ["yes", "right_yes", "right_no"])
    @pytest.mark.parametrize("value", [-1, 101, 0.5, True])
    def test_refuse_impossible_counts(self, field, value):
        given = {"yes": 1, "judged": 100, "right_yes": 1, "good": 100, "right_no": 1, "bad": 100}
        with pytest.raises(UndefinedMeasurement, match="whole numbers"):
            rogan_gladen(Counts(**(given | {field: value})))

    def test_of_nothing_are_insufficient(self):
        nothing = Counts(yes=0, judged=0, right_yes=0, good=0, right_no=0, bad=0)
        assert rogan_gladen(nothing).status is Status.INSUFFICIENT
