"""`/d/REF`: one decision with everything that it rests on; `/e/REF`: one entry, whole."""

from argparse import Namespace
from typing import Any

from agent import commands_log
from agent.testimony import said_of
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.place import Place
from logs import why as causes
from logs.gain import signed
from logs.refs import find_entry
from logs.show import show_json
from logs.vocabulary import Outcome
from logs.why_text import branches


def options(place: Place, asked: Asked, **more: Any) -> Namespace:
    """The options of the command that says the same."""
    folder = str(place.workspace.root)
    return Namespace(workspace=folder, content=asked.content, json=True, quiet=True, **more)


def decision(place: Place, asked: Asked) -> Page:
    """Why it was done, what was not done, what came of it, and where the log has it."""
    ref = asked.parts["ref"]
    data = commands_log.why(options(place, asked, ref=ref)).data
    why = causes.why(place.journal, ref)
    turn = why.turn
    why = why.model_copy(update={"people": said_of(place.journal, turn)})
    chosen = str(turn.intervention or why.kind)
    broken = turn.verdict.rulings if turn.verdict else ()
    more = {
        "why": why,
        "branches": list(branches(why, asked.content)),
        "gold": signed(why.effect) if why.effect.difference is not None else "",
        "broken": [r for r in broken if r.outcome is not Outcome.HOLDS],
        "before": _beside(place, turn.session, turn.iteration - 1),
        "after": _beside(place, turn.session, turn.iteration + 1),
        "root": place.journal.root(),
    }
    title = f"{chosen.replace('_', ' ')}, iteration {turn.iteration}"
    return Page("decision", title, f"plimsoll log why {ref}", data, more, session=turn.session)


def entry(place: Place, asked: Asked) -> Page:
    """One entry of the log; what others wrote only where it is asked for."""
    ref = asked.parts["ref"]
    found = find_entry(place.journal, ref)
    data = show_json(found, content=asked.content) | {"leaf": place.journal.leaf_of(found.seq)}
    title = f"Entry {found.seq}, {found.kind}"
    size = place.journal.size()
    more = {"rows": list(_leaves(data["body"])), "last": size - 1}
    return Page("entry", title, f"plimsoll log show {ref}", data, more, session=found.session)


def _beside(place: Place, session: str, iteration: int) -> int | None:
    """The decision of another turn; None where nothing was decided."""
    found = place.journal.find(session, iteration, "decide") if iteration >= 0 else None
    return found.seq if found else None


def _leaves(value: Any, at: str = "", depth: int = 0) -> list[tuple[int, str, str | None]]:
    """(depth, name, text) of every field that says something; text is None for a group."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[int, str, str | None]] = []
    for key, item in items:
        if item in (None, "", [], {}):
            continue
        if isinstance(item, dict | list):
            found += [(depth, str(key), None), *_leaves(item, at, depth + 1)]
        else:
            found.append((depth, str(key), str(item)))
    return found
