"""The command line for tests: run it in this process, in another one, or on a terminal."""

import contextlib
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import agent
from agent.cli import main
from agent.listener import Listener
from agent.workspace import Workspace
from logs.vocabulary import LogEntry
from tests.house import ROOT

KNOWN_EXITS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 130}


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        """Stdout as the one envelope."""
        return json.loads(self.out)

    @property
    def data(self) -> Any:
        """What the envelope holds."""
        return self.envelope["data"]

    @property
    def error(self) -> dict[str, Any]:
        """The refusal on stderr."""
        found = json.loads(self.err)
        assert found["schema"] == "plimsoll/error/1"
        return found["data"]


def plimsoll(*words: str) -> Said:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(words))
    return Said(code, out.getvalue(), err.getvalue())


def in_another_process(*words: str, cwd: Path | None = None, **environment: str) -> Said:
    """Run a command as a shell does."""
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll", *words],
        cwd=cwd or ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def on_a_terminal(program: Sequence[str], *, columns: int, **environment: str) -> tuple[int, str]:
    """Run a program on a terminal of its own; its exit code and all that was drawn."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    cleared = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    child = subprocess.Popen(
        program,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=cleared | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"} | environment,
    )
    os.close(theirs)
    drawn = bytearray()
    # On Linux a terminal whose last user has left answers with an error, not with an end.
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 65536):
            drawn += chunk
    os.close(ours)
    return child.wait(timeout=60), drawn.decode("utf-8", "replace")


class AStandIn(ModuleType):
    """A loop that writes a made-up session, so that the face can be tested without one."""

    def __init__(self, write: Any, ending: Any) -> None:
        super().__init__("agent.session")
        self.write, self.ending = write, ending
        self.calls: list[str] = []
        self.plan: Any = None

    def run(self, workspace: Workspace, listener: Listener) -> Any:
        """Write it, telling the listener."""
        return self._move("run", workspace, listener)

    def resume(self, workspace: Workspace, listener: Listener) -> Any:
        """Likewise."""
        return self._move("resume", workspace, listener)

    def rollback(self, workspace: Workspace, ref: str, *, reason: str, dry_run: bool) -> Any:
        """Give back what the test prepared."""
        self.calls.append(f"rollback {ref} {reason!r} {dry_run}")
        return self.plan

    def _move(self, name: str, workspace: Workspace, listener: Listener) -> Any:
        self.calls.append(name)
        listener.progress(1, 2, "sampling")
        entries: list[LogEntry] = self.write(workspace)
        listener.progress(2, 2, "sampling")
        for entry in entries:
            listener.entry(entry)
        return self.ending(workspace)


def stand_in(monkeypatch: Any, write: Any, ending: Any) -> AStandIn:
    """Put a made-up loop in the place of `agent.session`."""
    module = AStandIn(write, ending)
    monkeypatch.setitem(sys.modules, "agent.session", module)
    monkeypatch.setattr(agent, "session", module, raising=False)
    return module
