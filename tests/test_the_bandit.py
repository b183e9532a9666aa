"""The decider that learns: the table at first, experience then, and no ending of its own."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.config import Config, SessionSection
from agent.deciding.bandit import SURE, bandit, context_now, learnt_by_kind
from agent.deciding.lessons import ENDINGS, FEATURES, Lesson, vector_of
from agent.deciding.menu import is_barred, possible
from agent.deciding.thompson import (
    MISFIT,
    NOISE,
    PRIOR,
    REACH,
    USUAL,
    Belief,
    Prior,
    belief,
    better,
    chances,
    joined,
    learnt,
    nothing,
)
from agent.recall import UPKEEP, alarms
from agent.rules import decide
from logs.vocabulary import Finding, Hypothesis, Intervention
from tests.a_view import BENCH, trained, view, wins
from tests.test_any_view import views
from tests.test_dead_ends import tried
from tests.test_the_decider import SILENT
from tests.test_the_menu import GOVERNED

KINDS = sorted(set(Intervention) - ENDINGS)


def seeded(seed):
    return bandit(Config(session=SessionSection(seed=seed)))


def chosen(seen, seeds=200):
    return Counter(seeded(seed)(seen).intervention for seed in range(seeds))


def taught(seen, kind, returned, turns=40, variance=0.01):
    """The same view after so many turns of one kind, in this very context."""
    context, first = context_now(seen), len(seen.experience)
    new = [
        Lesson(
            of=f"0123456789ab/first/{first + i}",
            intervention=kind,
            context=context,
            returned=returned,
            variance=variance,
            seen=3,
        )
        for i in range(turns)
    ]
    return replace(seen, experience=(*seen.experience, *new))


@st.composite
def lessons(draw):
    """Whatever may have been learnt."""
    names = st.dictionaries(st.sampled_from(FEATURES), st.floats(0, 1), max_size=4)
    return tuple(
        Lesson(
            of=f"0123456789ab/first/{i}",
            intervention=draw(st.sampled_from(KINDS)),
            context=draw(names),
            returned=draw(st.floats(-1, 1)),
            variance=draw(st.floats(1e-4, 1)),
            seen=draw(st.integers(0, 3)),
        )
        for i in range(draw(st.integers(0, 12)))
    )


class TestWithoutExperience:
    @pytest.mark.parametrize("seen", [view(state=GOVERNED), view(state=GOVERNED, calibrated=False)])
    def test_it_does_what_the_table_would(self, seen):
        assert set(chosen(seen, 400)) == {decide(seen).intervention}

    def test_it_takes_the_tables_arguments_and_prediction(self):
        seen = view(state=GOVERNED)
        table = decide(seen)
        decision = seeded(0)(seen)
        assert decision.arguments == table.arguments and decision.predicted == table.predicted


class TestWithExperience:
    def test_it_leaves_what_the_table_would_do_where_that_did_harm(self):
        seen = view(state=GOVERNED)
        table = decide(seen).intervention
        harmed = taught(seen, table, -0.2)
        assert chosen(harmed)[table] < 0.2 * chosen(seen)[table]

    def test_it_predicts_nothing_for_what_the_table_would_not_do(self):
        seen = taught(view(state=GOVERNED), Intervention.REFRESH_PROMPTS, 0.2)
        decision = seeded(0)(seen)
        assert decision.intervention is not decide(seen).intervention
        assert decision.predicted is None

    def test_it_does_what_paid(self):
        seen = taught(view(state=GOVERNED), Intervention.REFRESH_PROMPTS, 0.2)
        assert chosen(seen)[Intervention.REFRESH_PROMPTS] > 190

    def test_it_is_not_talked_over_by_one_turn(self):
        seen = view(state=GOVERNED)
        lucky = taught(seen, Intervention.REFRESH_PROMPTS, 0.3, turns=1)
        assert chosen(lucky)[decide(seen).intervention] > 160

    def test_it_forgets_nothing_where_the_context_is_another(self):
        """What was learnt of a stale judge says little of a calm turn."""
        calm = view(state=GOVERNED)
        context = {"judge_stale": 1.0, "uncalibrated": 1.0}
        far = [
            x.model_copy(update={"context": context})
            for x in taught(calm, "train", -0.2).experience
        ]
        near = taught(calm, "train", -0.2)
        table = decide(calm).intervention
        assert chosen(replace(calm, experience=tuple(far)))[table] > 3 * chosen(near)[table]


class TestADecision:
    def test_says_in_numbers_why_and_why_not(self):
        seen = view(state=GOVERNED)
        decision = seeded(3)(seen)
        assert decision.rule == "bandit"
        for word in ("drew", "mean", "sd", "best with chance"):
            assert word in decision.because
        offered = {i.intervention for i in possible(seen)} - ENDINGS
        told = [a for a in decision.alternatives if "best with chance" in a.because]
        assert {a.intervention for a in told} == offered - {decision.intervention}
        assert any(e.startswith("context: ") for e in decision.evidence)
        assert f"experience: {len(seen.experience)} turns" in decision.evidence

    def test_names_the_table_where_it_differs(self):
        seen = taught(view(state=GOVERNED), Intervention.REFRESH_PROMPTS, 0.3)
        decision, table = seeded(0)(seen), decide(seen)
        assert decision.intervention is not table.intervention
        assert table.rule in decision.because
        assert decision.alternatives[0].intervention is table.intervention

    def test_ends_a_session_where_the_table_does_and_nowhere_else(self):
        silent = view(SILENT, bench=())
        assert decide(silent).intervention is Intervention.ASK_PERSON
        decision = seeded(0)(taught(silent, Intervention.REFRESH_PROMPTS, 0.3))
        assert decision.intervention is Intervention.ASK_PERSON and decision.rule == "bandit"
        assert not chosen(view(state=GOVERNED)).keys() & ENDINGS

    def test_does_not_repeat_a_dead_end_that_the_table_would(self):
        seen = tried(view(state=GOVERNED), Intervention.TRAIN, "refused")
        assert decide(seen).intervention is Intervention.TRAIN
        assert Intervention.TRAIN not in chosen(seen)
        assert any("tried it at this HEAD" in a.because for a in seeded(0)(seen).alternatives)

    def test_goes_to_the_tables_next_line_behind_a_dead_end(self):
        better = wins(20, 20)
        seen = view(better, state=GOVERNED, past=trained(4))
        assert decide(seen).intervention is Intervention.SWAP_JUDGE
        later = tried(seen, Intervention.SWAP_JUDGE, "refused", judge=BENCH.id)
        counted = chosen(later)
        assert Intervention.SWAP_JUDGE not in counted
        assert counted[Intervention.TRAIN] > 160


ALARMED = (Finding(hypothesis=Hypothesis.JUDGE_STALE, support=0.9, because=("planted",)),)


def alarmed(seen):
    """The same view with an alarm."""
    return replace(seen, diagnosis=seen.diagnosis.model_copy(update={"findings": ALARMED}))


class TestWhereNothingIsWrong:
    @pytest.mark.parametrize("returned", [-0.05, 0.0])
    def test_luck_repairs_nothing(self, returned):
        seen = taught(view(state=GOVERNED), decide(view(state=GOVERNED)).intervention, returned)
        assert set(chosen(seen, 400)) <= set(UPKEEP)

    def test_one_lucky_turn_of_a_repair_is_not_enough(self):
        lucky = taught(view(state=GOVERNED), Intervention.REFIT_JUDGE, 0.3, turns=1)
        assert set(chosen(lucky, 400)) <= set(UPKEEP)

    def test_a_repair_that_surely_pays_is_done(self):
        seen = taught(view(state=GOVERNED), Intervention.REFIT_JUDGE, 0.2)
        assert chosen(seen)[Intervention.REFIT_JUDGE] > 190

    def test_no_more_an_alarm_opens_the_menu(self):
        calm = view(state=GOVERNED)
        harmed = taught(calm, decide(calm).intervention, -0.05)
        assert set(chosen(alarmed(harmed), 400)) - set(UPKEEP)


class TestWhereSomethingIsWrong:
    def test_what_pays_is_not_left_by_luck(self):
        stale = alarmed(view(state=GOVERNED))
        table = decide(stale).intervention
        assert set(chosen(taught(stale, table, 0.05, turns=4), 400)) == {table}

    def test_what_pays_is_left_for_what_may_well_be_better(self):
        stale = alarmed(view(state=GOVERNED))
        seen = taught(stale, decide(stale).intervention, 0.02, turns=4)
        seen = taught(seen, Intervention.REFRESH_PROMPTS, 0.15, turns=4)
        assert Intervention.REFRESH_PROMPTS in chosen(seen)

    def test_what_does_not_pay_opens_the_menu(self):
        stale = alarmed(view(state=GOVERNED))
        assert len(chosen(taught(stale, decide(stale).intervention, -0.05), 400)) > 2


@settings(max_examples=40)
@given(seen=views(), learnt_=lessons(), seed=st.integers(0, 10**6))
def test_whatever_is_learnt_a_calm_turn_is_the_tables_or_upkeep_or_surely_better(
    seen, learnt_, seed
):
    table, seen = decide(seen), replace(seen, experience=learnt_)
    assume(not alarms(seen.diagnosis))
    assume(not is_barred(seen, table.intervention, table.arguments))
    done, tabled = seeded(seed)(seen).intervention, table.intervention
    x, known = vector_of(context_now(seen)), learnt_by_kind(learnt_)
    ours, theirs = (
        belief(known.get(kind, nothing(len(FEATURES))), x, tabled=kind is tabled)
        for kind in (done, tabled)
    )
    assert done in (tabled, *UPKEEP) or better(ours, theirs) >= SURE


@settings(max_examples=40)
@given(seen=views(), learnt_=lessons(), seed=st.integers(0, 10**6))
def test_whatever_is_seen_and_learnt_a_decision_is_on_the_menu_or_the_tables(seen, learnt_, seed):
    seen = replace(seen, experience=learnt_)
    decision, table = seeded(seed)(seen), decide(seen)
    assert decision == seeded(seed)(seen)
    assert decision.iteration == seen.iteration and decision.because
    if decision.intervention is table.intervention and decision.arguments == table.arguments:
        return
    assert decision.intervention not in ENDINGS
    items = [i for i in possible(seen) if i.intervention is decision.intervention]
    assert items or decision.intervention is table.intervention


@settings(max_examples=40)
@given(seen=views(), learnt_=lessons(), seed=st.integers(0, 10**6))
def test_the_order_of_experience_does_not_matter(seen, learnt_, seed):
    shuffled = random.Random(seed).sample(learnt_, len(learnt_))
    a, b = (replace(seen, experience=tuple(x)) for x in (learnt_, shuffled))
    assert seeded(seed)(a) == seeded(seed)(b)


@settings(max_examples=40)
@given(learnt_=lessons(), kind=st.sampled_from(KINDS), other=st.sampled_from(KINDS))
def test_experience_of_one_kind_changes_no_belief_of_another(learnt_, kind, other):
    assume(kind != other)
    x = vector_of({"always": 1.0, "judge_stale": 0.5})
    without = [lesson for lesson in learnt_ if lesson.intervention != kind]
    beliefs = [
        belief(learnt_by_kind(some).get(other, nothing(len(FEATURES))), x, tabled=False)
        for some in (learnt_, without)
    ]
    assert beliefs[0] == beliefs[1]


class TestABelief:
    def test_is_that_of_a_regression_with_the_prior_as_further_rows(self):
        """Held against least squares over rows divided by their standard deviation."""
        rng = np.random.default_rng(0)
        rows, returned = rng.uniform(size=(30, 5)), rng.normal(size=30)
        variances, x = rng.uniform(0.005, 0.02, size=30), rng.uniform(size=5)
        sds = np.sqrt(variances + MISFIT)
        few = np.sqrt(NOISE / PRIOR.worth)
        design = np.vstack([rows / sds[:, None], np.eye(5) / REACH, x[None] / few])
        target = np.concatenate([returned / sds, np.zeros(5), [USUAL / few]])
        weights, *_ = np.linalg.lstsq(design, target, rcond=None)
        spread = x @ np.linalg.inv(design.T @ design) @ x
        found = belief(learnt(rows, returned, variances), x, tabled=True)
        assert found.mean == pytest.approx(x @ weights)
        assert found.sd == pytest.approx(np.sqrt(spread)) and found.turns == 30

    def test_weighs_as_many_turns_as_the_prior_is_worth_against_it_in_equal_parts(self):
        """With weights that are free to fit, so that only turns and prior speak."""
        x = np.array([1.0])
        turns = int(PRIOR.worth)
        rows, variances = np.ones((turns, 1)), np.full(turns, NOISE - MISFIT)
        found = belief(learnt(rows, np.full(turns, 0.2), variances), x, tabled=False)
        middle = (0.2 + USUAL - PRIOR.advantage) / 2
        assert found.mean == pytest.approx(middle, abs=0.002)

    def test_narrows_with_every_turn_and_more_with_surer_ones(self):
        x = vector_of({"always": 1.0})
        sds = [
            belief(learnt(np.array([x] * n), np.zeros(n), np.full(n, v)), x, tabled=True).sd
            for n, v in ((1, 0.02), (5, 0.02), (5, 0.002))
        ]
        assert sds == sorted(sds, reverse=True)

    def test_is_that_of_all_turns_however_they_were_added(self):
        rng = np.random.default_rng(1)
        rows, returned, v = rng.uniform(size=(8, 3)), rng.normal(size=8), np.full(8, 0.01)
        parts = joined(learnt(rows[:3], returned[:3], v[:3]), learnt(rows[3:], returned[3:], v[3:]))
        whole = learnt(rows, returned, v)
        assert np.allclose(parts.precision, whole.precision) and parts.turns == whole.turns
        assert np.allclose(parts.shift, whole.shift)

    def test_prefers_the_table_by_what_is_stated(self):
        x, none = vector_of({"always": 1.0}), nothing(len(FEATURES))
        ours, other = (belief(none, x, tabled=t, prior=Prior(0.5, 1e6)) for t in (True, False))
        assert ours.mean - other.mean == pytest.approx(0.5, abs=1e-3)


class TestTheChanceOfBeingBest:
    def test_is_how_often_a_draw_is_highest(self):
        rng = np.random.default_rng(2)
        beliefs = {
            str(i): Belief(m, s, 0)
            for i, (m, s) in enumerate([(0.03, 0.03), (0, 0.05), (-0.1, 0.02)])
        }
        drawn = np.array([rng.normal(b.mean, b.sd, 200_000) for b in beliefs.values()])
        often = np.bincount(drawn.argmax(axis=0), minlength=3) / 200_000
        assert list(chances(beliefs).values()) == pytest.approx(often, abs=0.005)

    def test_is_shared_among_equals(self):
        beliefs = {name: Belief(0.1, 0.03, 2) for name in "abcd"}
        assert list(chances(beliefs).values()) == pytest.approx([0.25] * 4)
