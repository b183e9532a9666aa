"""What a running session hands out: cards, events to sinks, and word that something waits.

All of it hangs on the listener and none of it on the loop: nothing here can change an entry, and
a fault of it is a note on stderr.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agent.cards import write_missing
from agent.envelope import put
from agent.listener import Listener
from agent.notifying import Notifier
from agent.sinks.feed import Feed
from agent.sinks.names import demand, folder_of
from agent.workspace import Workspace
from logs.errors import PlimsollError, UsageError
from logs.journal import Journal
from logs.text import clip, visible
from logs.vocabulary import EntryKind, LogEntry


def note(text: str) -> None:
    """One line for whoever looks."""
    put(f"note: {visible(clip(text, 400))}", sys.stderr)


class Leaving:
    """A listener that passes on what it hears, and hands out the rest."""

    def __init__(self, workspace: Workspace, journal: Journal, inner: Listener) -> None:
        config = workspace.config
        self._workspace, self._journal, self._inner = workspace, journal, inner
        self._session = config.session.name
        self._notifier = Notifier(config.notify, note)
        self._feeds = [
            Feed(journal, self._session, name, folder_of(workspace.root, name))
            for name in dict.fromkeys(config.track.sinks)
            if _usable(name)
        ]

    def progress(self, done: int, of: int, what: str) -> None:
        """A long step is at `done` of `of`."""
        self._inner.progress(done, of, what)

    def entry(self, entry: LogEntry) -> None:
        """An entry was written to the log."""
        self._inner.entry(entry)
        for feed in self._feeds:
            feed.nudge()
        self._notifier.entry(entry)
        if entry.kind is EntryKind.RECORDED:
            self.write_cards()

    def close(self) -> None:
        """Hand out what is left, for so long as the settings allow."""
        until = time.monotonic() + self._workspace.config.track.wait_seconds
        for feed in self._feeds:
            feed.end_when_done()
        for feed in self._feeds:
            if lost := feed.close(max(0.0, until - time.monotonic())):
                note(lost)
        self._notifier.close()

    def write_cards(self) -> None:
        """Write the cards of committed models that have none."""
        try:
            write_missing(self._workspace, self._journal, self._session)
        except (PlimsollError, OSError) as error:
            said = error.what if isinstance(error, PlimsollError) else str(error)
            note(f"no card was written: {said}; plimsoll card writes it from the log")


@contextmanager
def leaving(workspace: Workspace, journal: Journal, listener: Listener) -> Iterator[Listener]:
    """The listener of a session that hands out; what is missing of an earlier run comes first.

    Raises:
        UsageError: the settings want a webhook that nobody allowed.
    """
    handing = Leaving(workspace, journal, listener)
    try:
        handing.write_cards()
        yield handing
    finally:
        handing.close()


def _usable(name: str) -> bool:
    try:
        demand(name)
    except UsageError as error:
        note(f"{error.what} {error.saw}; the session goes on without it: {error.try_this}")
        return False
    return True
