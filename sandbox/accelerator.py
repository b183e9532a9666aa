"""What the GPUs of this machine hold and do, as their driver tells it; nothing without a driver.

Asked of `nvidia-smi`, which comes with the driver: jobs run in processes of their own, so that no
library in this one could tell.
"""

import csv
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = "nvidia-smi"
ASKED = ("index", "name", "memory.used", "memory.total", "utilization.gpu")
WHICH = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
"""They say which GPUs are for this session; a wall shows the files of all."""
MOST_SECONDS = 10.0
"""A driver that hangs must not hold up a session."""
EVERY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU at one moment."""

    index: int
    name: str
    used_mib: int | None
    total_mib: int | None
    busy: float | None
    """Share of the last second or so in which something ran on it; None where it is not told."""

    def said(self) -> str:
        """In a line for people."""
        held = "memory unknown"
        if self.used_mib is not None and self.total_mib is not None:
            held = f"{self.used_mib / 1024:.1f} of {self.total_mib / 1024:.1f} GiB"
        busy = "" if self.busy is None else f", {self.busy:.0%} busy"
        return f"{self.index} {self.name}: {held}{busy}"


def device_files() -> tuple[Path, ...]:
    """The files through which processes reach the GPUs of this machine."""
    return tuple(sorted(Path("/dev").glob("nvidia*")))


def chosen() -> dict[str, str]:
    """Which GPUs are for this session, for the environment of what works on them."""
    return {name: os.environ[name] for name in WHICH if name in os.environ}


def gpus() -> tuple[Gpu, ...]:
    """The GPUs of this machine; empty where there is no driver, or it does not answer."""
    if shutil.which(PROGRAM) is None:
        return ()
    command = [PROGRAM, f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(
            command, capture_output=True, text=True, timeout=MOST_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = csv.reader(told.stdout.splitlines(), skipinitialspace=True)
    return tuple(_gpu(row) for row in rows if len(row) == len(ASKED) and row[0].isdigit())


def _gpu(row: list[str]) -> Gpu:
    used, total, busy = map(_whole, row[2:])
    return Gpu(int(row[0]), row[1], used, total, None if busy is None else busy / 100)


def _whole(text: str) -> int | None:
    """A number; drivers write [N/A] where they cannot tell, as of a part of a GPU."""
    return int(text) if text.isdigit() else None


@dataclass
class _Seen:
    name: str
    total_mib: int | None
    peak_mib: int | None = None
    busy: list[float] = field(default_factory=list)


class GpuWatch:
    """Looks at the GPUs every other second, in a thread of its own, from start to stop."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look; without a driver there is nothing to see, and no thread."""
        if gpus() and self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def taken(self) -> list[Mapping[str, object]]:
        """Per GPU what was seen since the last time this was asked: peak memory, mean use."""
        with self._lock:
            seen, self._seen = self._seen, {}
        return [
            {
                "index": index,
                "name": gpu.name,
                "peak_mib": gpu.peak_mib,
                "total_mib": gpu.total_mib,
                "busy": round(sum(gpu.busy) / len(gpu.busy), 3) if gpu.busy else None,
            }
            for index, gpu in sorted(seen.items())
        ]

    def _look(self) -> None:
        while True:
            for gpu in gpus():
                self._note(gpu)
            if self._over.wait(EVERY_SECONDS):
                return

    def _note(self, gpu: Gpu) -> None:
        with self._lock:
            seen = self._seen.setdefault(gpu.index, _Seen(gpu.name, gpu.total_mib))
            if gpu.used_mib is not None:
                seen.peak_mib = max(gpu.used_mib, seen.peak_mib or 0)
            if gpu.busy is not None:
                seen.busy.append(gpu.busy)
