"""A whole session whose answers vLLM draws, started as a user would."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from agent.workspace import Workspace
from logs.errors import PlimsollError
from logs.vocabulary import EntryKind
from tests import sessions
from tests.house import ROOT

WORKERS = {"vllm": "vllm_worker.py", "vllm-server": "api_server"}
"""By what a process that draws is known, for each engine."""
TWO_TURNS = {
    "session": {"iterations": 2, "decider": "fixed"},
    "drift": {"prompts": 12, "samples": 2},
    "recipe": {"rank": 8, "prompts": 24, "samples": 4},
    "world": {"vault_prompts": 100, "fresh_gold": 0},
}


SECONDS = 1500


def started(workspace: Workspace) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "plimsoll", "run", "--workspace", str(workspace.root)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(workspace: Workspace) -> tuple[int, str]:
    """The exit code, and what was said."""
    with started(workspace) as process:
        said, _ = process.communicate(timeout=SECONDS)
    return process.returncode, said


def run_struck(
    workspace: Workspace, engine: str, *blows: tuple[str, signal.Signals]
) -> tuple[int, str, int]:
    """The same, while the engine is struck in mid-sampling after an entry of that step came."""
    struck, until = 0, time.monotonic() + SECONDS
    said = workspace.root / "said"
    with said.open("w") as file, started(workspace) as process:
        reader = threading.Thread(target=lambda: file.write(process.stdout.read()))
        reader.start()
        while process.poll() is None and time.monotonic() < until:
            if struck < len(blows) and has(workspace, blows[struck][0]) and sampling(workspace):
                struck += strike(process.pid, WORKERS[engine], blows[struck][1])
            time.sleep(0.02)
        process.kill()
        reader.join()
    return process.returncode, said.read_text(), struck


def has(workspace: Workspace, key: str) -> bool:
    session, iteration, step = key.split("/")
    # The log may be being made just now.
    with contextlib.suppress(PlimsollError), workspace.journal() as journal:
        return journal.find(session, int(iteration), step) is not None
    return False


def sampling(workspace: Workspace) -> bool:
    """Whether a draw has begun and is not written yet."""
    places = (workspace.scratch / "engine").glob("draw-*")
    return any(not (p / "drawn.jsonl").exists() and (p / "prompts.jsonl").exists() for p in places)


def strike(pid: int, drawing: str, blow: signal.Signals) -> int:
    """Send a signal to the innermost process that draws; 1 if there was one."""
    family = psutil.Process(pid).children(recursive=True)
    workers = [p for p in family if "bwrap" not in p.name() and drawing in " ".join(p.cmdline())]
    if not workers:
        return 0
    workers[-1].send_signal(blow)
    return 1


def head(workspace: Workspace) -> str | None:
    with workspace.journal() as journal:
        return journal.head()


def settings(engine):
    return {"sampling": {"engine": engine, "max_num_seqs": 64}, **TWO_TURNS}


@pytest.fixture(scope="module", params=WORKERS)
def session(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("session") / "workspace"
    workspace = sessions.create(root, **settings(request.param))
    return request.param, workspace, run(workspace)


class TestASessionByVllm:
    def test_ends_when_its_turns_are_used_up(self, session):
        _, _, (code, said) = session
        assert code == 0, said
        assert "the turns of this session are used up" in said

    def test_trained_and_ruled_on_two_candidates(self, session):
        _, workspace, _ = session
        kinds = [e.kind for e in sessions.log(workspace)]
        assert kinds.count(EntryKind.OBSERVED) == 2
        assert kinds.count(EntryKind.COMMITTED) + kinds.count(EntryKind.REFUSED) >= 2

    def test_drew_by_the_engine_and_tells_how_long_it_took(self, session):
        _, workspace, _ = session
        spent = [e.body["seconds"] for e in sessions.log(workspace) if "seconds" in e.body]
        assert spent and all(s["engine"] > 0 for s in spent)

    def test_left_no_process_and_no_file_behind(self, session):
        _, workspace, _ = session
        assert not workspace.scratch.exists()
        assert left_of(workspace) == []

    def test_whose_engine_hangs_and_is_killed_has_the_same_history(self, session, tmp_path):
        engine, undisturbed, _ = session
        limits = {"limits": {"seconds": 60}}
        workspace = sessions.create(tmp_path / "workspace", **settings(engine), **limits)
        blows = (
            (f"{sessions.NAME}/0/gold", signal.SIGSTOP),
            (f"{sessions.NAME}/1/record", signal.SIGKILL),
        )
        code, said, struck = run_struck(workspace, engine, *blows)
        assert (code, struck) == (0, 2), said
        records = [e.body for e in sessions.log(workspace) if e.key.endswith("/record")]
        assert ["started again" in note for r in records for note in r["engine"]] == [True, True]
        assert head(workspace) == head(undisturbed)
        assert left_of(workspace) == []


def left_of(workspace: Workspace) -> list[str]:
    """What still runs of an engine of this workspace."""
    named = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    return [n for n in named if "vllm" in n and str(workspace.root) in n]
