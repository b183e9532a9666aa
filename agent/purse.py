"""What is left of the budgets, for people: while a session runs, and whenever they ask."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Self

from agent import finding
from agent.budget import Line, lines
from agent.config import BudgetSection
from agent.meter import size_of
from agent.overview import open_log
from agent.remote_usage import Prices, prices_of, since_told, summed, tokens_by_judge, told_in
from agent.tally import Tally, asked_today, tally_of
from agent.workspace import Workspace
from logs.reading import Reader
from logs.vocabulary import LogEntry


def budgets_of(workspace: Workspace, journal: Reader | None) -> tuple[Line, ...]:
    """Every budget of the configured session, by the log and by the disk as they are now."""
    config = workspace.config
    if journal is None:
        found, asked = Tally(), 0
    else:
        found = tally_of(journal.entries(config.session.name))
        asked = asked_today(journal, finding.now())
    spent = found.spent(approvals=asked)
    open_ = since_told(workspace.root, told_in(journal) if journal else ())
    judged = summed(spent.judged, tokens_by_judge(open_))
    disk = size_of(workspace.store.root)
    whole = replace(spent, disk_bytes=disk, judged=judged)
    return lines(config.budget, whole, prices_of(config))


@dataclass(slots=True)
class Purse:
    """Follows the entries of a running session; time goes on between them."""

    budget: BudgetSection
    tally: Tally
    clock: Callable[[], float] = time.monotonic
    prices: Prices = field(default_factory=dict)
    _seen_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._seen_at = self.clock()

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """The purse of the configured session, from what the log has so far."""
        config, journal = workspace.config, open_log(workspace)
        if journal is None:
            return cls(config.budget, Tally(), prices=prices_of(config))
        with closing(journal):
            told = tally_of(journal.entries(config.session.name))
            return cls(config.budget, told, prices=prices_of(config))

    def entry(self, entry: LogEntry) -> None:
        """Add what an entry spent."""
        self.tally.add(entry)
        if entry.spend and entry.spend.seconds:
            self._seen_at = self.clock()

    def line(self) -> str:
        """Share of each budget that has a limit; empty where none has."""
        now = Decimal(repr(round(max(0.0, self.clock() - self._seen_at), 3)))
        spent = self.tally.spent()
        found = lines(self.budget, replace(spent, seconds=spent.seconds + now), self.prices)
        shares = [
            f"{line.name} {line.spent / line.limit:.0%}"
            for line in found
            if line.limit and line.spent is not None and line.name != "approvals"
        ]
        return f"budget {', '.join(shares)}" if shares else ""
