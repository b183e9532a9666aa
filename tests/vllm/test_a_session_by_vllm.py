"""A whole session whose answers vLLM draws, started as a user would."""

import os
import subprocess
import sys

import psutil
import pytest

from agent.workspace import Workspace
from logs.vocabulary import EntryKind
from tests import sessions
from tests.house import ROOT

SAMPLING = {"engine": "vllm", "max_num_seqs": 64}
TWO_TURNS = {
    "session": {"iterations": 2, "decider": "fixed"},
    "drift": {"prompts": 12, "samples": 2},
    "recipe": {"rank": 8, "prompts": 32, "samples": 4},
    "world": {"vault_prompts": 100, "fresh_gold": 0},
}


def run(workspace: Workspace, verb: str = "run") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plimsoll", verb, "--workspace", str(workspace.root)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=1500,
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    root = tmp_path_factory.mktemp("session") / "workspace"
    workspace = sessions.create(root, sampling=SAMPLING, **TWO_TURNS)
    return workspace, run(workspace)


class TestASessionByVllm:
    def test_ends_when_its_turns_are_used_up(self, session):
        _, ended = session
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "the turns of this session are used up" in ended.stdout

    def test_trained_and_ruled_on_two_candidates(self, session):
        workspace, _ = session
        kinds = [e.kind for e in sessions.log(workspace)]
        assert kinds.count(EntryKind.OBSERVED) == 2
        assert kinds.count(EntryKind.COMMITTED) + kinds.count(EntryKind.REFUSED) >= 2

    def test_drew_by_the_engine_and_tells_how_long_it_took(self, session):
        workspace, _ = session
        spent = [e.body["seconds"] for e in sessions.log(workspace) if "seconds" in e.body]
        assert spent and all(s["engine"] > 0 for s in spent)

    def test_left_no_process_and_no_file_behind(self, session):
        workspace, _ = session
        assert not workspace.scratch.exists()
        named = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
        assert [n for n in named if "vllm_worker" in n and str(workspace.root) in n] == []
