"""What the page reads: one workspace, its log, and the turns that were read already."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TypeVar, cast

from agent.finding import now
from agent.inbox import pending_in
from agent.overview import BY_HAND, Overview, open_log, overview
from agent.view.guard import Secrets
from agent.witness import verify_all
from agent.workspace import Workspace
from logs.errors import PlimsollError, UsageError
from logs.journal import Journal
from logs.scales import scales_in
from logs.turns import Turn, turn_of
from logs.verify import Check, verified

Known = TypeVar("Known")
PATIENCE = 1.0
"""Seconds that a page waits for a session that is being read, before it says so instead."""


class StillReading(PlimsollError):
    """A session is being read for the first time; asking again in a moment is answered."""


@dataclass(slots=True)
class Told:
    """The turns of a session, as far as they were read."""

    up_to: int = -1
    """Last entry that was read."""
    turns: dict[int, Turn] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(frozen=True, slots=True)
class Verified:
    """What `plimsoll log verify` said when it was asked last."""

    checks: tuple[Check, ...]
    size: int
    at: datetime

    @property
    def good(self) -> bool:
        """Whether it is the history that was written."""
        return verified(self.checks)


class Place:
    """A workspace as the page sees it; it writes nothing."""

    def __init__(self, workspace: Workspace, *, key: Path | None = None) -> None:
        self.workspace = workspace
        self.key = key
        """Signs answers to proposals; None: the page only reads."""
        self.secrets = Secrets()
        self.verified: Verified | None = None
        self.writing = threading.RLock()
        """Held while a lock of the workspace is asked for: a process that closes the file of its
        own lock loses that lock."""
        self._log: Journal | None = None
        self._opening = threading.RLock()
        self._told: dict[str, Told] = {}
        self._ahead: dict[str, threading.Event] = {}
        self._known: dict[str, tuple[int, object]] = {}
        self._making: dict[str, threading.RLock] = {}

    @property
    def log(self) -> Journal | None:
        """The log, which is followed while others write; None before the first session."""
        with self._opening:
            self._log = self._log or open_log(self.workspace)
            return self._log

    @property
    def journal(self) -> Journal:
        """The log.

        Raises:
            UsageError: nothing was written yet.
        """
        if (log := self.log) is not None:
            return log
        raise UsageError(
            "No session has begun here.",
            saw=f"no log in {self.workspace.root.name}",
            wanted="a session that has begun",
            try_this="plimsoll run",
        )

    def sessions(self) -> list[str]:
        """Names of the sessions."""
        return [name for name in self.counts() if name != BY_HAND]

    def counts(self) -> dict[str, dict[str, int]]:
        """How many entries of each kind each session has."""
        return self.once("counts", lambda: self.journal.counts()) if self.log else {}

    def waiting(self) -> int:
        """How many proposals wait for people."""
        if self.log is None:
            return 0
        return self.once("waiting", lambda: sum(p.open for p in pending_in(self.journal)))

    def once(self, name: str, make: Callable[[], Known]) -> Known:
        """What was found in the log, found again only when the log has grown."""
        with self._making.setdefault(name, threading.RLock()):
            size = self.journal.size()
            known = self._known.get(name)
            if known is None or known[0] != size:
                known = self._known[name] = (size, make())
            return cast(Known, known[1])

    def demand(self, session: str) -> None:
        """Refuse a name that no session has.

        Raises:
            UsageError: there is no such session.
        """
        if session not in self.sessions():
            raise UsageError(
                "This log has no such session.",
                saw=repr(session[:80]),
                wanted=f"one of {', '.join(self.sessions()) or 'none'}",
                try_this="plimsoll session list",
            )

    def turns(self, session: str) -> tuple[Turn, ...]:
        """The turns of a session; what was told before is not read again.

        Raises:
            UsageError: there is no such session.
            StillReading: it is being read ahead, and that takes longer than a page waits.
        """
        self.demand(session)
        ahead = self._ahead.get(session)
        if ahead is None or ahead.wait(PATIENCE):
            return self._read(session)
        known = len(self._told[session].turns) if session in self._told else 0
        raise StillReading(
            "This session is long, and is being read for the first time.",
            saw=f"{known} iterations so far",
            wanted=f"{sum(self.counts()[session].values())} entries",
            try_this="wait: this page comes back by itself; the timeline is there already",
        )

    def read_ahead(self, then: Callable[[str], object]) -> None:
        """Read every session in a thread, the latest first; `then` is called with each."""
        names = self.sessions()[::-1]
        self._ahead = {name: threading.Event() for name in names}
        threading.Thread(target=self._read_all, args=(names, then), daemon=True).start()

    def _read_all(self, names: Sequence[str], then: Callable[[str], object]) -> None:
        for name in names:
            with suppress(PlimsollError):  # what is wrong is said by the page that asks
                self._read(name)
            self._ahead[name].set()
            with suppress(PlimsollError):
                then(name)

    def _read(self, session: str) -> tuple[Turn, ...]:
        told = self._told.setdefault(session, Told())
        with told.lock:
            new = self.journal.entries(session, since=told.up_to + 1)
            scale_at = scales_in(self.journal)
            for iteration, group in groupby(new, key=lambda entry: entry.iteration):
                entries = list(group)
                told.up_to = entries[-1].seq
                if iteration in told.turns:  # it goes on, so what it began with is needed too
                    entries = self.journal.entries_of(session, iteration)
                told.turns[iteration] = turn_of(entries, scale_at)
            return tuple(turn for _, turn in sorted(told.turns.items()))

    def overview(self, session: str) -> Overview:
        """Where a session stands."""
        with self.writing:
            return overview(self.workspace, session, self.log, self.turns(session))

    def verify(self) -> Verified:
        """Ask the log whether it is the history that was written, and remember the answer."""
        size = self.journal.size()
        self.verified = Verified(verify_all(self.workspace), size, now())
        return self.verified
