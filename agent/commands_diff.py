"""`plimsoll log diff`: two states of a log, and what was measured while each was in force."""

from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from agent.commands_constitution import texts_of_people
from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted, named
from agent.states import Named, state_of
from agent.word_diff import differences, rendered
from logs.content import hidden, is_token
from logs.differences import Changed, Compared, changed, compared, flat, measured_of, of_interest
from logs.show import terminal_width
from logs.text import short, table, visible
from logs.vocabulary import Digest

HEADERS = ("measurement", "A", "B", "B - A")
CHANCE = (
    "clearly: the interval of the difference does not hold zero, at one look; of {n} compared,"
    " about {expected} would differ so by chance alone"
)


def diff(options: Namespace) -> Answer:
    """Recipe, panel, constitution, data and measurements of two states."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        old, new = state_of(journal, options.old), state_of(journal, options.new)
        known = texts_of_people(workspace, journal)
        found = compared(measured_of(journal, old.commit), measured_of(journal, new.commit))
    words = differences(
        old.state.constitution, new.state.constitution, known=known, content=options.content
    )
    values = changed(flat(old.state), flat(new.state))
    shown = found if options.all else of_interest(found)
    text = [fitted(_title(old, new), terminal_width())]
    text += _values(values, content=options.content)
    text += [fitted(line, terminal_width()) for change in words for line in rendered(change)]
    text += measurements(shown)
    if len(text) == 1:
        text.append("nothing differs")
    data = {
        "old": _data(old),
        "new": _data(new),
        "state": [_gated(pair, content=options.content)._asdict() for pair in values],
        "constitution": words,
        "measurements": [one.data() for one in shown],
    }
    return Answer(data=data, text="\n".join(text), warnings=by_chance(found))


def measurements(found: Sequence[Compared]) -> list[str]:
    """A table of what was measured on both sides, if there is any."""
    rows = [one.row() for one in found]
    return ["", table(HEADERS, rows, terminal_width())] if rows else []


def by_chance(found: Sequence[Compared]) -> tuple[str, ...]:
    """How many of so many comparisons would look clear if nothing differed."""
    told = [one for one in found if one.clear is not None]
    alone = sum(one.old is None or one.new is None for one in found)
    notes = [f"{alone} were measured on one side only; --all shows them"] if alone else []
    if told:
        expected = sum(1 - one.old.level for one in told if one.old)
        notes.insert(0, CHANCE.format(n=len(told), expected=f"{expected:.1g}"))
    return tuple(notes)


def _values(values: Sequence[Changed], *, content: bool) -> list[str]:
    gated = (_gated(pair, content=content) for pair in values)
    rows = [(visible(p.path), f"{_said(p.old)} → {_said(p.new)}") for p in gated]
    return [named(rows, terminal_width())] if rows else []


def _gated(pair: Changed, *, content: bool) -> Changed:
    """Names of judges and values that somebody else wrote are shown on request."""
    if content:
        return pair
    old, new = (v if v is None or is_token(v) else hidden(v) for v in (pair.old, pair.new))
    return Changed(pair.path if is_token(pair.path) else hidden(pair.path), old, new)


def _said(value: str | None) -> str:
    if value is None:
        return "nothing"
    return short(value) if len(value) == len(short(value)) or _is_digest(value) else visible(value)


def _is_digest(value: str) -> bool:
    return len(value) == 64 and all(c in "0123456789abcdef" for c in value)


def _title(old: Named, new: Named) -> str:
    sides = (f"{short(n.commit)} (iteration {n.iteration})" for n in (old, new))
    return f"{' → '.join(sides)}"


def _data(side: Named) -> dict[str, Any]:
    commit: Digest = side.commit
    return {"commit": commit, "iteration": side.iteration}
