"""What a sink is: opened once, told entry after entry, closed; it answers nothing that counts.

    class Mine:
        def __init__(self, folder: Path) -> None: ...
        def open(self, facts: Facts) -> int: ...       # the first entry that it lacks
        def event(self, event: Event) -> None: ...
        def close(self, checkpoint: str) -> None: ...

    [project.entry-points."plimsoll.sinks"]
    mine = "my_package:Mine"

A sink runs in a process of its own: it may print, hang, crash, or import what it likes.
"""

from pathlib import Path
from typing import Protocol

from logs.vocabulary import Finite, LogEntry, Word

GROUP = "plimsoll.sinks"
"""Entry points of this group are sinks."""


class Facts(Word):
    """What is known of a session before its first event."""

    session: str
    origin: str
    """Which log: the first line of its checkpoints."""
    version: str
    """Of Plimsoll."""

    @property
    def run(self) -> str:
        """A name that no session of another log has."""
        return f"{self.session}-{self.origin.rsplit('/', 1)[-1][:8]}"


class Event(Word):
    """One entry of the log, and what was computed from it for charts and tables."""

    entry: LogEntry
    """Free text of models and people is replaced by its length, unless it was asked for."""
    step: int
    """The turn in which it was written; `entry.iteration` is another number where people acted."""
    says: str
    """The entry in about ten words, computed."""
    numbers: dict[str, Finite]
    """What was measured; where `name` has an interval, so have `name.low` and `name.high`."""
    tags: dict[str, str]
    """What was decided, ruled, answered: names and digests."""


class Sink(Protocol):
    """Where events go. An exception ends the export, never the session."""

    def open(self, facts: Facts) -> int:
        """Begin or go on; return the number of the first entry that is still wanted."""
        ...

    def event(self, event: Event) -> None:
        """Take one entry; they come in order, and may come again after a crash."""
        ...

    def close(self, checkpoint: str) -> None:
        """All that there is was told: keep the checkpoint of the log beside it."""
        ...


class Factory(Protocol):
    """What an entry point names."""

    def __call__(self, folder: Path) -> Sink:
        """A sink that writes to this folder."""
        ...
