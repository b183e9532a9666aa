"""A bet against a mean: fair on nulls at every look, and never on the same item twice."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.errors import Refused, UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.sequential import betting
from tools.instruments.sequential.betting import Bet, betting_test, log_wealth
from tools.instruments.sequential.freshness import Seen

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)
NULLS = st.floats(0.05, 0.95)
CLAIMS = st.sampled_from(("above", "below", "different"))
NEEDED = math.log(20)


def placed(values, null=0.5, claim="above"):
    bet = Bet(null=null, claim=claim)
    for number, value in enumerate(values):
        bet = bet.after(f"item {number}", value)
    return bet


def by_hand(values, null):
    """Wealth against "at most `null`", one item after the other, as the formula is printed."""
    wealth, cap, seen, squares = 1.0, 0.5, [], 0.0
    for value in values:
        mean = (0.5 + sum(seen)) / (len(seen) + 1)
        spread = (0.25 + squares) / (len(seen) + 1)
        gap = mean - null
        stake = min(max(gap / (spread + gap**2), 0), cap / null)
        wealth *= 1 + stake * (value - null)
        seen.append(value)
        squares += (value - (0.5 + sum(seen)) / (len(seen) + 1)) ** 2
    return wealth


def every_path(length):
    return np.array(list(itertools.product((0.0, 1.0), repeat=length)))


def expected_wealth(p, claim, length=8):
    """Exactly, over all paths: what a bettor has on average when the null is the truth."""
    paths = every_path(length)
    chances = np.prod(np.where(paths == 1, p, 1 - p), axis=-1)
    return float(chances @ np.exp(log_wealth(paths, p, claim=claim)[:, -1]))


def drawn(seed, p, paths=400, items=800):
    return (np.random.default_rng(seed).random((paths, items)) < p).astype(float)


class TestTheWealth:
    @given(VALUES, NULLS)
    def test_is_that_of_the_printed_formula_on_either_side(self, values, null):
        up = math.log(by_hand(values, null))
        down = math.log(by_hand([1 - x for x in values], 1 - null))
        both = math.log((math.exp(up) + math.exp(down)) / 2)
        for claim, wanted in (("above", up), ("below", down), ("different", both)):
            assert placed(values, null, claim).log_wealth == pytest.approx(wanted, abs=1e-9)
            path = log_wealth(np.array(values), null, claim=claim)
            assert path[-1] == pytest.approx(wanted, abs=1e-9)

    @given(VALUES, NULLS, CLAIMS)
    def test_never_falls_to_nothing_and_its_peak_is_the_largest_so_far(self, values, null, claim):
        path = log_wealth(np.array(values), null, claim=claim)
        assert np.isfinite(path).all()
        assert placed(values, null, claim).peak == pytest.approx(max(0.0, path.max()), abs=1e-9)

    @pytest.mark.parametrize("claim", ["above", "below", "different"])
    @pytest.mark.parametrize("p", [0.02, 0.1, 0.5, 0.9])
    def test_is_one_on_average_when_the_null_is_true_exactly(self, p, claim):
        assert expected_wealth(p, claim) == pytest.approx(1.0, abs=1e-12)

    @pytest.mark.parametrize("looked_at", [0.5, 0.25], ids=["mean", "spread"])
    @pytest.mark.parametrize(("p", "claim"), [(0.1, "below"), (0.3, "above"), (0.9, "above")])
    def test_of_a_bet_that_has_seen_its_item_is_not(self, monkeypatch, looked_at, p, claim):
        honest = betting._shifted
        monkeypatch.setattr(
            betting, "_shifted", lambda v, path: path if v == looked_at else honest(v, path)
        )
        assert abs(expected_wealth(p, claim) - 1) > 1e-3


class TestARefutation:
    @pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
    @pytest.mark.parametrize("claim", ["above", "below", "different"])
    def test_of_a_true_null_is_rare_however_often_one_looks(self, p, claim):
        ever = (log_wealth(drawn(1, p), p, claim=claim) >= NEEDED).any(-1)
        assert ever.mean() <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / len(ever))

    def test_of_a_true_null_by_a_bet_that_peeks_is_common(self, monkeypatch):
        honest = betting._shifted
        monkeypatch.setattr(
            betting, "_shifted", lambda v, path: path if v == 0.5 else honest(v, path)
        )
        assert (log_wealth(drawn(1, 0.5), 0.5) >= NEEDED).any(-1).mean() > 0.2

    def test_by_a_z_test_that_is_repeated_is_common_too(self):
        x, t = drawn(2, 0.5), np.arange(1, 801)
        z = (np.cumsum(x, -1) - t / 2) / np.sqrt(t / 4)
        assert (np.abs(z[:, 99::100]) > 1.96).any(-1).mean() > 0.1

    def test_of_a_wrong_null_comes_within_350_items_in_four_of_five(self):
        reached = log_wealth(drawn(3, 0.60), 0.5) >= NEEDED
        assert reached[:, :350].any(-1).mean() >= 0.8 - 2 * math.sqrt(0.16 / len(reached))


class TestAnItem:
    def test_that_was_seen_before_is_refused_by_name(self):
        bet = placed([1, 0, 1])
        with pytest.raises(Refused, match="not fresh") as refusal:
            bet.after("item 1", 1.0)
        assert "'item 1'" in refusal.value.saw
        assert bet.after("item 3", 1.0).n == 4

    @given(st.lists(st.text(max_size=8), min_size=1, max_size=20))
    def test_is_always_recognised(self, items):
        memory = Seen.of(20)
        for item in dict.fromkeys(items):
            memory = memory.after(item)
        for item in items:
            with pytest.raises(Refused, match="not fresh"):
                memory.after(item)

    def test_that_is_fresh_is_hardly_ever_taken_for_another(self):
        memory, refused = Seen.of(2000), 0
        for number in range(2000):
            try:
                memory = memory.after(str(number))
            except Refused:
                refused += 1
        assert refused <= 1
        assert memory.false_refusals < 1 / 20_000

    def test_is_remembered_in_a_size_that_does_not_grow(self):
        few, many = placed([1.0] * 5), placed([0.0, 1.0] * 200)
        assert len(many.to_json()) - len(few.to_json()) < 2**15
        assert many.seen.size == few.seen.size

    def test_beyond_the_size_of_the_memory_is_refused_by_name(self):
        memory = Seen.of(4)
        with pytest.raises(Refused, match="memory of used items is full"):
            for number in range(500):
                memory = memory.after(str(number))
        with pytest.raises(UndefinedMeasurement, match="room for at least one"):
            Seen.of(0)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.1])
    def test_outside_the_range_is_refused(self, value):
        with pytest.raises(UndefinedMeasurement):
            placed([0.5]).after("new", value)


class TestABetThatIsWrittenDown:
    @given(VALUES, VALUES, NULLS, CLAIMS)
    def test_goes_on_to_the_last_bit(self, before, after, null, claim):
        whole = placed([*before, *after], null, claim)
        resumed = Bet.from_json(placed(before, null, claim).to_json())
        for number, value in enumerate(after, start=len(before)):
            resumed = resumed.after(f"item {number}", value)
        assert resumed == whole

    def test_still_refuses_what_it_saw(self):
        with pytest.raises(Refused, match="not fresh"):
            Bet.from_json(placed([1.0]).to_json()).after("item 0", 1.0)

    @pytest.mark.parametrize(
        "wrong", [{"null": 0.0}, {"null": 1.0}, {"null": math.nan}, {"cap": 1.0}, {"up": math.inf}]
    )
    def test_with_impossible_numbers_is_refused(self, wrong):
        with pytest.raises(UndefinedMeasurement):
            Bet(**{"null": 0.5, **wrong})


class TestTheMeasurement:
    def test_of_nothing_or_of_too_little_to_tell_is_insufficient(self):
        assert betting_test(Bet(null=0.5)).status is Status.INSUFFICIENT
        few = betting_test(placed([1.0] * 7))
        assert (few.status, few.estimate) == (Status.INSUFFICIENT, None)

    def test_is_yellow_until_the_wealth_is_reached_and_green_from_then_on(self):
        assert betting_test(placed([0.0, 1.0] * 10)).status is Status.YELLOW
        won = placed([1.0] * 12)
        assert betting_test(won).status is Status.GREEN
        for number in range(30):
            won = won.after(f"later {number}", 0.0)
        assert betting_test(won).status is Status.GREEN
        assert won.log_wealth < betting_test(won).margin

    def test_is_red_where_refutation_is_bad(self):
        m = betting_test(placed([0.0] * 12, claim="below"), refuted_is="bad", of="safety")
        assert (m.status, m.of, m.guarantee) == (Status.RED, "safety", Guarantee.ANYTIME)

    def test_says_what_was_bet_against_and_can_be_logged(self):
        m = betting_test(placed([0.0, 1.0] * 10, 0.3, "different"))
        assert "exactly 0.3" in m.assumptions[0]
        assert "fresh" in m.assumptions[1]
        assert Measurement.model_validate_json(m.model_dump_json()) == m

    @pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
    def test_needs_an_error_probability(self, alpha):
        with pytest.raises(UndefinedMeasurement):
            betting_test(placed([1.0]), alpha=alpha)
