"""What the answers look like: longer, more marked up, refusing more? Paired with the anchor."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.drift.changes import (
    FEW,
    FEWEST,
    Change,
    Prompts,
    difference,
    reported,
    status,
)
from tools.instruments.drift.shares import share_change
from tools.instruments.intervals import LEVEL

Floats = NDArray[np.float64]
LENGTH, REFUSALS = 0.20, 0.03
FORMAT = -0.05
"""Points of answers in the form asked for; our choice."""
_MARKED = re.compile(
    r"^\s*(#{1,6}\s|[-*+]\s|\d+[.)]\s|>\s|\||```|~~~|([-*_])(\s*\2){2,}\s*$)"
    r"|\*\*\S|__\S|`[^`]+`|\]\("
)
_REFUSES = re.compile(
    r"\b(i\s+(can(no|')?t|won't|will\s+not|am\s+(not\s+able|unable)\s+to|must\s+decline)"
    r"|i'm\s+(sorry|unable|not\s+able)|i\s+apologi[sz]e|as\s+an\s+ai\b|refuse)",
    re.IGNORECASE,
)


def length_change(
    now: Sequence[int],
    then: Sequence[int],
    *,
    prompts: Prompts = None,
    gain: Measurement | None = None,
    level: float = LEVEL,
) -> Measurement:
    """Relative change of the geometric mean length; red at +20 % without a gain to show for it.

    Args:
        now: tokens per answer, its end included; row i of both sides answers `prompts[i]`.
        gain: the length-controlled gain over the anchor, where it was measured. Longer answers
            with a gain above 0 are yellow; with a gain that is flat or not known, red.

    Raises:
        UndefinedMeasurement: an answer of no tokens, or the rows do not match.
    """
    sides = [_logs(side) for side in (now, then)]
    found = difference("length", sides[0], sides[1], prompts, level=level)
    change = None if found is None or found.clusters < FEWEST else _relative(found)
    verdict = None
    if change is not None:
        verdict = status(change.estimate, change.interval, LENGTH)
        if verdict in (Status.RED, Status.YELLOW):
            verdict = Status.YELLOW if _gained(gain) else Status.RED
    return reported(
        "log_length",
        change,
        LENGTH,
        units="relative change",
        n=len(now),
        verdict=verdict,
        assumptions=(_told(gain), *(() if change else (FEW,))),
        level=level,
    )


def _logs(tokens: Sequence[int]) -> Floats:
    out = np.asarray(tokens, dtype=np.float64)
    if not (np.isfinite(out) & (out >= 1)).all():
        raise UndefinedMeasurement(
            "log_length is a mean of logarithms.",
            saw=f"{int((~(out >= 1)).sum())} answers of no tokens",
            wanted="at least 1: the end of the answer",
            try_this="count the end-of-sequence token",
        )
    return np.log(out)


def _relative(change: Change) -> Change:
    estimate, low, high = (float(np.expm1(x)) for x in (change.estimate, *change.interval))
    return Change(estimate, (low, high), change.clusters)


def _gained(gain: Measurement | None) -> bool:
    return gain is not None and gain.low is not None and gain.low > 0


def _told(gain: Measurement | None) -> str:
    if gain is None or gain.low is None:
        return "no length-controlled gain was measured"
    return f"length-controlled gain at least {gain.low:.3f}"


def markdown_density(text: str) -> float:
    """Share of lines, blank ones left out, that carry Markdown; 0 for a text of no lines.

    Headings, lists, quotes, tables, fences, rules, bold, code spans and links.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(bool(_MARKED.search(line)) for line in lines) / len(lines) if lines else 0.0


def markdown_change(
    now: Sequence[str], then: Sequence[str], *, prompts: Prompts = None
) -> Measurement:
    """Mean Markdown density now minus at the anchor; a report, without a threshold."""
    sides = [np.array([markdown_density(text) for text in side]) for side in (now, then)]
    change = difference("markdown", sides[0], sides[1], prompts)
    return reported("markdown", change, None, units="share of lines", n=len(now))


def refuses(text: str) -> bool:
    """Whether an answer reads as a refusal, by rule (English phrases, or the world's word).

    A rule: audit it with a judge on a sample before its rate is believed.
    """
    return bool(_REFUSES.search(text.replace("’", "'")))


def refusal_change(
    now: Sequence[bool], then: Sequence[bool], *, of: str = "", level: float = LEVEL
) -> Measurement:
    """Share of refusals now minus at the anchor, one answer per prompt; yellow at +3 points.

    Raises:
        UndefinedMeasurement: the sides differ in length, or hold something other than yes or no.
    """
    return share_change("refusals", now, then, REFUSALS, of=of, most=Status.YELLOW, level=level)


def format_change(
    now: Sequence[bool], then: Sequence[bool], *, of: str = "", level: float = LEVEL
) -> Measurement:
    """Share of answers in the form asked for, one answer per prompt; yellow at -5 points.

    Raises:
        UndefinedMeasurement: the sides differ in length, or hold something other than yes or no.
    """
    return share_change("format", now, then, FORMAT, of=of, most=Status.YELLOW, level=level)
