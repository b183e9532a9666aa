"""The meter of a session: kept by the parent process, which no job can stop.

What was spent is in the log, entry by entry, so that it survives a crash; only what a killed
process used since its last entry is lost.
"""

import os
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from agent import finding
from agent.budget import Line, Spent, clipped, lines, require_left
from agent.config import BudgetSection
from agent.remote_usage import ASKED_OF, Prices, Told, since_told, summed, tokens_by_judge
from agent.tally import Tally, asked_today
from logs.reading import Reader
from logs.vocabulary import EntryKind, Ledgers
from sandbox.limits import Limits

Clock = Callable[[], float]
MILLISECOND = Decimal("0.001")


class Unmetered:
    """Counts nothing and bars nothing: for whoever works outside a session."""

    def priced(self, spend: Ledgers | None) -> Ledgers | None:
        """What an entry spends, as it is."""
        return spend

    def require_left(self, *, asking: bool = False) -> None:
        """Bar nothing."""

    def require_tokens(self) -> None:
        """Bar no question to a model."""

    def clipped(self, limits: Limits) -> Limits:
        """Limits of a job, as they are."""
        return limits

    def used(self, cpu_seconds: float) -> None:
        """Count nothing."""

    def lines(self) -> tuple[Line, ...]:
        """No budgets."""
        return ()

    @property
    def disk_bytes(self) -> int | None:
        """Nobody looked."""
        return None


class Meter(Unmetered):
    """Counts for one session, and bars work when a budget is used up."""

    def __init__(
        self,
        budget: BudgetSection,
        journal: Reader,
        session: str,
        objects: Path,
        *,
        prices: Prices | None = None,
        clock: Clock = time.monotonic,
        cpu_clock: Clock = time.process_time,
    ) -> None:
        self.budget, self.journal, self.session, self.objects = budget, journal, session, objects
        self._prices = prices or {}
        self._told: list[Told] = []
        """Of remote judges, in the records of all sessions: one cache serves them all."""
        self._told_until = 0
        self._clock, self._cpu_clock = clock, cpu_clock
        self._logged, self._read = Tally(), 0
        self._lap, self._cpu_lap, self._cpu_of_jobs = clock(), cpu_clock(), 0.0

    def priced(self, spend: Ledgers | None) -> Ledgers | None:
        """What an entry spends, with the time since the entry before it."""
        seconds, cpu = self._unlogged()
        self._lap, self._cpu_lap, self._cpu_of_jobs = self._clock(), self._cpu_clock(), 0.0
        timed = {"seconds": seconds, "cpu_seconds": cpu}
        return (spend or Ledgers()).model_copy(update=timed)

    def require_left(self, *, asking: bool = False) -> None:
        """Go on only while every budget has something left.

        Raises:
            Halted: one of them is used up.
        """
        require_left(self._barring(), asking=asking)

    def require_tokens(self) -> None:
        """Ask a model only while every budget has something left; the disk is not walked for it.

        Raises:
            Halted: one of them is used up.
        """
        require_left(self._lines(None))

    def clipped(self, limits: Limits) -> Limits:
        """Limits of a job that must not outlast the hours."""
        return clipped(limits, self._barring())

    def used(self, cpu_seconds: float) -> None:
        """Count what a job used."""
        self._cpu_of_jobs += cpu_seconds

    def lines(self) -> tuple[Line, ...]:
        """Every budget, by now."""
        return self._lines(self.disk_bytes)

    def _barring(self) -> tuple[Line, ...]:
        """Every budget, for the question whether to go on: a disk without a limit is not walked."""
        return self._lines(self.disk_bytes if self.budget.disk_gb else None)

    def _lines(self, disk_bytes: int | None) -> tuple[Line, ...]:
        return lines(self.budget, self.spent(disk_bytes), self._prices)

    def spent(self, disk_bytes: int | None = None) -> Spent:
        """What the session spent in all its runs, this one up to now."""
        for entry in self.journal.entries(self.session, since=self._read):
            self._logged.add(entry)
            self._read = entry.seq + 1
        for entry in self.journal.entries(kind=EntryKind.RECORDED, since=self._told_until):
            self._told.append(entry.body.get(ASKED_OF, {}))
            self._told_until = entry.seq + 1
        asked = since_told(self.objects.parent, self._told)
        seconds, cpu = self._unlogged()
        logged = self._logged
        return Spent(
            seconds=logged.seconds + seconds,
            cpu_seconds=logged.cpu_seconds + cpu,
            tokens_in=logged.tokens_in,
            tokens_out=logged.tokens_out,
            judged=summed(logged.judged, tokens_by_judge(asked)),
            disk_bytes=disk_bytes,
            approvals=asked_today(self.journal, finding.now()) if self.budget.approvals else 0,
        )

    @property
    def disk_bytes(self) -> int | None:
        """Of the workspace's artefacts."""
        return size_of(self.objects)

    def _unlogged(self) -> tuple[Decimal, Decimal]:
        """Seconds by the clock and of the processors since the last entry."""
        seconds = max(0.0, self._clock() - self._lap)
        cpu = max(0.0, self._cpu_clock() - self._cpu_lap) + self._cpu_of_jobs
        return _rounded(seconds), _rounded(cpu)


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; one that goes away while it is looked at counts nothing."""
    total = 0
    try:
        with os.scandir(folder) as found:
            for item in found:
                if item.is_dir(follow_symlinks=False):
                    total += size_of(Path(item.path))
                elif item.is_file(follow_symlinks=False):
                    total += item.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return total
    return total


def _rounded(seconds: float) -> Decimal:
    return Decimal(repr(seconds)).quantize(MILLISECOND)
