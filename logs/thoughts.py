"""The words for what is measured and for what is thought of it; `logs.vocabulary` has them all."""

from __future__ import annotations

from enum import StrEnum

from logs.words import Count, Digest, Finite, State, Word


# --- what is measured ------------------------------------------------------------
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
    scale: Digest | None = None
    """Panel and constitution whose scores it is made of; values of two scales are not compared.
    None: not made of scores, or noted before there were scales."""


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
    drift: Digest | None = None
    """What HEAD answered to the fixed drift prompts, and what was told by it."""
    audit_labels: int
    """Labels bought for this observation."""


class Exchange(Word):
    """What scores on the scale in force are worth on the one that a proposal would bring."""

    proposal: Digest
    old: Digest
    """The scale in force."""
    new: Digest
    samples: Digest
    """The answers that both panels scored."""
    old_verdicts: Digest
    new_verdicts: Digest | None
    """None where the new panel could not be asked."""
    measurements: tuple[Measurement, ...]
    """Shift, rate, agreement, and on how many answers; empty where nothing could be told."""
    lost: str = ""
    """Why nothing could be told."""


# --- what is thought -------------------------------------------------------------
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
    CO_ADAPTATION = "judge_policy_co_adaptation"
    HACKING_GENERALISES = "hacking_generalises"
    NOISE = "noise"


class Finding(Word):
    """How well one hypothesis explains what was measured."""

    hypothesis: Hypothesis
    support: Finite
    """Strength of the evidence, in [0, 1]."""
    because: tuple[str, ...]
    """The evidence, each with its numbers."""
    against: tuple[str, ...] = ()


class Telling(Word):
    """What would tell two rival hypotheses apart."""

    rivals: tuple[Hypothesis, Hypothesis]
    measurement: str
    labels: int = 0
    """Audit labels it costs; 0 where computing is all."""
    worth: Finite | None = None
    """Expected gain in turns of gain, its cost taken off; None where it was not reckoned."""


class Diagnosis(Word):
    """Hypotheses, strongest first."""

    findings: tuple[Finding, ...]
    telling: Telling | None = None


class Intervention(StrEnum):
    """What the agent may choose to do with one turn."""

    TRAIN = "train"
    REGENERATE_DATA = "regenerate_data"
    REFRESH_PROMPTS = "refresh_prompts"
    CHANGE_RECIPE = "change_recipe"
    RECALIBRATE_JUDGE = "recalibrate_judge"
    REFIT_JUDGE = "refit_judge"
    REINITIALISE_JUDGE = "reinitialise_judge"
    SWAP_JUDGE = "swap_judge"
    ADD_JUDGE = "add_judge"
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
