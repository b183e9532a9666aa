"""What the page reads: one workspace, its log, and the turns that were read already."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from agent.finding import now
from agent.overview import Overview, open_log, overview, sessions_of
from agent.view.guard import Secrets
from agent.witness import verify_all
from agent.workspace import Workspace
from logs.errors import UsageError
from logs.journal import Journal
from logs.scales import scales_in
from logs.turns import Turn, turn_of
from logs.verify import Check, verified


@dataclass(slots=True)
class Told:
    """The turns of a session, as far as they were read."""

    up_to: int = -1
    """Last entry that was read."""
    turns: dict[int, Turn] = field(default_factory=dict)


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
        self._reading = threading.RLock()
        self._told: dict[str, Told] = {}

    @property
    def log(self) -> Journal | None:
        """The log, which is followed while others write; None before the first session."""
        with self._reading:
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
        return sessions_of(self.log) if self.log else []

    def turns(self, session: str) -> tuple[Turn, ...]:
        """The turns of a session; what was told before is not read again.

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
        with self._reading:
            told = self._told.setdefault(session, Told())
            new = [
                (e.seq, e.iteration) for e in self.journal.entries(session, since=told.up_to + 1)
            ]
            scale_at = scales_in(self.journal)
            for iteration in sorted({i for _, i in new}):
                entries = self.journal.entries_of(session, iteration)
                told.turns[iteration] = turn_of(entries, scale_at)
            told.up_to = new[-1][0] if new else told.up_to
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
