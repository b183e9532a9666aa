"""A session from the example's file, and the same one while its server falls and comes back.

The server is a process of its own, which is killed, or hangs, in the middle of judging. It judges
by a rule, and decides by another one: see `tests/a_judging_process.py`.
"""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from agent.workspace import Workspace
from logs.verify import verified, verify
from logs.vocabulary import EntryKind
from tests.a_command import plimsoll
from tests.a_judging_process import a_process, fell, free_port
from tests.house import ROOT
from tests.sessions import in_another_process, log, processes_of

pytestmark = pytest.mark.slow

NAME = "by-http"
FALLS_AT = ("--at", "100")
"""In the middle of the questions of the first turn."""
SHARED = Path("/dev/shm")


def begun(folder: Path, port: int, **instead: str) -> Workspace:
    """A workspace by the example's file, with another port, and perhaps other settings."""
    text = (ROOT / "examples" / "http-judge.toml").read_text(encoding="utf-8")
    for old, new in {":8000/": f":{port}/", **instead}.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "http-judge.toml").write_text(text, encoding="utf-8")
    said = plimsoll("init", str(folder / "mine"), "--config", str(folder / "http-judge.toml"))
    assert said.code == 0, said.err
    return Workspace(folder / "mine")


def commits(made: Workspace):
    return [e.body for e in log(made, NAME) if e.kind is EntryKind.COMMITTED]


def by_turn(made: Workspace, step: str):
    return {e.iteration: e.body for e in log(made, NAME) if e.key.endswith(f"/{step}")}


def left_in_shared():
    """Without locks of `multiprocessing`: no session has any, and other tests run beside this."""
    names = os.listdir(SHARED) if SHARED.is_dir() else []
    return {name for name in names if not name.startswith("sem.mp-")}


def errors(body):
    return next(m["estimate"] for m in body["measurements"] if m["instrument"] == "judge_errors")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The session as the example's file says it, from beginning to end."""
    port, folder = free_port(), tmp_path_factory.mktemp("undisturbed")
    with a_process(port):
        made = begun(folder, port)
        said = plimsoll("run", "--workspace", str(made.root), "--quiet")
        assert said.code in (0, 5), said.err
    return made


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where processes of this test put what is temporary."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def begins_and_falls(folder: Path, how: str, back, **instead: str):
    """A session whose server falls in the middle of judging; `back` is what brings it back."""
    port = free_port()
    made = begun(folder, port, **instead)
    with ThreadPoolExecutor(1) as beside, a_process(port, *FALLS_AT, "--then", how) as server:
        running = beside.submit(in_another_process, made, "run")
        assert fell(server)
        with back(server, port):
            done = running.result()
    assert done.returncode in (0, 5), done.stderr
    return made


class TestASessionFromTheExamplesFile:
    def test_is_judged_and_steered_by_one_server(self, undisturbed):
        decided = by_turn(undisturbed, "decide")
        assert {d["rule"] for d in decided.values()} == {"llm:qwen2.5-7b-instruct"}
        assert [errors(b) for b in by_turn(undisturbed, "observe").values()] == [0.0, 0.0]
        assert len(commits(undisturbed)) > 1
        assert verified(verify(undisturbed.root))


class TestAServerThatIsBackInTime:
    @pytest.mark.parametrize("how", ["kill", "stop"])
    def test_changes_no_commit_and_leaves_nothing_behind(
        self, how, undisturbed, tmp_path, temporary
    ):
        shared = left_in_shared()

        def again(_, port):
            time.sleep(1.0)
            return a_process(port)

        def goes_on(server, _):
            time.sleep(3.0)
            server.send_signal(signal.SIGCONT)
            return nullcontext()

        # A try is given up before the server goes on, and the question is asked again.
        hasty = {"concurrency = 16": "concurrency = 16\ntimeout_seconds = 1"}
        back = again if how == "kill" else goes_on
        made = begins_and_falls(tmp_path, how, back, **hasty if how == "stop" else {})
        assert commits(made) == commits(undisturbed)
        told = by_turn(made, "record")[1]["remote_judges"]["judges"]["critic"]
        assert told["tries"] > told["calls"]
        assert verified(verify(made.root))
        assert processes_of(made) == []
        assert list(temporary.iterdir()) == []
        assert left_in_shared() <= shared


class TestAServerThatIsNeverBack:
    def test_costs_verdicts_and_no_entry_and_a_person_is_asked_as_no_other_judge_is_there(
        self, tmp_path
    ):
        port = free_port()
        made = begun(tmp_path, port, **{"deadline_seconds = 60": "deadline_seconds = 2"})
        with a_process(port, *FALLS_AT, "--then", "kill"):
            killed = in_another_process(made, "run", "--kill", "record", "--turn", "1")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        first = log(made, NAME)
        assert 0 < errors(by_turn(made, "observe")[1]) < 1
        decided = by_turn(made, "decide")[1]
        assert decided["rule"] == "llm-fallback:unreachable"
        assert decided["intervention"] == "ask_person"
        resumed = in_another_process(made, "resume")
        assert resumed.returncode == 5, resumed.stderr
        assert log(made, NAME)[: len(first)] == first
        assert log(made, NAME)[-1].body["reason"] == "waits for a person"
        assert len(commits(made)) == 1
        assert verified(verify(made.root))
        assert processes_of(made) == []
