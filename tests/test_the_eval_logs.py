"""Audits and looks at gold as logs that inspect_ai's own reader loads."""

import json
import os
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec

import pytest

from agent.judge_audits import kept_of, latest, subject_of
from agent.sinks import courier
from logs.vocabulary import EntryKind
from tests import house
from tests.a_command import plimsoll
from tests.a_workspace import SESSION, measured
from tests.an_audit import a_workspace_with_judges, logged
from tools.audit.design import of_the_world

READ = """
import json, sys
from inspect_ai.log import read_eval_log
print()
print(json.dumps([read_eval_log(path).model_dump(mode="json") for path in sys.argv[1:]]))
"""
GOLD = [["82f1bdb8842f", 1, 0.5], ["c9aeeac0563e", 0, 1], ["a19ef6a10611", 0.5, 0]]

needs_inspect = pytest.mark.skipif(
    find_spec("inspect_ai") is None, reason="the extra sinks-inspect is not installed"
)


@pytest.fixture
def workspace(tmp_path):
    made = a_workspace_with_judges(tmp_path)
    logged(made, "pair-b", n=12)
    return made


def read(*paths):
    """The logs as inspect_ai reads them, in a process of its own."""
    words = [sys.executable, "-c", READ, *map(str, paths)]
    environment = {**os.environ, **courier.QUIET}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def exported(workspace, path, *options):
    words = ("judge", "export", "pair-b", "--to", "inspect", "--out", str(path), *options)
    line = [sys.executable, "-m", "plimsoll", *words, "--workspace", str(workspace.root)]
    return subprocess.run(line, cwd=house.ROOT, capture_output=True, text=True, check=False)


@needs_inspect
def test_an_audit_is_read_back_verdict_by_verdict(workspace, tmp_path):
    paths = [tmp_path / "a.eval", tmp_path / "b.eval"]
    for path, options in zip(paths, ((), ("--content",)), strict=True):
        said = exported(workspace, path, *options)
        assert said.returncode == 0, said.stderr
    hidden, shown = read(*paths)
    with closing(workspace.journal()) as journal:
        version = subject_of(journal, "pair-b").version
        found = latest(journal, workspace.store, "pair-b", version)
    kept = kept_of(workspace.store, found.audited)
    assert len(hidden["samples"]) == len(kept.verdicts) + len(kept.attacked)
    assert hidden["status"] == "success" and hidden["eval"]["metadata"]["entry"] == found.seq
    right = sum(v.verdict == v.gold for v in (*kept.verdicts, *kept.attacked))
    grades = [s["scores"]["verdict"]["value"] for s in hidden["samples"]]
    assert grades.count("C") == right
    scores = {s["name"]: s["metrics"] for s in hidden["results"]["scores"]}
    for m in found.card.audit.measurements():
        if m.estimate is not None:
            assert scores[f"{m.instrument} {m.of}".strip()]["estimate"]["value"] == m.estimate
    prompt = of_the_world(12, seed=0).pairs[0].prompt
    assert not any(prompt in s["input"] for s in hidden["samples"])
    assert any(prompt in s["input"] for s in shown["samples"])


@needs_inspect
def test_a_look_at_gold_is_read_back_item_by_item(workspace):
    with closing(workspace.journal(read_only=False)) as journal:
        body = {
            "head": journal.head(),
            "against": journal.head(),
            "look": 1,
            "claim": "inconclusive",
            "denied_by": [],
            "items": GOLD,
            "measurements": [measured("gain", 0.5).model_dump(mode="json")],
        }
        journal.append(EntryKind.MEASURED, session=SESSION, iteration=12, step="gain", body=body)
    said = plimsoll("session", "export", "--to", "inspect", "--workspace", str(workspace.root))
    assert said.code == 0, said.err
    (path,) = (workspace.root / "sinks" / "inspect").glob("*.eval")
    (log,) = read(path)
    shown = [[s["scores"][k]["value"] for k in ("gold", "judge")] for s in log["samples"]]
    assert shown == [row[1:] for row in GOLD]
    assert log["results"]["scores"][0]["metrics"]["estimate"]["value"] == 0.5


@pytest.mark.parametrize("out", ["audit.json", "."])
def test_a_file_that_inspect_would_not_take_is_refused(workspace, out):
    said = plimsoll(
        *("judge", "export", "pair-b", "--to", "inspect", "--out", out),
        *("--workspace", str(workspace.root)),
    )
    assert said.code == 2 and ".eval" in said.err


@needs_inspect
def test_a_judge_that_was_never_audited_has_no_log(workspace, tmp_path):
    said = plimsoll(
        *("judge", "export", "rubric-a", "--to", "inspect", "--out", str(tmp_path / "x.eval")),
        *("--workspace", str(workspace.root)),
    )
    assert said.code == 3 and "plimsoll judge audit rubric-a" in said.err
    assert not (tmp_path / "x.eval").exists()
