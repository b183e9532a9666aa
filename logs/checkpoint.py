"""The note that pins a log: origin, size, root (the body of a C2SP tlog-checkpoint).

Whoever keeps one of these outside the machine can later show that the log only grew:
https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md
"""

import base64
import hashlib
from dataclasses import dataclass

from logs.errors import UsageError

NO_ENTRY_YET = "0" * 64
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the log before its first entry."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log looked like at one size."""

    origin: str
    """Which log: it carries the leaf hash of its first entry."""
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are kept elsewhere, or signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(first_leaf: str | None) -> str:
    """Name a log by the leaf hash of its first entry."""
    return f"plimsoll-line/log/{(first_leaf or NO_ENTRY_YET)[:32]}"


def parse(text: str) -> Checkpoint:
    """Read a checkpoint; signatures below a blank line are not looked at.

    Raises:
        UsageError: it is not three lines of origin, size and base64 root.
    """
    try:
        origin, size, root = text.strip("\n").split("\n\n")[0].split("\n")
        found = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError:
        found = None
    if found and found.text() == f"{origin}\n{size}\n{root}\n" and len(found.root) == 32:
        return found
    raise UsageError(
        "This is not a checkpoint of a log.",
        saw=repr(text[:80]),
        wanted="three lines: origin, number of entries, root in base64",
        try_this="plimsoll log anchor writes one; keep it where the agent cannot reach it",
    )
