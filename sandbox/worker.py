"""The parent's side: give a job to the wall, get JSON back, keep the limits.

with Worker(root, scratch_root=scratch, preload=("torch",)) as worker:
    result = worker.call("tools.sampling:draw", {"n": 8}, scratch=scratch / "draw-1")
"""

import signal
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from logs import errors
from logs.errors import JobFailed, PlimsollError, WallError
from sandbox import probe
from sandbox.accelerator import chosen
from sandbox.cell import Cell, Ended, OnProgress
from sandbox.limits import Limits
from sandbox.plan import Kind, Plan, install_hint
from sandbox.wire import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a job returned, and what it used."""

    value: dict[str, Any]
    wall_seconds: float
    """From request to answer; building the wall is not counted."""
    cpu_seconds: float
    """Of the job and the processes it waited for."""
    peak_rss_bytes: int
    """High-water mark of its process, the preloaded modules included."""
    level: int
    """Of the wall it ran behind: 2 or 1; goes into evidence."""


class Worker:
    """Runs jobs one at a time behind one wall, which is built at the first call.

    Two workers do not share anything but the machine; run several side by side.
    """

    def __init__(
        self,
        root: Path,
        *,
        scratch_root: Path,
        preload: Sequence[str] = (),
        read_only: Sequence[Path] = (),
        limits: Limits | None = None,
        devices: Sequence[Path] = (),
        kind: Kind | None = None,
    ) -> None:
        """Say what the wall will be; nothing is started yet.

        Args:
            root: The folder that holds `tools/` and so on; its code can be imported inside.
            scratch_root: The one writable folder; the scratch of every job lies in it.
            preload: Modules to import once, before any job. Name the very modules that jobs
                use (`trl.trainer.dpo_trainer`): `import trl` alone imports next to nothing.
            read_only: What else jobs may read: models, data.
            limits: Of each call that brings none of its own.
            devices: Files of GPUs that jobs may use; then what is resident is limited alone.
            kind: A weaker wall than this machine can build; None is the strongest.
        """
        self._root = root.resolve()
        self._scratch_root = scratch_root.resolve()
        self._preload = tuple(preload)
        self._read_only = tuple(path.resolve() for path in read_only)
        self._limits = limits or Limits()
        self._devices = tuple(devices)
        self._kind = kind
        self._cell: Cell | None = None
        self._busy = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Tear the wall down; the next call would build a new one."""
        cell, self._cell = self._cell, None
        if cell is not None:
            cell.kill()

    def stand(self) -> None:
        """Build the wall now unless it stands, for whoever must know the time that is left after.

        Raises:
            WallError: it could not be built.
        """
        with self._busy:
            self._standing(self._level())

    def call(
        self,
        job: str,
        args: Mapping[str, JSON],
        *,
        scratch: Path,
        limits: Limits | None = None,
        on_progress: OnProgress | None = None,
    ) -> JobResult:
        """Run `module:function(args, scratch, progress)` behind the wall and wait for it.

        Raises:
            WallError: the wall could not be built, or a limit ended the job; the error names
                the limit, everything behind the wall is gone, the next call starts afresh.
            JobFailed: the job raised an error of its own, or died without an answer.
            PlimsollError: the job raised this very error.
        """
        place, bound = self._place(scratch), limits or self._limits
        with self._busy:
            level = self._level()
            cell = self._standing(level)
            request = cell.request(job, args, scratch=place, limits=bound)
            started = time.monotonic()
            try:
                ended = cell.run(request, seconds=bound.wall_seconds, on_progress=on_progress)
            except BaseException:
                self.close()
                raise
            seconds = time.monotonic() - started
            breach = _breach(job, ended)
            if breach is not None or not ended.clean:
                self.close()
        error = breach or error_of(job, ended)
        if error is not None:
            raise error
        return JobResult(
            value=ended.report["value"],
            wall_seconds=seconds,
            cpu_seconds=ended.cpu_seconds,
            peak_rss_bytes=ended.peak_rss_bytes,
            level=level.number,
        )

    def _level(self) -> probe.Level:
        return probe.level() if self._kind is None else probe.measure(self._kind)

    def _standing(self, level: probe.Level) -> Cell:
        """The wall of the last call, or a new one."""
        if self._cell is not None and self._cell.alive:
            return self._cell
        self.close()
        if level.kind is None:
            raise WallError(
                "No wall can be built on this machine, and no job runs without one.",
                saw=level.how,
                wanted="at least a process with limits",
                try_this=install_hint("bwrap"),
            )
        self._cell = Cell(
            Plan(
                kind=level.kind,
                root=self._root,
                scratch_root=self._scratch_root,
                read_only=self._read_only,
                preload=self._preload,
                limits=self._limits,
                mark=uuid.uuid4().hex,
                variables=chosen() if self._devices else {},
                devices=self._devices,
            )
        )
        return self._cell

    def _place(self, scratch: Path) -> Path:
        """Make the scratch folder of one job, inside the writable one."""
        place = scratch.resolve()
        if place == self._scratch_root or not place.is_relative_to(self._scratch_root):
            raise WallError(
                "The scratch folder of a job lies in the wall's writable folder.",
                saw=str(place),
                wanted=f"a folder below {self._scratch_root}",
                try_this="pass scratch_root / NAME",
            )
        place.mkdir(parents=True, exist_ok=True)
        return place


def _breach(job: str, ended: Ended) -> WallError | None:
    """What to raise for a job that was ended at a limit."""
    if ended.breach is not None:
        return _broke(job, ended.breach["limit"], ended.breach["saw"], ended.breach["wanted"])
    if ended.signal is not None and ended.signal in _BY_SIGNAL:
        saw = f"{signal.Signals(ended.signal).name} after {ended.cpu_seconds:.1f} CPU-seconds"
        return _broke(job, _BY_SIGNAL[ended.signal], saw)
    match ended.report:
        case {"out_of_memory": str(saw)}:
            return _broke(job, "memory_bytes", saw)
        case {"out_of_processes": str(saw)}:
            return _broke(job, "processes", saw)
    return None


def error_of(job: str, ended: Ended) -> PlimsollError | None:
    """What to raise for a job that kept its limits and still has no value."""
    match ended.report:
        case {"refused": [str(name), str(what), str(saw), str(wanted), str(try_this)]}:
            return _named(name)(what, saw=saw, wanted=wanted, try_this=try_this)
        case {"raised": [str(name), str(message), str(frames)]}:
            return _failed(f"{job} raised {name}: {message}", saw=frames.rstrip())
        case {"value": dict()} if ended.exit == 0:
            return None
    how = f"exit code {ended.exit}"
    if ended.signal is not None:
        how = f"signal {ended.signal} ({signal.strsignal(ended.signal)})"
    used = f"{ended.cpu_seconds:.1f} CPU-seconds, {ended.peak_rss_bytes >> 20} MiB at most"
    return _failed(f"{job} died without an answer.", saw=f"{how}; {used}\n{ended.tail}".rstrip())


_BY_SIGNAL: dict[int, str] = {signal.SIGXFSZ: "file_bytes", signal.SIGXCPU: "wall_seconds"}


def _broke(job: str, limit: str, saw: str, wanted: str = "to stay within it") -> WallError:
    return WallError(
        f"{job} was ended at a limit.",
        saw=saw,
        wanted=f"{wanted} (limit: {limit})",
        try_this="give it less to do, or raise the limit",
    )


def _failed(what: str, *, saw: str) -> JobFailed:
    return JobFailed(
        what,
        saw=saw,
        wanted="a dict, returned",
        try_this="read the traceback; the job can also be called without the wall, as a function",
    )


def _named(name: str) -> type[PlimsollError]:
    """The class of the project's own tree that a job named; the trunk when it has none."""
    found = getattr(errors, name, None)
    if isinstance(found, type) and issubclass(found, PlimsollError):
        return found
    return PlimsollError
