"""The page for tests: a client that was let in, and what a browser would find on a page."""

from html.parser import HTMLParser
from pathlib import Path

from starlette.testclient import TestClient

from agent.config import Config
from agent.view.app import application, hosts_of
from agent.view.place import Place
from agent.workspace import Workspace
from tests import a_history
from tests.a_journal import a_journal

PORT = 4321
HERE = f"http://127.0.0.1:{PORT}"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>[md](javascript:alert(3)) {{7*7}} ${7*7}"
    "\x1b[2J\u202eevil\u2066\u200b\"' onload=x </textarea></title>--> \u2028 //example.org"
)


def told(root: Path, words: str = "Answer first, then explain.", iterations: int = 12) -> Workspace:
    """A workspace with the twelve made-up turns, and `words` wherever somebody could write."""
    workspace = Workspace.create(root, Config())
    a_journal(root, words=words, iterations=iterations).close()
    return workspace


def drawn(root: Path, turns: int = 3) -> Workspace:
    """A workspace whose turns have answers, verdicts and labels in the store."""
    workspace = a_history.workspace(root)
    a_history.write(workspace, [a_history.Told("train")] * turns)
    return workspace


def place_of(workspace: Workspace, key: Path | None = None) -> Place:
    """What the page reads."""
    return Place(workspace, key=key)


def client(place: Place) -> TestClient:
    """A browser that was not let in yet."""
    return TestClient(application(place, hosts_of(PORT)), base_url=HERE)


def let_in(place: Place) -> TestClient:
    """A browser that opened the printed address."""
    found = client(place)
    first = found.get(f"/?token={place.secrets.token}", follow_redirects=False)
    assert first.status_code == 303
    return found


class Found(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "a":
            self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside == "script" else self.texts).append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(" ".join(self.texts).split())
