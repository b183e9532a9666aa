"""A real session, planned and applied turn by turn, killed in between, and stopped by a budget.

One workspace is founded and its first turn planned, in a process of its own; every test goes on
from a copy.
"""

import signal

import pytest

from agent import planning, session
from agent.planning import apply, plan
from agent.plans import Outlook, only_planned, read, write
from agent.rules import train_always
from agent.workspace import CONFIG, Workspace
from logs.errors import Halted, Stale, UsageError
from logs.verify import verified, verify
from logs.vocabulary import EntryKind
from tests.a_command import plimsoll
from tests.sessions import NAME, Told, copied, create, history, in_another_process, log

pytestmark = pytest.mark.slow

SHORT = {
    "session": {"name": NAME, "iterations": 2},
    "judges": {"founding": "oracle", "comparisons": 100},
    "drift": {"prompts": 0},
    "world": {"gold_prompts": 50, "fresh_gold": 0},
}


@pytest.fixture(scope="module", autouse=True)
def trains_always():
    """In this process as in the others."""
    kept = session.DECIDERS["rules"]
    session.DECIDERS["rules"] = train_always
    yield
    session.DECIDERS["rules"] = kept


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A new workspace, and the plan of its first turn."""
    made = create(tmp_path_factory.mktemp("plan") / "here", **SHORT)
    found = plan(made, Told())
    write(found, made.root / "next.plan")
    return made, found


@pytest.fixture
def here(planned, tmp_path):
    """A copy of it for one test."""
    return copied(planned[0], tmp_path / "copy"), planned[1]


def without_plans(workspace):
    return [h for h in history(workspace) if h[1] != EntryKind.PLANNED]


def head(workspace):
    with workspace.journal() as journal:
        return journal.head()


class TestAPlan:
    def test_founds_a_workspace_and_commits_nothing_more(self, planned):
        workspace, found = planned
        committed = [e for e in log(workspace) if e.kind is EntryKind.COMMITTED]
        assert [e.iteration for e in committed] == [0]
        assert (found.iteration, found.outlook, found.base) == (1, Outlook.COMMIT, head(workspace))

    def test_made_again_is_the_same_and_does_nothing_twice(self, here):
        workspace, found = here
        before = history(workspace)
        assert plan(workspace, Told()) == found
        assert history(workspace) == before

    def test_is_shown_with_its_verdict_first_and_found_by_status(self, here):
        workspace, found = here
        words = ("apply", str(workspace.root / "next.plan"), "--dry-run")
        said = plimsoll(*words, "--workspace", str(workspace.root))
        assert said.code == 0
        assert said.out.split("\n")[2].startswith("Verdict: yes,")
        assert "0 broken, 0 undecided" in said.out and found.digest in said.out
        assert head(workspace) == found.base
        status = plimsoll("status", "--workspace", str(workspace.root))
        assert "planned" in status.out and status.code == 0

    def test_never_applied_bars_neither_run_nor_resume(self, here, tmp_path):
        workspace, _ = here
        with workspace.journal() as journal:
            assert only_planned(journal, NAME)
        by_run, by_resume = (copied(workspace, tmp_path / name) for name in ("run", "resume"))
        for other, go_on in ((by_run, session.run), (by_resume, session.resume)):
            told = Told()
            assert go_on(other, told).exit_code == 0
            assert told.entries[0].key.endswith("/commit"), "no step of the planned turn ran again"
        assert without_plans(by_run) == without_plans(by_resume)


class TestApplying:
    def test_turn_by_turn_makes_the_history_that_run_makes(self, here, tmp_path):
        workspace, found = here
        by_run = copied(workspace, tmp_path / "run")
        session.run(by_run, Told())
        for turn in (1, 2):
            found = plan(workspace, Told())
            assert (found.iteration, found.base) == (turn, head(workspace))
            done = apply(workspace, found, Told())
            assert (done.place.outcome, done.already) == ("committed", False)
            assert head(workspace) == done.place.commit
        assert without_plans(workspace) == without_plans(by_run)
        assert verified(verify(workspace.root))
        again = apply(workspace, found, Told())
        assert again.already and again.place.commit == head(workspace)
        with pytest.raises(UsageError, match="nothing to plan"):
            plan(workspace, Told())

    def test_is_refused_when_head_moved_and_the_turn_is_closed_by_the_next_plan(self, here):
        workspace, first = here
        apply(workspace, first, Told())
        second = plan(workspace, Told())
        session.rollback(workspace, "HEAD~1", reason="a test", dry_run=False)
        before = history(workspace)
        with pytest.raises(Stale, match="HEAD changed"):
            apply(workspace, second, Told())
        assert history(workspace) == before
        with pytest.raises(UsageError, match="nothing to plan"):  # it was the last turn
            plan(workspace, Told())
        assert log(workspace)[-1].kind is EntryKind.STOPPED

    @pytest.mark.parametrize("step", ["commit", "record"])
    def test_that_is_killed_is_finished_by_a_second_apply(self, here, step):
        workspace, _ = here
        options = ("--kill", step, "--turn", "1", "--decider", "fixed")
        killed = in_another_process(workspace, "apply", *options)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        done = apply(workspace, read(workspace.root / "next.plan"), Told())
        assert done.place.outcome == "committed"
        assert done.already is (step == "record")
        assert plan(workspace, Told()).iteration == 2


class TestAPlanThatIsKilled:
    def test_goes_on_from_the_step_that_it_had_come_to(self, here):
        workspace, first = here
        apply(workspace, first, Told())
        options = ("--kill", "gate", "--turn", "2", "--decider", "fixed")
        killed = in_another_process(workspace, "plan", *options)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        told = Told()
        found = plan(workspace, told)
        assert found.iteration == 2
        assert [e.key for e in told.entries] == [f"{NAME}/2/{found.step}"]

    def test_without_its_checkpoint_finds_the_way_by_the_log(self, here):
        workspace, first = here
        (workspace.session(NAME) / "graph.sqlite").unlink()
        before = history(workspace)
        assert plan(workspace, Told()) == first
        assert history(workspace) == before
        (workspace.session(NAME) / "graph.sqlite").unlink()
        assert apply(workspace, first, Told()).place.outcome == "committed"


class TestABudget:
    def test_of_seconds_ends_a_session_with_8_and_a_raised_one_lets_it_go_on(self, here):
        workspace, _ = here
        text = (workspace.root / CONFIG).read_text()
        (workspace.root / CONFIG).write_text(text.replace("hours = 0.0", "hours = 0.0001", 1))
        workspace = Workspace(workspace.root)
        ending = session.resume(workspace, Told())
        assert ending.exit_code == 8 and "hours" in ending.reason
        last = log(workspace)[-1]
        assert (last.kind, last.body["budget"]) == (EntryKind.STOPPED, "hours")
        again = session.resume(workspace, Told())
        assert again == ending and log(workspace)[-1].seq == last.seq, "nothing is written twice"
        with pytest.raises(Halted):
            planning.plan(workspace, Told())
        status = plimsoll("status", "--workspace", str(workspace.root), "--json")
        assert (status.code, status.data["standing"]) == (8, "stopped by a budget")

        (workspace.root / CONFIG).write_text(text.replace("hours = 0.0", "hours = 5.0", 1))
        ended = session.resume(Workspace(workspace.root), Told())
        assert (ended.exit_code, ended.reason) == (0, "the turns of this session are used up")
        assert "Budget" in ended.report.read_text()
        assert verified(verify(workspace.root))
