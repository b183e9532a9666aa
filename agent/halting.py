"""Stops by a budget: the session is over for now, and goes on when the budget is raised."""

from typing import Any

from agent.budget import Line, used_up
from agent.state import Context, Turn
from agent.stops import halted_at, is_halt
from logs.errors import Halted
from logs.vocabulary import EntryKind, LogEntry

HALT = "halt-"
"""Beginning of the step of such a stop; they are numbered, for there may be several."""


def halt(context: Context, halted: Halted) -> LogEntry:
    """Record that a budget stopped the session, once for each time that it went on.

    Raises:
        Halted: no budget is used up: something else stopped it.
    """
    name = context.config.session.name
    lines = context.meter.lines()
    line = used_up(lines) or used_up(lines, asking=True)
    if line is None:
        raise halted
    known = halted_at(context.journal, name)
    if known and known.body["budget"] == line.name:
        return known
    entries = list(context.journal.entries(session=name))
    turn = Turn(session=name, iteration=max(e.iteration for e in entries), way="end")
    step = f"{HALT}{1 + sum(map(is_halt, entries))}"
    return context.log(turn, step, EntryKind.STOPPED, _body(line, lines))


def _body(line: Line, lines: tuple[Line, ...]) -> dict[str, Any]:
    return {
        "reason": f"stopped by its budget: {line.name} {line.said()}",
        "budget": line.name,
        "budgets": [one.row() for one in lines],
    }
