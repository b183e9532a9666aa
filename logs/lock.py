"""One session at a time in a workspace.

A POSIX record lock: the kernel drops it when the process dies, and children made by `fork`
do not inherit it, so a worker that outlives its parent does not keep the workspace shut.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from logs.errors import UsageError

NAME = "plimsoll.lock"

_held: set[tuple[int, Path]] = set()
"""Record locks do not exclude their own process, so the process remembers its own."""


@contextmanager
def lock_workspace(workspace: Path) -> Iterator[None]:
    """Hold the workspace until the block ends or the process does.

    Raises:
        UsageError: another session holds it; names its pid and host.
    """
    path = workspace.resolve() / NAME
    mine = (os.getpid(), path)
    if mine in _held:
        raise _busy(path, {"pid": os.getpid(), "host": socket.gethostname()})
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _busy(path, _holder(path)) from error
        _held.add(mine)
        try:
            _sign(file)
            yield
        finally:
            _held.discard(mine)


def _sign(file: TextIO) -> None:
    """Write who holds the lock, by the descriptor that locks: closing another would drop it."""
    who = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    file.truncate(0)
    file.write(json.dumps(who) + "\n")
    file.flush()


def _holder(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _busy(path: Path, holder: dict[str, object]) -> UsageError:
    who = f"process {holder.get('pid', 'unknown')} on {holder.get('host', 'an unknown host')}"
    since = f", since {holder['since']}" if "since" in holder else ""
    return UsageError(
        "Another session is at work in this workspace.",
        saw=f"{path} held by {who}{since}",
        wanted="one session at a time",
        try_this="wait for it; plimsoll status tells how far it is",
    )
