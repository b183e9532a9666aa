"""Killed at any instant: what was acknowledged is there, and nothing is half there."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from logs.journal import Journal
from logs.verify import verify

ROOT = Path(__file__).parent.parent
WRITER = """
import sys
from decimal import Decimal
from pathlib import Path
from logs.canonical import digest_of
from logs.journal import Journal
from logs.vocabulary import Commit, EntryKind, Ledgers
from tests.a_workspace import founding

workspace = Path(sys.argv[1])
journal = Journal(workspace / "plimsoll.sqlite")
spend = Ledgers(audit_labels=1, alpha=Decimal("0.001"))
if journal.head() is None:
    journal.commit(founding(workspace), expected_head=None)
iteration = journal.size()
while True:
    iteration += 1
    entry = journal.append(EntryKind.FAILED, session="s", iteration=iteration, step="fail",
                           body={"text": "x" * 3000}, spend=spend)
    print("entry", entry.seq, flush=True)
    head = journal.head()
    commit = journal.commit_of(head).model_copy(update={"parent": head, "iteration": iteration})
    journal.commit(commit, expected_head=head, spend=spend)
    print("commit", digest_of(commit), flush=True)
"""


def run_and_kill(workspace: Path, after: float) -> list[list[str]]:
    """Start a writer, kill it without warning, return what it had acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(workspace)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout.readline().startswith("entry")
        time.sleep(after)
        writer.send_signal(signal.SIGKILL)
        lines = writer.stdout.read().splitlines()
    return [line.split() for line in lines if len(line.split()) == 2]


@pytest.mark.parametrize("seed", range(6))
def test_a_writer_that_is_killed_loses_nothing_it_acknowledged(tmp_path, seed):
    chance = random.Random(seed)
    for _ in range(2):
        acknowledged = run_and_kill(tmp_path, chance.uniform(0.0, 0.15))
        with Journal(tmp_path / "plimsoll.sqlite") as journal:
            size, ledgers = journal.size(), journal.ledgers()
            entries = [int(value) for word, value in acknowledged if word == "entry"]
            commits = [value for word, value in acknowledged if word == "commit"]
            assert all(seq < size for seq in entries)
            assert all(journal.committed(digest[:64]) for digest in commits if len(digest) == 64)
            assert ledgers.audit_labels == size - 1, "each entry and what it spends are one"
    wrong = {check.name for check in verify(tmp_path) if check.ok is False}
    assert wrong <= {"every commit has its reasons"}, "this writer gives no reasons"
