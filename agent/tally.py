"""What entries of the log say that a session spent: added up entry by entry."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from agent.budget import Spent
from agent.remote_usage import ASKED_OF, Tokens, summed, tokens_by_judge
from logs.reading import Reader
from logs.vocabulary import EntryKind, LogEntry

DAY = timedelta(hours=24)
ASKED = "/ask"
"""How the key of a question to people ends; the vault is asked under other keys."""


@dataclass(slots=True)
class Tally:
    """A running sum over the entries of one session."""

    seconds: Decimal = Decimal(0)
    cpu_seconds: Decimal = Decimal(0)
    labels: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    """Of the model that decides."""
    judged: dict[str, Tokens] = field(default_factory=dict)
    """By remote judge."""
    disk_bytes: int | None = None
    """As the last record of a turn saw it."""

    def add(self, entry: LogEntry) -> None:
        """Add what one entry spent."""
        if entry.spend:
            self.seconds += entry.spend.seconds
            self.cpu_seconds += entry.spend.cpu_seconds
            self.labels += entry.spend.audit_labels
        if entry.kind is EntryKind.CONSULTED and "tokens_in" in entry.body:
            given, said = tokens_of(entry.body)
            self.tokens_in += given
            self.tokens_out += said
        if entry.kind is EntryKind.RECORDED:
            self.disk_bytes = entry.body.get("disk_bytes", self.disk_bytes)
            self.judged = summed(self.judged, tokens_by_judge(entry.body.get(ASKED_OF, {})))

    @property
    def tokens(self) -> int:
        """Of all models that were asked, in and out."""
        return self.tokens_in + self.tokens_out + sum(map(sum, self.judged.values()))

    def spent(self, *, approvals: int = 0) -> Spent:
        """The sum so far."""
        return Spent(
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            judged=self.judged,
            disk_bytes=self.disk_bytes,
            approvals=approvals,
        )


def tally_of(entries: Iterable[LogEntry]) -> Tally:
    """The sum over some entries."""
    found = Tally()
    for entry in entries:
        found.add(entry)
    return found


def tokens_of(exchange: dict[str, Any]) -> tuple[int, int]:
    """Tokens in and out of an exchange; where the endpoint did not count, the most they may be."""
    given, said = exchange["tokens_in"], exchange["tokens_out"]
    most_given, most_said = exchange.get("tokens_most") or (0, 0)
    return most_given if given is None else given, most_said if said is None else said


def asked_today(journal: Reader, now: datetime) -> int:
    """Proposals put before people in the last 24 hours, by any session of this log."""
    since = now - DAY
    asked = journal.entries(kind=EntryKind.ASKED)
    return sum(e.key.endswith(ASKED) and datetime.fromisoformat(e.at) > since for e in asked)
