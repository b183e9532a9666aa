"""Sinks by name: those that come along, and those that others register as entry points."""

import difflib
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, cast

from agent.sinks.protocol import GROUP, Factory, Sink
from logs.errors import UsageError


class Ours(NamedTuple):
    """A sink that comes along."""

    factory: str
    """`module:class`."""
    needs: tuple[str, ...]
    """What it imports; the extra `sinks-NAME` installs it."""


OURS: Mapping[str, Ours] = {
    "inspect": Ours("agent.sinks.to_inspect:ToInspect", ("inspect_ai",)),
    "mlflow": Ours("agent.sinks.to_mlflow:ToMlflow", ("mlflow", "sqlalchemy", "alembic")),
    "opentelemetry": Ours("agent.sinks.to_opentelemetry:ToOpenTelemetry", ("opentelemetry.sdk",)),
    "tensorboard": Ours("agent.sinks.to_tensorboard:ToTensorBoard", ("tensorboardX",)),
    "trackio": Ours("agent.sinks.to_trackio:ToTrackio", ("trackio",)),
    "wandb": Ours("agent.sinks.to_wandb:ToWandb", ("wandb",)),
}


def folder_of(workspace: Path, name: str) -> Path:
    """Where a sink writes unless another place is named."""
    return workspace / "sinks" / name


def known() -> list[str]:
    """The names of all sinks; nobody can take the name of one that comes along."""
    return [*OURS, *sorted({e.name for e in entry_points(group=GROUP)} - set(OURS))]


def demand(name: str) -> None:
    """Refuse a sink that is not there, without importing it.

    Raises:
        UsageError: no such sink, or a library that it needs is not installed.
    """
    if name not in known():
        near = difflib.get_close_matches(name, known(), n=1)
        raise UsageError(
            "There is no such sink.",
            saw=repr(name[:80]),
            wanted=f"one of: {', '.join(known())}",
            try_this=f"did you mean {near[0]}?" if near else "plimsoll session export --help",
        )
    missing = [need for need in OURS[name].needs if not _there(need)] if name in OURS else []
    if missing:
        raise UsageError(
            f"What the sink {name} needs is not installed.",
            saw=f"no {', '.join(missing)}",
            wanted=f"the extra sinks-{name}",
            try_this=f"pip install 'plimsoll-line[sinks-{name}]'",
        )


def made(name: str, folder: Path) -> Sink:
    """The sink of that name, writing to a folder; imports what it needs."""
    if name in OURS:
        module, _, attribute = OURS[name].factory.partition(":")
        factory = getattr(import_module(module), attribute)
    else:
        (found, *_) = entry_points(group=GROUP, name=name)
        factory = found.load()
    return cast(Factory, factory)(folder)


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
