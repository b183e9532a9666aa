"""Which workspace a command means: the one named, or the nearest one upwards."""

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from logs.errors import UsageError

if TYPE_CHECKING:
    from agent.workspace import Workspace

MARK = "plimsoll.toml"
"""A folder with this file is a workspace."""


def nearest(start: Path) -> Path | None:
    """The first folder from `start` upwards that is a workspace."""
    return next((f for f in (start, *start.parents) if (f / MARK).is_file()), None)


def folder_of(options: Namespace) -> Path | None:
    """The folder of the workspace, or None when none is named and none is near.

    Raises:
        UsageError: what `--workspace` names is no folder.
    """
    named = getattr(options, "workspace", None)
    if named is None:
        return nearest(Path.cwd())
    if Path(named).is_dir():
        return Path(named).resolve()  # jobs behind the wall start in a folder of their own
    raise UsageError(
        "There is no such folder.",
        saw=f"--workspace {named}",
        wanted="the folder of a workspace",
        try_this="plimsoll init makes one",
    )


def workspace_of(options: Namespace) -> "Workspace":
    """The workspace that a command is about; it may lack files, their readers say so.

    Raises:
        UsageError: none is named and none is near.
    """
    from agent.workspace import Workspace

    return Workspace(root_of(options))


def root_of(options: Namespace) -> Path:
    """The folder of that workspace, for a command that reads little of it.

    Raises:
        UsageError: none is named and none is near.
    """
    folder = folder_of(options)
    if folder is None:
        raise UsageError(
            "There is no workspace here.",
            saw=f"no {MARK} in {Path.cwd()} or above",
            wanted="a folder made by plimsoll init or plimsoll demo",
            try_this="go to one, name one with --workspace DIR, or begin: plimsoll demo",
        )
    return folder


def from_here(path: Path) -> Path:
    """A path as it would be typed here: relative where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def now() -> datetime:
    """The time at which a policy must be in force."""
    return datetime.now(UTC)
