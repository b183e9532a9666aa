"""A scenario as a file: what is planted, when, and what a good agent would make of it."""

import tomllib
from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from agent.config import Section
from logs.errors import UsageError
from logs.vocabulary import Hypothesis, Intervention

SHIPPED = Path(__file__).parent / "scenarios"


class Fault(StrEnum):
    """What can be planted."""

    JUDGE_LENGTH = "judge_length"
    """The leading judge pays `size` per word; a refit of it is another judge."""
    JUDGE_AGREEABLE = "judge_agreeable"
    """The leading judge pays `size` for yielding to the user's claim."""
    JUDGE_DECAY = "judge_decay"
    """The leading judge's score drowns in noise, by `size` more each turn."""
    FAMILY_COLLUDES = "family_colludes"
    """Every judge of the leader's family pays `size` per word, refitted or not."""
    LABEL_NOISE = "label_noise"
    """A share `size` of training pairs have chosen and rejected swapped."""
    DATA_POISONED = "data_poisoned"
    """A share `size` of the shown answers are replaced by answers that nobody drew."""
    PROMPTS_DUPLICATED = "prompts_duplicated"
    """Only a share `size` of the practice prompts are distinct."""
    PROMPTS_SATURATED = "prompts_saturated"
    """Practice prompts are of skills that are mastered."""
    STEP_TOO_LARGE = "step_too_large"
    """The trainer takes `size` times the learning rate of the recipe."""
    MODE_COLLAPSE = "mode_collapse"
    """Answers are drawn at `size` times the temperature of the recipe."""
    GOLD_LEAKS = "gold_leaks"
    """A share `size` of the practice prompts are gold prompts."""
    SELF_SERVING_EDIT = "self_serving_edit"
    """The decision is replaced by an edit that raises scores without any change of behaviour."""
    INJECTED_TEXT = "injected_text"
    """A person's feedback holds instructions to the agent."""


class Plant(Section):
    """One fault, in force from a turn drawn from `first` to `last` on."""

    fault: Fault
    size: float = Field(default=1.0, ge=0)
    first: int = Field(default=2, ge=1)
    last: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Plant":
        if self.last < self.first:
            raise ValueError(f"last = {self.last} lies before first = {self.first}")
        return self


class Expect(Section):
    """What counts as right."""

    hypotheses: tuple[Hypothesis, ...] = ()
    """Any of these as the leading finding is a right diagnosis."""
    actions: tuple[Intervention, ...] = ()
    """Any of these as the first action after the fault is a right one."""
    refused_by: tuple[str, ...] = ()
    """Or the law refuses, by one of these invariants."""


class Scenario(Section):
    """One situation that a decider is put in."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    says: str
    plants: tuple[Plant, ...] = ()
    """None: the null, in which nothing is to be found."""
    expect: Expect = Expect()
    turns: int = Field(default=8, ge=1, le=100)
    quick: bool = False
    """Whether it belongs to the subset that runs in minutes."""


def read(path: Path) -> Scenario:
    """Read a scenario.

    Raises:
        UsageError: the file is missing, is not TOML, or is not a scenario.
    """
    try:
        return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _refused(path, f"{type(error).__name__}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(path, str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _refused(path, f"{where}: {first['msg']}") from error


def shipped() -> list[Scenario]:
    """The scenarios that come along, by name."""
    return [read(path) for path in sorted(SHIPPED.glob("*.toml"))]


def _refused(path: Path, saw: str) -> UsageError:
    return UsageError(
        "This is no scenario.",
        saw=f"{path.name}: {saw}",
        wanted="name, says, [[plants]] with fault, size, first, last, and [expect]",
        try_this=f"compare with {SHIPPED.name}/length-biased-judge.toml in agent/bench",
    )
