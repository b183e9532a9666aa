"""A planned change of high tier: asked when it is applied, and carried out once it is answered."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from agent import planning, session
from agent.config import BudgetSection
from agent.plans import Outlook
from agent.settle import commit
from agent.state import Turn
from agent.workspace import Workspace
from invariants.approvals import Choice
from logs.errors import Halted, WaitsForPerson
from logs.vocabulary import EntryKind
from tests.a_signed_session import NAME, signed_workspace, stand_in
from tests.sessions import Told, log
from tests.test_the_inbox import ANA, BEN, CAT, committed, say


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    """Every proposal of its session is of high tier."""
    stand_in(monkeypatch)
    return signed_workspace(tmp_path / "ws", ANA, BEN)


def keys(workspace):
    return [e.key for e in log(workspace)]


class TestAPlanOfHighTier:
    def test_asks_nobody_until_it_is_applied(self, workspace):
        found = planning.plan(workspace, Told())
        assert found.outlook is Outlook.ASK
        assert not any(e.kind is EntryKind.ASKED for e in log(workspace))
        done = planning.apply(workspace, found, Told())
        assert done.waits and not done.already
        assert [e.kind for e in log(workspace)].count(EntryKind.ASKED) == 1

    def test_bars_another_plan_while_it_waits(self, workspace):
        planning.apply(workspace, planning.plan(workspace, Told()), Told())
        before = keys(workspace)
        with pytest.raises(WaitsForPerson):
            planning.plan(workspace, Told())
        assert keys(workspace) == before

    def test_is_carried_out_by_the_same_plan_once_two_people_said_yes(self, workspace):
        found = planning.plan(workspace, Told())
        planning.apply(workspace, found, Told())
        say(workspace, ANA)
        assert planning.apply(workspace, found, Told()).waits
        say(workspace, CAT)
        done = planning.apply(workspace, found, Told())
        assert (done.place.outcome, done.waits) == ("committed", False)
        assert committed(workspace) == [0, 1]
        assert keys(workspace)[-1] == f"{NAME}/1/record", "and no further turn was begun"
        assert planning.plan(workspace, Told()).iteration == 2

    def test_is_refused_by_one_no(self, workspace):
        found = planning.plan(workspace, Told())
        planning.apply(workspace, found, Told())
        say(workspace, BEN, Choice.REJECT)
        assert planning.apply(workspace, found, Told()).place.outcome == "refused"
        assert committed(workspace) == [0]


class TestABudgetOfApprovals:
    def limited(self, workspace, approvals):
        changed = Workspace(workspace.root)
        update = {"budget": BudgetSection(approvals=approvals)}
        changed.__dict__["config"] = workspace.config.model_copy(update=update)
        return changed

    def test_lets_people_be_asked_no_more_often_and_a_raised_one_asks_the_same(self, workspace):
        few = self.limited(workspace, 1)
        planning.apply(few, planning.plan(few, Told()), Told())
        say(workspace, BEN, Choice.REJECT)
        ending = session.resume(few, Told())
        assert ending.exit_code == Halted.exit_code
        last = log(workspace)[-1]
        assert (last.body["budget"], last.iteration) == ("approvals", 2)
        assert [e.kind for e in log(workspace)].count(EntryKind.ASKED) == 1
        ending = session.resume(self.limited(workspace, 2), Told())
        assert ending.exit_code == WaitsForPerson.exit_code
        assert keys(workspace)[-1] == f"{NAME}/2/ask"


class TestAPolicyThatChangedSinceTheGate:
    def test_commits_nothing_that_the_old_one_ruled_on(self, workspace):
        found = planning.plan(workspace, Told())
        turn = Turn(session=NAME, iteration=1, way="commit")
        with session.opened(workspace, Told()) as context:
            later = replace(context, policy=SimpleNamespace(digest="0" * 64))
            for _ in range(2):  # a step that runs again finds its entry
                assert commit(turn, SimpleNamespace(context=later)) == {"way": "record"}
                entry = context.entry(turn, "commit")
                assert (entry.kind, entry.body["error"]) == (EntryKind.FAILED, "Stale")
            assert context.head() == found.base
