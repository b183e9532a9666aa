"""The verifier of numbers: the last number of an answer, compared exactly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

LONGEST = 60
"""Characters of a number; a longer one is no answer to anything, and slow to compare."""
MARKS = ("####", r"\boxed{")
"""Behind the last of these the number is looked for, where an answer has one."""
_NUMBER = re.compile(
    r"(?<![\w.])[-+\u2212]?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?/\s?\d+)?(?:[eE][-+]?\d{1,3})?%?"
    r"|(?<![\w.])[-+\u2212]?\$?\.\d+%?"
)


@dataclass(frozen=True, slots=True)
class Number:
    """Right is the same number: 0.5, 1/2, 50% and .50 are one, 1,000 and 1000 too."""

    column = "answer"

    def reference(self, given: Any, row: Mapping[str, Any]) -> str:
        """The number as text; of a worked solution the last one, behind `####` if it is there."""
        if isinstance(given, bool) or not isinstance(given, (int, float, str)):
            raise ValueError(f"{given!r} is not a number")
        found = last_number(str(given))
        if found is None:
            raise ValueError("it holds no number")
        return f"{found.numerator}/{found.denominator}"

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether the last number of the answer is the reference."""
        return last_number(answer) == Fraction(reference)

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether there is any number."""
        return last_number(answer) is not None


def last_number(text: str) -> Fraction | None:
    """The last number of a text, behind the last mark if there is one; None without any."""
    at = max((text.rfind(mark) for mark in MARKS), default=-1)
    found = _numbers(text[at:]) if at >= 0 else []
    found = found or _numbers(text)
    return _value(found[-1]) if found else None


def _numbers(text: str) -> list[str]:
    return [m.group() for m in _NUMBER.finditer(text) if len(m.group()) <= LONGEST]


def _value(said: str) -> Fraction | None:
    """What is written; None where it divides by 0."""
    plain = said.replace("\u2212", "-").replace("$", "").replace(",", "").replace(" ", "")
    share = plain.endswith("%")
    top, _, bottom = plain.removesuffix("%").partition("/")
    if bottom and int(bottom) == 0:
        return None
    value = Fraction(top) / (Fraction(bottom) if bottom else 1)
    return value / 100 if share else value
