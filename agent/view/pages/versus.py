"""`/s/ID/compare?other=NAME`: two sessions of this workspace, as each ended, and what differs."""

from agent.commands_compare import Side, between, side_of
from agent.commands_diff import by_chance
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.place import Place
from logs.text import short, visible


def versus(place: Place, asked: Asked, other: str) -> Page:
    """What `plimsoll session compare` says; only what differs, unless `all` is asked for."""
    name, every = asked.parts["session"], asked.query.get("all") == "1"
    found = between(_side(place, name), _side(place, other), every=every, content=asked.content)
    data = found.data() | {"all": every, "total": len(found.found)}
    for side in ("a", "b"):
        data[side] = {key: data[side][key] for key in ("session", "says")}
    more = {
        "rows": [one.row() for one in found.shown],
        "facts": [(fact.path, _said(fact.old), _said(fact.new)) for fact in found.facts],
        "notes": by_chance(found.found),
        "others": others(place, name),
    }
    command = f"plimsoll session compare {name} {other}" + (" --all" if every else "")
    return Page("versus", f"{name} and {other}", command, data, more, session=name)


def others(place: Place, name: str) -> list[str]:
    """The sessions that this one can be held against."""
    return [one for one in place.sessions() if one != name]


def _side(place: Place, name: str) -> Side:
    return side_of(place.workspace, place.journal, name, place.turns(name))


def _said(value: str | None) -> str:
    if value is None:
        return "nothing"
    return short(value) if len(value) == 64 else visible(value)
