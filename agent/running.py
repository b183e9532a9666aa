"""Is a process at work in this workspace? Asked of the kernel, without taking its lock."""

import fcntl
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from logs.lock import NAME

_FLOCK = "hhqqi"
"""`struct flock` of Linux on 64 bits: type, whence, start, length, pid."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that works here, as it signed the lock."""

    pid: int
    host: str
    since: str


def holder(workspace: Path) -> Holder | None:
    """The process that holds the lock, or None.

    It must not be asked by that process itself: closing the file would drop its own lock.
    """
    try:
        with (workspace / NAME).open(encoding="utf-8", errors="replace") as file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            told = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
            if told[0] == fcntl.F_UNLCK:
                return None
            return _signed(file.read(1000), told[4])
    except FileNotFoundError:
        return None


def _signed(text: str, pid: int) -> Holder:
    """What the holder wrote about itself; the kernel knows its process id better."""
    try:
        found = json.loads(text)
        said = found if isinstance(found, dict) else {}
    except ValueError:
        said = {}
    return Holder(
        pid=pid if pid > 0 else int(said.get("pid", 0)),
        host=str(said.get("host", "an unknown host"))[:80],
        since=str(said.get("since", "an unknown time"))[:40],
    )
