"""Which Plimsoll this is."""

import tomllib
from importlib.metadata import PackageNotFoundError, requires
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

DISTRIBUTION = "plimsoll-line"
_HOME = Path(__file__).resolve().parents[1]
"""The folder that holds `agent/`; in a checkout `pyproject.toml` lies there too."""


def version() -> str:
    """The version of the installed distribution, or of the checkout that runs."""
    project = _checkout()
    if project:
        return str(project["version"])
    try:
        return installed(DISTRIBUTION)
    except PackageNotFoundError:
        return "of unknown version"


def requirements() -> list[str]:
    """What Plimsoll needs, as `name>=1,<2`; extras are left out."""
    project = _checkout()
    if project:
        return [str(requirement) for requirement in project["dependencies"]]
    try:
        found = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    return [requirement for requirement in found if ";" not in requirement]


def _checkout() -> dict[str, Any] | None:
    """`[project]` of the checkout; a wheel carries none."""
    path = _HOME / "pyproject.toml"
    if not path.is_file():
        return None
    project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    return project if project.get("name") == DISTRIBUTION else None
