"""Templates by which remote judges are asked; versioned, and part of what a judge is.

A template says only how to judge. The principles are put into it as they are when the judge is
asked; question and answers go into a message of their own, as one JSON object, so that no answer
can end its quotation and begin to speak as the one who asks.
"""

import json
import re
import tomllib
from pathlib import Path
from string import Template as Placeholders
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from logs.errors import UsageError
from logs.vocabulary import Constitution

SHIPPED = Path(__file__).parent / "templates"
Message = dict[str, str]
_MARK = re.compile(r"<(?=[|\uff5c]|/?\w+>)|\[(?=/?[A-Z_]{2,}\]|gMASK\])", re.ASCII)
"""Where a mark of a chat template begins: <|im_end|>, </s>, <end_of_turn>, [/INST] and others."""


class Template(BaseModel):
    """How one question is put, and what an answer to it looks like."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["pointwise", "pairwise"]
    system: str = Field(min_length=1, max_length=20_000)
    """With $principles, $low and $high."""
    low: int = Field(default=1, ge=0, le=99)
    high: int = Field(default=10, ge=1, le=100)
    """Ends of the grades of a pointwise template."""
    points_per_unit: float = Field(default=1.5, gt=0, le=100)
    """Points of a grade that are one unit of a score: a difference of one unit claims that the
    better answer wins with probability 0.73."""

    @model_validator(mode="after")
    def _is_whole(self) -> "Template":
        if self.low >= self.high:
            raise ValueError("low is below high")
        filled = Placeholders(self.system)
        unknown = set(filled.get_identifiers()) - {"principles", "low", "high"}
        if not filled.is_valid() or unknown or "principles" not in filled.get_identifiers():
            raise ValueError("holds $principles, perhaps $low and $high; a dollar sign is $$")
        return self

    def messages(self, constitution: Constitution, shown: dict[str, str]) -> list[Message]:
        """The messages of one question; `shown` is data, and stays quoted."""
        principles = "\n".join(f"- ({p.weight}) {p.text}" for p in constitution.principles)
        system = Placeholders(self.system).substitute(
            principles=principles, low=self.low, high=self.high
        )
        return [
            {"role": "system", "content": system.strip()},
            {"role": "user", "content": quoted(shown)},
        ]

    @property
    def schema_of_answer(self) -> dict[str, Any]:
        """The form of an answer, as a JSON schema."""
        if self.kind == "pointwise":
            field, form = "rating", {"type": "integer", "minimum": self.low, "maximum": self.high}
        else:
            field, form = "better", {"type": "string", "enum": ["A", "B", "tie"]}
        return {
            "type": "object",
            "properties": {field: form},
            "required": [field],
            "additionalProperties": False,
        }


def quoted(shown: dict[str, str]) -> str:
    """Data as one JSON object that no text in it can leave.

    Marks by which chat templates part messages are one token of their own wherever they stand, so
    that a server would end the message there: they are written as escapes. So is half a pair of
    code units, which no request can hold as it is.
    """
    plain = _MARK.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(shown, ensure_ascii=False)
    )
    return plain.encode("utf-8", "backslashreplace").decode("utf-8")


def template_of(named: str, folder: Path) -> Template:
    """A template that is shipped under this name, or a file of the user's in `folder`.

    Raises:
        UsageError: there is no such template, or it is none.
    """
    shipped = SHIPPED / f"{named}.toml"
    path = shipped if shipped.parent == SHIPPED and shipped.is_file() else folder / named
    try:
        return Template.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _unreadable(named, "no such template, and no such file in the workspace") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the template"
        raise _unreadable(named, f"{where}: {first['msg']}") from error
    except ValueError as error:
        raise _unreadable(named, str(error)) from error


def _unreadable(named: str, saw: str) -> UsageError:
    shipped = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.toml")))
    return UsageError(
        "A judge's template cannot be read.",
        saw=f"{named!r}: {saw}",
        wanted=f"{shipped}, or a file of that form in the workspace",
        try_this=f"copy {SHIPPED.name}/pointwise-v1.toml of tools/remote into the workspace",
    )
