"""What somebody asks of an iteration: `gold < 0.5`, `drift.kl_to_anchor > 3`, `gold.high < 0.4`.

    [drift.|judge.]INSTRUMENT[[OF]][.low|.high|.n] OPERATOR NUMBER

A name in front only says what it is about. Without an end, the estimate is meant; what was not
measured is neither true nor false.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from logs.errors import UsageError
from logs.turns import Turn
from logs.vocabulary import Measurement

OPERATORS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        "<=": operator.le,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        ">": operator.gt,
    }
)
_FORM = re.compile(
    r"\s*(?:(?:drift|judge|session)\.)?([a-z][a-z0-9_]*)(?:\[([^\[\]]{1,80})\])?"
    r"(?:\.(low|high|n))?\s*(<=|>=|==|!=|<|>)\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*"
)


@dataclass(frozen=True, slots=True)
class Predicate:
    """One comparison of one measurement with a number."""

    instrument: str
    of: str
    end: str
    """`estimate`, `low`, `high` or `n`."""
    sign: str
    number: float

    def __str__(self) -> str:
        of = f"[{self.of}]" if self.of else ""
        end = "" if self.end == "estimate" else f".{self.end}"
        return f"{self.instrument}{of}{end} {self.sign} {self.number:g}"

    def holds(self, found: Measurement) -> bool | None:
        """Whether it is true of a measurement; None where that has no such value."""
        value = getattr(found, self.end)
        return None if value is None else OPERATORS[self.sign](float(value), self.number)

    def values(self, told: Sequence[Turn]) -> dict[int, Measurement]:
        """The measurement of each iteration that has it."""
        found: dict[int, Measurement] = {}
        for turn in told:
            for m in _all(turn):
                if (m.instrument, m.of) == (self.instrument, self.of):
                    found.setdefault(turn.iteration, m)
        return found

    def unknown(self, told: Sequence[Turn]) -> UsageError:
        """What to say where no iteration has it."""
        names = {f"{m.instrument}[{m.of}]" if m.of else m.instrument for t in told for m in _all(t)}
        own = f"{self.instrument}[{self.of}]" if self.of else self.instrument
        near = difflib.get_close_matches(own, names, n=3, cutoff=0.4)
        return UsageError(
            "No iteration of this session measured that.",
            saw=own,
            wanted=f"one of {len(names)} measurements, for example " + ", ".join(sorted(names)[:6]),
            try_this=f"did you mean {near[0]}?" if near else "plimsoll log show iter:1",
        )


def parse(text: str) -> Predicate:
    """Read a predicate.

    Raises:
        UsageError: it does not have the form, or its number is none.
    """
    found = _FORM.fullmatch(text)
    try:
        number = float(found[5]) if found else math.nan
    except ValueError:
        number = math.nan
    if found and math.isfinite(number):
        return Predicate(found[1], found[2] or "", found[3] or "estimate", found[4], number)
    raise UsageError(
        "This is not a predicate about an iteration.",
        saw=repr(text[:80]),
        wanted="MEASUREMENT < NUMBER, with one of < <= > >= == !=",
        try_this="--where 'gold < 0.5', 'drift.kl_to_anchor > 3', or 'gold.high < 0.4'",
    )


def _all(turn: Turn) -> Iterator[Measurement]:
    """What the keeper measured first, as views prefer it."""
    yield from turn.gold
    yield from turn.claim
    yield from turn.observation.measurements if turn.observation else ()
