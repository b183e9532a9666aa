"""What goes wrong in the middle of a real session: it is found, said, and survived or stopped."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from unittest.mock import patch

import psutil
import pytest

from agent import session
from agent.config import dump
from agent.hands import Hands
from agent.session import WAITS
from agent.workspace import CONFIG, Workspace
from logs.errors import IntegrityError, PlimsollError
from logs.verify import render, verified, verify
from logs.vocabulary import EntryKind, Judge
from sandbox.limits import Limits
from tests.house import ROOT
from tests.sessions import (
    NAME,
    Told,
    copied,
    create,
    in_another_process,
    log,
    ran,
    tiny,
)
from tools import store as storing
from tools.judges import load

ORACLE = {"founding": "oracle", "comparisons": 100}


def length(turns):
    """The sections of a session that trains so many turns under a judge that is right."""
    section = {"name": NAME, "iterations": turns, "decider": "fixed"}
    return {"session": section, "judges": ORACLE}


@pytest.fixture(scope="module")
def founded_once(tmp_path_factory):
    """Founded in two goes: interrupted when all was made and nothing committed."""
    workspace = create(tmp_path_factory.mktemp("luck") / "founded", **length(2))
    with pytest.raises(KeyboardInterrupt):
        session.found(workspace, _Interrupting())
    with patch.object(Hands, "_run", _no_job):
        session.found(workspace, Told())
    return workspace


@pytest.fixture
def workspace(founded_once, tmp_path):
    return copied(founded_once, tmp_path / "here")


def must_verify(workspace):
    answers = verify(workspace.root)
    assert verified(answers), render(answers)


def outcomes(workspace):
    return [e.body["outcome"] for e in log(workspace) if e.kind is EntryKind.RECORDED]


@pytest.mark.slow
class TestAFoundingThatIsInterrupted:
    def test_is_finished_without_making_anything_again(self, founded_once):
        assert [e.key for e in log(founded_once)] == [f"{NAME}/0/found", f"{NAME}/0/commit"]
        must_verify(founded_once)


@pytest.mark.slow
class TestASecondSession:
    def test_goes_on_from_head_and_begins_with_its_gold(self, workspace):
        first = _renamed(workspace, "first", 1)
        assert session.run(first, Told()).exit_code == 0
        second = _renamed(workspace, "second", 1)
        assert session.run(second, Told()).exit_code == 0
        golds = {e.key: e.body for e in log(workspace, None) if e.kind is EntryKind.MEASURED}
        assert golds["second/0/gold"]["head"] == golds["first/1/gold"]["head"]
        commits = [e for e in log(workspace, None) if e.kind is EntryKind.COMMITTED]
        assert [e.session for e in commits] == [NAME, "first", "second"]
        must_verify(workspace)


@pytest.mark.slow
class TestADamagedArtefact:
    @pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
    def test_is_found_before_any_job_uses_it(self, workspace, monkeypatch, harm):
        path = _weights(workspace)
        whole = path.read_bytes()
        path.chmod(0o644)
        bad = {"flipped": bytes([whole[0] ^ 1]) + whole[1:], "cut": whole[:-1], "gone": None}[harm]
        path.unlink() if bad is None else path.write_bytes(bad)
        monkeypatch.setattr(Hands, "_run", _no_job)
        with pytest.raises(IntegrityError) as caught:
            session.run(workspace, Told())
        assert path.name in caught.value.wanted
        assert not verified(verify(workspace.root))

    def test_that_was_damaged_where_jobs_read_it_is_made_anew(self, workspace):
        base = _state(workspace)["base"]
        copy = workspace.store.checkout(base) / "model.safetensors"
        whole = copy.read_bytes()
        copy.write_bytes(whole[:-1])
        with Hands(workspace.store, workspace.scratch, workspace.config, Told()) as hands:
            assert hands._tree(base) == str(copy.parent)
        assert copy.read_bytes() == whole


@pytest.mark.slow
class TestAFullDisk:
    def test_ends_the_session_and_no_turn_is_lost(self, workspace, monkeypatch):
        full = _Full()
        monkeypatch.setattr(storing.os, "rename", full.rename)
        with pytest.raises(PlimsollError, match="could not be stored") as caught:
            session.run(workspace, full)
        assert "No space left" in caught.value.saw
        assert log(workspace)[-1].key == f"{NAME}/1/claims"  # filed with the decision
        assert list((workspace.root / "objects").rglob(".part-*")) == []
        must_verify(workspace)

        full.room = True
        ending = session.resume(Workspace(workspace.root), Told())
        assert ending.exit_code == 0
        assert outcomes(workspace) == ["committed", "committed"]
        must_verify(workspace)


@pytest.mark.slow
class TestAJobThatTakesTooLong:
    def test_is_ended_and_recorded_and_the_session_goes_on(self, workspace, monkeypatch):
        kept = Hands._run

        def slow_once(self, job, args):
            if job == "train" and not told.failed:
                self._limits = replace(self._limits, wall_seconds=0.05)
            try:
                return kept(self, job, args)
            finally:
                self._limits = Limits(wall_seconds=600, cpu_threads=2)

        told = _Failing()
        monkeypatch.setattr(Hands, "_run", slow_once)
        ending = session.run(workspace, told)
        assert ending.exit_code == 0
        (failed,) = told.failed
        assert failed.key == f"{NAME}/1/act"
        assert failed.body["error"] == "WallError"
        assert "0.05 s" in failed.body["saw"]
        assert outcomes(workspace) == ["failed", "committed"]
        must_verify(workspace)


@pytest.mark.slow
class TestAJudgeThatFails:
    def test_is_counted_and_not_trained_on_and_a_person_is_asked(self, tmp_path, monkeypatch):
        """NaN for every answer: errors with a rate of 1, no number made of them, no training."""
        kept = Hands.found_judges

        def spoiled(self, *args):
            made = kept(self, *args)
            judge, choices = made["crowd"]
            bad = replace(load(self.store.get(judge)), spread=float("nan"))
            return made | {"crowd": (self.store.put(bad.dump()), choices)}

        monkeypatch.setattr(Hands, "found_judges", spoiled)
        workspace, ending, _ = ran(tmp_path / "here", session={"name": NAME, "iterations": 3})
        seen = {e.key: e.body for e in log(workspace)}
        rates = {
            (m["instrument"], m["of"]): m["estimate"]
            for m in seen[f"{NAME}/1/observe"]["measurements"]
        }
        assert rates["judge_errors", ""] == 1.0
        assert rates["judge_score", ""] is None
        assert rates["judge_accuracy", "panel"] is None
        rows = workspace.store.get_lines(seen[f"{NAME}/1/observe"]["verdicts"])
        assert {s for row in rows for s in row["scores"]["crowd"]} == {None}
        assert all("not a finite number" in row["errors"]["crowd"][0] for row in rows)
        assert seen[f"{NAME}/1/decide"]["rule"].startswith("R1")
        assert f"{NAME}/1/act" not in seen
        assert (ending.reason, ending.exit_code) == (WAITS, 5)


@pytest.mark.slow
class TestAPersonWhoRollsBackMeanwhile:
    def test_makes_the_interrupted_change_stale_and_not_refused(self, workspace):
        options = ("--decider", "fixed", "--kill", "gate", "--turn", "2")
        killed = in_another_process(workspace, "run", *options)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        plan = session.rollback(workspace, "HEAD~1", reason="I like it less", dry_run=False)
        session.resume(Workspace(workspace.root), Told())
        seen = {e.key: e for e in log(workspace)}
        assert seen[f"{NAME}/2/commit"].kind is EntryKind.FAILED
        assert seen[f"{NAME}/2/commit"].body["error"] == "Stale"
        assert f"{NAME}/2/refuse" not in seen
        assert outcomes(workspace) == ["committed", "failed"]
        gold = [seen[f"{NAME}/{i}/gold"].body for i in (0, 1, 2)]
        assert gold[2]["head"] == plan.commit
        assert gold[2]["measurements"] != gold[1]["measurements"]
        must_verify(workspace)


@pytest.mark.slow
class TestAnInterrupt:
    def test_ends_everything_behind_the_wall_and_can_be_resumed(self, workspace):
        child = subprocess.Popen(
            [sys.executable, "-m", "plimsoll", "run", "--workspace", str(workspace.root)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell starts what it runs in the background deaf to Ctrl-C, and children inherit it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        behind = _wait_for_a_job(child, workspace)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
        assert child.returncode == 130
        assert "Traceback" not in out + err
        assert "plimsoll resume" in err
        assert [p for p in behind if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
        must_verify(workspace)
        assert in_another_process(workspace, "resume").returncode in (0, 5)


def _wait_for_a_job(child, workspace):
    """Until the first gold is measured: then a job runs, or is about to."""
    until = time.monotonic() + 300
    while time.monotonic() < until and child.poll() is None:
        if f"{NAME}/0/gold" in [e.key for e in log(workspace)]:
            return psutil.Process(child.pid).children(recursive=True)
        time.sleep(0.2)
    raise AssertionError("no gold was measured")


def _no_job(*_):
    raise AssertionError("a job was started")


def _state(workspace):
    (found,) = [e.body for e in log(workspace) if e.kind is EntryKind.FOUNDED]
    assert all(Judge.model_validate(j) for j in found["judges"])
    return found["state"]


def _weights(workspace):
    """The stored weights of the base."""
    manifest = json.loads(workspace.store.get(_state(workspace)["base"]))
    digest = manifest["files"]["model.safetensors"]
    return workspace.root / "objects" / digest[:2] / digest


def _renamed(workspace, name, turns):
    """The same workspace with another session to run."""
    sections = length(turns)
    sections["session"] |= {"name": name}
    (workspace.root / CONFIG).write_text(dump(tiny(**sections)))
    return Workspace(workspace.root)


class _Interrupting(Told):
    """Somebody who presses Ctrl-C as soon as the founding is in the log."""

    def entry(self, entry):
        super().entry(entry)
        if entry.kind is EntryKind.FOUNDED:
            raise KeyboardInterrupt


class _Failing(Told):
    """Remembers what failed."""

    @property
    def failed(self):
        return [e for e in self.entries if e.kind is EntryKind.FAILED]


class _Full(Told):
    """A disk that is full once something was decided."""

    def __init__(self):
        super().__init__()
        self.room, self.kept = True, os.rename

    def entry(self, entry):
        if entry.kind is EntryKind.DECIDED:
            self.room = False

    def rename(self, source, target):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.kept(source, target)
