"""The words of the loop. Read this file first.

Every value that passes from one step to the next is defined here, and only
values defined here enter the log: if it has no word, it did not happen.
Nothing in this file computes beyond naming itself; nothing in it imports the project.

    observe -> Observation   diagnose -> Diagnosis   decide -> Decision
    act     -> Proposal      trial    -> Evidence    gate   -> Verdict
    commit  -> Commit        record   -> LogEntry

Numbers that a rule may compare (weights, counts) are exact: `Decimal` or `int`.
Floats appear only where a measurement is shown to a reader or to the decider.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hex: the name of an artefact, a proposal or a commit."""

Finite = Annotated[float, Field(allow_inf_nan=False)]

Count = Annotated[int, Field(strict=True)]
"""An int and nothing that could be read as one: `true` is not a count of 1."""


class Word(BaseModel):
    """A frozen value; unknown fields are refused, so a typo cannot hide in the log."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# --- what evolves ------------------------------------------------------------


class PrincipleTier(StrEnum):
    """Who may touch a principle."""

    IMMUTABLE = "immutable"
    """Nobody, while this policy holds."""
    CORE = "core"
    """People, by signed approval; the agent may reweight within bounds."""
    ADAPTIVE = "adaptive"
    """The agent, through its tier."""


class Principle(Word):
    """One sentence by which answers are judged."""

    id: str
    text: str
    weight: Decimal
    """Share of attention in the judges' scores; founding weights sum to 1."""
    tier: PrincipleTier
    contexts: tuple[str, ...] = ()
    """Skills it applies to; empty means all."""


class Constitution(Word):
    """The principles in force."""

    version: int
    principles: tuple[Principle, ...]


class JudgeKind(StrEnum):
    """How a judge arrives at its score."""

    VERIFIER = "verifier"
    """Rules that know the right answer."""
    FEATURE = "feature"
    """Bradley-Terry weights over log-probabilities and surface features."""
    REWARD_MODEL = "reward_model"
    """A sequence classifier trained on preference pairs (TRL)."""
    GENERATIVE = "generative"
    REMOTE = "remote"


class Judge(Word):
    """A judge as the panel names it."""

    id: str
    kind: JudgeKind
    family: str
    """Base lineage; two judges of one family share their blind spots."""
    version: int
    artefact: Digest
    """Weights and prompt, in the store."""
    weight: Decimal


class Panel(Word):
    """The judges in force; the weighted mean of their standardised scores decides."""

    judges: tuple[Judge, ...]


class Reference(StrEnum):
    """What the policy is pulled towards while it trains."""

    PREVIOUS = "previous"
    ANCHOR = "anchor"


class Recipe(Word):
    """How one iteration trains. Every field is recorded, so a run can be repeated."""

    family: str = "dpo+nll"
    adapter: str = "lora"
    """`lora` or `full`."""
    rank: int = 32
    reference: Reference = Reference.PREVIOUS
    """Reference policy of the DPO term (Rafailov et al. 2023, eq. 7)."""
    learning_rate: Finite = 5e-4
    beta: Finite = 0.1
    nll: Finite = 1.0
    """Weight of the negative log-likelihood of the chosen answers (expert iteration)."""
    epochs: int = 1
    batch: int = 64
    prompts: int = 512
    samples: int = 8
    """Answers drawn per prompt."""
    temperature: Finite = 1.0
    replay: int = 0
    """Chosen answers of earlier iterations that are trained on again."""
    balance: Finite = 0.0
    """At most this multiple of the mean number of chosen answers per prompt length; 0 is off."""


class PromptPool(Word):
    """Which prompts the policy practises on."""

    seed: int
    """Stream of the generator; a refresh moves to the next one."""
    size: int
    """Distinct prompts drawn before they repeat; 0 means always fresh."""
    emphasis: dict[str, Finite] = {}
    """Skill -> sampling weight relative to 1."""


class State(Word):
    """The whole evolving state; a commit is one of these plus its parents."""

    base: Digest
    """The frozen founding model."""
    adapter: Digest | None
    """Trained weights on top of `base`; None is the founding policy."""
    panel: Panel
    constitution: Constitution
    prompts: PromptPool
    recipe: Recipe
    replay: Digest | None = None
    """Chosen answers kept for replay."""
    policy_updates: int = 0
    judge_updates: int = 0


class Commit(Word):
    """A content-addressed version of the state. HEAD points to one."""

    parent: Digest | None
    restores: Digest | None = None
    """A rollback names the commit whose state it brings back."""
    session: str
    iteration: int
    state: State
    proposal: Digest | None
    evidence: Digest | None
    verdict: Digest | None


# --- what is measured --------------------------------------------------------


class Guarantee(StrEnum):
    """Under how many looks an interval is valid."""

    FIXED_N = "fixed_n"
    ANYTIME = "anytime"
    RUN_HORIZON = "run_horizon"
    NONE = "none"
    """An exact computation on the items seen; no claim beyond them."""


class Status(StrEnum):
    """`insufficient` is not green."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    INSUFFICIENT = "insufficient"


class Measurement(Word):
    """What an instrument says; the one record type of all instruments."""

    instrument: str
    version: int = 1
    estimate: Finite | None
    """None when undefined or insufficient: undefined is not zero."""
    units: str
    low: Finite | None = None
    high: Finite | None = None
    level: Finite = 0.95
    guarantee: Guarantee = Guarantee.NONE
    n: int
    clusters: int | None = None
    count: int | None = None
    """Successes among `n`, where the measurement is a proportion."""
    null: Finite | None = None
    margin: Finite | None = None
    status: Status
    assumptions: tuple[str, ...] = ()
    seed: int | None = None
    of: str = ""
    """What was measured, where there are several: a judge id, a skill."""


class JudgeVerdict(Word):
    """A score or an error; an error never becomes a number."""

    prompt: str
    answer: str
    judge: str
    score: Finite | None = None
    error: str | None = None


class Observation(Word):
    """What the instruments say of HEAD in this iteration."""

    iteration: int
    head: Digest
    measurements: tuple[Measurement, ...]
    samples: Digest
    """Prompts and answers drawn from HEAD."""
    verdicts: Digest
    """The panel's scores of those answers."""
    labels: Digest | None = None
    """Audited answers with their grades."""
    audit_labels: int
    """Labels bought for this observation."""


# --- what is thought ---------------------------------------------------------


class Hypothesis(StrEnum):
    """What may explain an observation."""

    HEALTHY = "healthy"
    JUDGE_OVEROPTIMISED = "judge_overoptimised"
    JUDGE_BIASED = "judge_biased"
    JUDGE_STALE = "judge_stale"
    DISTRIBUTION_COLLAPSE = "distribution_collapse"
    PROMPT_SATURATION = "prompt_saturation"
    DATA_DEFECT = "data_defect"
    DRIFT = "drift_from_anchor"
    NOISE = "noise"


class Finding(Word):
    """How well one hypothesis explains what was measured."""

    hypothesis: Hypothesis
    support: Finite
    """Strength of the evidence, in [0, 1]."""
    because: tuple[str, ...]
    """The evidence, each with its numbers."""
    against: tuple[str, ...] = ()


class Diagnosis(Word):
    """Hypotheses, strongest first."""

    findings: tuple[Finding, ...]


class Intervention(StrEnum):
    """What the agent may choose to do with one turn."""

    TRAIN = "train"
    REGENERATE_DATA = "regenerate_data"
    REFRESH_PROMPTS = "refresh_prompts"
    REFIT_JUDGE = "refit_judge"
    SWAP_JUDGE = "swap_judge"
    REWEIGHT_PANEL = "reweight_panel"
    EDIT_CONSTITUTION = "edit_constitution"
    ROLL_BACK = "roll_back"
    ASK_PERSON = "ask_person"
    STOP = "stop"


class Alternative(Word):
    """What was not done, and why."""

    intervention: Intervention
    because: str


class Prediction(Word):
    """What the decider expects the next observation to say; compared with it later."""

    metric: str
    low: Finite
    high: Finite


class Decision(Word):
    """One choice, with the reason that will be read a year from now."""

    iteration: int
    intervention: Intervention
    rule: str
    """Id of the line of the decision table that fired."""
    because: str
    evidence: tuple[str, ...]
    """The numbers the rule read, as `instrument = value [low, high] n=..`."""
    alternatives: tuple[Alternative, ...]
    predicted: Prediction | None
    arguments: dict[str, str] = {}


class Change(Word):
    """One typed difference between two states."""

    path: str
    """For example `constitution.principles[concise].weight`."""
    old: str | None
    new: str | None


class Proposal(Word):
    """A typed diff from HEAD to a candidate state. Commits nothing."""

    iteration: int
    base: Digest
    """HEAD it was made for; another HEAD makes it stale."""
    intervention: Intervention
    new: State
    changes: tuple[Change, ...]
    restores: Digest | None = None
    predicted: Prediction | None = None
    cost_seconds: Finite = 0.0
    undo: str
    inputs: dict[str, Digest] = {}
    """Artefacts the candidate was made from: samples, verdicts, pairs, labels."""
    seeds: dict[str, int] = {}
    validation: tuple[Count, Count] | None = None
    """(right, tried) of a changed judge on audited pairs that it was not fitted on."""


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


# --- what is remembered ------------------------------------------------------


class EntryKind(StrEnum):
    """What a log entry records."""

    FOUNDED = "founded"
    OBSERVED = "observed"
    DIAGNOSED = "diagnosed"
    DECIDED = "decided"
    PROPOSED = "proposed"
    TRIED = "tried"
    RULED = "ruled"
    COMMITTED = "committed"
    REFUSED = "refused"
    ASKED = "asked"
    ANSWERED = "answered"
    RECORDED = "recorded"
    MEASURED = "measured"
    """A sealed measurement by the keeper, for people; the decider does not read it."""
    STOPPED = "stopped"
    FAILED = "failed"
    RESUMED = "resumed"


class Ledgers(Word):
    """What was spent. Rollback restores artefacts, never ledgers."""

    audit_labels: int = 0
    gold_queries: int = 0
    weight_path: Decimal = Decimal(0)
    """Total path length of constitution weights, never refunded."""
    alpha: Decimal = Decimal(0)
    """Error probability spent on bounds so far."""
    seconds: Decimal = Decimal(0)


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
