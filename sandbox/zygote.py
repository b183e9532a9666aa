"""The fork server: lives inside the wall, imports the heavy modules once, forks per job.

    python -m sandbox.zygote MODULE ...     with a socket as standard input

It runs no tensor operation, so it has one thread and its forks are clean. It answers to
one parent, over one socket; when that closes, everything behind the wall ends.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from logs.errors import WallError
from sandbox import child, watch
from sandbox.limits import Limits
from sandbox.wire import FROM_JOB, FROM_ZYGOTE, Lines, decode, encode

TAIL_BYTES = 4096
"""How much of a job's last output is kept for an error message."""

WATCH_SECONDS = 0.2
"""How often processes and memory are counted while a job runs."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl


class _ParentGone(BaseException):
    """The socket closed, or spoke out of turn."""


def main() -> None:
    """Preload, say so, then serve one job at a time until the parent hangs up."""
    parent = _settle()
    try:
        _speak(parent, _preload(sys.argv[1:]))
        requests = Lines()
        while True:
            _serve(parent, decode(_next_request(parent, requests)))
    except (_ParentGone, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        watch.end_all_below()
        os._exit(0)


def _settle() -> socket.socket:
    """Take the socket out of standard input's place, and tie this process to its parent."""
    parent = socket.socket(fileno=os.dup(0))
    os.set_inheritable(parent.fileno(), False)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    # No job may read or change this process through /proc, nor interrupt it.
    _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getpid() != 1:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGTERM, _parent_died)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return parent


def _parent_died(*_: object) -> NoReturn:
    raise _ParentGone


def _preload(modules: list[str]) -> dict[str, object]:
    started = time.monotonic()
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            return {"ready": False, "saw": f"import {name}: {type(error).__name__}: {error}"}
    gc.collect()
    # Children share these pages; the collector would write to each of them.
    gc.freeze()
    seconds = time.monotonic() - started
    return {"ready": True, "seconds": seconds, "threads": len(os.listdir("/proc/self/task"))}


def _speak(parent: socket.socket, message: Mapping[str, object]) -> None:
    parent.sendall(FROM_ZYGOTE + encode(message) + b"\n")


def _next_request(parent: socket.socket, requests: Lines) -> bytes:
    while (line := requests.next()) is None:
        data = parent.recv(1 << 16)
        if not data:
            raise _ParentGone
        requests.feed(data)
    return line


def _serve(parent: socket.socket, request: dict[str, Any]) -> None:
    """Fork one job, pass on what it says, and report how it ended."""
    report, to_report = os.pipe()
    output, to_output = os.pipe()
    limits = Limits(**request["limits"])
    pid = os.fork()
    if pid == 0:
        # The parent's socket stays with the fork server.
        parent.close()
        _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        child.run(request, limits, report=to_report, output=to_output)
    os.close(to_report)
    os.close(to_output)
    with _Job(parent, pid, limits, report=report, output=output) as job:
        _speak(parent, job.follow())


class _Job:
    """One running job, as the fork server sees it."""

    def __init__(
        self, parent: socket.socket, pid: int, limits: Limits, *, report: int, output: int
    ) -> None:
        self._parent = parent
        self._pid = pid
        self._limits = limits
        self._ended = os.pidfd_open(pid)
        self._pipes = {report: self._on_report, output: self._on_output}
        self._lines = Lines()
        self._tail = b""
        self._breach: dict[str, str] | None = None
        self._selector = selectors.DefaultSelector()
        for fd in (*self._pipes, self._ended, parent.fileno()):
            self._selector.register(fd, selectors.EVENT_READ)
        for fd in self._pipes:
            os.set_blocking(fd, False)

    def __enter__(self) -> "_Job":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for fd in (*self._pipes, self._ended):
            os.close(fd)

    def follow(self) -> dict[str, object]:
        """Wait until the job has ended or broken a limit; leave nothing of it behind."""
        look_again = time.monotonic() + WATCH_SECONDS
        while not self._breach:
            ready = {key.fd for key, _ in self._selector.select(WATCH_SECONDS)}
            if self._parent.fileno() in ready:
                raise _ParentGone
            for fd in ready & set(self._pipes):
                self._read(fd)
            if self._ended in ready:
                break
            if time.monotonic() >= look_again:
                self._count()
                look_again = time.monotonic() + WATCH_SECONDS
        return self._finish()

    def _finish(self) -> dict[str, object]:
        if self._breach:
            os.kill(self._pid, signal.SIGKILL)
        _, status, used = os.wait4(self._pid, 0)
        clean = watch.end_all_below()
        for fd in self._pipes:
            self._drain(fd)
        return {
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_rss_bytes": used.ru_maxrss * 1024,
            "breach": self._breach,
            "tail": self._tail.decode(errors="replace"),
            "clean": clean,
        }

    def _count(self) -> None:
        """Count what no rlimit counts: processes when root runs them, memory of all together."""
        family = watch.descendants(os.getpid())
        most = self._limits.processes
        if len(family) > most:
            self._break("processes", f"{len(family)} processes at once", f"at most {most}")
        mine = watch.resident_bytes(os.getpid())
        added = sum(max(0, seen.resident_bytes - mine) for seen in family)
        most = self._limits.memory_bytes
        if added > most:
            self._break("memory_bytes", f"{added} bytes resident", f"at most {most}")

    def _break(self, limit: str, saw: str, wanted: str) -> None:
        self._breach = {"limit": limit, "saw": saw, "wanted": wanted}

    def _drain(self, fd: int) -> None:
        """Take what is left; the pipe is finite, since every writer is dead."""
        while not self._breach and self._read(fd):
            pass

    def _read(self, fd: int) -> bool:
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            with contextlib.suppress(KeyError):
                self._selector.unregister(fd)
            return False
        self._pipes[fd](data)
        return True

    def _on_output(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-TAIL_BYTES:]

    def _on_report(self, data: bytes) -> None:
        self._lines.feed(data)
        try:
            while (line := self._lines.next()) is not None:
                self._parent.sendall(FROM_JOB + line + b"\n")
        except WallError as error:
            self._break("message", error.saw, error.wanted)


if __name__ == "__main__":
    main()
