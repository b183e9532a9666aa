"""One sink of a running session, on a thread of its own.

The queue is the log itself: a thread reads on from the entry that its sink took last. So a slow
sink fills no memory, and what a sink did not take can be told to it later, from the log.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

from agent.overview import BY_HAND
from agent.sinks.courier import PATIENCE, Courier
from agent.sinks.events import event_of
from agent.sinks.names import demand
from agent.sinks.protocol import Event, Facts
from agent.version import version
from logs.errors import PlimsollError
from logs.journal import Journal
from logs.vocabulary import LogEntry

AT_ONCE = 16
"""Entries read at once, so that the log is never held for long."""
NUDGE = 1.0
"""Seconds after which a thread looks by itself whether there is more."""


def facts_of(journal: Journal, session: str) -> Facts:
    """What a sink is told first."""
    origin = journal.checkpoint().splitlines()[0]
    return Facts(session=session, origin=origin, version=version())


def wanted(journal: Journal, session: str, since: int, *, content: bool = False) -> Iterator[Event]:
    """The next entries of a session, and what people did meanwhile, as events."""
    for entry in journal.entries(since=since, limit=AT_ONCE):
        if entry.session == session:
            yield event_of(entry, entry.iteration, content=content)
        elif entry.session == BY_HAND:
            yield event_of(entry, _turn_before(journal, session, entry), content=content)


def _turn_before(journal: Journal, session: str, entry: LogEntry) -> int:
    """The turn in which people did something by hand."""
    before = (e.iteration for e in journal.entries(session=session) if e.seq < entry.seq)
    return max(before, default=0)


class Feed:
    """A sink that follows the log of a running session."""

    def __init__(
        self, journal: Journal, session: str, name: str, folder: Path, patience: float = PATIENCE
    ) -> None:
        self.name = name
        self._journal, self._session, self._folder = journal, session, folder
        self._patience = patience
        self._wake, self._ending = threading.Event(), threading.Event()
        self._courier: Courier | None = None
        self._next = 0
        self._fault = ""
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"sink-{name}", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Something was written."""
        self._wake.set()

    def end_when_done(self) -> None:
        """Nothing more will be written."""
        self._ending.set()
        self._wake.set()

    def close(self, seconds: float) -> str:
        """Wait so long for the rest to be taken; what is lost, or nothing."""
        self.end_when_done()
        self._thread.join(seconds)
        courier = self._courier
        if self._thread.is_alive():
            self._fault = f"it did not finish within {seconds:.3g} s of the session's end"
            if courier:
                courier.end()
            self._thread.join(NUDGE)
        if self._closed:
            return ""
        return (
            f"sink {self.name}: {self._fault}; entries {self._next} to {self._journal.size() - 1} "
            f"are not in it: plimsoll session export {self._session} --to {self.name}"
        )

    def _run(self) -> None:
        try:
            demand(self.name)
            with Courier(self.name, self._folder, patience=self._patience) as courier:
                self._courier = courier
                self._next = courier.open(facts_of(self._journal, self._session))
                self._follow(courier)
        except PlimsollError as error:
            self._fault = self._fault or error.saw
        except Exception as error:  # whatever a library of this process raises
            self._fault = self._fault or f"{type(error).__name__}: {error}"

    def _follow(self, courier: Courier) -> None:
        while True:
            ending, size = self._ending.is_set(), self._journal.size()
            while self._next < size:
                last = min(self._next + AT_ONCE, size)
                for event in wanted(self._journal, self._session, self._next):
                    courier.event(event)
                    self._next = event.entry.seq + 1
                self._next = max(self._next, last)
            if ending:
                courier.close(self._journal.checkpoint())
                self._closed = True
                return
            self._wake.wait(NUDGE)
            self._wake.clear()
