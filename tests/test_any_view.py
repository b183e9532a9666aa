"""Whatever is measured and remembered, there is one lawful decision, and it can be carried out."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.act import MAKERS
from agent.deciders import Past, View
from agent.diagnose import diagnose
from agent.interventions.edit_constitution import REMEDIES
from agent.recipe_moves import moved
from agent.rules import decide, train_always
from logs.vocabulary import Hypothesis, Intervention, Ledgers, Measurement, Status
from tests.a_view import BENCH, KL_MAX, calm, limits, named, observed, past, state, view, wins
from tools import instruments as measure
from tools.counterfactual import FLAWS

LIMITS = limits()
OUTCOMES = ("committed", "refused", "failed", "waits", "kept", "stopped")
ENDLESS = frozenset({Intervention.ASK_PERSON, Intervention.STOP})
"""They end a session and need nobody to make a proposal."""


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int]:
    """Successes among trials; often none at all were tried."""
    n = draw(st.sampled_from([0, 1, 2, 7, 24, 64, 400]))
    return draw(st.integers(0, n)), n


@st.composite
def measurements(draw: st.DrawFn) -> list[Measurement]:
    """One of each instrument, from any counts and values, the absurd ones included."""
    number = st.floats(-50, 50)
    values = draw(st.lists(number, max_size=8))
    positive = [abs(v) for v in values]
    found = [
        measure.judge_errors(*draw(shares())),
        measure.score(values),
        measure.tie_rate([[v, v + draw(st.sampled_from([0.0, 1.0]))] for v in values]),
        measure.ceiling_mass([values]),
        measure.divergence(positive, of="anchor"),
        measure.mean("length", positive, units="words", lower=0.0),
        measure.mean("distinct_2", [v % 1 for v in positive], units="share"),
        *(measure.flaw_pays(*draw(shares()), flaw=flaw) for flaw in FLAWS),
        wins(*draw(shares())),
        *(measure.judge_accuracy(*draw(shares()), judge=j) for j in ("panel", "crowd", BENCH.id)),
    ]
    kept = draw(st.lists(st.sampled_from(found), unique_by=named))
    return kept


@st.composite
def pasts(draw: st.DrawFn) -> tuple[Past, ...]:
    """Turns that ended in every way."""
    turns = draw(st.integers(0, 6))
    return tuple(
        past(
            i,
            draw(st.sampled_from(sorted(MAKERS))),
            draw(st.sampled_from(OUTCOMES)),
            draw(st.sampled_from([(), ("P12-judge-floor",), ("P10-near-anchor",)])),
        )
        for i in range(1, turns + 1)
    )


@st.composite
def views(draw: st.DrawFn) -> View:
    """Any view that a session could lead to, and many that none would."""
    before = draw(pasts())
    return view(
        iteration=len(before) + 1,
        past=before,
        observation=observed(
            *draw(measurements()), without=draw(st.sampled_from([(), tuple(calm())]))
        ),
        state=state(
            policy_updates=draw(st.integers(0, 50)), judge_updates=draw(st.integers(0, 50))
        ),
        ledgers=Ledgers(weight_path=draw(st.decimals(0, 2, places=3))),
        labels_left=draw(st.integers(0, 512)),
        bench=draw(st.sampled_from([(), (BENCH,)])),
        graded_prompts=draw(st.integers(0, 99)),
        calibrated=draw(st.booleans()),
    )


@settings(max_examples=40)
@given(views())
def test_every_view_leads_to_one_decision_that_somebody_can_carry_out(seen):
    decision = decide(seen)
    assert decision == decide(seen)
    assert decision.intervention in MAKERS or decision.intervention in ENDLESS
    assert decision.iteration == seen.iteration
    assert decision.because
    assert all(a.because for a in decision.alternatives)


@settings(max_examples=40)
@given(views())
def test_the_arguments_of_a_decision_are_what_its_maker_needs(seen):
    decision = decide(seen)
    match decision.intervention:
        case Intervention.REFIT_JUDGE:
            assert decision.arguments["judge"] in {j.id for j in seen.state.panel.judges}
            assert 0 < int(decision.arguments["labels"]) <= seen.labels_left
        case Intervention.SWAP_JUDGE:
            assert decision.arguments["judge"] in {j.id for j in seen.bench}
        case Intervention.EDIT_CONSTITUTION:
            assert decision.arguments["flaw"] in REMEDIES
            assert decision.arguments["size"] in ("all", "step")
        case Intervention.ROLL_BACK:
            assert decision.arguments["candidates"]
        case Intervention.REINITIALISE_JUDGE:
            assert decision.arguments["judge"] in {j.id for j in seen.state.panel.judges}
        case Intervention.CHANGE_RECIPE:
            assert not isinstance(moved(seen.state.recipe, decision.arguments), str)
        case _:
            assert decision.arguments == {}


@settings(max_examples=40)
@given(views())
def test_a_budget_that_is_spent_is_never_asked_for(seen):
    decision = decide(seen)
    if decision.intervention is Intervention.EDIT_CONSTITUTION:
        left = LIMITS["weight_path_max"] - seen.ledgers.weight_path
        assert left >= LIMITS["step_l1"]
    if decision.intervention in (Intervention.REFIT_JUDGE, Intervention.SWAP_JUDGE):
        after = seen.state.judge_updates + 1
        allowed = seen.state.policy_updates + LIMITS["judge_slack"]
        assert LIMITS["judge_ratio"] * after <= allowed


@settings(max_examples=40)
@given(views())
def test_the_fixed_decider_trains(seen):
    assert train_always(seen).intervention is Intervention.TRAIN


@settings(max_examples=40)
@given(views())
def test_a_prediction_can_be_compared_with_what_is_measured_next(seen):
    predicted = decide(seen).predicted
    assume(predicted is not None)
    assert predicted.low <= predicted.high
    assert predicted.metric in calm() | {f"flaw_pays[{flaw}]": None for flaw in FLAWS}


@settings(max_examples=40)
@given(views())
def test_findings_are_sorted_and_their_support_lies_between_none_and_all(seen):
    findings = diagnose(
        seen.observation, [p.observation for p in seen.past], kl_max=KL_MAX
    ).findings
    supports = [f.support for f in findings]
    assert supports == sorted(supports, reverse=True)
    assert all(0 <= s <= 1 for s in supports)
    assert [f.hypothesis for f in findings].count(Hypothesis.HEALTHY) == 1
    assert all(f.because for f in findings if f.hypothesis is not Hypothesis.HEALTHY)


@pytest.mark.parametrize("name", list(calm()))
def test_a_measurement_without_an_estimate_changes_a_diagnosis_to_nothing_worse(name):
    """Too little data accuses nobody, and comforts nobody about the panel."""
    m = calm()[name].model_copy(
        update={"estimate": None, "low": None, "high": None, "status": Status.INSUFFICIENT}
    )
    found = diagnose(observed(m), [], kl_max=KL_MAX).findings
    assert {f.hypothesis for f in found} <= {Hypothesis.HEALTHY, Hypothesis.NOISE}
    assert (len(found) == 2) == (name == "judge_accuracy[panel]")
