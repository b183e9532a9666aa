"""The table's lines about data and recipe: each applies to what it is for, and does not repeat."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from agent.data_lines import LATELY, PATIENCE, frontier, narrowing, shrink, weakness
from agent.lines import Line
from agent.recipe_moves import moved
from logs.vocabulary import Intervention, Ledgers, Measurement, Prediction, Recipe, Status
from tests.a_view import SOME, calm, observed, past, state, trained, view
from tests.test_any_view import views
from tests.test_data_and_recipe import TASK
from tools import instruments as measure

CHANGE, REFRESH, BACK, TRAIN = (
    Intervention.CHANGE_RECIPE,
    Intervention.REFRESH_PROMPTS,
    Intervention.ROLL_BACK,
    Intervention.TRAIN,
)
LINES = (frontier, weakness, narrowing, shrink)


def ties(tied, of=200):
    return measure.tie_rate([[1.0, 1.0]] * tied + [[0.0, 1.0]] * (of - tied))


def learnable(**values):
    named = {name.replace("_", "-"): value for name, value in values.items()}
    return [
        measure.mean(
            "learnable",
            [named.get(name, 0.02), 0.01] * 40,
            units="variance",
            of=name,
            lower=0.0,
            upper=0.25,
        )
        for name in TASK.strata()
    ]


def audited(**counts):
    return [
        measure.proportion("audited_right", k, n, units="share", of=skill)
        for skill, (k, n) in counts.items()
    ]


def changed(instrument, estimate, status):
    return Measurement(
        instrument=instrument,
        estimate=estimate,
        units="relative change",
        n=200,
        status=status,
        low=estimate - 0.05,
        high=estimate + 0.05,
        of="anchor",
    )


def far(nats=1.7):
    return measure.divergence([nats - 0.1, nats, nats + 0.1] * 16, of="anchor")


def did(turn, intervention, outcome="committed", refused_by=(), *, predicted=None, seen=(), **said):
    made = past(turn, intervention, outcome, refused_by)
    now = observed(*seen, turn=turn) if seen else made.observation
    return replace(made, arguments=said, predicted=predicted, observation=now)


def at(turn, *done, planted=(), **fields):
    """A view of a later turn in which all turns trained but those that are given."""
    before = {p.iteration: p for p in trained(turn - 1)} | {p.iteration: p for p in done}
    turns = tuple(before[i] for i in sorted(before))
    return view(*planted, iteration=turn, past=turns, **fields)


TIED = (ties(170), *learnable(lists_5=0.2))
WEAK = tuple(audited(lists=(30, 34), facts=(2, 16), safety=(9, 10)))
ALIKE = (
    changed("vendi_change", -0.8, Status.RED),
    changed("self_bleu_change", 0.2, Status.RED),
)
FAR = (far(),)


@pytest.mark.parametrize("line", LINES)
def test_a_calm_turn_asks_for_none_of_them(line):
    assert isinstance(line(view()), str)


@settings(max_examples=60)
@given(seen=views())
def test_any_view_gets_a_line_that_can_be_carried_out_or_a_reason(seen):
    for line in LINES:
        said = line(seen)
        if isinstance(said, str):
            assert said
        elif said.intervention is CHANGE:
            assert not isinstance(moved(seen.state.recipe, said.arguments), str)
        elif said.intervention is BACK:
            assert set(said.arguments["candidates"].split(",")) <= {p.head for p in seen.past}
        else:
            assert said.arguments["mode"] in ("weak", "level")


class TestTheFrontier:
    def test_is_practised_where_most_siblings_tie_and_some_level_does_not(self):
        line = frontier(view(*TIED))
        assert (line.intervention, line.arguments) == (REFRESH, {"mode": "level"})
        assert "learnable[lists-5]" in line.because and "tie_rate" in line.because
        assert line.predicted.metric == "tie_rate"

    def test_is_not_sought_while_siblings_differ(self):
        assert "differ" in frontier(view(ties(60), *learnable(lists_5=0.2)))

    def test_is_not_sought_where_no_level_is_better(self):
        assert "no level" in frontier(view(ties(170), *learnable()))
        assert "no level" in frontier(view(ties(170)))


class TestAWeakness:
    def test_that_audits_tell_from_the_rest_is_practised(self):
        line = weakness(view(*WEAK))
        assert (line.intervention, line.arguments) == (REFRESH, {"mode": "weak"})
        assert "audited_right[facts]" in line.because

    def test_that_may_be_chance_is_not(self):
        few = audited(lists=(30, 34), facts=(1, 2), safety=(0, 1))
        assert "not tell" in weakness(view(*few))
        assert "too little" in weakness(view(*audited(lists=(3, 34), facts=(0, 0))))


class TestANarrowing:
    def test_is_answered_by_a_bonus_for_staying_unsure(self):
        line = narrowing(view(*ALIKE))
        assert (line.intervention, line.arguments) == (CHANGE, {"entropy": "0.1"})
        assert "vendi_change" in line.because

    def test_is_answered_by_drawing_at_temperature_1_where_that_was_lowered(self):
        line = narrowing(view(*ALIKE, state=state(recipe=Recipe(temperature=0.8))))
        assert line.arguments == {"temperature": "1"}

    def test_goes_on_to_the_bonus_where_the_temperature_was_just_set(self):
        seen = at(
            5,
            did(4, CHANGE, temperature="1"),
            planted=ALIKE,
            state=state(recipe=Recipe(temperature=0.8)),
        )
        assert narrowing(seen).arguments == {"entropy": "0.1"}

    def test_is_not_what_every_policy_loses_that_learns(self):
        learnt = (
            changed("vendi_change", -0.3, Status.RED),
            changed("self_bleu_change", 0.17, Status.RED),
            changed("entropy_change", -0.6, Status.RED),
        )
        assert isinstance(narrowing(view(*learnt)), str)

    def test_is_not_siblings_that_agree(self):
        sure = changed("entropy_change", -0.6, Status.RED)
        assert isinstance(narrowing(view(sure)), str)

    def test_stops_at_the_last_step_of_the_bonus(self):
        full = state(recipe=Recipe(entropy=0.3))
        assert "leaves nothing" in narrowing(view(*ALIKE, state=full))

    def test_without_the_bonus_does_not_use_it(self):
        said = narrowing(view(*ALIKE, without=frozenset({"change_recipe:entropy"})))
        assert "change_recipe:entropy is switched off" in said


class TestDriftNearItsLimit:
    def test_asks_for_smaller_steps(self):
        line = shrink(view(*FAR))
        assert (line.intervention, line.arguments) == (CHANGE, {"learning_rate": "0.0003"})
        assert "drift_from_anchor" in line.because

    def test_is_also_a_training_that_the_law_refused_for_it(self):
        line = shrink(at(5, did(4, TRAIN, "refused", ("P10-near-anchor",))))
        assert line.arguments == {"learning_rate": "0.0003"} and "iteration 4" in line.because
        other = shrink(at(5, did(4, TRAIN, "refused", ("P12-judge-floor",))))
        assert isinstance(other, str)

    def test_waits_to_see_what_smaller_steps_do(self):
        seen = at(6, did(5, CHANGE, learning_rate="0.0003"), planted=FAR)
        assert "set in iteration 5" in shrink(seen)
        over = at(
            6,
            did(4, TRAIN, "refused", ("P10-near-anchor",)),
            did(5, CHANGE, learning_rate="0.0003"),
        )
        assert "far from its limit" in shrink(over)

    def test_goes_back_where_smaller_steps_did_not_help(self):
        seen = at(9, did(5, CHANGE, learning_rate="0.0003"), planted=FAR)
        line = shrink(seen)
        assert line.intervention is BACK
        assert line.arguments["candidates"].split(",") == [p.head for p in seen.past[:-4:-1]]

    def test_goes_back_at_once_where_the_law_refused_the_smaller_steps_too(self):
        seen = at(
            7,
            did(4, TRAIN, "refused", ("P10-near-anchor",), seen=FAR),
            did(5, CHANGE, learning_rate="0.0003"),
            did(6, TRAIN, "refused", ("P10-near-anchor",)),
            planted=FAR,
        )
        assert shrink(seen).intervention is BACK

    def test_goes_back_only_to_what_is_measured_to_be_nearer(self):
        turns = [did(i, TRAIN, seen=(far(1.9),)) for i in (1, 2, 3, 4, 6, 7, 8)]
        seen = at(9, *turns, did(5, CHANGE, learning_rate="0.0003", seen=(far(1.95),)), planted=FAR)
        assert "no earlier commit" in shrink(seen)
        founding = did(1, TRAIN, seen=(measure.divergence([0.0] * 48, of="anchor"),))
        line = shrink(
            at(9, founding, *turns[1:], did(5, CHANGE, learning_rate="0.0003"), planted=FAR)
        )
        assert past(1).head in line.arguments["candidates"]

    def test_asks_no_vault_that_answers_no_more(self):
        spent = Ledgers(gold_queries=1000)
        seen = at(9, did(5, CHANGE, learning_rate="0.0003"), planted=FAR, ledgers=spent)
        assert "vault" in shrink(seen)

    def test_may_shrink_again_after_a_rollback_that_brought_the_old_steps_back(self):
        seen = at(
            11,
            did(5, CHANGE, learning_rate="0.0003"),
            did(7, BACK, candidates=SOME),
            planted=FAR,
        )
        assert shrink(seen).arguments == {"learning_rate": "0.0003"}

    def test_without_smaller_steps_goes_back(self):
        seen = view(*FAR, without=frozenset({"change_recipe:learning_rate"}))
        assert shrink(seen).intervention is BACK
        neither = view(*FAR, without=frozenset({"change_recipe", "roll_back"}))
        assert "switched off" in shrink(neither)


APPLIES = {
    "frontier": (frontier, TIED, REFRESH, {"mode": "level"}),
    "weakness": (weakness, WEAK, REFRESH, {"mode": "weak"}),
    "narrowing": (narrowing, ALIKE, CHANGE, {"entropy": "0.1"}),
}


@pytest.mark.parametrize("name", APPLIES)
class TestALine:
    def test_does_not_repeat_what_was_done_lately(self, name):
        line, planted, intervention, said = APPLIES[name]
        for ago in range(1, LATELY + 1):
            seen = at(20, did(20 - ago, intervention, **said), planted=planted)
            assert f"in iteration {20 - ago}" in line(seen)
        before = at(20, did(19 - LATELY, intervention, **said), planted=planted)
        assert isinstance(line(before), Line)

    @pytest.mark.parametrize("outcome", ["refused", "failed"])
    def test_does_not_repeat_for_a_while_what_came_to_nothing(self, name, outcome):
        line, planted, intervention, said = APPLIES[name]
        seen = at(20, did(20 - PATIENCE, intervention, outcome, **said), planted=planted)
        assert "came to nothing" in line(seen)
        later = at(20, did(19 - PATIENCE, intervention, outcome, **said), planted=planted)
        assert isinstance(line(later), Line)

    def test_does_not_mind_another_way_of_the_same_intervention(self, name):
        line, planted, intervention, _ = APPLIES[name]
        other = {"mode": "fresh"} if intervention is REFRESH else {"epochs": "2"}
        assert isinstance(line(at(20, did(19, intervention, **other), planted=planted)), Line)

    def test_is_silent_where_its_way_is_switched_off(self, name):
        line, planted, intervention, said = APPLIES[name]
        ((key, value),) = said.items()
        way = value if key == "mode" else key
        for switch in (str(intervention), f"{intervention}:{way}"):
            assert "switched off" in line(view(*planted, without=frozenset({switch})))


def test_a_refresh_that_did_not_bring_what_it_predicted_came_to_nothing():
    predicted = Prediction(metric="tie_rate", low=0.0, high=0.5)
    seen = at(
        20,
        did(15, REFRESH, mode="level", predicted=predicted),
        did(16, TRAIN, seen=(ties(180),)),
        planted=TIED,
    )
    assert "came to nothing in iteration 15" in frontier(seen)
    helped = at(
        20,
        did(15, REFRESH, mode="level", predicted=predicted),
        did(16, TRAIN, seen=(ties(60),)),
        planted=TIED,
    )
    assert isinstance(frontier(helped), Line)
    assert "tie_rate" in calm()
