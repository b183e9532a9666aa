"""A session that nobody attends puts off what only people may decide, and asks at its end."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import graph, parking, session, settle
from agent.deciding.menu import possible
from agent.ideas import Idea, left
from agent.recall import dead_ends
from agent.state import once
from agent.workspace import Workspace
from invariants.approvals import Choice
from logs.story import counted
from logs.turns import turns
from logs.vocabulary import Decision, EntryKind, Intervention
from tests import a_signed_session as stand_ins
from tests.a_command import plimsoll
from tests.a_signed_session import NAME, Died, DiesAt, signed_workspace, stand_in
from tests.a_view import BENCH, past, view
from tests.keys import ANA, BEN
from tests.law_cases import trained
from tests.sessions import Told, log
from tests.test_the_inbox import WAITS, again, committed, pending, say
from tests.test_the_menu import kinds

EDIT, TRAIN, STOP = Intervention.EDIT_CONSTITUTION, Intervention.TRAIN, Intervention.STOP


def of(intervention: Intervention, flaw: str = "") -> tuple[Intervention, dict[str, str]]:
    return intervention, {"flaw": flaw} if flaw else {}


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A workspace whose decider follows a script; edits are for people, trainings are not."""

    def begin(*script, iterations: int | None = None, park: bool = True) -> Workspace:
        stand_in(monkeypatch)
        monkeypatch.setattr(graph, "decide", follows(script))
        monkeypatch.setattr(graph, "act", act)
        monkeypatch.setattr(settle, "claim_gain", stand_ins.measure_meta)
        planned = iterations or len(script)
        return signed_workspace(tmp_path / "ws", ANA, BEN, iterations=planned, park=park)

    return begin


def follows(script):
    def decide(state, runtime):
        context = runtime.context

        def scripted(seen):
            intervention, arguments = script[seen.iteration - 1]
            return Decision(
                iteration=seen.iteration,
                intervention=intervention,
                rule="script",
                because="the script says so",
                evidence=(),
                alternatives=(),
                predicted=None,
                arguments=arguments,
            )

        def run() -> None:
            ideas = parking.ideas_of(context, state, state["iteration"] - 1)
            seen = replace(
                view(),
                iteration=state["iteration"],
                past=tuple(earlier(idea) for idea in ideas),
                closing=parking.closes(context, state),
            )
            context.log(state, "decide", EntryKind.DECIDED, parking.choose(seen, scripted))

        once(context, state, "decide", run)
        stops = context.word(state, "decide", Decision).intervention is STOP
        return {"way": "record" if stops else "act"}

    return decide


def earlier(idea: Idea):
    outcome = "parked" if idea.parked else "committed"
    return replace(past(idea.iteration, idea.intervention, outcome), arguments=idea.arguments)


def act(state, runtime):
    decision = runtime.context.word(state, "decide", Decision)

    def change(now):
        if decision.intervention is TRAIN:
            return trained(now, "d")
        return stand_ins.narrowed(now, decision.arguments["flaw"])

    return stand_ins.propose(state, runtime, decision.intervention, change)


def outcomes(workspace: Workspace) -> list[str]:
    return [e.body["outcome"] for e in log(workspace) if e.kind is EntryKind.RECORDED]


def at(workspace: Workspace) -> tuple[str, ...]:
    return "--workspace", str(workspace.root), "--json"


def asked(workspace: Workspace) -> list[int]:
    return [e.iteration for e in log(workspace) if e.kind is EntryKind.ASKED]


class TestWhatOnlyPeopleMayDecide:
    def test_is_put_off_and_the_session_goes_on(self, begun):
        workspace = begun(of(EDIT, "a"), of(TRAIN))
        ending = session.run(workspace, Told())
        assert (ending.exit_code, ending.reason) == (WAITS, session.WAITS)
        assert outcomes(workspace)[:2] == ["parked", "committed"]
        assert asked(workspace) == [3]

    def test_is_asked_about_on_the_state_that_the_session_ended_with(self, begun):
        workspace = begun(of(EDIT, "a"), of(TRAIN))
        session.run(workspace, Told())
        with workspace.journal() as journal:
            assert journal.commit_of(journal.head()).iteration == 2
            assert pending(workspace).binding.head == journal.head()

    def test_is_applied_once_people_said_yes(self, begun):
        workspace = begun(of(EDIT, "a"), of(TRAIN))
        session.run(workspace, Told())
        say(workspace, ANA)
        say(workspace, BEN)
        ending = session.resume(again(workspace), Told())
        assert ending.exit_code == 0
        assert committed(workspace) == [0, 2, 3]
        assert outcomes(workspace) == ["parked", "committed", "committed"]

    def test_is_asked_about_one_after_the_other(self, begun):
        workspace = begun(of(EDIT, "a"), of(EDIT, "b"))
        session.run(workspace, Told())
        assert asked(workspace) == [3]
        say(workspace, ANA, Choice.REJECT)
        session.resume(again(workspace), Told())
        assert asked(workspace) == [3, 4]
        say(workspace, ANA)
        say(workspace, BEN)
        assert session.resume(again(workspace), Told()).exit_code == 0
        assert committed(workspace) == [0, 4]

    def test_is_asked_about_at_once_where_it_comes_up_again(self, begun):
        workspace = begun(of(EDIT, "a"), of(EDIT, "a"), of(TRAIN))
        assert session.run(workspace, Told()).exit_code == WAITS
        assert outcomes(workspace) == ["parked"] and asked(workspace) == [2]

    def test_is_asked_about_when_the_decider_stops_early(self, begun):
        workspace = begun(of(EDIT, "a"), of(STOP), iterations=6)
        assert session.run(workspace, Told()).exit_code == WAITS
        assert asked(workspace) == [3]
        say(workspace, ANA, Choice.REJECT)
        ending = session.resume(again(workspace), Told())
        assert (ending.exit_code, ending.reason) == (0, "the decider stopped: the script says so")

    def test_waits_at_once_where_parking_is_not_wanted(self, begun):
        workspace = begun(of(EDIT, "a"), of(TRAIN), park=False)
        assert session.run(workspace, Told()).exit_code == WAITS
        assert asked(workspace) == [1] and outcomes(workspace) == []

    @pytest.mark.parametrize("step", ["gate", "park", "record"])
    def test_is_parked_once_whenever_the_process_dies(self, begun, step):
        workspace = begun(of(EDIT, "a"), of(TRAIN))
        with pytest.raises(Died):
            session.run(workspace, DiesAt(step))
        assert session.resume(again(workspace), Told()).exit_code == WAITS
        kinds_of_all = [e.kind for e in log(workspace)]
        assert kinds_of_all.count(EntryKind.PARKED) == 1 and asked(workspace) == [3]

    def test_is_no_refusal_and_is_told_as_what_it_is(self, begun):
        workspace = begun(of(EDIT, "a"), of(TRAIN))
        session.run(workspace, Told())
        with workspace.journal() as journal:
            told = turns(journal, NAME)
        assert str(told[1].ending) == "parked"
        assert "1 parked" in counted(told)
        assert not any(e.kind is EntryKind.REFUSED for e in log(workspace))

    def test_is_shown_by_status_until_it_is_asked_about(self, begun, monkeypatch):
        workspace = begun(of(EDIT, "a"), of(TRAIN))
        with pytest.raises(Died):
            session.run(workspace, DiesAt("record"))
        assert plimsoll("status", *at(workspace)).envelope["data"]["parked"] == [
            {"iteration": 1, "intervention": "edit_constitution"}
        ]
        session.resume(again(workspace), Told())
        assert plimsoll("status", *at(workspace)).envelope["data"]["parked"] == []


class TestADecider:
    def test_is_not_offered_what_is_parked_at_any_head(self):
        seen = view()
        swap = replace(
            past(1, Intervention.SWAP_JUDGE, "parked"), arguments={"judge": BENCH.id}, head="0" * 64
        )
        assert Intervention.SWAP_JUDGE in kinds(seen)
        later = replace(seen, iteration=2, past=(swap,))
        assert Intervention.SWAP_JUDGE not in {i.intervention for i in possible(later)}
        assert "parked it for people" in dead_ends(later)[-1].because


class TestWhatIsLeft:
    ideas = st.lists(
        st.tuples(st.sampled_from([EDIT, TRAIN]), st.sampled_from("ab"), st.booleans()), max_size=8
    ).map(
        lambda rows: [
            Idea(i, kind, {"flaw": flaw, "labels": str(i)}, parked)
            for i, (kind, flaw, parked) in enumerate(rows, 1)
        ]
    )

    @given(ideas)
    def test_is_parked_and_was_never_taken_up_later(self, ideas):
        found = left(ideas)
        for idea in ideas:
            later = [o for o in ideas if o.iteration > idea.iteration and o.is_like(idea)]
            assert (idea in found) == (idea.parked and not later)
        assert list(found) == sorted(found, key=lambda idea: idea.iteration)
