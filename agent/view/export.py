"""The same pages as files: opens from `file://`, asks for nothing, with a manifest of digests.

The same log gives the same bytes. Forms are left out or replaced by the command to run, links
are relative, and what a page would link to beyond the bundle is plain text.
"""

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.routing import compile_path

from agent.view.asked import Asked
from agent.view.frame import STATIC, Page, asset_path, environment, file_of, path, rendered
from agent.view.pages.sessions import conformity
from agent.view.place import Place
from agent.view.routes import ROUTES, page_of
from logs.canonical import sha256
from logs.errors import PlimsollError, UsageError
from logs.files import write_whole

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)
MOST = 2000
"""Pages of a bundle; what is beyond is not linked."""
ASSETS = ("page.css", "charts.css", "theme.js", "page.js", "charts.js", "vega.js", "mark.svg")
MANIFEST = "manifest.json"
LEFT_OUT = ("live", "entry", "log")
"""Not in a bundle: what polls, single entries, and what can only be asked of the log itself."""


class Bundle:
    """Pages of one session and of the workspace around it, found by following links."""

    def __init__(self, place: Place, session: str, *, content: bool) -> None:
        self.place, self.session, self.content = place, session, content
        self.made = environment()
        self.patterns = [(compile_path(where)[0], name) for where, name in ROUTES]
        self.waiting: deque[str] = deque()
        self.names: dict[str, str] = {}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file of the bundle; the story is `index.html`."""
        self.names[path("s", self.session)] = "index.html"
        self.waiting.append(path("s", self.session))
        while self.waiting:
            yield from self._page(self.waiting.popleft())
        for name in ASSETS:
            if found := asset_path(name):
                yield f"static/{name}", found.read_bytes()
        yield "static/LICENSES.txt", (STATIC / "LICENSES.txt").read_bytes()

    def link(self, address: str) -> str:
        """The file behind an address, put on the list; empty where the bundle has none."""
        if address.startswith("/static/"):
            return address.lstrip("/").partition("?")[0]
        if address not in self.names:
            found = self._matched(address)
            if found is None or len(self.names) >= MOST:
                return ""
            self.names[address] = file_of(address)
            self.waiting.append(address)
        return self.names[address]

    def _matched(self, address: str) -> tuple[str, Asked] | None:
        """Which page it is; None where a bundle has no such page."""
        where, _, query = address.partition("?")
        for pattern, name in self.patterns:
            if (found := pattern.match(where)) and name.partition(":")[2] not in LEFT_OUT:
                parts = found.groupdict()
                mine = parts.get("session", self.session) == self.session
                words = name == "samples:samples" and not self.content
                return (name, self._asked(parts, query)) if mine and not words else None
        return None

    def _asked(self, parts: dict[str, str], query: str) -> Asked:
        from urllib.parse import unquote

        asked = dict(parse_qsl(query)) | ({"content": "1"} if self.content else {})
        return Asked({k: unquote(v) for k, v in parts.items()}, asked)

    def _page(self, address: str) -> Iterator[tuple[str, bytes]]:
        found = self._matched(address)
        assert found is not None
        try:
            page = page_of(found[0])(self.place, found[1])
        except PlimsollError as error:
            told = {"what": error.what, "saw": error.saw, "wanted": error.wanted}
            page = Page("error", error.what, "plimsoll doctor", told | {"try": error.try_this})
        name = self.names[address]
        twin = name.removesuffix("html") + "json"
        yield name, rendered(self.made, page, **self._around(address, twin)).encode()
        yield twin, (page.as_json() + "\n").encode()

    def _around(self, address: str, twin: str) -> dict[str, Any]:
        where, _, query = address.partition("?")
        kept = dict(parse_qsl(query))

        def here(**changed: object) -> str:
            return self.link(path(**{**kept, **changed}).replace("/", where, 1))

        return {
            "live": False,
            "approvals": False,
            "csrf": "",
            "content": self.content,
            "to": self.link,
            "here": here,
            "asset": lambda name: f"static/{name}",
            "size": self.place.journal.size(),
            "waiting": 0,
            "conform": conformity(self.place),
            "workspace": self.place.workspace.root.name,
            "policy": POLICY,
            "json_file": twin,
        }


def export(place: Place, session: str, folder: Path, *, content: bool, dry_run: bool) -> list[str]:
    """Write the pages of a session into an empty folder; their names.

    Raises:
        UsageError: the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "Pages are not written over what is there.",
            saw=str(folder),
            wanted="a folder that is empty, or not there yet",
            try_this="plimsoll report --out another-folder",
        )
    digests: dict[str, str] = {}
    for name, data in Bundle(place, session, content=content).files():
        digests[name] = sha256(data)
        if not dry_run:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / name, data)
    about = {
        "schema": "plimsoll/bundle/1",
        "session": session,
        "content": content,
        "checkpoint": place.journal.checkpoint(),
        "verify": "plimsoll log verify, where the log is; here: sha256sum of each file",
        "files": dict(sorted(digests.items())),
    }
    if not dry_run:
        write_whole(folder / MANIFEST, (json.dumps(about, indent=1) + "\n").encode())
    return [*digests, MANIFEST]
