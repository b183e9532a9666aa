"""`plimsoll judge swap`: a plan, from stored answers; what a session then records is the same."""

import json

import pytest

from agent import session
from agent.interventions.swap_judge import shown_by, swapped
from agent.rules import train_always
from agent.states import founding_of
from agent.swap_plan import _change, subject_of
from agent.workspace import CONFIG, Workspace
from logs.errors import UsageError
from logs.vocabulary import (
    Alternative,
    EntryKind,
    Exchange,
    Intervention,
    Observation,
    Status,
    Tier,
)
from tests import sessions
from tests.a_command import plimsoll
from tests.a_journal import a_journal
from tests.a_view import BENCH, accuracy, observed, state, wins


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A workspace with a made-up log."""
    root = tmp_path_factory.mktemp("swap")
    with a_journal(root):
        (root / CONFIG).write_text("")
    return root


class TestTheCommand:
    def test_swaps_nothing_and_says_so(self, made_up):
        said = plimsoll("judge", "swap", "clerk", "--workspace", str(made_up))
        assert said.code == 2
        assert "this command only plans" in said.err
        assert "try:    plimsoll judge swap clerk --plan" in said.err

    def test_names_the_bench_when_a_judge_is_not_on_it(self, made_up):
        where = ("--workspace", str(made_up), "--json")
        said = plimsoll("judge", "swap", "nobody", "--plan", *where)
        assert said.code == 2
        assert said.error["what"] == "No such judge."
        assert "none is left" in said.error["wanted"]
        said = plimsoll("judge", "swap", "pair-b", "--plan", *where)
        assert said.error["what"] == "This judge sits in the panel already."

    def test_needs_answers_that_were_drawn(self, tmp_path):
        with a_journal(tmp_path, iterations=0) as journal:
            founded = next(journal.entries(kind=EntryKind.FOUNDED))
            body = {**founded.body, "judges": [BENCH.model_dump(mode="json")]}
            entry = founded.model_copy(update={"body": body})

            class Reader:
                """The same log with a judge on the bench."""

                def entries(self, *args, kind=None, **more):
                    return iter([entry]) if kind is EntryKind.FOUNDED else iter(())

            with pytest.raises(UsageError, match="No answers were drawn"):
                subject_of(Reader(), founding_of(journal), BENCH.id)


class TestTheCandidate:
    def test_is_the_state_that_the_agent_would_propose(self):
        then = swapped(state(), BENCH)
        assert [j.id for j in then.panel.judges] == [BENCH.id, "crowd"]
        assert then.judge_updates == state().judge_updates + 1

    def test_is_shown_by_the_grades_that_speak_most_for_it(self):
        assert shown_by(observed(accuracy(20, of=BENCH.id), wins(9, 10)), BENCH.id) == (9, 10)
        assert shown_by(observed(without=("favourite_wins[clerk]",)), "nobody") is None


class TestAccuracyOnSharedPairs:
    def test_is_paired_and_says_which_way(self):
        better = _change([(0, 1)] * 12 + [(1, 1)] * 8)
        assert (better.estimate, better.n, better.status) == (0.6, 20, Status.GREEN)
        worse = _change([(1, 0)] * 12 + [(1, 1)] * 8)
        assert worse.status is Status.RED
        assert "0 gained, 12 lost" in worse.assumptions[0]

    def test_of_panels_that_agree_is_not_green(self):
        assert _change([(1, 1)] * 20).status is Status.YELLOW

    def test_without_a_pair_is_insufficient(self):
        assert _change([]).status is Status.INSUFFICIENT


# --- a real session that swaps, as small as it can be --------------------------------
def swaps_first(view):
    """Lets the bench lead in turn 1, with a prediction about scores; then trains."""
    decision = train_always(view)
    if view.iteration > 1:
        return decision
    why_not = Alternative(intervention=Intervention.TRAIN, because="this test wants to swap")
    update = {
        "intervention": Intervention.SWAP_JUDGE,
        "arguments": {"judge": view.bench[0].id},
        "alternatives": (why_not,),
    }
    return decision.model_copy(update=update)


@pytest.fixture(scope="module")
def swapped_once(tmp_path_factory):
    kept = session.DECIDERS["rules"]
    session.DECIDERS["rules"] = swaps_first
    try:
        root = tmp_path_factory.mktemp("session") / "here"
        workspace, _, _ = sessions.ran(root, session={"name": "tiny", "iterations": 2})
        yield workspace
    finally:
        session.DECIDERS["rules"] = kept


def recorded(workspace: Workspace) -> Exchange:
    with workspace.journal() as journal:
        return Exchange.model_validate(journal.find("tiny", 1, "exchange").body)


@pytest.mark.slow
class TestASession:
    def test_records_the_exchange_before_it_commits_the_swap(self, swapped_once):
        found = recorded(swapped_once)
        kinds = [e.key.split("/")[2] for e in sessions.log(swapped_once) if e.iteration == 1]
        assert kinds.index("act") < kinds.index("exchange") < kinds.index("trial")
        assert found.old != found.new
        assert {m.instrument for m in found.measurements} >= {
            "exchange_shift",
            "exchange_rate",
            "rank_agreement",
            "favourite_changes",
            "overlap_errors",
        }
        evidence = {e.key: e for e in sessions.log(swapped_once)}["tiny/1/trial"].body
        assert evidence["data"]["rescored"] == found.new_verdicts

    def test_marks_its_scores_with_the_scale_that_they_are_on(self, swapped_once):
        found = recorded(swapped_once)
        with swapped_once.journal() as journal:
            seen = [
                Observation.model_validate(journal.find("tiny", i, "observe").body) for i in (1, 2)
            ]
        scales = [{m.scale for m in o.measurements if m.scale} for o in seen]
        assert scales == [{found.old}, {found.new}]

    def test_leaves_the_prediction_about_scores_undecided(self, swapped_once):
        body = {e.key: e for e in sessions.log(swapped_once)}["tiny/2/record"].body
        assert (body["as_predicted"], body["other_scale"]) == (None, True)

    def test_is_told_beforehand_by_the_plan_to_the_last_digit(self, swapped_once):
        where = ("--workspace", str(swapped_once.root), "--json")
        before = sessions.history(swapped_once)
        objects = sorted(p.name for p in (swapped_once.root / "objects").rglob("*"))
        said = plimsoll("judge", "swap", "clerk", "--plan", "--at", "iter:0", *where)
        assert said.code == 0, said.err
        assert said.envelope["schema"] == "plimsoll/judge.swap/1"
        found = recorded(swapped_once)
        assert said.data["scale"] == {"now": found.old, "then": found.new}
        assert said.data["exchange"] == json.loads(
            json.dumps([m.model_dump(mode="json") for m in found.measurements])
        )
        assert said.data["law"]["tier"] == Tier.MEDIUM
        missing = {r["invariant"] for r in said.data["law"]["rulings"] if r["outcome"] != "holds"}
        assert missing == {"P13-gold-clean", "P18-rollback-ready"}
        assert sessions.history(swapped_once) == before
        assert sorted(p.name for p in (swapped_once.root / "objects").rglob("*")) == objects
