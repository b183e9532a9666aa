"""A real browser for tests, and the page served to it from a thread."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agent.view.place import Place
from agent.view.serve import serve

CHROMIUM = shutil.which("chromium") or ""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120_000
"""Milliseconds that anything may take on a machine that does much else."""


class Running:
    """The page in a thread, until the process is over."""

    def __init__(self, place: Place) -> None:
        self.place, self.url = place, ""
        self._bound = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        assert self._bound.wait(PATIENCE / 1000)

    def _run(self) -> None:
        def announce(url: str) -> None:
            self.url = url
            self._bound.set()

        serve(self.place, 0, announce)

    @property
    def base(self) -> str:
        """Its address without the token."""
        return self.url.partition("/?")[0]


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        found = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        yield found
        found.close()


@contextmanager
def visiting(browser: Any, running: Running, **settings: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page whose browser was let in, or will be, and all that goes wrong on it."""
    context = browser.new_context(**settings)
    context.set_default_timeout(PATIENCE)
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(f"error {error}"))
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("request", lambda r: _elsewhere(wrong, running, r.url))
    try:
        yield page, wrong
    finally:
        context.close()


def _elsewhere(wrong: list[str], running: Running, url: str) -> None:
    if not url.startswith((running.base, "data:")):
        wrong.append(f"asked {url}")


def all_drawn(page: Any) -> int:
    """Scroll to each chart and wait until it was drawn again from its numbers; how many."""
    charts = page.locator("figure:has(script.specs)")
    for n in range(charts.count()):
        charts.nth(n).scroll_into_view_if_needed()
        charts.nth(n).locator(".vega svg.marks").first.wait_for()
        charts.nth(n).locator(".readout").wait_for()
    return int(charts.count())
