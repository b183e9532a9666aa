"""`/s/ID`: is the model really better, and what was done on the way."""

from collections.abc import Iterable
from typing import Any

from agent.commands_session import story_data
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.pages.sessions import conformity, health
from agent.view.place import Place
from logs.basis import basis
from logs.charts import Figure
from logs.charts_more import more as more_charts
from logs.gain import sentence
from logs.report import contents
from logs.story import counted
from logs.turns import Turn
from logs.vocabulary import EntryKind

SHOWN = 200
"""Turns in charts and table unless every one is asked for."""


def story(place: Place, asked: Asked) -> Page:
    """The answer first, then the charts, then every turn."""
    name, every = asked.parts["session"], asked.query.get("all") == "1"
    told = place.turns(name)
    found, latest = place.overview(name), told if every else told[-SHOWN:]
    mark = f"story {name} {asked.content} {every}"
    figures, said, known = place.once(mark, lambda: _drawn(place, told, latest, asked.content))
    data = known | {
        "standing": str(found.standing),
        "iterations": found.iterations,
        "health": health(found, told),
        "conform": conformity(place),
        "figures": numbers_of(figures),
        "left_out": len(told) - len(latest),
        "budgets": said["budgets"],
        "models": said["models"],
        "ledgers": said["ledgers"],
        "entries": {str(t.iteration): _entry(t) for t in told},
    }
    more = {**said, "figures": figures, "overview": found}
    return Page("story", name, f"plimsoll session show {name}", data, more, session=name)


Drawn = tuple[list[Figure], dict[str, Any], dict[str, Any]]


def _drawn(place: Place, told: tuple[Turn, ...], latest: tuple[Turn, ...], content: bool) -> Drawn:
    """What changes only with the log: charts, texts, and the data of the command."""
    said = contents(place.journal, latest, content)
    figures = [*said.pop("figures"), *more_charts(latest)]
    whole = {
        "verdict": sentence(told),
        "counted": counted(told),
        "basis": [one.row for one in basis(told)],
    }
    data = story_data(place.journal, told[0].session, content=content, found=told)
    return figures, said | whole, data


def numbers_of(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """What charts draw, as tables for programs."""
    return [
        {
            "name": figure.name,
            "says": figure.says,
            "caption": figure.caption,
            "headers": list(figure.headers),
            "rows": [list(row) for row in figure.rows],
        }
        for figure in figures
    ]


def _entry(turn: Turn) -> int:
    """The entry by which a turn is named: its decision, else its last one."""
    return turn.entries.get(EntryKind.DECIDED, max(turn.entries.values()))
