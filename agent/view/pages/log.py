"""`/log`: is this the history that was written, and what pins it."""

from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.pages.sessions import conformity
from agent.view.place import Place
from logs.verify import LOG


def log(place: Place, asked: Asked) -> Page:
    """The checkpoint, and the last verification; `?verify=1` asks anew."""
    journal = place.journal
    if asked.query.get("verify") == "1":
        place.verify()
    last = place.verified
    data = {
        "size": journal.size(),
        "root": journal.root(),
        "head": journal.head(),
        "checkpoint": journal.checkpoint(),
        "conform": conformity(place),
        "checks": [check.model_dump(mode="json") for check in last.checks] if last else [],
        "sessions": {name: sum(kinds.values()) for name, kinds in place.counts().items()},
    }
    more = {"log": LOG}
    return Page("log", "Log", "plimsoll log verify --pin checkpoint.txt", data, more)
