"""`plimsoll log replay`: was this decided from what was recorded, and from nothing else?"""

from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted, named
from agent.replaying import Again, Replay, decision_at, replay
from logs.content import hidden, is_token
from logs.errors import Refused, Undecided
from logs.refs import find_entry
from logs.show import terminal_width
from logs.text import visible
from logs.vocabulary import EntryKind

ANOTHER = (
    "another answer from the same inputs: it was decided by another version, its code was"
    " changed, or something decided that is not in the log"
)


def run(options: Namespace) -> Answer:
    """One decision again, or every one of its session."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        entry = decision_at(journal, find_entry(journal, options.ref))
        wanted = [entry]
        if options.all:
            wanted = list(journal.entries(entry.session, EntryKind.DECIDED))
    found = [replay(workspace, one) for one in wanted]
    rows = [(f"{one.entry.seq}", f"{_what(one)}: {one.said()}") for one in found]
    rows += [pair for one in found for pair in _differences(one)]
    return Answer(
        data=[_data(one) for one in found] if options.all else _data(found[0]),
        text=fitted(named(rows, terminal_width()), terminal_width()),
        exit_code=_code(found),
        warnings=(ANOTHER,) if any(one.outcome is Again.DIFFERS for one in found) else (),
    )


def _what(one: Replay) -> str:
    rule = str(one.entry.body.get("rule"))
    by = rule if is_token(rule) else hidden(rule)
    return f"iteration {one.entry.iteration}, {one.entry.body.get('intervention')} by {by}"


def _differences(one: Replay) -> list[tuple[str, str]]:
    """What was decided and what is decided now, where both are short and plain."""
    again = one.again or {}
    pairs = ((key, one.entry.body.get(key), again.get(key)) for key in one.differs)
    return [("", f"{key}: {_value(old)} → {_value(new)}") for key, old, new in pairs]


def _value(value: Any) -> str:
    text = str(value)
    return visible(text) if is_token(text) else hidden(text)


def _data(one: Replay) -> dict[str, Any]:
    return {
        "seq": one.entry.seq,
        "session": one.entry.session,
        "iteration": one.entry.iteration,
        "outcome": str(one.outcome),
        "says": one.said(),
        "differs": list(one.differs),
    }


def _code(found: Sequence[Replay]) -> int:
    outcomes = {one.outcome for one in found}
    if Again.DIFFERS in outcomes:
        return Refused.exit_code
    return Undecided.exit_code if Again.IMPOSSIBLE in outcomes else 0
