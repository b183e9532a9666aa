"""What a decider sees, and what every decider is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from agent.deciding.lessons import Lesson
from invariants.tiers import Kind
from logs.vocabulary import (
    Decision,
    Diagnosis,
    Digest,
    Exchange,
    Intervention,
    Judge,
    Ledgers,
    Measurement,
    Nearest,
    Observation,
    Prediction,
    State,
    Tier,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One turn that is over."""

    iteration: int
    intervention: Intervention
    outcome: str
    """`committed`, `refused`, `failed`, `waits`, `parked` or `kept`."""
    refused_by: tuple[str, ...]
    """Ids of the invariants that refused it."""
    head: Digest
    """The commit in force when the turn began."""
    observation: Observation
    exchange: Exchange | None = None
    """What scores were worth on the scale that its proposal would bring, if it was another."""
    failure: str = ""
    """Name of the error that ended it, if one did."""
    flaw: str = ""
    """What an edit of the constitution was against."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What the decision said besides the intervention."""
    predicted: Prediction | None = None
    offer: Nearest | None = None
    """What the law would have let through at low tier, if it refused a reweighting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything a decider may read: measurements and records; no answer's text, no gold."""

    iteration: int
    head: Digest
    state: State
    observation: Observation
    diagnosis: Diagnosis
    past: tuple[Past, ...]
    ledgers: Ledgers
    limits: Mapping[str, Decimal]
    """Parameters of the policy."""
    labels_left: int
    bench: tuple[Judge, ...]
    """Judges that are not in the panel."""
    calibrated: bool
    """Whether the panel's scores were ever compared with grades."""
    graded_prompts: int
    """Prompts with both a right and a wrong graded answer, over the session."""
    without: frozenset[str] = frozenset()
    """What is switched off for this session: interventions, and ways of them; see `switches`."""
    raises: Mapping[Kind, Tier] = field(default_factory=dict)
    """Tiers that the policy raises; those of other kinds of change are the law's floor."""
    closing: bool = False
    """Whether the planned turns are over, and only what was parked for people is left."""
    experience: tuple[Lesson, ...] = ()
    """What earlier turns taught, for a decider that learns; sealed gold is no part of it."""

    def measured(self, instrument: str, of: str = "") -> Measurement | None:
        """The measurement of this observation, or None."""
        return find(self.observation, instrument, of)


def find(observation: Observation, instrument: str, of: str = "") -> Measurement | None:
    """One measurement of an observation by name."""
    return next(
        (m for m in observation.measurements if m.instrument == instrument and m.of == of), None
    )


class Decider(Protocol):
    """Chooses one intervention; everything it chooses passes the same gate."""

    def __call__(self, view: View) -> Decision:
        """The decision for this turn."""
        ...
