"""Judging for a command: a job behind the wall on what the workspace stores, which it only reads.

A session judges with its hands; whoever plans or studies has this desk. Nothing that a job
writes here is kept, and no lock is needed: a session may be at work beside it.
"""

import json
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.envelope import put
from agent.home import HOME
from agent.remote_judges import Remotes, parted
from agent.workspace import Workspace
from logs.vocabulary import Constitution, Digest, Judge, JudgeKind
from sandbox.accelerator import device_files
from sandbox.collect import collect
from sandbox.limits import MEBIBYTE, Limits
from sandbox.worker import Worker
from tools.store import Store

PRELOAD = ("tools.jobs", "tools.judging")
MAX_BYTES = 256 * MEBIBYTE
HEARTBEAT_SECONDS = 5.0

Progress = Callable[[int, int, str], None]


def heartbeat(options: Namespace) -> Progress:
    """Says on stderr, now and then, how far a long job is; nothing where a program reads."""
    said_at = time.monotonic()

    def progress(done: int, of: int, what: str) -> None:
        nonlocal said_at
        if done < of and time.monotonic() - said_at >= HEARTBEAT_SECONDS:
            said_at = time.monotonic()
            put(f"  ... {what} {done}/{of}", sys.stderr)

    unheard = options.quiet or (options.json and not sys.stderr.isatty())
    return (lambda *_: None) if unheard else progress


class Desk:
    """Runs judging jobs in a scratch folder of its own."""

    def __init__(
        self, store: Store, worker: Worker, scratch: Path, progress: Progress, remotes: Remotes
    ) -> None:
        self.store, self._worker, self._scratch, self._progress = store, worker, scratch, progress
        self._remotes = remotes
        self._count = 0
        self.level: int | None = None
        """Of the wall that jobs ran behind; None before the first."""

    def judge(
        self,
        groups: Iterable[Mapping[str, Any]],
        judges: Sequence[Judge],
        constitution: Constitution,
    ) -> list[dict[str, Any]]:
        """One row of scores and errors per group of answers, as a session's own jobs give."""
        near, far = parted(judges)
        shown = [dict(group) for group in groups]
        place = self._place("judge")
        samples = place / "samples.jsonl"
        samples.write_text("".join(json.dumps(g) + "\n" for g in shown), encoding="utf-8")
        args = {
            "samples": str(samples),
            "judges": {j.id: self.spec(j) for j in near},
            "constitution": constitution.model_dump(mode="json"),
            "seed": 0,
        }
        self._call("tools.jobs:judge", args, place)
        text = collect(place, ["verdicts.jsonl"], MAX_BYTES)["verdicts.jsonl"]
        rows = [json.loads(line) for line in text.splitlines()]
        return self._remotes.add(far, shown, rows, constitution) if far else rows

    def run(self, job: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """What a job returns."""
        return self._call(job, args, self._place(job.rpartition(":")[2]))

    def spec(self, judge: Judge) -> dict[str, str]:
        """Where a job finds a judge."""
        folder = judge.kind is JudgeKind.REWARD_MODEL
        path = self.tree(judge.artefact) if folder else self._file(judge.artefact)
        return {"kind": judge.kind, "path": str(path)}

    def tree(self, digest: Digest) -> Path:
        """A stored folder, checked out beside the scratch and every byte of it verified."""
        return self.store.checkout(digest)

    def _file(self, digest: Digest) -> Path:
        self.store.get(digest)
        return self.store.root / digest[:2] / digest

    def _place(self, job: str) -> Path:
        self._count += 1
        place = self._scratch / f"{job}-{self._count}"
        place.mkdir()
        return place

    def _call(self, job: str, args: Mapping[str, Any], place: Path) -> dict[str, Any]:
        found = self._worker.call(job, args, scratch=place, on_progress=self._progress)
        self.level = found.level
        return found.value


@contextmanager
def desk(
    workspace: Workspace, progress: Progress, *, preload: Sequence[str] = PRELOAD
) -> Iterator[Desk]:
    """A desk that is cleared away afterwards."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-desk-") as folder:
        scratch = Path(folder).resolve()
        store = Store(workspace.store.root)
        store.trees = scratch / "trees"
        limits = workspace.config.limits
        with Worker(
            HOME,
            scratch_root=scratch,
            preload=preload,
            read_only=[store.root],
            limits=Limits(
                wall_seconds=limits.seconds,
                memory_bytes=limits.memory_mb * MEBIBYTE,
                cpu_threads=limits.threads,
            ),
            devices=device_files(),
        ) as worker:
            yield Desk(store, worker, scratch, progress, Remotes(store, workspace.config, progress))
