"""Who watches a session: progress of long steps, and every new log entry."""

from typing import Protocol

from logs.vocabulary import LogEntry


class Listener(Protocol):
    """Told what happens; cannot change it."""

    def progress(self, done: int, of: int, what: str) -> None:
        """A long step is at `done` of `of`; equal numbers end it."""
        ...

    def entry(self, entry: LogEntry) -> None:
        """An entry was written to the log."""
        ...


class Silent:
    """Watches nothing."""

    def progress(self, done: int, of: int, what: str) -> None:
        """Ignore progress."""

    def entry(self, entry: LogEntry) -> None:
        """Ignore the entry."""
