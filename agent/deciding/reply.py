"""What a model answered, read without trust: one JSON object of the agreed form, or a name of what
is wrong with it."""

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.deciding.briefing import BECAUSE
from agent.deciding.menu import Item, arguments_of
from logs.vocabulary import Prediction
from tools.strict_json import value_in

MOST_CHARACTERS = 20_000


class Foreseen(BaseModel):
    """What the model expects the next observation to say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    metric: str = Field(max_length=80)
    low: float
    high: float

    @model_validator(mode="after")
    def _in_order(self) -> "Foreseen":
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError("low and high are finite, and in this order")
        return self


class Reply(BaseModel):
    """A choice of the menu with its reason."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    intervention: str = Field(max_length=80)
    arguments: dict[str, str | int]
    because: str = Field(min_length=1, max_length=BECAUSE)
    prediction: Foreseen | None
    confidence: float = Field(ge=0, le=1)

    def item(self, menu: Sequence[Item]) -> tuple[Item, dict[str, str]] | None:
        """The entry that was chosen, with arguments for its maker; None if it is not on offer."""
        for item in menu:
            if str(item.intervention) == self.intervention:
                taken = item.taken(self.arguments)
                if taken is not None:
                    return item, arguments_of(item, taken)
        return None

    def predicted(self, known: Sequence[str]) -> Prediction | None:
        """The prediction, if it is about something that is measured."""
        if self.prediction is None or self.prediction.metric not in known:
            return None
        return Prediction(**self.prediction.model_dump())


def read(text: str) -> Reply | str:
    """The reply in a text, or why there is none: `too-long`, `not-json` or `invalid`."""
    if len(text) > MOST_CHARACTERS:
        return "too-long"
    try:
        found = value_in(text)
    except ValueError:
        return "not-json"
    try:
        return Reply.model_validate(found)
    except ValidationError as error:
        long = any(e["type"] == "string_too_long" for e in error.errors())
        return "too-long" if long else "invalid"
