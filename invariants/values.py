"""Exact values: what a fact can be, how it is read from text, how it is shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_DIGITS = 60
"""Digits of one number in a policy or in evidence; keeps exact arithmetic cheap."""

_DECIMAL = re.compile(r"[+-]?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?")
_RATIO = re.compile(r"([+-]?[0-9]{1,60})/([0-9]{1,60})")


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that has no value; no comparison with it is true, and none is false."""

    why: str


Value = bool | Fraction | str | Missing
"""Numbers are always `Fraction`; an int or float never gets this far."""

Tree = Mapping[str, Any]
"""A record: field -> Value, Tree, or a `Collection` of records."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Records by id, and what stands for an id that is not among them."""

    name: str
    items: Mapping[str, Tree]

    def get(self, key: str) -> Tree:
        """The record of this id; an absent one has weight 0, is not present, and knows no more."""
        return self.items.get(key) or _Absent(f"{self.name} has no `{key}`")


class _Absent(dict[str, Value]):
    def __init__(self, why: str) -> None:
        super().__init__(present=False, weight=Fraction(0))
        self.why = why

    def __missing__(self, key: str) -> Value:
        return Missing(f"{self.why}, so it has no {key}")


def rational(text: object) -> Fraction | None:
    """The exact number that a text states, as 3, 0.05, 1e-3 or 1/20; None if it states none."""
    if not isinstance(text, str):
        return None
    if _DECIMAL.fullmatch(text):
        return Fraction(text)
    ratio = _RATIO.fullmatch(text)
    if ratio is None or int(ratio[2]) == 0:
        return None
    return Fraction(int(ratio[1]), int(ratio[2]))


def number(value: object) -> Fraction | None:
    """An int or a finite Decimal as an exact number; None for bool, float, NaN and infinity."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite()):
        return Fraction(value)
    return None


def shown(value: Value) -> str:
    """A value in people's words; a number that is cut short ends in `…`."""
    match value:
        case bool():
            return "true" if value else "false"
        case Fraction():
            return _decimal(value)
        case Missing():
            return f"missing ({value.why})"
        case _:
            return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'


def _decimal(value: Fraction) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size.denominator == 1:
        return f"{sign}{size.numerator}"
    scaled = size * 10**6
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    digits = f"{whole // 10**6}.{whole % 10**6:06d}"
    return sign + (f"{digits}…" if rest else digits.rstrip("0"))
