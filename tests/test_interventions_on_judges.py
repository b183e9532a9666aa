"""Real sessions in which judges, panel and constitution are changed; each change is undone by
nothing but a rollback, and made again from the same inputs it is the same."""

from typing import NamedTuple

import pytest

from agent import session
from agent.act import MAKERS
from agent.made import Making
from agent.rules import train_always
from agent.state import Turn
from logs.canonical import digest_of
from logs.vocabulary import (
    Commit,
    Decision,
    EntryKind,
    Intervention,
    JudgeKind,
    LogEntry,
    Observation,
    Proposal,
    State,
    Tier,
    Verdict,
)
from tests import sessions
from tests.sessions import NAME, Told
from tools.judges import load

pytestmark = pytest.mark.slow

PLAN: tuple[tuple[Intervention, dict[str, str], Tier], ...] = (
    (Intervention.ADD_JUDGE, {"judge": "clerk"}, Tier.MEDIUM),
    (Intervention.RECALIBRATE_JUDGE, {"judge": "crowd"}, Tier.MEDIUM),
    (
        Intervention.REFIT_JUDGE,
        {"judge": "crowd", "labels": "0", "debias": "repeating"},
        Tier.MEDIUM,
    ),
    (Intervention.REWEIGHT_PANEL, {}, Tier.LOW),
    (Intervention.REINITIALISE_JUDGE, {"judge": "clerk", "to": "founding"}, Tier.MEDIUM),
    (Intervention.REINITIALISE_JUDGE, {"judge": "crowd", "to": "grades"}, Tier.MEDIUM),
    (Intervention.EDIT_CONSTITUTION, {"add": "brief", "weight": "0.02"}, Tier.MEDIUM),
    (Intervention.EDIT_CONSTITUTION, {"context": "thorough", "skills": "facts"}, Tier.MEDIUM),
)
"""One turn each: what is decided, with which arguments, and the tier that the law computes."""


def as_planned(view):
    intervention, arguments, _ = PLAN[view.iteration - 1]
    update = {"intervention": intervention, "arguments": arguments, "predicted": None}
    return train_always(view).model_copy(update=update)


class Done(NamedTuple):
    """One turn of the session."""

    steps: dict[str, LogEntry]
    before: State
    after: State

    @property
    def proposal(self) -> Proposal:
        """What was proposed."""
        return Proposal.model_validate(self.steps["act"].body)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = sessions.create(
        tmp_path_factory.mktemp("judges"),
        session={"iterations": len(PLAN)},
        audit={"pairs": 64, "rivals": 0, "labels": 5000},
        recipe={"prompts": 32, "samples": 8},
        drift={"prompts": 0},
        world={"gold_prompts": 50, "fresh_gold": 0},
    )
    policy = made.root / "policy.toml"
    text = policy.read_text()
    for name, value in (("judge_slack", "40"), ("audit_labels_max", "5000")):
        head, _, tail = text.partition(f"[param.{name}]")
        kind, _, rest = tail.partition('value = "')
        text = f'{head}[param.{name}]{kind}value = "{value}"{rest.partition(chr(34))[2]}'
    policy.write_text(text)
    before = session.DECIDERS["rules"]
    session.DECIDERS["rules"] = as_planned
    try:
        session.run(made, Told())
    finally:
        session.DECIDERS["rules"] = before
    return made


@pytest.fixture(scope="module")
def turns(workspace):
    found: list[Done] = []
    with workspace.journal() as journal:
        for i in range(1, len(PLAN) + 1):
            steps = {e.key.rsplit("/", 1)[1]: e for e in journal.entries_of(NAME, i)}
            head = journal.commit_of(Observation.model_validate(steps["observe"].body).head)
            done = steps.get("commit")
            after = Commit.model_validate(done.body) if done else head
            found.append(Done(steps, head.state, after.state))
    return found


@pytest.mark.parametrize("turn", range(len(PLAN)), ids=[f"{k}{a}" for k, a, _ in PLAN])
def test_every_change_is_proposed_ruled_on_by_its_tier_and_committed(turns, turn):
    steps = turns[turn].steps
    assert steps["act"].kind is EntryKind.PROPOSED, steps["act"].body
    verdict = Verdict.model_validate(steps["gate"].body)
    assert verdict.tier is PLAN[turn][2]
    assert steps["record"].body["outcome"] == "committed", steps["record"].body


def test_an_added_judge_gets_a_share_and_none_decides_alone(turns):
    panel = turns[0].after.panel.judges
    weights = {j.id: j.weight for j in panel}
    assert weights.keys() == {"crowd", "clerk"} and sum(weights.values()) == 1
    assert max(weights.values()) * 10 <= 7


def test_recalibration_moves_claims_and_no_rank(turns, workspace):
    was, now = (
        load(workspace.store.get(state.panel.judges[0].artefact))
        for state in (turns[1].before, turns[1].after)
    )
    assert was.calibration is None and now.calibration is not None and now.calibration[0] > 0
    assert now.coefficients == was.coefficients and now.spread == was.spread


def test_a_refit_against_a_flaw_makes_it_pay_no_longer(turns, workspace):
    def pays(done):
        observed = Observation.model_validate(done.steps["observe"].body)
        return next(
            m.estimate
            for m in observed.measurements
            if (m.instrument, m.of) == ("flaw_pays", "repeating")
        )

    assert pays(turns[2]) > 0.5 > 0.1 >= pays(turns[3])
    fits = workspace.store.get_json(turns[2].proposal.inputs["fits"])
    assert all(report["twins"] > 0 for report in fits.values())


def test_reweighing_changes_weights_and_no_judge(turns):
    done = turns[3]
    assert {j.artefact for j in done.before.panel.judges} == {
        j.artefact for j in done.after.panel.judges
    }
    assert done.after.judge_updates == done.before.judge_updates
    assert all(c.path.endswith(".weight") for c in done.proposal.changes)


def test_a_judge_that_is_reinitialised_is_the_artefact_that_was_founded(turns, workspace):
    with workspace.journal() as journal:
        founded = next(journal.entries(kind=EntryKind.FOUNDED)).body["judges"]
    clerk = next(j for j in turns[4].after.panel.judges if j.id == "clerk")
    assert clerk.artefact == next(j["artefact"] for j in founded if j["id"] == "clerk")
    assert clerk.version == 3 and clerk.kind is JudgeKind.FEATURE


def test_the_same_inputs_give_the_same_proposal(turns, workspace):
    """Every maker is run again on what the log kept of its turn."""
    with session.opened(workspace, Told()) as context:
        for i, done in enumerate(turns, start=1):
            decision = Decision.model_validate(done.steps["decide"].body)
            making = Making(
                context=context,
                turn=Turn(session=NAME, iteration=i, way=""),
                decision=decision,
                observation=Observation.model_validate(done.steps["observe"].body),
                state=done.before,
            )
            again = MAKERS[decision.intervention](making)
            assert not isinstance(again, str), again
            assert digest_of(again.new) == digest_of(done.proposal.new), decision.intervention
            assert again.inputs == done.proposal.inputs, decision.intervention
            assert again.accuracy == done.proposal.validation
