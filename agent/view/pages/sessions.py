"""`/`: which sessions there are, how they are, what waits; `/live`: the same in one line."""

from contextlib import suppress
from typing import Any

from agent.commands_session import NEXT, overview_data
from agent.overview import Overview
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.place import Place, StillReading
from logs.gain import of_session, sentence
from logs.text import interval
from logs.turns import Turn
from logs.vocabulary import EntryKind, Status


def sessions(place: Place, asked: Asked) -> Page:
    """Every session, the latest first."""
    rows = [_row(place, name, whole=asked.whole) for name in reversed(place.sessions())]
    data = {"sessions": rows, "waiting": place.waiting()}
    return Page("sessions", "Sessions", "plimsoll session list", data)


def live(place: Place, asked: Asked) -> Page:
    """What changes while somebody looks: entries since the page was made, and who waits."""
    size = place.log.size() if place.log else 0
    since = asked.number("since", size) or 0
    name = asked.query.get("session", "")
    found = None
    with suppress(StillReading):
        found = place.overview(name) if name in place.sessions() else None
    last = found.last if found else None
    data = {
        "size": size,
        "since": since,
        "new": max(size - since, 0),
        "waiting": place.waiting(),
        "session": name,
        "standing": str(found.standing) if found else "",
        "iteration": found.iteration if found else None,
        "iterations": found.iterations if found else None,
        "turn": _turn(last) if last and last.entries[EntryKind.DECIDED] >= since else None,
    }
    return Page("live", "Live", "plimsoll status", data, part=True)


def health(found: Overview, told: tuple[Turn, ...]) -> dict[str, Any]:
    """Does it behave? What the last observation says, which is no proof that nothing is wrong."""
    seen = next((t.observation for t in reversed(told) if t.observation), None)
    alarms = [m for m in seen.measurements if m.status is Status.RED] if seen else []
    return {
        "red": len(alarms),
        "of": len(seen.measurements) if seen else 0,
        "names": sorted({f"{m.instrument} {m.of}".strip() for m in alarms}),
        "iteration": seen.iteration if seen else None,
    }


def conformity(place: Place) -> dict[str, Any]:
    """Is it what was committed? What `log verify` said when this page asked it last."""
    last = place.verified
    if last is None:
        return {"verified": None, "size": None, "at": None}
    at = last.at.isoformat(timespec="seconds")
    return {"verified": last.good, "size": last.size, "at": at}


def _turn(turn: Turn) -> dict[str, Any]:
    """What was decided last, in a few words."""
    return {
        "iteration": turn.iteration,
        "entry": turn.entries[EntryKind.DECIDED],
        "decision": str(turn.intervention),
        "ending": str(turn.ending),
    }


def _row(place: Place, name: str, *, whole: bool) -> dict[str, Any]:
    """A session in short; where it is still being read, only that, unless the whole is wanted."""
    try:
        told = place.turns(name)
    except StillReading as error:
        if whole:
            raise
        return {"session": name, "reading": f"{error.what} {error.saw} of {error.wanted}."}
    found = place.overview(name)
    gain, _, _ = of_session(told)
    gold, judge = found.gold, found.judge
    return overview_data(found) | {
        "reading": "",
        "verdict": sentence(told),
        "change": str(gain.change),
        "health": health(found, told),
        "next": NEXT[found.standing].format(iteration=found.iteration),
        "gold_says": interval(gold.estimate, gold.low, gold.high) if gold else "-",
        "judge_says": interval(judge.estimate, judge.low, judge.high) if judge else "-",
    }
