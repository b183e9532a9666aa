"""How far a session is and how long it still takes, told from what was seen so far."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from logs.text import clip, visible
from logs.vocabulary import EntryKind, LogEntry

if TYPE_CHECKING:
    from agent.purse import Purse

SLOWEST_FIRST_GUESS = 2.0
"""Seconds of a step before its remaining time is guessed."""


class Pace:
    """Keeps the time of the current step and of whole iterations."""

    def __init__(
        self,
        iterations: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        before: str = "founding",
        purse: "Purse | None" = None,
    ) -> None:
        self.iterations, self.clock = iterations, clock
        self.before = before
        """What goes on before the first iteration."""
        self.purse = purse
        self.iteration = 0
        self._began: dict[int, float] = {}
        self._took: list[float] = []
        self._step: tuple[int, int, str] | None = None
        self._step_began = clock()

    def step(self, done: int, of: int, what: str) -> None:
        """A long step is at `done` of `of`; equal numbers end it."""
        # Behind the wall somebody else counts: what makes no sense is not drawn.
        done, of = max(done, 0), max(of, 0)
        if done >= of:
            self._step = None
            return
        if self._step is None or self._step[2] != what or done < self._step[0]:
            self._step_began = self.clock()
        self._step = (done, of, what)

    def entry(self, entry: LogEntry) -> None:
        """An entry ends the step that led to it; a record ends its iteration."""
        self._step = None
        if self.purse:
            self.purse.entry(entry)
        self.iteration = max(self.iteration, entry.iteration)
        self._began.setdefault(entry.iteration, self.clock())
        if entry.kind is EntryKind.RECORDED:
            self._took.append(self.clock() - self._began[entry.iteration])
        if entry.kind is EntryKind.RECORDED or _is_gold_at_start(entry):
            self.iteration = min(entry.iteration + 1, self.iterations)
            self._began.setdefault(entry.iteration + 1, self.clock())

    def line(self) -> str:
        """Iteration, step and the time that is left of both, as far as they can be told."""
        begun = f"iteration {self.iteration} of {self.iterations}"
        parts = [begun if self.iteration else self.before]
        if (left := self.left_of_session()) is not None:
            parts[0] += f", about {spoken(left)} left"
        if self._step:
            done, of, what = self._step
            parts.append(f"{visible(clip(what, 40))} {done}/{of}")
            if (left := self.left_of_step()) is not None:
                parts[-1] += f", about {spoken(left)} left"
        if self.purse and (spent := self.purse.line()):
            parts.append(spent)
        return "; ".join(parts)

    def bar(self) -> tuple[int, int | None]:
        """Done and total of the current step; no total while nothing is counted."""
        return (self._step[0], self._step[1]) if self._step else (0, None)

    def left_of_session(self) -> float | None:
        """Seconds, from the mean of the iterations that ended; None before the first."""
        left = self.iterations - max(self.iteration - 1, 0)
        if not self._took or left <= 0:
            return None
        mean = sum(self._took) / len(self._took)
        inside = self.clock() - self._began.get(self.iteration, self.clock())
        return max(mean * left - inside, 0.0)

    def left_of_step(self) -> float | None:
        """Seconds, taken to go on as it went so far."""
        taken = self.clock() - self._step_began
        if self._step is None or self._step[0] == 0 or taken < SLOWEST_FIRST_GUESS:
            return None
        done, of, _ = self._step
        return taken / done * (of - done)


def _is_gold_at_start(entry: LogEntry) -> bool:
    """Whether this is the last entry before the first iteration."""
    return entry.kind is EntryKind.MEASURED and entry.iteration == 0


def spoken(seconds: float) -> str:
    """A length of time as people say it: `40 s`, `6 min`, `1 h 5 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
