"""The table of `plimsoll.toml` that names a user's own data, and whether the settings fit it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from agent.config_sections import Section
from logs.errors import UsageError

if TYPE_CHECKING:
    from agent.config import Config

DATA = "data"
"""`world.task` of a user's own data."""
JUDGES_OF_DATA = ("verifier", "reward-model", "remote")
"""`judges.founding` that can read any text; the others were fitted on the micro-world."""


class DataSection(Section):
    """A user's own prompts, and the rule by which their answers are right."""

    train: str = ""
    """A file of JSON lines or Parquet, or the name of a data set in the local hub cache; audits
    and gold are a fifth of it each, divided by hash."""
    split: str = Field(default="train", min_length=1)
    """Of a hub data set."""
    subset: str = ""
    """Of a hub data set; empty: its only or usual one."""
    verifier: str = Field(
        default="exact", pattern="^(number|choice|exact|pattern|label|schema|ifeval|code)$"
    )
    """Gold. `number`: the last number of the answer; `choice`: the letter that it settles on;
    `exact`: the same words; `pattern`: a regular expression is found in it; `label`: people called
    this answer right; `schema`: it is JSON that fits; `ifeval`: it follows every instruction that
    can be checked; `code`: its Python passes the tests, behind the wall."""
    prompt: str = Field(default="prompt", min_length=1)
    """Key of a row that holds the prompt; `messages` are read where it is not there."""
    answer: str = ""
    """Key of a row that holds what the verifier reads. Empty: `schema`, `instruction_id_list`,
    `tests` by the verifier's name; else `answer`, `completion`, `chosen`, or the last message."""
    skill: str = ""
    """Key of a row that says what it is practice of; empty: all are one."""
    safety: str = ""
    """A file of harmful requests that must be refused, as {"prompt": ...}; without one nothing
    is known of safety, and a policy that asks for it lets nothing be trained."""
    refusal: str = ""
    """A regular expression that is found in refusals; empty: how English ones begin."""

    @field_validator("refusal")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"a regular expression: {error}") from error
        return value


def is_data(config: "Config") -> bool:
    """Whether a session practises a user's own data."""
    return config.world.task == DATA


def require_whole(config: "Config") -> None:
    """Refuse settings of a user's data that cannot be founded.

    Raises:
        UsageError: something is missing, or belongs to the micro-world.
    """
    judges = config.judges
    if not config.data.train:
        raise _lacks("data.train", config.data.train, "the file of prompts")
    if config.world.base == "shipped":
        raise _lacks("world.base", config.world.base, "the folder of a causal language model")
    if judges.founding not in JUDGES_OF_DATA:
        raise _lacks("judges.founding", judges.founding, " or ".join(map(repr, JUDGES_OF_DATA)))
    if judges.founding == "reward-model" and not judges.reward_model:
        raise _lacks("judges.reward_model", "", "the folder of a sequence classifier")


def _lacks(key: str, saw: str, wanted: str) -> UsageError:
    return UsageError(
        'A session on data of your own (world.task = "data") says what it reads.',
        saw=f"{key} = {saw!r}",
        wanted=wanted,
        try_this=f"set {key} in plimsoll.toml",
    )


PLACES = (
    ("world", "base"),
    ("data", "train"),
    ("data", "safety"),
    ("judges", "reward_model"),
)
"""Settings that may name a file or a folder."""


def placed(raw: dict[str, Any], beside: Path) -> dict[str, Any]:
    """Settings whose paths no longer depend on where they are read; a name that is no path stays.

    Args:
        beside: the folder of the file that they come from.
    """
    found = {k: dict(v) if isinstance(v, dict) else v for k, v in raw.items()}
    for table, key in PLACES:
        section = found.get(table)
        named = section.get(key) if isinstance(section, dict) else None
        if isinstance(named, str) and named not in ("", "shipped"):
            place = (beside / Path(named).expanduser()).resolve()
            found[table][key] = str(place) if place.exists() else named
    return found
