"""One wall that stands: started, given jobs one by one, and torn down whole."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from logs.errors import WallError
from sandbox import watch
from sandbox.limits import Limits
from sandbox.plan import MARK, Plan, command, environment
from sandbox.wire import FROM_JOB, JSON, Channel, decode, encode

START_SECONDS = 300.0
"""How long building the wall and preloading may take; a cold disk makes torch slow."""

ALLOW_NAMESPACES = (
    "let this user open user namespaces (sysctl -w user.max_user_namespaces=10000; on Ubuntu "
    "also kernel.apparmor_restrict_unprivileged_userns=0; in a container, "
    "--security-opt seccomp=unconfined)"
)

OnProgress = Callable[[int, int, str], None]

# The kernel ends a wall when the *thread* that started it ends, so one thread that lives as
# long as the process starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wall-starter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one job ended, as the fork server saw it."""

    report: Mapping[str, Any]
    """The job's last word; empty when it died without one."""
    exit: int | None
    signal: int | None
    cpu_seconds: float
    peak_rss_bytes: int
    """High-water mark of the job's process, the preloaded modules included."""
    breach: Mapping[str, str] | None
    """`saw` and `wanted` of the limit it broke."""
    tail: str
    """The end of what it printed."""
    clean: bool
    """Whether nothing of the job survived."""


class Cell:
    """A running wall. Any error leaves it dead; start another."""

    def __init__(self, plan: Plan, *, start_seconds: float = START_SECONDS) -> None:
        """Build the wall and preload.

        Raises:
            WallError: the wall could not be built, or a module not preloaded.
        """
        self.plan = plan
        self._process: subprocess.Popen[bytes] | None = None
        self._zygote: int | None = None
        self.preload_seconds = 0.0
        self.threads = 0
        if not plan.private_tmp:
            plan.home.mkdir(exist_ok=True)
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        # Open as long as the wall stands; closed by kill().
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with theirs:
                self._start(theirs)
            self._hear_ready(time.monotonic() + start_seconds)
        except BaseException:
            self.kill()
            raise

    def _start(self, theirs: socket.socket) -> None:
        argv, variables = command(self.plan), environment(self.plan)

        def start() -> None:
            self._process = subprocess.Popen(
                argv,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                env=variables,
                cwd=self.plan.scratch_root,
                # An interrupt from the terminal is for the parent, which then ends the job.
                start_new_session=True,
            )

        starting = _starter.submit(start)
        try:
            starting.result()
        except OSError as error:
            raise self._not_built(f"{type(error).__name__}: {error}") from error
        except BaseException:
            with contextlib.suppress(Exception):
                starting.result(timeout=10)
            raise

    def _hear_ready(self, until: float) -> None:
        try:
            line = self._channel.receive(until=until)
        except TimeoutError:
            raise self._not_built("no sign of life from the fork server in time") from None
        if line is None:
            raise self._not_built(self._last_words())
        ready = decode(line[1:])
        self._zygote = os.pidfd_open(self._channel.peer) if self._channel.peer else None
        if not ready["ready"]:
            raise self._not_built(ready["saw"], try_this="import it without the wall to see why")
        self.preload_seconds = float(ready["seconds"])
        self.threads = int(ready["threads"])

    def _last_words(self) -> str:
        """What the builder or the fork server complained of before it ended."""
        # Another thread may close the wall meanwhile; then nobody wants to know.
        if (process := self._process) is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=2.0)
        try:
            size = self._complaints.seek(0, os.SEEK_END)
            self._complaints.seek(max(0, size - 4096))
            return self._complaints.read().decode(errors="replace").strip()
        except ValueError:
            return ""

    def _not_built(self, saw: str, try_this: str = ALLOW_NAMESPACES) -> WallError:
        return WallError(
            f"The wall ({self.plan.kind}) could not be built.",
            saw=saw or "it ended without a word",
            wanted="a fork server that answers from inside",
            try_this=try_this,
        )

    @property
    def alive(self) -> bool:
        """Whether the wall still stands."""
        return self._process is not None and self._process.poll() is None

    def request(
        self, job: str, args: Mapping[str, JSON], *, scratch: Path, limits: Limits
    ) -> bytes:
        """Put a job into words; nothing is sent yet.

        Raises:
            WallError: the arguments are not JSON, or too long.
        """
        return encode(
            {
                "job": job,
                "args": args,
                "scratch": str(scratch),
                "limits": asdict(limits),
                "writable": [str(path) for path in self.plan.writable],
                "count_tasks": self.plan.counts_tasks,
                "address_space": not self.plan.devices,
            }
        )

    def run(
        self, request: bytes, *, seconds: float, on_progress: OnProgress | None = None
    ) -> Ended:
        """Run one job and wait for its end.

        Raises:
            WallError: the wall broke, or the job did not end within `seconds`.
        """
        until = time.monotonic() + seconds
        report: Mapping[str, Any] = {}
        try:
            self._channel.send(request, until=until)
            while (said := self._channel.receive(until=until)) is not None:
                message = decode(said[1:])
                if said[:1] != FROM_JOB:
                    return Ended(report=report, **message)
                match message:
                    case {"progress": [int(done), int(total), str(note)]}:
                        if on_progress is not None:
                            on_progress(done, total, note)
                    case _:
                        report = message
        except TimeoutError:
            raise _too_slow(seconds) from None
        except OSError:
            pass
        raise WallError(
            "The wall fell while a job was running.",
            saw=f"the fork server is gone; {self._last_words()}".rstrip("; "),
            wanted="an answer",
            try_this="run the job again; if it stays so, plimsoll doctor",
        )

    def kill(self) -> None:
        """End everything behind the wall, at once, and wait until it is gone.

        Raises:
            WallError: something outlived a kill.
        """
        self._channel.close()
        if self._process is not None:
            self._end_tree(self._process)
            self._process = None
        if self._zygote is not None:
            os.close(self._zygote)
            self._zygote = None
        self._complaints.close()

    def _end_tree(self, process: subprocess.Popen[bytes]) -> None:
        if self._zygote is not None:
            if self.plan.kind.own_processes:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._zygote, signal.SIGKILL)
            # Without a namespace of its own, the fork server hears that the channel is closed,
            # and can still find the orphans: they became its children.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=6.0)
        below = watch.descendants(process.pid)
        process.kill()
        process.wait()
        if not self.plan.kind.own_processes:
            watch.end(seen.pid for seen in below)
            self._sweep()

    def _sweep(self) -> None:
        """Look for every process that bears this wall's mark, wherever it hangs."""
        until = time.monotonic() + 5.0
        while left := watch.marked(f"{MARK}={self.plan.mark}"):
            if time.monotonic() > until:
                raise WallError(
                    "Something outlived the wall.",
                    saw=f"processes {left}",
                    wanted="none",
                    try_this="kill them by hand",
                )
            watch.end(left)
            time.sleep(0.002)


def _too_slow(seconds: float) -> WallError:
    return WallError(
        "A job was ended at its time limit.",
        saw=f"still running after {seconds:g} s",
        wanted=f"an end within {seconds:g} s (limit: wall_seconds)",
        try_this="give it less to do, or raise the limit",
    )
