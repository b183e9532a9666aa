"""The tables of `plimsoll.toml` about judges: who founds the panel, and judges on servers."""

from typing import Literal

from pydantic import Field, model_validator

from agent.config_sections import Section

TAKEN = frozenset({"crowd", "clerk", "oracle", "panel", "verifier", "reward-model", "decider"})
"""Names that no remote judge may bear."""
REMOTE = "remote"


class RemoteSection(Section):
    """One judge behind an OpenAI-compatible endpoint: a table [[judges.remote]]."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    url: str = Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$")
    """Base of the server, as http://127.0.0.1:8000/v1; `https` beyond this machine."""
    model: str = Field(pattern=r"^[A-Za-z0-9_.:/@+\-]{1,70}$")
    api_key_env: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,79})?$")
    """Name of the environment variable that holds the key; never the key."""
    profile: Literal["vllm", "ollama", "llama.cpp", "openai", "generic"] = "generic"
    """What the server can: forms of answers as a JSON schema, log-probabilities, a seed."""
    template: str = Field(default="pointwise-v1", min_length=1, max_length=200)
    """`pointwise-v1`, `pointwise-digit-v1`, `pairwise-v1`, or a file of that form in the workspace;
    its text is part of the judge."""
    family: str = Field(default="unknown", pattern=r"^[a-z0-9][a-z0-9_.-]{0,40}$")
    """Base lineage of the model: two judges of one family share their blind spots."""
    seat: Literal["bench", "panel"] = "bench"
    """Where it sits at the founding; with `founding = "remote"` all sit in the panel."""
    concurrency: int = Field(default=16, ge=1, le=1024)
    """Questions that are open at once."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=256, ge=8, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**31)
    opponents: int = Field(default=2, ge=1, le=32)
    """`pairwise`: siblings that an answer is compared with on either side of it, in both orders."""
    scoring: Literal["said", "expected"] = "said"
    """`expected` is the mean grade by log-probabilities, where the profile has them: it needs
    `pointwise-digit-v1`, or another template whose grades have one digit."""
    system_role: bool = True
    """Whether the server knows messages of the system."""
    disagreement: Literal["tie", "error"] = "tie"
    """`pairwise`: what two answers are whose order decided between them."""
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600)
    """Of one try."""
    deadline_seconds: float = Field(default=300.0, gt=0, le=86400)
    """Of one question with all its tries, and of a server's silence, after which all open questions
    are errors."""
    price_per_million_tokens_in: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_per_million_tokens_out: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Not given, they are 0 for `vllm`, `ollama` and `llama.cpp`, and else as published when this
    version was made, if they were: an unknown price is not zero, and it is said."""


class JudgesSection(Section):
    """The founding panel: who is asked, and with which flaws they were planted."""

    founding: str = Field(
        default="planted", pattern="^(planted|careful|oracle|verifier|reward-model|remote)$"
    )
    """`planted`, `careful` and `oracle` read the micro-world; `verifier`, which is gold itself, and
    `reward-model` read data of your own; with `remote` only judges on servers found the panel."""
    reward_model: str = ""
    """The folder of a sequence classifier with one output, for `reward-model`."""
    comparisons: int = Field(default=10_000, ge=50)
    """Annotators' choices that a judge is fitted on, at most: few make another judge of every
    seed, which hides what its annotators' habits do."""
    remote: tuple[RemoteSection, ...] = ()
    """Judges on servers."""

    @model_validator(mode="after")
    def _has_judges(self) -> "JudgesSection":
        names = [judge.id for judge in self.remote]
        if self.founding == REMOTE and not names:
            raise ValueError('founding = "remote" needs a table [[judges.remote]]')
        if len(set(names)) < len(names) or TAKEN & set(names):
            raise ValueError(f"judges have ids of their own, and none of {sorted(TAKEN)}")
        return self

    def seats(self, local: str | None) -> tuple[str, ...]:
        """Ids of the judges that the founding panel seats, `local` the one that runs here."""
        if self.founding == REMOTE:
            return tuple(judge.id for judge in self.remote)
        invited = tuple(judge.id for judge in self.remote if judge.seat == "panel")
        return (local, *invited) if local else ()
