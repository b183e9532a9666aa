"""One whole journey with nothing stood in for: the commands of a shell, a real run, a browser.

One terminal founds a workspace and runs a session, another serves the page, and a browser sees the
first turns while later ones are still at work; what it shows is held against the log.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.config import dump
from agent.workspace import Workspace
from logs.vocabulary import EntryKind
from tests.a_browser import CHROMIUM, PATIENCE, chromium, visiting
from tests.house import ROOT
from tests.sessions import NAME, gold_of, log, tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH"),
]
TURNS = 3
SECONDS = 900


def shell(*words: str) -> subprocess.Popen[str]:
    """A command in a terminal of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "plimsoll", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(*words: str) -> str:
    """What a command prints that must succeed."""
    process = shell(*words)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    return out


class Served:
    """The address that `plimsoll view` prints."""

    def __init__(self, url: str) -> None:
        self.url, self.base = url, url.partition("/?")[0]


@contextmanager
def viewing(root: Path) -> Iterator[Served]:
    """The page, served by the command until the block ends."""
    process = shell("view", "--workspace", str(root))
    try:
        assert process.stdout is not None
        yield Served(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate(timeout=60)


def begin(root: Path) -> subprocess.Popen[str]:
    """Found a workspace as people do, with a small session, and run it."""
    done("init", str(root))
    small = dump(tiny(session={"iterations": TURNS}))
    (root / "plimsoll.toml").write_text(small, encoding="utf-8")
    return shell("run", "--workspace", str(root))


def seen_while_it_runs(page, served: Served) -> None:
    """The story of the session, from its first turn on; the page finds what is new by itself."""
    page.goto(served.url)
    link = page.get_by_role("link", name=NAME)
    while not link.count():  # the session is there from its founding on
        page.wait_for_timeout(500)
        page.reload()
    link.first.click()
    page.get_by_text(re.compile(r"running, \d of 3")).first.wait_for()
    page.get_by_text("iteration 1: ").first.wait_for()


def read_afterwards(page, served: Served, workspace: Workspace) -> None:
    """What a person would look at next: the ending, a decision, two turns side by side, the log."""
    page.goto(f"{served.base}/s/{NAME}")
    assert "running" not in page.locator(".facts").inner_text()
    assert page.locator("[data-row]").count() == TURNS + 1
    decided = [e for e in log(workspace) if e.kind is EntryKind.DECIDED]
    page.locator("[data-row]").nth(1).get_by_role("link").first.click()
    assert str(decided[0].body["rule"]) in page.locator("main").inner_text()
    page.goto(f"{served.base}/s/{NAME}")
    page.get_by_role("link", name="Compare").click()
    page.locator("select[name=a]").select_option(f"{NAME}:1")
    page.locator("select[name=b]").select_option(f"{NAME}:{TURNS}")
    page.get_by_role("button", name="Compare").first.click()
    page.wait_for_url("**b=*")
    page.get_by_role("link", name="Every instrument").click()
    page.locator("tr", has_text="gold").first.wait_for()
    page.get_by_role("link", name="Log", exact=True).click()
    page.get_by_role("button", name="Verify now").click()
    page.get_by_text(re.compile(r"^Verified with \d+ entries\.$")).first.wait_for()


def test_a_person_launches_a_session_and_watches_it_to_its_end(tmp_path):
    root = tmp_path / "ws"
    running = begin(root)
    try:
        with chromium() as browser, viewing(root) as served:
            with visiting(browser, served) as (page, wrong):
                seen_while_it_runs(page, served)
                assert running.poll() is None, "it was seen while it ran"
                _, err = running.communicate(timeout=SECONDS)
                assert running.returncode == 0, err
                page.get_by_text(f"iteration {TURNS}: ").first.wait_for(timeout=PATIENCE)
                read_afterwards(page, served, Workspace(root))
            assert wrong == []
    finally:
        running.kill()
    entries = log(Workspace(root))
    assert len(gold_of(entries)) == TURNS + 1
    assert "verified" in done("log", "verify", "--workspace", str(root)).lower()
