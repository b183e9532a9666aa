"""Killed at any instant, a session resumes to the same history.

A real session, in a process of its own, ends without a word in its second turn: right after a
step wrote its entry, before LangGraph knows of it, or in the midst of the step's jobs. The next
process resumes, and is killed in the next step. After every kill the log must be the beginning
of the history of a session that nobody disturbed, and in the end it must be that history.
"""

import signal
from dataclasses import dataclass, field

import pytest

from logs.verify import render, verified, verify
from logs.vocabulary import EntryKind
from tests.sessions import (
    NAME,
    Workspace,
    copied,
    founded,
    history,
    in_another_process,
    log,
    processes_of,
)

pytestmark = pytest.mark.slow

SHORT = {
    "session": {"name": NAME, "iterations": 2},
    "judges": {"founding": "oracle", "comparisons": 100},
}
"""Two turns under a judge that is right, so that both of them train."""
STEPS = (
    "observe",
    "diagnose",
    "decide",
    "act",
    "trial",
    "gate",
    "commit",
    "gold",
    "record",
    "stop",
)
IN_A_JOB_OF = ("observe", "act", "trial", "gold")


@dataclass(frozen=True)
class Kill:
    """What was found right after a kill."""

    code: int
    left: list[str]
    """Processes of this workspace that outlived it."""
    history: list[object]
    verified: bool


@dataclass
class Chain:
    """A session that was killed in one step after the other, until it ended."""

    workspace: Workspace
    decider: str
    kills: dict[str, Kill] = field(default_factory=dict)

    def kill(self, step: str, *how: str) -> None:
        """Resume it, and end it in that step."""
        done = in_another_process(
            self.workspace, "resume", "--decider", self.decider, "--kill", step, *how
        )
        left = processes_of(self.workspace)
        sound = verified(verify(self.workspace.root))
        self.kills[step] = Kill(done.returncode, left, history(self.workspace), sound)

    def end(self) -> "Chain":
        """Resume it for the last time."""
        done = in_another_process(self.workspace, "resume", "--decider", self.decider)
        assert done.returncode in (0, 5), done.stderr
        return self


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A session that was killed right after its first turn: every test goes on from here."""
    workspace = founded(tmp_path_factory.mktemp("kill") / "begun", **SHORT)
    options = ("--decider", "fixed", "--kill", "record", "--turn", "1")
    killed = in_another_process(workspace, "run", *options)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    return workspace


@pytest.fixture(scope="module")
def anew(begun, tmp_path_factory):
    """Another copy of it, and who decides from here on."""
    return lambda decider: Chain(copied(begun, tmp_path_factory.mktemp("copy") / "here"), decider)


@pytest.fixture(scope="module")
def undisturbed(anew):
    """How it ends when nobody disturbs it."""
    return history(anew("fixed").end().workspace)


@pytest.fixture(scope="module")
def killed(anew):
    """Killed whenever a step had written its entry."""
    chain = anew("fixed")
    for step in STEPS:
        chain.kill(step)
    return chain.end()


@pytest.fixture(scope="module")
def killed_at_work(anew):
    """Killed in the midst of every job."""
    chain = anew("fixed")
    for step in IN_A_JOB_OF:
        chain.kill(step, "--during")
    return chain.end()


class TestKilledWhenAStepHadWrittenItsEntry:
    @pytest.mark.parametrize("step", STEPS)
    def test_the_log_is_the_beginning_of_the_undisturbed_one(self, killed, undisturbed, step):
        kill = killed.kills[step]
        assert kill.code == -signal.SIGKILL
        assert kill.history[-1][0] == f"{NAME}/2/{step}"
        assert kill.history == undisturbed[: len(kill.history)]
        assert kill.verified

    @pytest.mark.parametrize("step", STEPS)
    def test_no_process_is_left(self, killed, step):
        assert killed.kills[step].left == []

    def test_the_history_is_the_same_in_the_end(self, killed, undisturbed):
        _must_be(killed.workspace, undisturbed)


class TestKilledInTheMidstOfAJob:
    @pytest.mark.parametrize("step", IN_A_JOB_OF)
    def test_of_that_step_nothing_is_in_the_log(self, killed_at_work, undisturbed, step):
        kill = killed_at_work.kills[step]
        assert kill.code == -signal.SIGKILL
        assert f"{NAME}/2/{step}" not in [key for key, *_ in kill.history]
        assert kill.history == undisturbed[: len(kill.history)]
        assert kill.verified

    @pytest.mark.parametrize("step", IN_A_JOB_OF)
    def test_no_process_is_left(self, killed_at_work, step):
        assert killed_at_work.kills[step].left == []

    def test_the_history_is_the_same_in_the_end(self, killed_at_work, undisturbed):
        _must_be(killed_at_work.workspace, undisturbed)


class TestKilledWhileItAsksAPerson:
    def test_it_has_asked_once_and_waits(self, anew):
        chain = anew("asks")
        chain.kill("ask")
        assert chain.kills["ask"].code == -signal.SIGKILL
        ended = chain.end().workspace
        _must_be(ended, history(anew("asks").end().workspace))
        asked = [e.key for e in log(ended) if e.kind is EntryKind.ASKED]
        assert asked == [f"{NAME}/2/ask"]
        assert log(ended)[-1].body["reason"] == "waits for a person"


class TestUndisturbed:
    def test_both_turns_commit(self, undisturbed):
        closed = [body["outcome"] for _, kind, body, _ in undisturbed if kind == "recorded"]
        assert closed == ["committed", "committed"]

    def test_from_its_founding_by_one_process_it_is_the_same(self, undisturbed, tmp_path):
        workspace = founded(tmp_path / "whole", **SHORT)
        whole = in_another_process(workspace, "run", "--decider", "fixed")
        assert whole.returncode == 0, whole.stderr
        assert history(workspace) == undisturbed


def _must_be(workspace, undisturbed):
    assert [entry[:2] for entry in history(workspace)] == [entry[:2] for entry in undisturbed]
    assert history(workspace) == undisturbed
    commits = [key for key, kind, *_ in undisturbed if kind == "committed"]
    assert len(commits) == len(set(commits))
    with workspace.journal() as journal:
        labels = sum(price["audit_labels"] for *_, price in undisturbed if price)
        assert journal.ledgers().audit_labels == labels
    answers = verify(workspace.root)
    assert verified(answers), render(answers)
    assert (workspace.session(NAME) / "report.html").exists()
    assert (workspace.session(NAME) / "metrics.jsonl").exists()
