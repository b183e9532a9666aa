"""Which path is which page; the live page and its copy as files walk the same table."""

from importlib import import_module
from typing import cast

from agent.view.asked import PageOf

ROUTES: tuple[tuple[str, str], ...] = (
    ("/", "sessions:sessions"),
    ("/live", "sessions:live"),
    ("/s/{session}", "story:story"),
    ("/s/{session}/timeline", "timeline:timeline"),
    ("/s/{session}/lineage", "lineage:lineage"),
    ("/s/{session}/samples", "samples:samples"),
    ("/s/{session}/compare", "compare:compare"),
    ("/d/{ref}", "decision:decision"),
    ("/e/{ref}", "decision:entry"),
    ("/inbox", "inbox:inbox"),
    ("/inbox/{proposal}", "inbox:case"),
    ("/judges", "judges:judges"),
    ("/judges/{judge}", "judges:judge"),
    ("/constitution", "constitution:constitution"),
    ("/invariants", "invariants:invariants"),
    ("/log", "log:log"),
    ("/about", "about:about"),
)
"""Path, and `module:function` below `agent.view.pages`."""


def page_of(name: str) -> PageOf:
    """The function of a page."""
    module, _, function = name.partition(":")
    return cast(PageOf, getattr(import_module(f"agent.view.pages.{module}"), function))
