"""What a remote judge is: all that decides its verdicts and is under our control.

Where it is asked is no part of it, and its key is in no file: the same judge may move to another
address and keep its name.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from logs.canonical import canonical
from logs.errors import IntegrityError, UsageError
from logs.vocabulary import Constitution
from tools.remote.profiles import PROFILES
from tools.remote.scoring import ALTERNATIVES
from tools.remote.templates import Message, Template


class Spec(BaseModel):
    """A remote judge; its artefact is this, in canonical form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    remote: Literal[1] = 1
    """Version of this form."""
    model: str
    profile: str
    template: Template
    temperature: float = Field(ge=0, le=2, allow_inf_nan=False)
    max_tokens: int
    seed: int
    """Sent where the server knows one."""
    opponents: int
    """Siblings that an answer is compared with on either side of it (`pairwise`)."""
    disagreement: Literal["tie", "error"]
    """What two answers are whose order of presentation decided between them (`pairwise`)."""
    scoring: Literal["said", "expected"] = "said"
    """Whether a score is the grade that is said, or the mean grade by log-probabilities."""
    system_role: bool = True
    """Whether the server knows messages of the system; else the user's message begins with it."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> "Spec":
        if self.scoring == "expected":
            if self.template.kind != "pointwise" or self.template.high > 9:
                raise ValueError("an expected grade needs a template whose grades have one digit")
            if not PROFILES[self.profile].logprobs:
                raise ValueError(f"profile {self.profile} has no log-probabilities")
        return self

    def messages(self, constitution: Constitution, shown: dict[str, str]) -> list[Message]:
        """The messages of one question; `shown` is data, and stays quoted."""
        system, user = self.template.messages(constitution, shown)
        if self.system_role:
            return [system, user]
        return [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}]

    def dump(self) -> bytes:
        """The judge as an artefact."""
        return canonical(self.model_dump(mode="json"))

    def body(self, messages: list[Message], *, schema: bool) -> dict[str, Any]:
        """A request: the messages with what the server can be asked for."""
        can = PROFILES[self.profile]
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            can.limit: self.max_tokens,
            "temperature": self.temperature,
        }
        if can.seed:
            asked["seed"] = self.seed
        if can.schema and schema:
            form = {"name": "verdict", "strict": True, "schema": self.template.schema_of_answer}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        if self.scoring == "expected":
            asked |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
        return asked


def made(judge: str, **parameters: Any) -> Spec:
    """A judge of these parameters.

    Raises:
        UsageError: they do not go together.
    """
    try:
        return Spec(**parameters)
    except ValidationError as error:
        raise UsageError(
            "A remote judge cannot be asked like this.",
            saw=f"{judge}: {error.errors()[0]['msg']}",
            wanted='scoring = "expected" with template = "pointwise-digit-v1" and a profile that'
            ' has log-probabilities, or scoring = "said"',
            try_this=f"mend the table [[judges.remote]] of {judge}",
        ) from error


def load(data: bytes) -> Spec:
    """Read a remote judge back from its artefact.

    Raises:
        IntegrityError: it is none that this version reads.
    """
    try:
        return Spec.model_validate_json(data)
    except ValidationError as error:
        raise IntegrityError(
            "The artefact of a remote judge cannot be read.",
            saw=str(error.errors()[0]["msg"]),
            wanted="model, profile, template and parameters, as this version writes them",
            try_this="plimsoll log verify; or the version that the workspace was founded with",
        ) from error
