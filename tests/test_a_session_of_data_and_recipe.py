"""A real session does all of it: every change is ruled on, committed at low tier, and used."""

import pytest

from agent import session
from agent.rules import train_always
from logs.vocabulary import Commit, EntryKind, Intervention, Verdict
from tests.sessions import Told, create, log

pytestmark = pytest.mark.slow

PLAN = {
    2: (Intervention.REGENERATE_DATA, {"slice": "all"}),
    3: (Intervention.CHANGE_RECIPE, {"entropy": "0.1", "reference": "anchor"}),
    4: (Intervention.REFRESH_PROMPTS, {"mode": "level"}),
}
"""The other turns train."""


def by_plan(view):
    decision = train_always(view)
    if view.iteration not in PLAN:
        return decision
    intervention, arguments = PLAN[view.iteration]
    update = {"intervention": intervention, "arguments": arguments, "predicted": None}
    return decision.model_copy(update=update)


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    kept = session.DECIDERS["rules"]
    session.DECIDERS["rules"] = by_plan
    try:
        made = create(
            tmp_path_factory.mktemp("w") / "w",
            session={"iterations": 5, "seed": 1},
            judges={"founding": "oracle"},
        )
        session.run(made, Told())
    finally:
        session.DECIDERS["rules"] = kept
    return log(made)


@pytest.fixture(scope="module")
def states(entries):
    found = (e for e in entries if e.kind is EntryKind.COMMITTED)
    return {e.iteration: Commit.model_validate(e.body).state for e in found}


def test_every_turn_is_ruled_at_low_tier_and_committed(entries, states):
    ruled = [Verdict.model_validate(e.body) for e in entries if e.kind is EntryKind.RULED]
    assert {str(v.tier) for v in ruled} == {"low"} and len(ruled) == 5
    assert states.keys() >= {1, 2, 3, 4, 5}


def test_regenerating_empties_the_replay_buffer_and_moves_the_stream(states):
    assert states[1].replay is not None and states[2].replay is None
    assert states[2].prompts.seed == states[1].prompts.seed + 1
    assert states[2].adapter == states[1].adapter


def test_the_recipe_changes_without_training_and_is_trained_by_afterwards(states):
    assert states[3].recipe.entropy == 0.1 and str(states[3].recipe.reference) == "anchor"
    assert states[3].adapter == states[2].adapter
    assert states[5].adapter != states[4].adapter
    assert states[5].recipe == states[3].recipe


def test_the_emphasis_by_level_is_that_of_the_next_turns_prompts(states):
    weights = states[4].prompts.emphasis
    assert any("-" in name for name in weights)
    assert all(0.25 <= w <= 3 for w in weights.values())


def test_each_turn_measures_what_can_be_learnt_by_level(entries):
    seen = [e for e in entries if e.kind is EntryKind.OBSERVED]
    for entry in seen:
        names = {(m["instrument"], m["of"]) for m in entry.body["measurements"]}
        assert {("learnable", "lists-4"), ("audited_right", "lists")} <= names
