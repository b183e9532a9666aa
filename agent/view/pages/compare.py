"""`/s/ID/compare`: two turns, of one session or of two; only what differs, and case by case.

`other=NAME` holds whole sessions against each other instead.
"""

from typing import Any

from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.pages.versus import others, versus
from agent.view.place import Place
from logs.errors import UsageError
from logs.scales import comparable
from logs.summary import of_measurement
from logs.text import interval
from logs.turns import Turn
from logs.vocabulary import EntryKind, Measurement


def compare(place: Place, asked: Asked) -> Page:
    """From `a` to `b`, each `SESSION:ITERATION`; the first and last turn by default."""
    name = asked.parts["session"]
    if other := asked.query.get("other"):
        return versus(place, asked, other)
    told = [t for t in place.turns(name) if t.gold or t.observation]
    if not told:
        raise UsageError(
            "Nothing was measured in this session yet.",
            saw=name,
            wanted="two turns",
            try_this="plimsoll status",
        )
    a = _named(place, asked.query.get("a"), told[0])
    b = _named(place, asked.query.get("b"), told[-1])
    rows = [_row(key, _of(a).get(key), _of(b).get(key)) for key in {**_of(a), **_of(b)}]
    every = asked.query.get("all") == "1"
    apart = [row for row in rows if row["says"] in ("higher", "lower")]
    data = {
        "a": {"session": a.session, "iteration": a.iteration},
        "b": {"session": b.session, "iteration": b.iteration},
        "all": every,
        "total": len(rows),
        "differ": len(apart),
        "rows": rows if every else apart,
        "cases": cases(place, b),
        "choices": [f"{s}:{t.iteration}" for s in place.sessions() for t in place.turns(s)],
    }
    command = f"plimsoll log why {b.session}/{b.iteration}/observe"
    title = f"{_name(a)} and {_name(b)}"
    more = {"others": others(place, name)}
    return Page("compare", title, command, data, more, session=name)


def cases(place: Place, turn: Turn) -> dict[str, Any] | None:
    """Wins and losses case by case against the founding state, of the last test up to that turn.

    Only the digests of gold prompts are in the log; their words are sealed.
    """
    found = None
    for entry in place.journal.entries(turn.session, EntryKind.MEASURED):
        if entry.iteration <= turn.iteration and "items" in entry.body and "look" in entry.body:
            found = entry
    if found is None:
        return None
    items = [(str(item[0]), float(item[1])) for item in found.body["items"]]
    return {
        "iteration": found.iteration,
        "entry": found.seq,
        "look": found.body["look"],
        "n": len(items),
        "won": sum(v > 0.5 for _, v in items),
        "tied": sum(v == 0.5 for _, v in items),
        "lost": [i for i, v in items if v < 0.5],
    }


def _named(place: Place, ref: str | None, default: Turn) -> Turn:
    if not ref:
        return default
    session, _, iteration = ref.rpartition(":")
    for turn in place.turns(session):
        if str(turn.iteration) == iteration:
            return turn
    raise UsageError(
        "There is no such turn.",
        saw=repr(ref[:80]),
        wanted="SESSION:ITERATION of this log",
        try_this="plimsoll session list",
    )


def _of(turn: Turn) -> dict[tuple[str, str], Measurement]:
    observed = turn.observation.measurements if turn.observation else ()
    return {(m.instrument, m.of): m for m in (*observed, *turn.gold)}


def _row(key: tuple[str, str], a: Measurement | None, b: Measurement | None) -> dict[str, Any]:
    return {
        "instrument": f"{key[0]} {key[1]}".strip(),
        "a": _value(a),
        "b": _value(b),
        "n": [a.n if a else None, b.n if b else None],
        "says": _says(a, b),
        "whole": [of_measurement(m) for m in (a, b) if m],
    }


def _value(m: Measurement | None) -> str:
    return interval(m.estimate, m.low, m.high) if m else "not read"


def _says(a: Measurement | None, b: Measurement | None) -> str:
    """What two intervals, each for its own look, allow to say of the order."""
    if a is None or b is None or a.estimate is None or b.estimate is None:
        return "unknown"
    if not comparable(a, b):
        return "another scale"
    if None in (a.low, a.high, b.low, b.high):
        return "no interval"
    if (b.low or 0.0) > (a.high or 0.0):
        return "higher"
    return "lower" if (b.high or 0.0) < (a.low or 0.0) else "not told apart"


def _name(turn: Turn) -> str:
    return f"{turn.session} {turn.iteration}"
