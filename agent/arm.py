"""Behind the hands: one wall for a session, paths of artefacts, and what jobs spent."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from agent.config import Config
from agent.home import HOME
from agent.listener import Listener
from agent.meter import Unmetered
from agent.remote_judges import Remotes, Row
from logs.errors import PlimsollError
from logs.vocabulary import Constitution, Digest, Judge, State
from sandbox.accelerator import GpuWatch, device_files
from sandbox.collect import collect
from sandbox.limits import MEBIBYTE, Limits
from sandbox.worker import JobResult, Worker
from tools.store import Store

PRELOAD = (
    "torch",
    "transformers.models.llama.modeling_llama",
    "peft",
    "datasets",
    "trl.trainer.dpo_trainer",
    "trl.trainer.sft_trainer",
    "tools.jobs",
    "tools.drawing",
    "tools.surveying",
    "tools.judging",
    "tools.founding",
    "tools.refitting",
    "tools.trl_trainer",
)
MAX_BYTES = 256 * MEBIBYTE
ASKING = "remote_judges"
"""Under which the seconds of asking them are counted."""


@dataclass
class Spent:
    """Seconds per kind of job since the last look, and what the jobs used."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0
    level: int = 2
    notes: list[str] = field(default_factory=list)
    """What an engine that draws had to do over."""
    memory: list[str] = field(default_factory=list)
    """What jobs did over, in halves, because memory ran out."""
    cpu_began: float = field(default_factory=time.process_time)

    def own_seconds(self) -> float:
        """CPU seconds of the agent's own process since this was asked last."""
        began, self.cpu_began = self.cpu_began, time.process_time()
        return self.cpu_began - began

    def said(self) -> dict[str, list[str]]:
        """The notes for a record; nothing where there are none."""
        told = {"engine": list(self.notes), "memory": list(self.memory)}
        return {name: notes for name, notes in told.items() if notes}

    def note(self, kind: str, result: JobResult) -> None:
        """Add one job."""
        self.seconds[kind] = self.seconds.get(kind, 0.0) + result.wall_seconds
        self.cpu_seconds += result.cpu_seconds
        self.peak_rss_bytes = max(self.peak_rss_bytes, result.peak_rss_bytes)
        self.level = min(self.level, result.level)
        self.memory += result.value.get("memory", [])


class Arm:
    """Runs one job after the other behind the wall of a session."""

    preload: tuple[str, ...] = PRELOAD

    def __init__(self, store: Store, scratch: Path, config: Config, listener: Listener) -> None:
        self.store, self.scratch, self.config, self.listener = store, scratch, config, listener
        self.spent = Spent()
        self.gpus = GpuWatch()
        self.meter: Unmetered = Unmetered()
        """Asked before each job; a session puts its own here."""
        self.remotes = Remotes(store, config, self._while_asking)
        self.reader: Digest | None = None
        """The frozen model that a judge of another lineage consults."""
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        # Checked-out folders are reused unread: each session makes them anew from verified bytes.
        shutil.rmtree(store.trees, ignore_errors=True)
        store.trees.mkdir(parents=True, exist_ok=True)
        self._limits = Limits(
            wall_seconds=config.limits.seconds,
            memory_bytes=config.limits.memory_mb * MEBIBYTE,
            cpu_threads=config.limits.threads,
        )
        self._worker = Worker(
            HOME,
            scratch_root=scratch,
            preload=self.preload,
            read_only=[store.root],
            limits=self._limits,
            devices=device_files(),
        )
        self._count = 0

    def __enter__(self) -> Self:
        self.gpus.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gpus.stop()
        self._worker.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _run(self, job: str, args: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
        self.meter.require_left()
        self._count += 1
        place = self.scratch / f"{job}-{self._count}"
        place.mkdir()
        result = self._called(job, args, place)
        self.spent.note(job, result)
        self.meter.used(result.cpu_seconds)
        return place, result.value

    def _called(self, job: str, args: Mapping[str, Any], place: Path) -> JobResult:
        """Run a job; one that ended without telling what it used counts with all it might have."""
        self._worker.stand()
        self.meter.require_left()  # on a busy machine the wall alone takes a minute
        limits, began = self.meter.clipped(self._limits), time.monotonic()
        try:
            return self._worker.call(
                f"tools.jobs:{job}",
                args,
                scratch=place,
                limits=limits,
                on_progress=self.listener.progress,
            )
        except PlimsollError:
            self.meter.used((time.monotonic() - began) * limits.cpu_threads)
            self.meter.require_left()
            raise

    def ask(
        self,
        judges: Sequence[Judge],
        groups: Sequence[Row],
        rows: Sequence[Row],
        constitution: Constitution,
        salt: str = "",
    ) -> list[Row]:
        """Rows of verdicts with those of remote judges, who are asked by this process."""
        self.meter.require_left()
        began = time.monotonic()
        found = self.remotes.add(judges, groups, rows, constitution, salt=salt)
        self.spent.seconds[ASKING] = self.spent.seconds.get(ASKING, 0.0) + time.monotonic() - began
        return found

    def _while_asking(self, done: int, of: int, what: str) -> None:
        """Between questions to remote judges: a budget ends them as it ends a job."""
        self.listener.progress(done, of, what)
        if done < of:
            self.meter.require_tokens()

    def _policy(self, state: State) -> dict[str, Any]:
        return {
            "base": self._tree(state.base),
            "reader": self._tree(self.reader),
            "adapter": self._tree(state.adapter),
            "threads": self.config.limits.threads,
            "max_new_tokens": self.config.sampling.max_new_tokens,
            "task": self.config.world.task,
        }

    def _judge(self, judge: Judge) -> dict[str, str]:
        folder = judge.kind == "reward_model"
        path = self.store.checkout(judge.artefact) if folder else self._file(judge.artefact)
        return {"kind": judge.kind, "path": str(path)}

    def _tree(self, digest: Digest | None) -> str | None:
        return str(self.store.checkout(digest)) if digest else None

    def _file(self, digest: Digest) -> Path:
        """Path of a stored artefact whose bytes were verified just now."""
        self.store.get(digest)
        return self.store.root / digest[:2] / digest

    def _adopt(self, place: Path, name: str) -> Digest:
        return self.store.put(collect(place, [name], MAX_BYTES)[name])
