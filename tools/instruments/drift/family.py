"""Everything that one look at a policy asks, against one reference: a family of measurements.

Both sides answered the same prompts equally often. The names are those of a session's log, with
the reference in `of`; each level is what the look may spend on it, see `looks`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.drift.diversity import entropy_change, siblings_change, vendi_change
from tools.instruments.drift.embedding import FOR_DIVERSITY, FOR_TESTS, Embedding
from tools.instruments.drift.kl import kl_per_answer, kl_per_token, kl_profile
from tools.instruments.drift.lexical import distinct_change, self_bleu_change
from tools.instruments.drift.looks import Look
from tools.instruments.drift.surface import format_change, length_change, refusal_change
from tools.instruments.drift.two_samples import classifier_drift, kernel_drift
from tools.instruments.estimates import refuse_unequal

Floats = NDArray[np.float64]
TESTS, INTERVALS = 2, 10
"""Permutation tests, of the first reference alone, and metrics told by an interval, of each."""
CORPUS_SAMPLES = 2
"""Answers per prompt that tests and the corpus's diversity read; with 200 prompts 400 a side."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one policy answered, by prompt, the siblings of a prompt in a row."""

    texts: Sequence[Sequence[str]]
    entropies: Sequence[Sequence[Sequence[float]]]
    """Of the first answers to each prompt: exact entropy of the next token at each token drawn,
    its end included; nats."""
    refused: Sequence[bool]
    """Whether the first answer to each prompt is a refusal."""
    formed: Sequence[bool]
    """Whether it has the form that was asked for."""

    @property
    def samples(self) -> int:
        """Answers per prompt."""
        return min(map(len, self.texts), default=0)


def look_at(k: int, planned: int, references: int) -> Look:
    """The look at which a policy is compared with so many references."""
    return Look(k, planned, tests=TESTS, intervals=INTERVALS * references)


def compared(
    now: Said,
    then: Said,
    of: str,
    *,
    look: Look,
    seed: int,
    embed: Embedding | None = FOR_TESTS,
    diversity: Embedding = FOR_DIVERSITY,
) -> tuple[Measurement, ...]:
    """Every change of the answers against one reference, at the levels of the look.

    What cannot be measured on these answers is insufficient and says why.

    Args:
        embed: what the two-sample tests see; None asks none of them.
        diversity: what the Vendi scores see.

    Raises:
        UndefinedMeasurement: the sides differ in prompts or in answers per prompt.
    """
    refuse_unequal("drift", {"prompts now": len(now.texts), f"at {of}": len(then.texts)})
    refuse_unequal("drift", {"answers a prompt now": now.samples, f"at {of}": then.samples})
    tests = _tests(now, then, of, look, embed, seed) if embed else {}
    makers = {**tests, **_changes(now, then, look, diversity)}
    return tuple(_named(name, of, look, make) for name, make in makers.items())


Makers = dict[str, Callable[[], Measurement]]


def _tests(now: Said, then: Said, of: str, look: Look, embed: Embedding, seed: int) -> Makers:
    sides = [_points(side, embed, CORPUS_SAMPLES) for side in (now, then)]
    rows = _rows(len(now.texts), min(now.samples, CORPUS_SAMPLES))
    return {
        name: lambda test=test: test(  # type: ignore[misc]
            *sides,
            of,
            seed=seed,
            prompts=(rows, rows),
            embedding=embed.digest,
            alpha=look.test_alpha,
            permutations=look.permutations,
        )
        for name, test in (("mmd", kernel_drift), ("c2st", classifier_drift))
    }


def _changes(now: Said, then: Said, look: Look, embed: Embedding) -> Makers:
    few = _rows(len(now.texts), min(now.samples, CORPUS_SAMPLES))
    rows, level = _rows(len(now.texts), now.samples), look.level
    a, b = (list(chain.from_iterable(s.texts)) for s in (now, then))
    x, y = (list(chain.from_iterable(s.entropies)) for s in (now, then))
    scored = [i for i, row in enumerate(now.entropies) for _ in row]
    return {
        "vendi_change": lambda: vendi_change(
            _points(now, embed, CORPUS_SAMPLES),
            _points(then, embed, CORPUS_SAMPLES),
            prompts=few,
            level=level,
        ),
        "siblings_change": lambda: siblings_change(
            *(_points(s, embed).reshape(len(s.texts), s.samples, -1) for s in (now, then)),
            level=level,
        ),
        "entropy_change": lambda: entropy_change(x, y, prompts=scored, level=level),
        "distinct_2_change": lambda: distinct_change(a, b, prompts=rows, level=level),
        "self_bleu_change": lambda: self_bleu_change(a, b, prompts=rows, level=level),
        "length_change": lambda: length_change(
            [len(e) for e in x], [len(e) for e in y], prompts=scored, level=level
        ),
        "refusals_change": lambda: refusal_change(now.refused, then.refused, level=level),
        "format_change": lambda: format_change(now.formed, then.formed, level=level),
    }


def distance(
    tokens: Sequence[Sequence[Sequence[float]]],
    of: str,
    *,
    look: Look | None = None,
    budget: float | None = None,
) -> Iterator[Measurement]:
    """Exact KL from one reference: per token against a budget, per answer, and by position.

    Args:
        tokens: nats at each token of each answer, by prompt.
        budget: nats per token that the law allows.
    """
    flat, rows = list(chain.from_iterable(tokens)), _rows(len(tokens), min(map(len, tokens)))
    if look is None:
        yield kl_per_answer(flat, of, prompts=rows).model_copy(update=_kl("kl_per_answer", of))
        return
    for name, measure, most in (
        ("kl_per_token", kl_per_token, budget),
        ("kl_per_answer", kl_per_answer, None),
    ):
        found = measure(flat, of, prompts=rows, budget=most, level=look.level)
        yield look.told(found).model_copy(update=_kl(name, of))
    for band in kl_profile(flat, of, prompts=rows):
        yield band.model_copy(update=_kl("kl_at", f"{of}, {band.of}"))


def _kl(name: str, of: str) -> dict[str, str]:
    return {"instrument": name, "of": of}


def _named(name: str, of: str, look: Look, make: Callable[[], Measurement]) -> Measurement:
    """Under the session's name, and never an error that ends the turn."""
    try:
        found = look.told(make())
    except UndefinedMeasurement as error:
        found = undefined(name, error)
    return found.model_copy(update={"instrument": name, "of": of})


def undefined(name: str, error: UndefinedMeasurement, *, of: str = "") -> Measurement:
    """What could not be measured, as a measurement that is insufficient and says why."""
    return Measurement(
        instrument=name,
        estimate=None,
        units="undefined",
        n=0,
        status=Status.INSUFFICIENT,
        assumptions=(f"undefined: {error.what} Saw {error.saw}.",),
        of=of,
    )


def _points(side: Said, embed: Embedding, samples: int | None = None) -> Floats:
    """Embeddings of the first answers to each prompt, shape (prompts x samples, dimensions)."""
    return embed([text for row in side.texts for text in row[:samples]])


def _rows(prompts: int, samples: int) -> list[int]:
    """The prompt of each answer."""
    return [i for i in range(prompts) for _ in range(samples)]
