"""The tables of `plimsoll.toml`, each with its defaults and what they mean."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agent.switches import known_switch
from logs.vocabulary import Recipe


class Section(BaseModel):
    """A table of the file; frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SessionSection(Section):
    """One run of the loop."""

    name: str = Field(default="first", pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    iterations: int = Field(default=12, ge=1, le=1000)
    seed: int = Field(default=0, ge=0)
    decider: str = Field(default="rules", pattern="^(rules|fixed|random|llm|bandit)$")
    """`rules` is the decision table; `llm` asks a chat model, and goes by the table where that
    fails; `bandit` learns from earlier turns what pays. `fixed` trains every turn, and `random`
    draws: they are there to be compared with."""
    park: bool = False
    """For a session that nobody attends: what only people may decide is put off until its turns
    are used up, and asked then; else the session waits as soon as it comes to it."""
    without: tuple[Annotated[str, AfterValidator(known_switch)], ...] = ()
    """What no decider may choose, to see what it is worth: an intervention, as `refit_judge`, or
    one way of it, as `refresh_prompts:level` and `change_recipe:entropy`."""


class DeciderSection(Section):
    """The chat model that `decider = "llm"` asks, and what `decider = "bandit"` is brought; either
    chooses, and the same gate rules on it."""

    endpoint: str = Field(default="", pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?$")
    """Base of an OpenAI-compatible server, as http://127.0.0.1:8000/v1; `https` beyond this
    machine. It holds no secret, for it is logged."""
    model: str = Field(default="", pattern=r"^([A-Za-z0-9_.:/@+\-]{1,70})?$")
    api_key_env: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,79})?$")
    """Name of the environment variable that holds the key; never the key."""
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600)
    """Of one try."""
    deadline_seconds: float = Field(default=180.0, gt=0, le=86400)
    """Of all tries and the waits between them."""
    retries: int = Field(default=2, ge=0, le=10)
    max_tokens: int = Field(default=800, ge=50, le=100_000)
    temperature: float = Field(default=0.0, ge=0, le=2)
    guidance: str = ""
    """A file of the user's own wishes, in the workspace; read anew in each turn, and logged."""
    experience: str = ""
    """A file of what other workspaces learnt, in the workspace: `plimsoll session experience`
    writes one. Read once, when the session begins, and kept in the store."""


class WorldSection(Section):
    """What is learnt, and from which model."""

    task: str = Field(default="micro-world", pattern="^(micro-world|data)$")
    """`micro-world`, which comes along, or `data`: prompts of your own, under [data]."""
    base: str = "shipped"
    """`shipped`, or the folder of a `transformers` causal language model made for the task; with
    `data` any, or the hub name of one in the local cache."""
    gold_prompts: int = Field(default=400, ge=50, le=5000)
    """Prompts on which gold is measured for people; each measurement answers all of them."""
    vault_prompts: int = Field(default=1600, ge=50, le=20000)
    """Prompts behind the vault's one-bit answers."""
    fresh_gold: int = Field(default=256, ge=0, le=5000)
    """Fresh gold items for each test of whether the gain is real; 0 claims nothing."""
    gain_every: int = Field(default=4, ge=1, le=1000)
    """Turns between two such tests; one more is made at the end of a session."""


TEACH = ("bandit", "random")
"""Deciders whose sessions buy the grades by which it can be told what a turn returned."""


class AuditSection(Section):
    """What people are asked."""

    labels: int = Field(default=512, ge=0)
    """Answers that may be graded in the whole session."""
    pairs: int = Field(default=12, ge=4)
    """Favourites graded against another answer per observation, two labels each."""
    rivals: int = Field(default=4, ge=0)
    """Prompts graded per observation on which the panel and the bench differ, two labels each."""
    others: int = Field(default=6, ge=0)
    """Prompts without two rival answers, graded per observation, one label each, where the decider
    learns from what turns return or is there to be learnt from (`bandit`, `random`)."""


class DriftSection(Section):
    """The fixed prompts by which drift is measured each turn."""

    prompts: int = Field(default=200, ge=0, le=5000)
    """Of the audit pool, never trained on; 0 measures none of it."""
    samples: int = Field(default=4, ge=2, le=64)
    """Answers to each, at the founding recipe's temperature."""


class LimitsSection(Section):
    """What a job behind the wall may use."""

    seconds: float = Field(default=600, gt=0)
    memory_mb: int = Field(default=3000, ge=500)
    threads: int = Field(default=2, ge=1)


class BudgetSection(Section):
    """What a session may spend before it stops; 0 is no limit. Kept by the parent process."""

    hours: float = Field(default=0, ge=0, allow_inf_nan=False)
    """By the clock while a process works on the session, over all its runs."""
    cpu_hours: float = Field(default=0, ge=0, allow_inf_nan=False)
    tokens: int = Field(default=0, ge=0)
    """Of the chat models that decide and judge, in and out."""
    money: float = Field(default=0, ge=0, allow_inf_nan=False)
    """For those tokens, in the currency of the prices."""
    price_per_million_tokens_in: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_per_million_tokens_out: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Of the model that decides; judges have prices of their own, under [[judges.remote]]. A price
    that is not given is unknown, not zero: money is then not counted, and it is said."""
    disk_gb: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Of the workspace's artefacts, in 10^9 bytes."""
    approvals: int = Field(default=0, ge=0)
    """Proposals put before people in any 24 hours, over all sessions of the workspace."""


class TrackSection(Section):
    """Where else a session is told, one way; a sink that fails never stops it."""

    sinks: tuple[str, ...] = ()
    """mlflow, opentelemetry, tensorboard, trackio, wandb, or one that is installed."""
    wait_seconds: float = Field(default=30.0, ge=0, le=3600)
    """How long the end of a session waits for its sinks, all together."""


class NotifySection(Section):
    """Who is told when a proposal begins to wait for people, or its time is over."""

    command: tuple[str, ...] = ()
    """A program and its arguments, run without a shell; it reads one JSON object on stdin."""
    seconds: float = Field(default=10.0, gt=0, le=600)
    """After which the program is ended."""
    webhook: str = Field(default="", pattern=r"^(https?://[^\s/?#@]+(/[^\s#@]*)?)?$")
    """Where the same object is posted."""
    beyond_this_machine: bool = False
    """Without it the webhook must be on this machine."""


_AT_LEAST = {"rank": 1, "epochs": 1, "batch": 1, "prompts": 1, "samples": 2, "replay": 0}
_ABOVE_ZERO = ("learning_rate", "temperature")


def sensible(recipe: Recipe) -> Recipe:
    """Refuse a recipe that no iteration could follow; a sibling needs another one."""
    wrong = [
        *(f"{k} of at least {v}" for k, v in _AT_LEAST.items() if getattr(recipe, k) < v),
        *(f"{k} above 0" for k in _ABOVE_ZERO if not getattr(recipe, k) > 0),
        *(
            f"{k} of at least 0"
            for k in ("beta", "nll", "entropy", "balance")
            if getattr(recipe, k) < 0
        ),
    ]
    if recipe.beta == recipe.nll == 0:
        wrong.append("beta or nll above 0")
    if recipe.adapter not in ("lora", "full"):
        wrong.append("adapter 'lora' or 'full'")
    if wrong:
        raise ValueError(", ".join(wrong))
    return recipe
