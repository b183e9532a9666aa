"""What an intervention is made from, and what it makes."""

from dataclasses import dataclass, field

from agent.state import Context, Turn
from logs.vocabulary import Decision, Digest, Observation, State


@dataclass(frozen=True, slots=True)
class Making:
    """Everything an intervention may use."""

    context: Context
    turn: Turn
    decision: Decision
    observation: Observation
    state: State
    """The state at HEAD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A candidate state and what it was made from."""

    new: State
    inputs: dict[str, Digest] = field(default_factory=dict)
    seeds: dict[str, int] = field(default_factory=dict)
    restores: Digest | None = None
    accuracy: tuple[int, int] | None = None
    """(right, tried) of a changed judge on audited pairs that it was not fitted on."""
    undo: str = "plimsoll rollback HEAD~1"
