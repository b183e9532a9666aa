"""`/about`: versions, hashes and licences of everything that the page is made of."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from agent.version import version as own
from agent.view.asked import Asked
from agent.view.frame import STATIC, Page
from agent.view.place import Place
from agent.view.vendored import listed
from logs.canonical import sha256

PACKAGES = (
    "starlette",
    "uvicorn",
    "jinja2",
    "pydantic",
    "z3-solver",
    "torch",
    "transformers",
    "trl",
)


def about(place: Place, asked: Asked) -> Page:
    """What runs here."""
    files = [
        {"name": p.name, "bytes": p.stat().st_size, "sha256": sha256(p.read_bytes())}
        for p in sorted(STATIC.iterdir())
        if p.suffix in (".js", ".css", ".svg")
    ]
    data: dict[str, Any] = {
        "plimsoll": own(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "vendored": listed(),
        "files": files,
        "licence": "Apache-2.0",
    }
    return Page("about", "About", "plimsoll doctor", data)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
