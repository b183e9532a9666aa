"""Answers beside twins with one flaw added, as the models see them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tools.counterfactual import flawed
from tools.features import Answer
from tools.models import load_policy, load_tokenizer
from tools.scoring import answer_logps
from tools.threads import use_threads


@dataclass(frozen=True, slots=True)
class Readers:
    """The models that say how likely an answer is: the base, and the reader if there is one."""

    codec: Any
    base: Any
    reader: Any | None

    def logps(self, answers: Sequence[Answer]) -> tuple[list[float], list[float]]:
        """log p of each answer under the base and under the reader, nats; 0 without a reader."""
        rows = [
            (self.codec.prompt(a.prompt), self.codec.answer(self.codec.encode_answer(a.text)))
            for a in answers
        ]
        base = answer_logps(self.base, rows, pad=self.codec.pad)
        if self.reader is None:
            return base, [0.0] * len(rows)
        return base, answer_logps(self.reader, rows, pad=self.codec.pad)


def readers_of(args: Mapping[str, Any]) -> Readers:
    """The models that a job was given: base, reader (or None), threads."""
    use_threads(args["threads"])
    base = Path(args["base"])
    reader = load_policy(Path(args["reader"]), None) if args["reader"] else None
    return Readers(load_tokenizer(base), load_policy(base, None), reader)


def twins(
    flaw: str, rng: random.Random, answers: Sequence[Answer], readers: Readers
) -> list[tuple[Answer, Answer]]:
    """Answers with their flawed twins; one to which the flaw does not apply has none."""
    pairs = [(a, flawed(flaw, rng, a)) for a in answers]
    return with_logps([(a, b) for a, b in pairs if b is not None], readers)


def with_logps(
    pairs: Sequence[tuple[Answer, Answer]], readers: Readers
) -> list[tuple[Answer, Answer]]:
    """Answers beside twins of which the models have said how likely they are."""
    base, reader = readers.logps([twin for _, twin in pairs])
    return [
        (plain, replace(twin, base_logp=logp, reader_logp=other))
        for (plain, twin), logp, other in zip(pairs, base, reader, strict=True)
    ]
