"""The words of the loop. Read this file first.

Every value that passes from one step to the next is defined here, and only
values defined here enter the log: if it has no word, it did not happen.
Nothing here computes beyond naming itself. What evolves stands in `logs/words.py`, what is
measured and thought in `logs/thoughts.py`, what is allowed and remembered below; take every
word from here.

    observe -> Observation   diagnose -> Diagnosis   decide -> Decision
    act     -> Proposal      trial    -> Evidence    gate   -> Verdict
    commit  -> Commit        record   -> LogEntry

Numbers that a rule may compare (weights, counts) are exact: `Decimal` or `int`.
Floats appear only where a measurement is shown to a reader or to the decider.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

from logs.thoughts import (
    Alternative,
    Change,
    Decision,
    Diagnosis,
    Exchange,
    Finding,
    Guarantee,
    Hypothesis,
    Intervention,
    JudgeVerdict,
    Measurement,
    Observation,
    Prediction,
    Proposal,
    Status,
    Telling,
)
from logs.words import (
    Commit,
    Constitution,
    Count,
    Digest,
    Finite,
    Judge,
    JudgeKind,
    Panel,
    Principle,
    PrincipleTier,
    PromptPool,
    Recipe,
    Reference,
    State,
    Word,
)

__all__ = [
    "Alternative",
    "Change",
    "Commit",
    "Constitution",
    "Count",
    "Decision",
    "Diagnosis",
    "Digest",
    "EntryKind",
    "Evidence",
    "Exchange",
    "Finding",
    "Finite",
    "Guarantee",
    "Hypothesis",
    "Intervention",
    "Judge",
    "JudgeKind",
    "JudgeVerdict",
    "Ledgers",
    "LogEntry",
    "Measurement",
    "Metric",
    "Nearest",
    "Observation",
    "Outcome",
    "Panel",
    "Prediction",
    "Principle",
    "PrincipleTier",
    "PromptPool",
    "Proposal",
    "Recipe",
    "Reference",
    "Ruling",
    "State",
    "Status",
    "Telling",
    "Tier",
    "Verdict",
    "Word",
]

# --- what is allowed ---------------------------------------------------------


class Tier(StrEnum):
    """How much authority a change takes; computed from its diff, never declared."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    FORBIDDEN = "forbidden"


class Metric(Word):
    """Counts or per-item values; the gate computes the bounds itself.

    A proportion carries `k` of `n`; a mean of values in [lower, upper] carries
    `values` as decimal strings; an exact quantity carries `exact`.
    """

    name: str
    k: Count | None = None
    n: Count | None = None
    values: tuple[str, ...] = ()
    lower: str | None = None
    upper: str | None = None
    exact: str | None = None
    alpha: str = "1/20"


class Evidence(Word):
    """What the trial counted: no opinions, no bounds."""

    proposal: Digest
    metrics: tuple[Metric, ...]
    data: dict[str, Digest] = {}
    """Digests of the prompts and answers that were counted."""
    harness: Digest
    """Digest of the evaluating code."""
    seeds: dict[str, int] = {}
    sandbox_level: Count


class Outcome(StrEnum):
    """Only `holds` counts as yes."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNDECIDED = "undecided"
    MISSING = "missing"


class Ruling(Word):
    """What one invariant says of one proposal."""

    invariant: str
    outcome: Outcome
    say: str
    """The sentence of the policy, for people."""
    values: tuple[str, ...] = ()
    """The numbers that decided it."""


class Verdict(Word):
    """What the law says of one proposal."""

    proposal: Digest
    policy: Digest
    tier: Tier
    rulings: tuple[Ruling, ...]
    second_opinion: Outcome
    """What z3 says of the same rules on the same facts."""

    @property
    def holds(self) -> bool:
        """Whether every invariant holds, by both evaluators, at a tier open to the agent."""
        return (
            self.tier is not Tier.FORBIDDEN
            and bool(self.rulings)
            and all(r.outcome is Outcome.HOLDS for r in self.rulings)
            and self.second_opinion is Outcome.HOLDS
        )


class Nearest(Word):
    """Lawful weights close to those that the law refused, under the evidence at hand."""

    tier: Tier
    weights: dict[str, Decimal]
    """By principle or judge: every weight of the offer."""
    distance: Decimal
    """Sum of the differences from what was proposed."""
    says: tuple[str, ...]
    """One sentence for each weight that differs from the proposal."""


# --- what is remembered ------------------------------------------------------


class EntryKind(StrEnum):
    """What a log entry records."""

    FOUNDED = "founded"
    OBSERVED = "observed"
    DIAGNOSED = "diagnosed"
    CONSULTED = "consulted"
    """A model is asked for a decision, or has answered; what was decided follows."""
    DECIDED = "decided"
    PROPOSED = "proposed"
    TRIED = "tried"
    RESCORED = "rescored"
    """The same answers scored by the panel in force and by the one proposed."""
    RULED = "ruled"
    COMMITTED = "committed"
    REFUSED = "refused"
    PARKED = "parked"
    """What only people may decide is put off until the session has no other work."""
    ASKED = "asked"
    ANSWERED = "answered"
    RECORDED = "recorded"
    MEASURED = "measured"
    """A sealed measurement by the keeper, for people; the decider does not read it."""
    STOPPED = "stopped"
    FAILED = "failed"
    RESUMED = "resumed"
    PLANNED = "planned"
    """A turn was taken up to the law's word and no further: what applying it would do."""
    ADOPTED = "adopted"
    """A policy came into force, with its text and the signatures under it."""


class Ledgers(Word):
    """What was spent. Rollback restores artefacts, never ledgers."""

    audit_labels: int = 0
    gold_queries: int = 0
    weight_path: Decimal = Decimal(0)
    """Total path length of constitution weights, never refunded."""
    alpha: Decimal = Decimal(0)
    """Error probability spent on bounds so far."""
    seconds: Decimal = Decimal(0)
    """By the clock, of the processes that ran a session."""
    cpu_seconds: Decimal = Decimal(0)
    """Of those processes and their jobs."""


class LogEntry(Word):
    """One leaf of the tree."""

    seq: int
    kind: EntryKind
    key: str
    """Unique: `session/iteration/step`. A step that runs again finds its own entry."""
    session: str
    iteration: int
    at: str
    """UTC, ISO 8601; for people, no rule reads it."""
    body: dict[str, Any]
    """The word that was recorded, as JSON."""
    spend: Ledgers | None = None
    """Taken out of the budgets by this step; in the leaf, so that no total is edited alone."""
