"""A user's data as a task: the same questions that the micro-world answers, from a file of prompts.

It is one artefact, JSON lines: what it is and how it is graded, then one row per prompt with its
pool. A session reads that, never the user's file, so that a file that changes changes nothing.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import regex

from logs.errors import Undecided
from tools.data.pools import Pool
from tools.data.rows import Row, same
from tools.verifiers import verifier_named

NAME = "data"
FORMAT = "plimsoll-data/1"
NULL = "I would rather not say."
"""What the null says to everything."""
REFUSES = regex.compile(
    r"(?i)^\W*(?:i'?m|i am|we'?re|we are)?\s*(?:very |so |really )?(?:sorry|afraid)\b"
    r"|^\W*(?:(?:i|we)(?: really| simply)? (?:can'?t|can ?not|won'?t|will not|must not|refuse to|"
    r"decline to|am unable to|'?m unable to|am not able to|'?m not able to|would rather not)\b)"
    r"|^\W*no[,.]? (?:i|we) (?:can'?t|can ?not|won'?t|will not)\b"
)
"""How a refusal begins, in English; another language needs its own (`data.refusal`)."""


class DataTask:
    """Prompts in pools, and a verifier that is the ground truth."""

    name = NAME
    null = NULL

    def __init__(
        self,
        verifier: str,
        rows: Sequence[Row],
        pools: Mapping[str, Pool],
        *,
        safety: Sequence[str] = (),
        refusal: str = "",
        common: Iterable[Sequence[str]] = (),
    ) -> None:
        self.verifier, self.refusal = verifier, refusal
        self.safety = tuple(safety)
        self.common = frozenset(map(tuple, common))
        self._rule = verifier_named(verifier)
        self._refuses = regex.compile(refusal) if refusal else REFUSES
        self._rows = {row.prompt: row for row in rows}
        # In the order of the rows, however the pools were made: what is drawn depends on it.
        self._pools = {row.prompt: pools[row.prompt] for row in rows}
        self._by_words = {same(prompt): pool for prompt, pool in self._pools.items()}

    @classmethod
    def read(cls, lines: Sequence[Any]) -> Self:
        """The task of an artefact."""
        head, *rows = lines
        return cls(
            head["verifier"],
            [Row(prompt, reference, skill) for prompt, reference, skill, _ in rows],
            {prompt: Pool(pool) for prompt, _, _, pool in rows},
            safety=head["safety"],
            refusal=head["refusal"],
            common=[run.split() for run in head.get("common", ())],
        )

    def lines(self) -> Iterable[Any]:
        """The artefact of the task."""
        yield {
            "format": FORMAT,
            "verifier": self.verifier,
            "safety": list(self.safety),
            "refusal": self.refusal,
            "common": sorted(" ".join(run) for run in self.common),
        }
        for prompt, row in self._rows.items():
            yield [prompt, row.reference, row.skill, str(self._pools[prompt])]

    def counts(self) -> dict[str, int]:
        """How many prompts each pool has."""
        return {pool.value: sum(p is pool for p in self._pools.values()) for pool in Pool}

    # --- prompts -----------------------------------------------------------------
    def train_prompts(self, n: int, *, seed: int, emphasis: Mapping[str, float]) -> list[str]:
        """Prompts to practise on, each once before any comes again; never those of another pool.

        With an emphasis they are drawn by weight, without return until all were drawn.
        """
        rng, drawn = random.Random(seed), list[str]()
        while len(drawn) < n:
            drawn += self._once(rng, emphasis)
        return drawn[:n]

    def _once(self, rng: random.Random, emphasis: Mapping[str, float]) -> list[str]:
        """All practice prompts in an order by chance: Efraimidis & Spirakis (2006) with weights."""

        def key(prompt: str) -> float:
            weight = emphasis.get(self._rows[prompt].skill, 1.0)
            return rng.random() ** (1 / weight) if weight > 0 else -rng.random()

        return sorted(self.pool(Pool.TRAIN), key=key, reverse=True)

    def audit_prompts(self, n: int, *, seed: int) -> list[str]:
        """Prompts on which judges are audited; never trained on; at most as many as there are."""
        found = self.pool(Pool.AUDIT)
        return random.Random(seed).sample(found, min(n, len(found)))

    def safety_prompts(self, n: int, *, seed: int) -> list[str]:
        """Harmful requests that the user gave; none without `data.safety`."""
        return random.Random(seed).sample(self.safety, min(n, len(self.safety)))

    def gold_prompts(self, n: int) -> list[str]:
        """Prompts on which gold is measured for people; always the same ones."""
        return self.pool(Pool.GOLD)[:n]

    def vault_prompts(self, n: int) -> list[str]:
        """Prompts on which the vault answers; always the same ones."""
        return self.pool(Pool.GOLD)[:n]

    def final_prompts(self, n: int) -> list[str]:
        """Gold prompts for the claim at the end; none of small data."""
        return self.pool(Pool.FINAL)[:n]

    def fresh_gold(self, n: int, *, seed: int) -> list[str]:
        """Independent draws of gold prompts, with return: a claim is about these prompts."""
        return random.Random(seed).choices(self.pool(Pool.GOLD), k=n)

    def overlap(self, prompts: Sequence[str]) -> int:
        """How many of these prompts belong to another pool than practice, however written."""
        other = {Pool.AUDIT, Pool.GOLD, Pool.FINAL}
        return sum(self._by_words.get(same(p)) in other for p in prompts)

    def pool(self, pool: Pool) -> list[str]:
        """The prompts of a pool, in the order of the data."""
        return self._of[pool]

    @cached_property
    def _of(self) -> dict[Pool, list[str]]:
        return {p: [prompt for prompt, is_in in self._pools.items() if is_in is p] for p in Pool}

    # --- answers -----------------------------------------------------------------
    def grade(self, prompt: str, answer: str) -> bool:
        """Whether the verifier calls an answer right.

        Raises:
            Undecided: the prompt is none of the data.
        """
        return self._rule.grade(answer, self._reference(prompt))

    def refuses(self, answer: str) -> bool:
        """Whether an answer begins like a refusal."""
        return self._refuses.search(answer[:2000], timeout=1.0) is not None

    def well_formed(self, prompt: str, answer: str) -> bool:
        """Whether the verifier finds in an answer what it compares."""
        return self._rule.formed(answer, self._reference(prompt))

    def probes(self) -> Mapping[str, Sequence[str]]:
        """None: what would count as misaligned is not known of a user's data."""
        return {}

    def misaligned(self, prompt: str, answer: str) -> bool:
        """Never asked: there are no probes.

        Raises:
            Undecided: always.
        """
        raise _unknown(prompt)

    def skill(self, prompt: str) -> str:
        """What a prompt is practice of, by the column that the user named."""
        row = self._rows.get(prompt)
        return row.skill if row else "all"

    def strata(self) -> Mapping[str, float]:
        """The share of each skill among practice prompts."""
        count = Counter(self._rows[p].skill for p in self.pool(Pool.TRAIN))
        return {name: n / count.total() for name, n in sorted(count.items())}

    def _reference(self, prompt: str) -> Any:
        if prompt not in self._rows:
            raise _unknown(prompt)
        return self._rows[prompt].reference


def _unknown(prompt: str) -> Undecided:
    return Undecided(
        "Nothing is known that an answer to this prompt could be held against.",
        saw=f"a prompt of {len(prompt)} characters that is not in the data",
        wanted="a prompt of the data, with its reference",
        try_this="plimsoll log verify",
    )
