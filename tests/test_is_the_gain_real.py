"""Is the gain real? Claimed on fresh gold only, at any look, never on the judge's word alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.errors import Refused, UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.sequential.betting import log_wealth
from tools.instruments.sequential.freshness import Seen
from tools.instruments.sequential.gain import (
    Claim,
    Gold,
    Plan,
    claim,
    is_the_gain_real,
    judge_mean_low,
    plan_gain,
    rectified,
    rectified_null,
)

SHARES = st.floats(0, 1)
GAP = Measurement(
    instrument="judge_gap", estimate=0.01, units="p", low=-0.02, high=0.04, n=200, status="green"
)
ALONE = Plan(level=0.05)
HELPED = Plan(level=0.05, weight=0.7)


def world(truth, right_of_wins=0.9, right_of_losses=0.85, gold=300, judged=4000, seed=0):
    """Gold items, and judged ones, of a policy and a judge whose truth is known."""
    rng = np.random.default_rng(seed)

    def drawn(n):
        wins = rng.random(n) < truth
        right = rng.random(n) < np.where(wins, right_of_wins, right_of_losses)
        return wins.astype(float), np.where(right, wins, ~wins).astype(float)

    items = [
        Gold(item=f"g{i}", truth=y, judged=f)
        for i, (y, f) in enumerate(zip(*drawn(gold), strict=True))
    ]
    return items, {f"j{i}": f for i, f in enumerate(drawn(judged)[1])}


def asked(items, judged, plan=HELPED, **other):
    given_ = {
        "sealed_at": 1,
        "opened_at": 2,
        "judge_win_rate": 0.62,
        "gap": GAP,
        "capability": Status.GREEN,
    }
    return is_the_gain_real(plan, items, judged=judged, **{**given_, **other})


class TestARealGain:
    def test_is_called_gain(self):
        m = asked(*world(0.65))
        assert claim(m) == "gain"
        assert (m.status, m.guarantee, m.null) == (Status.GREEN, Guarantee.ANYTIME, 0.5)
        assert 0.5 < m.low < 0.65 < m.estimate + 0.06

    def test_is_seen_with_fewer_gold_items_when_a_good_judge_helps(self):
        def needed(plan, seed):
            items, judged = world(0.60, seed=seed)
            values = rectified(
                plan, np.array([g.truth for g in items]), np.array([g.judged for g in items])
            )
            null = rectified_null(plan, judge_mean_low(plan, list(judged.values())))
            won = log_wealth(values, null) >= plan.needed
            return won.argmax() if won.any() else 300

        alone, helped = ([needed(p, s) for s in range(24)] for p in (ALONE, HELPED))
        assert np.median(helped) < np.median(alone)

    def test_once_claimed_is_claimed_at_every_later_look(self):
        items, judged = world(0.65)
        words = [claim(asked(items[:n], judged)) for n in range(20, 301, 20)]
        first = words.index(Claim.GAIN)
        assert set(words[first:]) == {Claim.GAIN}


class TestNoGain:
    def test_is_called_no_clear_change(self):
        m = asked(*world(0.5))
        assert claim(m) == "no clear change"
        assert m.low < 0.5

    @pytest.mark.parametrize(
        ("right_of_wins", "right_of_losses"),
        [(0.9, 0.85), (0.95, 0.60), (1.0, 0.0)],
        ids=["good judge", "hacked judge", "judge that always says win"],
    )
    def test_is_hardly_ever_claimed_whatever_the_judge_does(self, right_of_wins, right_of_losses):
        claims = 0
        for seed in range(50):
            items, judged = world(0.5, right_of_wins, right_of_losses, gold=200, seed=seed)
            claims += claim(asked(items, judged, judge_win_rate=0.7)) == Claim.GAIN
        assert claims <= 0.05 * 50 + 2 * np.sqrt(50 * 0.05 * 0.95)

    def test_is_claimed_when_the_judged_items_are_those_of_another_policy(self):
        """The planted fault that the seal and the split are there for."""
        items, _ = world(0.5, 0.5, 0.5)
        _, flattering = world(0.5, 1.0, 0.0)
        assert claim(asked(items, flattering)) == Claim.GAIN


class TestAGainThatIsNotClaimed:
    @pytest.mark.parametrize(
        ("missing", "why"),
        [
            ({"judge_win_rate": None}, "win rate is missing"),
            ({"judge_win_rate": 0.48}, "denies it"),
            ({"gap": None}, "gap between judge and gold is missing"),
            ({"gap": GAP.model_copy(update={"low": 0.06})}, "runs ahead of gold by 0.060"),
            ({"gap": GAP.model_copy(update={"low": None})}, "gap between judge and gold"),
            ({"capability": None}, "capability is missing"),
            ({"capability": Status.YELLOW}, "capability is yellow"),
            ({"capability": Status.INSUFFICIENT}, "capability is insufficient"),
        ],
    )
    def test_because_something_is_missing_or_denies_it_is_inconclusive(self, missing, why):
        m = asked(*world(0.65), **missing)
        assert claim(m) == "inconclusive"
        assert why in m.assumptions[0]

    def test_because_no_outcome_of_so_little_gold_could_show_it_is_inconclusive(self):
        items, judged = world(1.0)
        for few in ([], items[:3]):
            m = asked(few, judged)
            assert claim(m) == "inconclusive" and m.estimate is None
            assert "too little gold" in m.assumptions[0]

    def test_because_gold_was_used_before_is_refused(self):
        items, judged = world(0.65)
        with pytest.raises(Refused, match="not fresh"):
            asked([*items, items[0]], judged)
        with pytest.raises(Refused, match="not fresh"):
            asked(items, judged, seen=Seen.of(1000).after("g5"))

    def test_because_the_judge_saw_gold_or_was_late_is_refused(self):
        items, judged = world(0.65)
        with pytest.raises(Refused, match="apart from gold"):
            asked(items, {**judged, "g0": 1.0})
        with pytest.raises(Refused, match="sealed at entry 2, gold at 2"):
            asked(items, judged, sealed_at=2)

    @pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
    def test_because_numbers_are_impossible_is_refused(self, bad):
        items, judged = world(0.65)
        for wrong in (
            {"items": [replace(items[0], truth=bad)]},
            {"judged": {"x": bad}},
            {"judge_win_rate": bad},
        ):
            rest = {k: v for k, v in wrong.items() if k not in ("items", "judged")}
            with pytest.raises(UndefinedMeasurement):
                asked(wrong.get("items", items), wrong.get("judged", judged), **rest)
        with pytest.raises(UndefinedMeasurement, match="there are none"):
            asked(items, {})


class TestThePlan:
    def earlier(self, right, n=300, seed=1):
        items, _ = world(0.6, right, right, gold=n, seed=seed)
        return [g.truth for g in items], [g.judged for g in items]

    def planned(self, right=0.9, judged_items=4000, iteration=1):
        y, f = self.earlier(right)
        return plan_gain(y, f, iteration=iteration, gold_items=400, judged_items=judged_items)

    def test_counts_on_a_good_judge_with_many_items(self):
        assert 0.5 < self.planned().weight < 1

    def test_leaves_out_a_weak_judge_few_items_and_an_unknown_one(self):
        unknown = plan_gain([], [], iteration=1, gold_items=400, judged_items=9000)
        constant = plan_gain([1, 0], [1, 1], iteration=1, gold_items=400, judged_items=9000)
        for plan in (self.planned(0.7), self.planned(judged_items=3999), unknown, constant):
            assert plan.weight == 0

    def test_pays_for_the_judge_out_of_alpha(self):
        assert HELPED.needed == pytest.approx(np.log(1 / 0.04))
        assert ALONE.needed == pytest.approx(np.log(1 / 0.05))

    def test_gives_later_iterations_less(self):
        assert self.planned(iteration=3).level == pytest.approx(self.planned().level / 9)

    def test_that_is_impossible_is_refused(self):
        for wrong in ({"level": 0.0}, {"level": 0.05, "null": 1.0}, {"level": 0.05, "weight": 2}):
            with pytest.raises(UndefinedMeasurement):
                Plan(**wrong)
        with pytest.raises(UndefinedMeasurement, match="2 truths, 1 judgements"):
            plan_gain([1, 0], [1], iteration=1, gold_items=4, judged_items=9)


class TestTheRectifiedTruth:
    @given(SHARES, SHARES, SHARES)
    def test_stays_between_0_and_1(self, truth, judged, weight):
        plan = Plan(level=0.05, weight=weight)
        value = rectified(plan, np.array([truth]), np.array([judged]))[0]
        assert -1e-12 <= value <= 1 + 1e-12

    @given(SHARES, SHARES, st.floats(0.1, 0.9))
    def test_is_at_its_null_exactly_when_the_truth_is(self, judge_mean, weight, null):
        plan = Plan(level=0.05, weight=weight, null=null)
        at_null = rectified(plan, np.array([null]), np.array([judge_mean]))[0]
        assert at_null == pytest.approx(rectified_null(plan, judge_mean))

    def test_can_be_logged(self):
        m = asked(*world(0.6))
        assert Measurement.model_validate_json(m.model_dump_json()) == m
        assert any("judge weighted 0.700, mean over 4000" in told for told in m.assumptions)
