"""Offline vLLM: one resident process behind a wall of its own, adapters swapped at each ask."""

import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from logs.errors import EngineFailed, EngineUnfit, JobFailed, WallError
from sandbox import probe
from sandbox.accelerator import device_files
from sandbox.cell import Cell
from sandbox.limits import Limits
from sandbox.plan import Plan
from sandbox.worker import JobResult, error_of
from tools.engines.adapters import require_fits
from tools.engines.asked import Ask, Drawn, Nature, OnProgress, require_whole, tolerance_of
from tools.engines.vllm_settings import (
    RANKS,
    Settings,
    environment,
    processors,
    rank_of,
    variables,
)
from tools.models import is_adapter
from tools.store import Store

ROOT = Path(__file__).resolve().parents[2]
TRIES = 2


@dataclass(frozen=True, slots=True)
class _Served:
    """What a running engine can draw from."""

    model: Path
    rank: int


class _OutOfMemory(Exception):
    """The engine said so itself."""


class OfflineVllm:
    """The parent's side of `vllm_worker.py`: started when asked, started again when it failed."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        scratch: Path,
        note: Callable[[str], None] = lambda said: None,
    ) -> None:
        self.settings, self.store, self.scratch, self.note = settings, store, scratch, note
        self._cell: Cell | None = None
        self._serves: _Served | None = None
        self._count = 0
        self._in_flight = settings.max_num_seqs
        self._starting = 0.0
        """CPU seconds of starts that no draw has counted yet."""

    def draw(self, ask: Ask, *, limits: Limits, on_progress: OnProgress) -> Drawn:
        """Draw; an engine that died or hung is started again once, and the same is drawn.

        One that runs out of memory is started again with half as many answers in flight.
        """
        failed = 0
        while True:
            try:
                return self._drawn(ask, limits, on_progress)
            except _OutOfMemory as error:
                self._end()
                if self._in_flight == 1:
                    raise _too_large(error) from error
                self._in_flight //= 2
                self.note(f"out of memory: {self._in_flight} answers in flight from here on")
            except WallError as error:
                self._end()
                failed += 1
                if failed == TRIES:
                    raise _failed_twice(error) from error
                self.note(f"the engine is started again: {error.what} {error.saw}")

    @property
    def nature(self) -> Nature:
        """Batches are a function of what is asked, so its numbers repeat to the last digit."""
        return Nature(repeats=True, tolerance=tolerance_of(self.settings.dtype))

    def close(self) -> None:
        """End the engine and all that it started."""
        self._end()

    def _end(self) -> None:
        cell, self._cell, self._serves = self._cell, None, None
        if cell is not None:
            cell.kill()

    def _drawn(self, ask: Ask, limits: Limits, on_progress: OnProgress) -> Drawn:
        began = time.monotonic()
        base = self.store.checkout(ask.base)
        trained = self.store.checkout(ask.adapter) if ask.adapter else None
        lora = trained if trained and is_adapter(trained) else None
        model = base if trained is None or lora else trained
        if lora:
            require_fits(lora, base)
        self._stand(_Served(model, rank_of(lora, self.settings.rank)))
        self._count += 1
        place = self.scratch / f"draw-{self._count}"
        place.mkdir(parents=True)
        prompts, out = place / "prompts.jsonl", place / "drawn.jsonl"
        prompts.write_text("".join(f"{json.dumps(list(ids))}\n" for ids in ask.prompts))
        args: dict[str, Any] = {
            "prompts": str(prompts),
            "adapter": str(lora) if lora else None,
            "out": str(out),
            "samples": ask.samples,
            "temperature": ask.temperature,
            "max_new_tokens": ask.max_new_tokens,
            "seed": ask.seed,
            "eos": ask.eos,
        }
        try:
            result = self._called("draw", args, limits, on_progress)
            require_whole(out, ask)
        except BaseException:
            # Some prompts are for nobody else's eyes; the jobs share this folder.
            shutil.rmtree(place, ignore_errors=True)
            raise
        used = result.cpu_seconds + self._starting
        self._starting = 0.0
        seconds = time.monotonic() - began
        return Drawn(out, replace(result, wall_seconds=seconds, cpu_seconds=used))

    def _stand(self, wanted: _Served) -> None:
        """Serve this model: what runs already, or an engine that is started now."""
        serves = self._serves
        fits = serves and serves.model == wanted.model and serves.rank >= wanted.rank
        if self._cell is not None and self._cell.alive and fits:
            return
        self.close()
        self.scratch.mkdir(parents=True, exist_ok=True)
        seconds = self.settings.start_seconds
        self._cell = Cell(self._plan(), start_seconds=seconds)
        limits = Limits(wall_seconds=seconds, cpu_threads=self.settings.threads)
        args = {"settings": self.arguments(wanted.model, wanted.rank)}
        opened = self._called("open", args, limits, lambda done, of, what: None)
        self._starting += opened.cpu_seconds
        self._serves = wanted

    def _called(
        self, job: str, args: dict[str, Any], limits: Limits, on_progress: OnProgress
    ) -> JobResult:
        assert self._cell is not None
        request = self._cell.request(job, args, scratch=self.scratch, limits=limits)
        began = time.monotonic()
        try:
            ended = self._cell.run(request, seconds=limits.wall_seconds, on_progress=on_progress)
        except BaseException:
            # What it still says of this request would be taken for the answer to the next.
            self._end()
            raise
        if "out_of_memory" in ended.report:
            raise _OutOfMemory(ended.report["out_of_memory"])
        if error := error_of(f"vLLM's {job}", ended):
            if isinstance(error, JobFailed):
                # It may still hold prompts of this draw, and would answer them in the next.
                self._end()
            raise error
        return JobResult(
            value=ended.report["value"],
            wall_seconds=time.monotonic() - began,
            cpu_seconds=ended.cpu_seconds,
            peak_rss_bytes=ended.peak_rss_bytes,
            level=probe.level().number,
        )

    def arguments(self, model: Path, rank: int = RANKS[0]) -> dict[str, Any]:
        """vLLM's own engine arguments, for a model and adapters up to a rank."""
        s = self.settings
        return {
            "model": str(model),
            "dtype": s.dtype,
            "max_model_len": s.max_model_len or None,
            "max_num_seqs": self._in_flight,
            "gpu_memory_utilization": s.gpu_share,
            "enable_lora": True,
            "max_loras": 1,
            "max_lora_rank": rank,
            "enable_prefix_caching": True,
            "enforce_eager": not device_files(),
        }

    def _variables(self) -> dict[str, str]:
        return variables(self.settings)

    def _plan(self) -> Plan:
        level = probe.level()
        if level.kind is None:
            raise WallError(
                "No wall can be built on this machine, and no engine runs without one.",
                saw=level.how,
                wanted="at least a process with limits",
                try_this="plimsoll doctor",
            )
        python = self.settings.python
        return Plan(
            kind=level.kind,
            root=ROOT,
            scratch_root=self.scratch.resolve(),
            read_only=(self.store.root.resolve(), *environment(python), *processors()),
            preload=(),
            limits=Limits(cpu_threads=self.settings.threads),
            mark=uuid.uuid4().hex,
            program=(str(python), "-s", "-P", "-B", str(self.settings.worker)),
            variables=self._variables(),
            devices=device_files(),
        )


def _too_large(error: Exception) -> EngineUnfit:
    return EngineUnfit(
        "The engine has too little memory for a single answer.",
        saw=str(error)[:300],
        wanted="room for the model and one answer",
        try_this="lower sampling.max_model_len, or raise sampling.memory_gb or gpu_share",
    )


def _failed_twice(error: WallError) -> EngineFailed:
    return EngineFailed(
        "The engine that draws answers failed twice in a row.",
        saw=f"{error.what} {error.saw}",
        wanted="answers, from it or from the one that was started in its place",
        try_this="free memory or raise [limits] seconds, then: plimsoll resume",
    )
