"""What a session practises: prompts in pools, and a grade that only the oracle's holder calls.

The micro-world and real data differ only in the task they plug in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Protocol

from tools.world import language as w
from tools.world import pools, skills, verify
from tools.world import probes as probing


class Task(Protocol):
    """Prompts and ground truth."""

    @property
    def name(self) -> str:
        """Which task this is, as the log names it."""
        ...

    @property
    def null(self) -> str:
        """What a constant says to everything, and what is right nowhere."""
        ...

    @property
    def common(self) -> frozenset[tuple[str, ...]]:
        """Runs of words that so many prompts share that none is recognised by them."""
        ...

    def train_prompts(self, n: int, *, seed: int, emphasis: Mapping[str, float]) -> list[str]:
        """Prompts to practise on; never those of another pool.

        Args:
            emphasis: weight relative to 1 of a skill, or of a skill at one level.
        """
        ...

    def audit_prompts(self, n: int, *, seed: int) -> list[str]:
        """Prompts on which judges are audited; never trained on."""
        ...

    def safety_prompts(self, n: int, *, seed: int) -> list[str]:
        """Harmful requests, from the audit pool; none where the task has none."""
        ...

    def gold_prompts(self, n: int) -> list[str]:
        """Prompts on which gold is measured for people; always the same ones."""
        ...

    def vault_prompts(self, n: int) -> list[str]:
        """Prompts on which the vault answers; always the same ones."""
        ...

    def final_prompts(self, n: int) -> list[str]:
        """Gold prompts for the claim at the end, none of them the vault's; at most `n`."""
        ...

    def fresh_gold(self, n: int, *, seed: int) -> list[str]:
        """Independent draws of gold prompts, for one look of a test that is valid at any time."""
        ...

    def overlap(self, prompts: Sequence[str]) -> int:
        """How many of these prompts belong to the audit pool or the vault."""
        ...

    def grade(self, prompt: str, answer: str) -> bool:
        """Whether an answer is all that people want: the oracle."""
        ...

    def refuses(self, answer: str) -> bool:
        """Whether an answer is a refusal."""
        ...

    def well_formed(self, prompt: str, answer: str) -> bool:
        """Whether an answer has the form that its prompt asks for, right or wrong."""
        ...

    def probes(self) -> Mapping[str, Sequence[str]]:
        """Misalignment probes by form, `chat` and `task`, item by item; empty without any."""
        ...

    def misaligned(self, prompt: str, answer: str) -> bool:
        """Whether the answer to a probe does harm or yields; by rule, as the probe was built."""
        ...

    def skill(self, prompt: str) -> str:
        """The skill that a prompt asks for."""
        ...

    def strata(self) -> Mapping[str, float]:
        """The share of each skill, by level, among prompts that are drawn without emphasis."""
        ...


@dataclass(frozen=True)
class MicroWorld:
    """The embedded world."""

    seed: int = 0
    name: str = "micro-world"
    null: str = "yes"
    common: frozenset[tuple[str, ...]] = frozenset()

    def train_prompts(self, n: int, *, seed: int, emphasis: Mapping[str, float]) -> list[str]:
        """Prompts to practise on; never those of another pool."""
        return _drawn(pools.Pool.TRAIN, n, seed, tuple(sorted(emphasis.items())))

    def audit_prompts(self, n: int, *, seed: int) -> list[str]:
        """Prompts on which judges are audited; never trained on."""
        return _drawn(pools.Pool.AUDIT, n, seed)

    def safety_prompts(self, n: int, *, seed: int) -> list[str]:
        """Harmful requests, from the audit pool."""
        only = {s: 0.0 for s in skills.SKILLS if s != "safety"}
        many = _drawn(pools.Pool.AUDIT, 4 * n, seed, tuple(sorted(only.items())))
        return [p for p in many if skills.parse(p).harmful][:n]

    def gold_prompts(self, n: int) -> list[str]:
        """Prompts on which gold is measured for people; always the same ones."""
        return _drawn(pools.Pool.GOLD, n, self.seed)

    def vault_prompts(self, n: int) -> list[str]:
        """Prompts on which the vault answers; always the same ones."""
        return list(_vault(n, self.seed))

    def final_prompts(self, n: int) -> list[str]:
        """Gold prompts for the claim at the end, none of them the vault's; at most `n`."""
        return list(_final(n, self.seed))

    def fresh_gold(self, n: int, *, seed: int) -> list[str]:
        """Independent draws of gold prompts, for one look of a test that is valid at any time."""
        return pools.independent(pools.Pool.GOLD, n, seed=seed)

    def overlap(self, prompts: Sequence[str]) -> int:
        """How many of these prompts belong to the audit pool or the vault."""
        return sum(pools.pool_of(p) is not pools.Pool.TRAIN for p in prompts)

    def grade(self, prompt: str, answer: str) -> bool:
        """Whether an answer is right, harmless, honest and concise."""
        return verify.grade(prompt, answer).gold

    def refuses(self, answer: str) -> bool:
        """Whether an answer is a refusal."""
        return w.REFUSAL in answer.split()

    def well_formed(self, prompt: str, answer: str) -> bool:
        """In brackets where the prompt says `boxed`, without them elsewhere; refusals are free."""
        said = answer.split()
        if w.REFUSAL in said:
            return True
        if w.BOXED in prompt.split():
            return said[:1] == [w.OPEN] and said[-1:] == [w.CLOSE]
        return w.OPEN not in said and w.CLOSE not in said

    def probes(self) -> Mapping[str, Sequence[str]]:
        """Misalignment probes by form, `chat` and `task`, item by item; never trained on."""
        found = probing.probes(seed=self.seed)
        return {"chat": [p.chat for p in found], "task": [p.task for p in found]}

    def misaligned(self, prompt: str, answer: str) -> bool:
        """Whether the answer to a probe does harm or yields; by rule, as the probe was built."""
        return probing.misaligned(prompt, answer)

    def skill(self, prompt: str) -> str:
        """The skill, with the level where skills are graded."""
        task = skills.parse(prompt)
        return f"{task.skill}-{task.level}" if task.skill in skills.GRADED else task.skill

    def strata(self) -> Mapping[str, float]:
        """The share of each skill, by level, among prompts that are drawn without emphasis."""
        return pools.strata()


def _drawn(
    pool: pools.Pool, n: int, seed: int, emphasis: tuple[tuple[str, float], ...] = ()
) -> list[str]:
    return list(_once(pool, n, seed, emphasis))


@lru_cache(maxsize=32)
def _once(
    pool: pools.Pool, n: int, seed: int, emphasis: tuple[tuple[str, float], ...]
) -> tuple[str, ...]:
    """A turn asks for the same prompts several times, and finding one takes many draws."""
    return tuple(pools.prompts(pool, n, seed=seed, emphasis=dict(emphasis)))


@cache
def _vault(n: int, seed: int) -> tuple[str, ...]:
    drawn = _once(pools.Pool.GOLD, 2 * n, seed, ())
    return tuple(p for p in drawn if not pools.is_final(p))[:n]


@cache
def _final(n: int, seed: int) -> tuple[str, ...]:
    drawn = _once(pools.Pool.GOLD, 8 * n, seed, ())
    return tuple(dict.fromkeys(p for p in drawn if pools.is_final(p)))[:n]
