"""Which path is which page; the live page and its copy as files walk the same table."""

from importlib import import_module
from typing import cast

from agent.view.asked import PageOf

ROUTES: tuple[tuple[str, str], ...] = (
    ("/", "sessions:sessions"),
    ("/live", "sessions:live"),
    ("/s/{session}", "story:story"),
    ("/s/{session}/timeline", "timeline:timeline"),
    ("/d/{ref}", "decision:decision"),
    ("/e/{ref}", "decision:entry"),
    ("/log", "log:log"),
)
"""Path, and `module:function` below `agent.view.pages`."""


def page_of(name: str) -> PageOf:
    """The function of a page."""
    module, _, function = name.partition(":")
    return cast(PageOf, getattr(import_module(f"agent.view.pages.{module}"), function))
