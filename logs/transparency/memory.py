"""What this person verified before, kept outside every workspace: a second history has to fit it.

Under `$PLIMSOLL_STATE`, else `$XDG_STATE_HOME/plimsoll`, else `~/.local/state/plimsoll`:

    checkpoints/<sha256 of the origin>   the newest checkpoint of that log that was verified
    places/<sha256 of the folder>        the origin of the log that was verified there
"""

import os
from dataclasses import dataclass
from pathlib import Path

from logs import checkpoint
from logs.canonical import sha256
from logs.checkpoint import Checkpoint
from logs.errors import UsageError
from logs.files import write_whole

FOLDER = "PLIMSOLL_STATE"
"""Environment variable that names the folder."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One folder of remembered checkpoints."""

    root: Path

    def of(self, origin: str) -> str | None:
        """The note that was remembered of a log."""
        return _text(self._checkpoint(origin))

    def at(self, place: Path) -> str | None:
        """The origin of the log that was verified at a place."""
        found = _text(self._place(place))
        return found.split("\n")[0] if found else None

    def remember(self, note: str, place: Path | None) -> None:
        """Keep a checkpoint that was verified, unless a larger one of the log is kept already.

        Raises:
            OSError: the folder cannot be written.
        """
        new = checkpoint.parse(note)
        known = self.of(new.origin)
        if known is None or checkpoint.parse(known).size <= new.size:
            write_whole(self._checkpoint(new.origin), note.encode())
        if place is not None:
            write_whole(self._place(place), f"{new.origin}\n{place}\n".encode())

    def _checkpoint(self, origin: str) -> Path:
        return self.root / "checkpoints" / sha256(origin.encode())

    def _place(self, place: Path) -> Path:
        return self.root / "places" / sha256(os.fsencode(place))


def memory() -> Memory:
    """The memory of the person whose account this is."""
    named, shared = os.environ.get(FOLDER), os.environ.get("XDG_STATE_HOME")
    if named:
        return Memory(Path(named).expanduser())
    base = Path(shared) if shared else Path.home() / ".local" / "state"
    return Memory(base / "plimsoll")


def remembered(kept: Memory, origin: str) -> Checkpoint | None:
    """The checkpoint that was remembered of a log.

    Raises:
        UsageError: what is kept there is no checkpoint of that log.
    """
    note = kept.of(origin)
    found = checkpoint.parse(note) if note is not None else None
    if found is None or found.origin == origin:
        return found
    raise UsageError(
        "What was remembered of this log is about another one.",
        saw=f"{found.origin} under {kept.root}",
        wanted=origin,
        try_this=f"find out who wrote there; then remove the file, or name another {FOLDER}",
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "What was verified before cannot be read.",
            saw=f"{path}: {getattr(error, 'strerror', None) or 'not text'}",
            wanted="a checkpoint that plimsoll log verify wrote",
            try_this=f"mend its permissions, or name another folder: {FOLDER}=DIR",
        ) from error
