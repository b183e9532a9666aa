"""A workspace: the folder that holds configuration, policy, artefacts, log and sessions."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Self

from agent import config as configuration
from agent.config import Config
from invariants import policy as policies
from invariants.policy import Policy
from invariants.seals import read_sealed
from logs.errors import UsageError
from logs.journal import Journal
from logs.vocabulary import Constitution, Principle, PrincipleTier
from tools.store import Store

CONFIG, CONSTITUTION, POLICY = "plimsoll.toml", "constitution.toml", "policy.toml"
JOURNAL, LOCK = "plimsoll.sqlite", "plimsoll.lock"
DEFAULT_CONSTITUTION = Path(__file__).parent / "default_constitution.toml"


@dataclass(frozen=True)
class Workspace:
    """Paths and readers of one workspace; opening it changes nothing."""

    root: Path

    @classmethod
    def create(cls, root: Path, config: Config, policy: bytes | None = None) -> Self:
        """Write the three files that people own.

        Args:
            policy: the bytes of the policy; None takes the one that comes along.

        Raises:
            UsageError: the folder already is a workspace.
        """
        if (root / CONFIG).exists():
            raise UsageError(
                "This folder already is a workspace.",
                saw=str(root / CONFIG),
                wanted="a new or empty folder",
                try_this=f"plimsoll status --workspace {root}",
            )
        root.mkdir(parents=True, exist_ok=True)
        (root / CONSTITUTION).write_bytes(DEFAULT_CONSTITUTION.read_bytes())
        (root / POLICY).write_bytes(policies.default_bytes() if policy is None else policy)
        (root / CONFIG).write_text(configuration.dump(config), encoding="utf-8")
        return cls(root)

    @cached_property
    def config(self) -> Config:
        """What to run."""
        return configuration.read(self.root / CONFIG)

    @cached_property
    def policy(self) -> Policy:
        """The invariants in force, with the signatures beside their file."""
        return read_sealed(self.root / POLICY)

    @cached_property
    def constitution(self) -> Constitution:
        """The founding constitution."""
        return read_constitution(self.root / CONSTITUTION)

    @cached_property
    def store(self) -> Store:
        """The artefacts."""
        return Store(self.root / "objects")

    @property
    def lock(self) -> Path:
        """Held by the one process that may write here."""
        return self.root / LOCK

    def journal(self, *, read_only: bool = True) -> Journal:
        """The log of all sessions."""
        return Journal(self.root / JOURNAL, read_only=read_only)

    def session(self, name: str) -> Path:
        """Folder of one session."""
        return self.root / "sessions" / name

    @property
    def scratch(self) -> Path:
        """Where jobs may write."""
        return self.root / "scratch"


def read_constitution(path: Path) -> Constitution:
    """Read a constitution; weights are quoted decimals, so that they are exact.

    Raises:
        UsageError: missing, not TOML, or not a constitution.
    """
    try:
        return constitution_of(path.read_bytes(), path.name)
    except OSError as error:
        raise _unreadable(path.name, error) from error


def constitution_of(data: bytes, name: str) -> Constitution:
    """The constitution that these bytes of a file say.

    Raises:
        UsageError: not TOML, or not a constitution.
    """
    try:
        raw = tomllib.loads(data.decode("utf-8"))
        principles = tuple(
            Principle(
                id=p["id"],
                text=p["text"],
                weight=Decimal(p["weight"]),
                tier=PrincipleTier(p["tier"]),
                contexts=tuple(p.get("contexts", ())),
            )
            for p in raw["principle"]
        )
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise _unreadable(name, error) from error
    if sum(p.weight for p in principles) != 1 or len({p.id for p in principles}) < len(principles):
        raise UsageError(
            "The weights of a founding constitution add up to 1, under distinct ids.",
            saw=", ".join(f"{p.id} {p.weight}" for p in principles),
            wanted="weights that sum to exactly 1",
            try_this=f"edit {name}",
        )
    return Constitution(version=1, principles=principles)


def _unreadable(name: str, error: Exception) -> UsageError:
    return UsageError(
        "The constitution cannot be read.",
        saw=f"{name}: {type(error).__name__}: {error}",
        wanted='[[principle]] tables with id, text, weight = "0.20" and tier',
        try_this="compare with the file that plimsoll init writes",
    )
