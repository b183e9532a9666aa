"""`/s/ID/timeline`: every event of a session, in three zoom levels, a hundred at a time."""

from itertools import groupby
from typing import Any

from agent.inbox import ANSWER
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.place import Place
from logs.show import list_json
from logs.turns import Ending, turn_of
from logs.vocabulary import EntryKind, LogEntry

SIZE = 100
"""Events on a page: ten thousand rows in one table take a browser seconds."""
VIEWS = ("short", "grouped", "full")
SHORT = (
    EntryKind.FOUNDED,
    EntryKind.ADOPTED,
    EntryKind.DECIDED,
    EntryKind.COMMITTED,
    EntryKind.REFUSED,
    EntryKind.PARKED,
    EntryKind.ASKED,
    EntryKind.ANSWERED,
    EntryKind.FAILED,
    EntryKind.STOPPED,
    EntryKind.RESUMED,
    EntryKind.PLANNED,
)
"""What was decided and what came of it."""


def timeline(place: Place, asked: Asked) -> Page:
    """The latest events; older ones by `before`."""
    name = asked.parts["session"]
    place.demand(name)
    view = asked.one_of("view", VIEWS)
    kind = asked.one_of("kind", ("", *EntryKind))
    kinds = (EntryKind(kind),) if kind else SHORT if view == "short" else ()
    before = asked.number("before")
    found = place.journal.latest(name, kinds, before, SIZE + 1)
    older, page = len(found) > SIZE, found[-SIZE:]
    counts = place.counts()[name]
    total = sum(counts.get(str(k), 0) for k in kinds) if kinds else sum(counts.values())
    data: dict[str, Any] = {
        "session": name,
        "view": view,
        "kind": kind,
        "events": [row | {"waits": _waits(place, e)} for row, e in _rows(page)],
        "total": total,
        "all": sum(counts.values()),
        "older": page[0].seq if older else None,
        "newest": before is None,
        "kinds": counts,
        "empty": _empty(view, kind, counts, before) if not page else "",
        "unfinished": _unfinished(place, name),
    }
    groups = [(i, [*rows]) for i, rows in groupby(data["events"], lambda row: row["iteration"])]
    command = f"plimsoll log list --session {name}" + (f" --kind {kind}" if kind else " --all")
    more = {"groups": groups, "views": VIEWS}
    return Page("timeline", f"Timeline of {name}", command, data, more, session=name)


def _rows(page: list[LogEntry]) -> list[tuple[dict[str, Any], LogEntry]]:
    return list(zip(list_json(page), page, strict=True))


def _unfinished(place: Place, name: str) -> int | None:
    """The iteration that is not finished; of a long log only the end is read."""
    end = place.journal.latest(name, limit=SIZE)
    turn = turn_of(entry for entry in end if entry.iteration == end[-1].iteration)
    return turn.iteration if turn.ending is Ending.UNFINISHED else None


def _waits(place: Place, entry: LogEntry) -> bool:
    """Whether this is a question that nobody answered."""
    if entry.kind is not EntryKind.ASKED:
        return False
    answer = place.journal.find(entry.session, entry.iteration, ANSWER)
    return answer is None or answer.seq < entry.seq


def _empty(view: str, kind: str, counts: dict[str, int], before: int | None) -> str:
    """Why nothing is shown."""
    if before is not None:
        return f"There is no event in front of entry {before}."
    if kind:
        others = sum(counts.values())
        return f"No entry of this session is {kind}; {others} entries are of other kinds."
    return f"Nothing was decided yet; {sum(counts.values())} entries are in the full view."
