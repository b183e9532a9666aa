"""The verifier of numbers: the last number of an answer, compared exactly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

LONGEST = 60
"""Characters of a number; a longer one is no answer to anything, and slow to compare."""
BOX = r"\boxed{"
"""Only what stands in the last one counts, where an answer has one."""
HASHES = "####"
"""The number right behind the last one counts, unless it numbers a heading."""
_NUMBER = re.compile(
    r"(?<![\w.])[-+\u2212]?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?(?:\s?/\s?\d+)?%?"
    r"|(?<![\w.])[-+\u2212]?\$?\.\d+(?:[eE][-+]?\d{1,3})?%?"
)
_HEADING = re.compile(r"[.):][ \t]*[^\W\d]")
_FRACTION = re.compile(
    r"(?:(?<![\d.,])(\d{1,9})\s?)?"
    r"\\[dt]?frac\s?(?:\{\s?(\d{1,30})\s?\}\s?\{\s?(\d{1,30})\s?\}|(\d)\s?(\d))"
)
_POWER = re.compile(
    r"(?<=\d)\s{0,3}(?:\\times|\\cdot|[\u00d7*x])\s{0,3}10\s?\^\s?\{?\s?([-+\u2212]?\d{1,3})\s?\}?"
)
_UNIT = re.compile(
    r"\\(?:text\w*|mathrm|mathbf|mbox)\s?\{([^{}\d]{0,99})\}(?:\s?\^\s?\{?\d\}?)?"
    r"|\\(?:text\w*|mathrm|mathbf|mbox)\s?\{([^{}]{0,99})\}|\^\s?\{?\s?\\circ\s?\}?"
)
_FORMULA = re.compile(r"[\^_]|\\(?:sqrt|d?frac|tfrac|pi|cdot|times|log|ln|sin|cos|tan|infty|pm)")
_SIGNS = (("{,}", ","), (r"\!", ""), (r"\%", "%"), (r"\$", "$"))


@dataclass(frozen=True, slots=True)
class Number:
    r"""Right is the same number: 0.5, 1/2, \frac{1}{2} and .50 are one, 1,000 and 1000 too.

    A share is read as what it is and as how many percent: 20% is right where 0.2 or 20 is.
    """

    column = "answer"

    def reference(self, given: Any, row: Mapping[str, Any]) -> str:
        """The number as text; of a worked solution its result, marked or last."""
        if isinstance(given, bool) or not isinstance(given, (int, float, str)):
            raise ValueError(f"{given!r} is not a number")
        found = last_number(str(given))
        if found is None:
            raise ValueError("it holds no number, or a formula in its box")
        return f"{found.numerator}/{found.denominator}"

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether the last number of the answer is the reference."""
        said = _last(answer)
        value, wanted = _value(said), Fraction(reference)
        if value is None:
            return False
        return value == wanted or (said.endswith("%") and value * 100 == wanted)

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether there is any number."""
        return last_number(answer) is not None


def last_number(text: str) -> Fraction | None:
    """The number that a text marks as its result, else its last; None without any."""
    return _value(_last(text))


def _last(text: str) -> str:
    """That number as it is written; empty without any."""
    plain = _without_latex(text)
    if (at := plain.rfind(BOX)) >= 0:
        return _boxed(_inside(plain[at + len(BOX) :]))
    if (at := plain.rfind(HASHES)) >= 0:
        behind = re.compile(r"[ \t*]*").match(plain, at + len(HASHES))
        found = _NUMBER.match(plain, behind.end()) if behind else None
        if found and not _HEADING.match(plain, found.end()):
            return found.group() if len(found.group()) <= LONGEST else ""
    return _last_of(plain)


def _boxed(content: str) -> str:
    """The number in a box; a formula there is none."""
    bare = _UNIT.sub(lambda m: m.group(2) or "", content)
    return "" if _FORMULA.search(bare) else _last_of(bare)


def _inside(text: str) -> str:
    """What stands before the brace that closes."""
    deep = 1
    for at, sign in enumerate(text):
        deep += (sign == "{") - (sign == "}")
        if not deep:
            return text[:at]
    return text


def _without_latex(text: str) -> str:
    """Fractions, powers of ten and separators, as they are written without LaTeX."""
    for sign, plain in _SIGNS:
        text = text.replace(sign, plain)
    text = _FRACTION.sub(_fraction, text)
    return _POWER.sub(lambda m: "e" + m.group(1).replace("\u2212", "-"), text)


def _fraction(found: re.Match[str]) -> str:
    """As `3/4`; with what stands before it as one."""
    whole, top, bottom = (int(found[a] or found[b] or 0) for a, b in ((1, 1), (2, 4), (3, 5)))
    return f"{whole * bottom + top}/{bottom}"


def _last_of(text: str) -> str:
    said = [m.group() for m in _NUMBER.finditer(text) if len(m.group()) <= LONGEST]
    return said[-1] if said else ""


def _value(said: str) -> Fraction | None:
    """What is written; None for nothing, and where it divides by 0."""
    plain = said.replace("\u2212", "-").replace("$", "").replace(",", "").replace(" ", "")
    top, _, bottom = plain.removesuffix("%").partition("/")
    if not top or (bottom and int(bottom) == 0):
        return None
    value = Fraction(top) / (Fraction(bottom) if bottom else 1)
    return value / 100 if plain.endswith("%") else value
