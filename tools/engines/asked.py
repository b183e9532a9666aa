"""What an engine is asked and what it hands back: one protocol for all engines.

An engine draws; nothing else. What it drew is a file of JSON lines, one for each prompt, and each
line holds `[ids, logps, finished]` for every sibling: token ids without the end, natural logarithms
at temperature 1 of each and of the end, and whether the end was reached. The jobs behind the wall
read that file in place of sampling, and go on as ever.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from logs.errors import JobFailed
from logs.vocabulary import Digest
from sandbox.limits import Limits
from sandbox.worker import JobResult

Ids = list[int]
OnProgress = Callable[[int, int, str], None]
TOLERANCE, TOLERANCE_OF_HALF = 0.01, 0.15
"""Nats a token, in float32 and in half of that: an answer differs by tenths of a nat there."""
ROUNDING = 1e-3
"""Nats by which rounding may put a logarithm of a probability above zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One draw, by the digests of its weights; the same ask gives the same answers."""

    base: Digest
    adapter: Digest | None
    """What was trained on top of the base: a LoRA adapter, or a whole model."""
    prompts: Sequence[Ids]
    """Token ids, ready for the answer to follow."""
    samples: int
    temperature: float
    max_new_tokens: int
    seed: int
    eos: int
    vocabulary: int
    """Token ids are below it."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A file of answers, and what drawing them took."""

    path: Path
    result: JobResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """How far the numbers of an engine go, for the jobs that read them."""

    repeats: bool
    """Whether its log-probabilities repeat to the last digit. Where they do not, since batches
    follow from who came when, the job scores the answers itself, and compares."""
    tolerance: float
    """Nats a token by which they may differ from those of the weights that the job loaded."""


class Engine(Protocol):
    """Draws answers; starts what it needs at the first ask, and leaves nothing when closed."""

    @property
    def nature(self) -> Nature:
        """How far its numbers go."""
        ...

    def draw(self, ask: Ask, *, limits: Limits, on_progress: OnProgress) -> Drawn:
        """Draw, within the limits.

        Raises:
            EngineFailed: the engine died or hung twice in a row.
            PlimsollError: what was asked cannot be served.
        """
        ...

    def close(self) -> None:
        """End whatever runs, and wait until it is gone."""
        ...


def tolerance_of(dtype: str) -> float:
    """Nats a token by which an engine of this precision may differ from a job, in float32."""
    return TOLERANCE if dtype == "float32" else TOLERANCE_OF_HALF


def require_whole(path: Path, ask: Ask, *, scored: bool = True) -> None:
    """Look at every number that an engine wrote, before any of it is used.

    Args:
        scored: whether every answer must have its token ids and log-probabilities; else an answer
            may be a text, and may come without them.

    Raises:
        JobFailed: answers are missing, or one is not what was asked for.
    """
    try:
        with path.open(encoding="utf-8") as file:
            rows = [json.loads(line, parse_constant=_not_finite) for line in file]
    except (OSError, ValueError) as error:
        raise _unusable(f"{type(error).__name__}: {error}") from error
    if len(rows) != len(ask.prompts):
        raise _unusable(f"answers to {len(rows)} prompts of {len(ask.prompts)}")
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != ask.samples:
            raise _unusable(f"prompt {place}: not {ask.samples} answers")
        for answer in row:
            if fault := _fault(answer, ask, scored):
                raise _unusable(f"prompt {place}: {fault}")


def _fault(answer: Any, ask: Ask, scored: bool) -> str:
    """What is wrong with one answer; empty if nothing is."""
    most = ask.max_new_tokens
    match answer:
        case [str(), None, bool()] if not scored:
            return ""
        case [list(ids), None, bool(finished)] if not scored:
            logps = [0.0] * (len(ids) + finished)
            most += finished  # an end that is not told took no place among the tokens
        case [list(ids), list(logps), bool(finished)]:
            pass
        case _:
            return "an answer that is not [ids, logps, finished]"
    if not all(type(i) is int and 0 <= i < ask.vocabulary for i in ids):
        return f"a token id outside of the {ask.vocabulary} of the vocabulary"
    if not all(isinstance(p, float | int) and math.isfinite(p) and p <= ROUNDING for p in logps):
        return "a log-probability that is not a number of at most 0"
    if len(logps) != len(ids) + finished:
        return f"{len(logps)} log-probabilities of {len(ids) + finished} tokens"
    if len(logps) > most or not (finished or len(ids) == ask.max_new_tokens):
        return f"{len(logps)} tokens, unfinished or too many, where {ask.max_new_tokens} may be"
    return ""


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"{name} where a finite number belongs")


def _unusable(saw: str) -> JobFailed:
    return JobFailed(
        "What the engine drew cannot be used; none of it was.",
        saw=saw,
        wanted="for each prompt and sibling: token ids, finite log-probabilities, an end",
        try_this='run it again; if it stays so, compare with [sampling] engine = "transformers"',
    )
