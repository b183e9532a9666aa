"""`/s/ID`: is the model really better, and what was done on the way."""

from collections.abc import Iterable
from typing import Any

from agent.commands_session import story_data
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.pages.sessions import conformity, health
from agent.view.place import Place
from logs.charts import Figure
from logs.charts_more import more as more_charts
from logs.report import contents
from logs.turns import Turn
from logs.vocabulary import EntryKind


ROWS = 100
"""Turns in the table unless every one is asked for."""


def story(place: Place, asked: Asked) -> Page:
    """The answer first, then the charts, then every turn."""
    name = asked.parts["session"]
    told, journal = place.turns(name), place.journal
    found = place.overview(name)
    said = contents(journal, told, asked.content)
    figures = [*said.pop("figures"), *more_charts(told)]
    data = story_data(journal, name, content=asked.content, found=told) | {
        "standing": str(found.standing),
        "iterations": found.iterations,
        "health": health(found, told),
        "conform": conformity(place),
        "figures": numbers_of(figures),
        "budgets": said["budgets"],
        "ledgers": said["ledgers"],
        "entries": {str(t.iteration): _entry(t) for t in told},
    }
    every = asked.query.get("all") == "1"
    rows = said["table"]
    said["table"] = rows if every else rows[-ROWS:]
    more = {
        **said,
        "left_out": len(rows) - len(said["table"]),
        "figures": figures,
        "overview": found,
    }
    return Page("story", name, f"plimsoll session show {name}", data, more, session=name)


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
