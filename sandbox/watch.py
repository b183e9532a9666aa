"""Seeing and ending processes: what a job leaves behind is found and killed."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")


@dataclass(frozen=True, slots=True)
class Seen:
    """One living process."""

    pid: int
    parent: int
    resident_bytes: int


def resident_bytes(pid: int) -> int:
    """Memory that a process has in RAM, pages shared with others included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def descendants(of: int) -> tuple[Seen, ...]:
    """Every living process that `of` started, directly or not, zombies left out."""
    children: dict[int, list[Seen]] = {}
    for seen in _processes():
        children.setdefault(seen.parent, []).append(seen)
    found: list[Seen] = []
    waiting = [of]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found.extend(below)
        waiting.extend(seen.pid for seen in below)
    return tuple(found)


def marked(mark: str) -> tuple[int, ...]:
    """Processes that were started with `mark` in their environment, orphans too."""
    sought = mark.encode()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            if sought in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return tuple(found)


def end(pids: Iterable[int]) -> None:
    """Kill each process; one that is gone already is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def end_with(parent: int) -> None:
    """Have this process told to end when the one that started it is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def end_all_below() -> bool:
    """Kill and reap all that this process started; False when something survives.

    The fork server calls this after each job. As process 1 of its own namespace it
    reaches everything in one step that no fork can outrun.
    """
    me = os.getpid()
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        if me == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        left = descendants(me)
        for seen in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(seen.pid, signal.SIGSTOP)
        end(seen.pid for seen in left)
        reap()
        if not left:
            return True
        time.sleep(0.002)
    return False


def reap() -> None:
    """Collect every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _processes() -> Iterator[Seen]:
    for pid in _pids():
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            continue
        # The name in parentheses may hold spaces; the fields after it do not.
        fields = text.rpartition(")")[2].split()
        state, parent, resident = fields[0], int(fields[1]), int(fields[21])
        if state not in "ZX":
            yield Seen(pid, parent, resident * _PAGE_BYTES)
