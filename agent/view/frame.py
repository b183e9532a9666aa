"""How a page is made: one model, rendered as HTML or given as JSON; links and commands."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from agent.envelope import envelope
from agent.version import version
from logs.report import shown
from logs.text import short

HERE = Path(__file__).parent
STATIC = HERE / "static"
LOGS = Path(__file__).parents[2] / "logs"
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,60}")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: what it says, in both forms."""

    name: str
    """Of its template; `view.NAME` is its schema."""
    title: str
    command: str
    """What says the same on the command line."""
    data: Any
    """For programs; plain JSON."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """For the template: charts, and texts made for people."""
    session: str = ""
    status: int = 200
    part: bool = False
    """A fragment of a page: no frame around it."""

    def as_json(self) -> str:
        """The twin for programs, in the one envelope, in ASCII on one line."""
        about = envelope(f"plimsoll/view.{self.name}/1", self.data)
        return json.dumps(about, separators=(",", ":"), allow_nan=False)


Link = Callable[[str], str]
"""From a path of the live page to what stands in `href`; empty where there is no such page."""


def path(*parts: object, **query: object) -> str:
    """A path of the page, each part quoted; what is None or empty is left out of the query."""
    asked = {key: value for key, value in query.items() if value not in (None, "", False)}
    tail = f"?{urlencode(asked)}" if asked else ""
    return "/" + "/".join(quote(str(part), safe="") for part in parts) + tail


def file_of(address: str, form: str = "html") -> str:
    """The name under which an exported page lies; two addresses never share one."""
    where, _, query = address.partition("?")
    name = where.strip("/").replace("/", "-") or "sessions"
    if query or "-" in where or where == "/sessions" or not _PLAIN.fullmatch(name):
        kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
        name = f"{kept[:40]}-{sha256(address.encode()).hexdigest()[:10]}"
    return f"{name}.{form}"


def for_script(value: object) -> Markup:
    """JSON for a data block: no `<` in it can end the block, no line separator a statement."""
    text = json.dumps(value, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(text.replace("&", "\\u0026"))  # ASCII alone, so no U+2028


def quoted(text: str) -> str:
    """The text with its digests as people quote them."""
    return _DIGEST.sub(lambda found: short(found[0]), text)


@cache
def environment() -> Environment:
    """Templates that escape, and that know no missing word."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["quoted"] = quoted
    made.globals |= {"path": path, "short": short, "version": version(), "for_script": for_script}
    return made


def rendered(made: Environment, page: Page, **around: Any) -> str:
    """The page as HTML.

    Args:
        around: What surrounds every page: `to`, `asset`, `live`, `content`, `here`, ...
    """
    charts = [*page.more.get("figures", ()), *filter(None, [page.more.get("drift")])]
    drawn = any(chart.specs for chart in charts)
    known = {"page": page, "data": page.data, "drawn": drawn, **around, **page.more}
    return made.get_template(f"{page.name}.html").render(known)


def asset_path(name: str) -> Path | None:
    """The file behind a name; None where there is none of ours."""
    if not _PLAIN.fullmatch(name):
        return None
    places = (LOGS / "charts.css",) if name == "charts.css" else (STATIC / name,)
    return next((place for place in places if place.is_file()), None)
