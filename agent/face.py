"""What a person sees while a session runs: every entry, and how long a long step still takes.

On a terminal one live line below the entries; off it one plain line per event, so that a
file of them can be compared. All of it goes to stderr; `--jsonl` puts entries on stdout.
A reader that goes away does not end the session.
"""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from agent.envelope import dumped, envelope, put, schema
from agent.pace import Pace
from logs.canonical import digest_of
from logs.show import list_json
from logs.summary import summary
from logs.text import visible
from logs.vocabulary import EntryKind, LogEntry

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from agent.purse import Purse

COLOURS = {
    EntryKind.COMMITTED: "green",
    EntryKind.REFUSED: "red",
    EntryKind.FAILED: "red",
    EntryKind.STOPPED: "yellow",
    EntryKind.PARKED: "yellow",
    EntryKind.ASKED: "yellow",
}
HEARTBEAT_SECONDS = 15.0
"""Off a terminal a long step says this often that it is alive."""
TERMINAL_REFRESH = 4
"""Redraws of the live line per second."""

Clock = Callable[[], float]


class Quiet:
    """Shows nothing."""

    def progress(self, done: int, of: int, what: str) -> None:
        """Ignore progress."""

    def entry(self, entry: LogEntry) -> None:
        """Ignore the entry."""


class Plain(Quiet):
    """One line per event, and a heartbeat in long steps."""

    def __init__(self, pace: Pace, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self.pace, self.stream, self.clock = pace, stream, clock
        self._said_at = clock()

    def progress(self, done: int, of: int, what: str) -> None:
        """Say it when nothing was said for a while."""
        self.pace.step(done, of, what)
        if done < of and self.clock() - self._said_at >= HEARTBEAT_SECONDS:
            self._say(f"  ... {self.pace.line()}")

    def entry(self, entry: LogEntry) -> None:
        """Say what was written."""
        self.pace.entry(entry)
        self._say(line_of(entry))

    def _say(self, line: str) -> None:
        self._said_at = self.clock()
        put(line, self.stream)


class Lines(Quiet):
    """Every entry as one line of JSON on stdout."""

    def __init__(self, beside: Quiet, stream: TextIO) -> None:
        self.beside, self.stream = beside, stream

    def progress(self, done: int, of: int, what: str) -> None:
        """Pass it on."""
        self.beside.progress(done, of, what)

    def entry(self, entry: LogEntry) -> None:
        """Write it, then pass it on."""
        (row,) = list_json([entry])
        put(dumped(envelope(schema("log entry"), row), one_line=True), self.stream)
        self.beside.entry(entry)


class Live(Quiet):
    """A terminal: entries scroll, and below them one line lives."""

    def __init__(self, pace: Pace, progress: "Progress") -> None:
        self.pace, self.live = pace, progress
        self._task: TaskID = progress.add_task("starting", total=None)

    def progress(self, done: int, of: int, what: str) -> None:
        """Move the bar."""
        self.pace.step(done, of, what)
        self._draw()

    def entry(self, entry: LogEntry) -> None:
        """Print it above the live line."""
        from rich.text import Text

        self.pace.entry(entry)
        width = max(self.live.console.width - 1, 20)
        line = line_of(entry)
        cut = line if len(line) <= width else f"{line[: width - 1]}…"
        # A Text, never markup: brackets in a summary are brackets.
        self.live.console.print(Text(cut, style=COLOURS.get(entry.kind, "")), soft_wrap=True)
        self._draw()

    def _draw(self) -> None:
        done, of = self.pace.bar()
        self.live.update(self._task, description=self.pace.line(), completed=done, total=of)


def line_of(entry: LogEntry) -> str:
    """One entry as one line."""
    name = "" if entry.kind is not EntryKind.COMMITTED else f"{digest_of(entry.body)[:12]} "
    return f"{entry.iteration:>3}  {visible(entry.kind):<9}  {name}{summary(entry)}"


@contextmanager
def watching(options: Namespace, iterations: int, purse: "Purse | None" = None) -> Iterator[Quiet]:
    """The face that fits what was asked for and where the output goes."""
    with shown(Pace(iterations, purse=purse), quiet=silent(options)) as face:
        yield Lines(face, sys.stdout) if options.jsonl else face


def silent(options: Namespace) -> bool:
    """Whether nothing is told: a program that reads JSON finds only JSON, on stderr too."""
    read_by_a_program = (
        options.json or getattr(options, "jsonl", False)
    ) and not sys.stderr.isatty()
    return bool(options.quiet or read_by_a_program)


@contextmanager
def shown(pace: Pace, *, quiet: bool) -> Iterator[Quiet]:
    """The face that fits where stderr goes."""
    if quiet:
        yield Quiet()
    elif not _is_a_terminal(sys.stderr):
        yield Plain(pace, sys.stderr)
    else:
        with _live_line() as live:
            yield Live(pace, live)


def _live_line() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True, highlight=False, markup=False)
    text = TextColumn("{task.description}", markup=False)
    bar = (BarColumn(bar_width=16),) if console.width >= 72 else ()
    return Progress(
        SpinnerColumn(),
        *bar,
        text,
        console=console,
        transient=True,
        refresh_per_second=TERMINAL_REFRESH,
    )


def _is_a_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
