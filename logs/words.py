"""The words for what evolves; `logs.vocabulary` has all words."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

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


def _is_zero(value: float) -> bool:
    return value == 0.0


class Recipe(Word):
    """How one iteration trains. Every field is recorded, so a run can be repeated."""

    family: str = "dpo+nll"
    adapter: str = "lora"
    """`lora` or `full`."""
    rank: int = 32
    reference: Reference = Reference.PREVIOUS
    """Reference policy of the DPO term (Rafailov et al. 2023, eq. 7)."""
    learning_rate: Finite = 1e-3
    beta: Finite = 0.1
    nll: Finite = 1.0
    """Weight of the negative log-likelihood of the chosen answers (expert iteration): its steps
    are so many times `learning_rate` long."""
    entropy: Annotated[Finite, Field(exclude_if=_is_zero)] = 0.0
    """Weight of the entropy bonus on the chosen answers. It is written where it is not 0, so that
    a state from before there was one keeps its name."""
    epochs: int = 3
    batch: int = 32
    prompts: int = 1536
    samples: int = 8
    """Answers drawn per prompt."""
    temperature: Finite = 1.0
    replay: int = 1024
    """Chosen answers of earlier iterations that are trained on again."""
    balance: Finite = 1.3
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
