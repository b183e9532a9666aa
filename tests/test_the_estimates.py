"""What turns will cost: from those that were recorded, else a prior that says that it is one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Config
from agent.costs import as_data, estimate_of_turn, turn_costs
from agent.estimates import (
    Cost,
    TurnCost,
    around,
    of_rest,
    of_turn,
    prior_estimate,
    summed,
)
from agent.priors import seconds_of
from logs.journal import Journal
from logs.vocabulary import EntryKind, Intervention, Ledgers, Recipe

SECONDS = st.lists(st.floats(0.1, 10_000), min_size=1, max_size=30)
PRIOR = prior_estimate(20.0, 3.0, 32.0, asks_a_model=False)


def turn(seconds, intervention=Intervention.TRAIN, session="s", iteration=1):
    cost = Cost(seconds=seconds, labels=24.0)
    return TurnCost(session=session, iteration=iteration, intervention=intervention, cost=cost)


class TestATurn:
    @given(SECONDS)
    def test_is_told_by_median_and_quartiles_of_its_like(self, seconds):
        found = of_turn([turn(s) for s in seconds], Intervention.TRAIN, "s", PRIOR).seconds
        assert found.middle == pytest.approx(np.median(seconds))
        if len(seconds) > 1:
            assert found.low == pytest.approx(np.quantile(seconds, 0.25))
            assert found.high == pytest.approx(np.quantile(seconds, 0.75))
        assert found.n == len(seconds)

    def test_takes_other_interventions_for_nothing(self):
        known = [turn(10), turn(500, Intervention.SWAP_JUDGE)]
        assert of_turn(known, Intervention.TRAIN, "s", PRIOR).seconds.middle == 10

    def test_takes_its_own_session_first_then_others_then_the_prior(self):
        here, there = turn(10), turn(90, session="t")
        assert of_turn([here, there], Intervention.TRAIN, "s", PRIOR).seconds.middle == 10
        elsewhere = of_turn([there], Intervention.TRAIN, "s", PRIOR)
        assert (elsewhere.seconds.middle, "other sessions" in elsewhere.source) == (90, True)
        prior = of_turn([there], Intervention.ROLL_BACK, "s", PRIOR)
        assert prior is PRIOR and "prior" in prior.source

    def test_learns_from_each_turn_that_is_recorded(self):
        known = [turn(10)]
        first = of_turn(known, Intervention.TRAIN, "s", PRIOR).seconds
        again = of_turn([*known, turn(30)], Intervention.TRAIN, "s", PRIOR).seconds
        assert (first.middle, first.low) == (10, None), "one turn has no spread"
        assert (again.middle, again.low, again.high) == (20, 15, 25)


class TestTheRest:
    @given(SECONDS, st.integers(0, 100))
    def test_is_the_mean_times_the_turns_inside_its_interval(self, seconds, left):
        found = summed(seconds, left)
        assert found.middle == pytest.approx(left * np.mean(seconds))
        if found.low is not None:
            assert 0 <= found.low <= found.middle + 1e-9 and found.middle <= found.high + 1e-9

    @given(st.lists(st.floats(1, 100), min_size=2, max_size=20), st.integers(1, 50))
    def test_of_more_turns_is_more_and_less_certain(self, seconds, left):
        one, more = summed(seconds, left), summed(seconds, left + 1)
        assert more.middle > one.middle
        assert more.high - more.middle >= one.high - one.middle - 1e-9

    def test_interval_holds_its_level_on_turns_that_are_alike(self):
        rng, inside, runs = np.random.default_rng(0), 0, 2000
        for _ in range(runs):
            drawn = rng.normal(100, 20, 8 + 12)
            found = summed(list(drawn[:8]), 12)
            inside += found.low <= drawn[8:].sum() <= found.high
        assert abs(inside / runs - 0.9) < 3 * np.sqrt(0.09 / runs)

    def test_without_any_turn_is_the_prior_times_the_turns(self):
        found = of_rest([], 4, "s", PRIOR)
        assert found.seconds.middle == 80 and found.seconds.n == 0 and "prior" in found.source
        assert (found.seconds.low, found.seconds.high) == pytest.approx((80 / 3, 240))

    def test_of_a_kind_that_nobody_counted_is_unknown(self):
        assert of_rest([turn(10)], 4, "s", PRIOR).disk_bytes is None
        assert around([]) is summed([], 3) is None
        asking = prior_estimate(20.0, 3.0, 32.0, asks_a_model=True)
        assert "tokens" not in as_data(of_rest([], 4, "s", asking))


class TestThePrior:
    @given(st.integers(1, 5000), st.integers(2, 64))
    def test_depends_on_the_recipe_alone_and_grows_with_it(self, prompts, samples):
        small, large = (Recipe(prompts=p, samples=samples) for p in (prompts, prompts + 100))
        for intervention in Intervention:
            assert seconds_of(intervention, large) > seconds_of(intervention, small)
        assert seconds_of(Intervention.TRAIN, small) > seconds_of(Intervention.SWAP_JUDGE, small)

    def test_gives_back_the_session_that_it_comes_from(self):
        demo = Recipe(prompts=768, epochs=2, replay=512)
        per_turn = 236 / 12
        assert seconds_of(Intervention.TRAIN, demo) == pytest.approx(per_turn, rel=0.1)


class TestTheLog:
    @pytest.fixture
    def journal(self, tmp_path):
        with Journal(tmp_path / "plimsoll.sqlite") as opened:
            yield opened

    def write(self, journal, iteration, step, kind, seconds, **body):
        spend = Ledgers(seconds=seconds, audit_labels=8 if step == "observe" else 0)
        journal.append(kind, session="s", iteration=iteration, step=step, body=body, spend=spend)

    def a_turn(self, journal, iteration, disk, *, recorded=True):
        self.write(journal, iteration, "observe", EntryKind.OBSERVED, 10)
        self.write(journal, iteration, "decide", EntryKind.DECIDED, 1, intervention="train")
        self.write(journal, iteration, "plan-a", EntryKind.PLANNED, 1)
        if recorded:
            self.write(journal, iteration, "record", EntryKind.RECORDED, 4, disk_bytes=disk)

    def test_is_told_turn_by_turn_with_what_the_disk_grew_by(self, journal):
        self.a_turn(journal, 1, 1000)
        self.a_turn(journal, 2, 1600)
        self.a_turn(journal, 3, 0, recorded=False)
        first, second = turn_costs(journal)
        assert (first.cost.seconds, first.cost.labels, first.cost.disk_bytes) == (16, 8, None)
        assert second.cost.disk_bytes == 600
        assert second.intervention is Intervention.TRAIN

    def test_without_seconds_tells_nothing_of_costs(self, journal):
        journal.append(
            EntryKind.DECIDED,
            session="s",
            iteration=1,
            step="decide",
            body={"intervention": "stop"},
        )
        journal.append(EntryKind.RECORDED, session="s", iteration=1, step="record", body={})
        assert turn_costs(journal) == []

    def test_of_this_session_replaces_the_prior(self, journal):
        self.a_turn(journal, 1, 1000)
        config = Config.model_validate({"session": {"name": "s"}})
        known = turn_costs(journal)
        found = estimate_of_turn(known, config, config.recipe, Intervention.TRAIN)
        assert (found.source, found.seconds.middle) == ("turns of this session", 16)
        other = estimate_of_turn(known, config, config.recipe, Intervention.SWAP_JUDGE)
        assert "prior" in other.source
