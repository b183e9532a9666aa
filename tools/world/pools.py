"""Prompt pools that cannot overlap: membership is a function of the prompt itself.

A prompt's SHA-256 decides its pool, so train, audit and gold stay apart however
many prompts are drawn, by whomever, from whichever seed.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from statistics import fmean

from logs.errors import UsageError
from tools.world.skills import CLAIM_RATE, GRADED, LEVELS, SKILL_WEIGHTS, SKILLS, draw


class Pool(StrEnum):
    """Who may see a prompt."""

    TRAIN = "train"
    """The policy practises on it."""
    AUDIT = "audit"
    """Judges and safety are audited on it; never trained on."""
    GOLD = "gold"
    """The vault: measured, never read by the agent."""


_SHARES = ((Pool.TRAIN, 160), (Pool.AUDIT, 208), (Pool.GOLD, 256))
"""Upper byte bounds: 5/8 train, 3/16 audit, 3/16 gold."""

_BY_BYTE = tuple(next(p for p, bound in _SHARES if byte < bound) for byte in range(256))
"""Asked of every draft of a prompt, and most drafts are of another pool."""

_REPEAT = 0.05
"""Chance that a prompt met again is taken again, so that a small pool cannot stall a draw."""


def pool_of(prompt: str) -> Pool:
    """The one pool a prompt belongs to."""
    return _BY_BYTE[sha256(prompt.encode()).digest()[0]]


def prompts(
    pool: Pool,
    n: int,
    *,
    seed: int,
    emphasis: Mapping[str, float] | None = None,
    levels: Sequence[int] = LEVELS,
    claim_rate: float = CLAIM_RATE,
) -> list[str]:
    """Draw `n` prompts of one pool, skills in fixed proportion; same seed, same list.

    Prompts are distinct as far as the pool reaches: a skill with few prompts repeats them.

    Args:
        emphasis: weight relative to 1 of a skill, as `facts`, or of one level of a graded skill,
            as `lists-4`; a level's weight counts besides that of its skill.

    Raises:
        UsageError: an emphasis is of no skill or level, or is not a number of at least 0.
    """
    rng = random.Random(f"{pool}:{seed}")
    wanted = emphasis or {}
    _refuse_unknown(wanted, levels)
    drawn = [
        prompt
        for skill, quota in _quotas(n, wanted, levels).items()
        for prompt in _of_skill(rng, pool, skill, quota, _drawn(skill, wanted, levels), claim_rate)
    ]
    rng.shuffle(drawn)
    return drawn


def is_final(prompt: str) -> bool:
    """Whether a gold prompt is kept for the claim at the end: one in four, of every skill."""
    return sha256(prompt.encode()).digest()[1] >= 192


def independent(pool: Pool, n: int, *, seed: int) -> list[str]:
    """`n` independent draws from one pool, skill by skill in proportion; a prompt may come twice.

    What an inference over fresh items asks for: each draw has the pool's expectation, whatever
    was drawn before it. A list without repeats and with fixed quotas has not.
    """
    rng = random.Random(f"{pool}:independent:{seed}")
    drawn: list[str] = []
    while len(drawn) < n:
        skill = rng.choices(list(SKILLS), [SKILL_WEIGHTS[s] for s in SKILLS])[0]
        prompt = draw(rng, skill)
        while pool_of(prompt) is not pool:
            prompt = draw(rng, skill)
        drawn.append(prompt)
    return drawn


def strata(levels: Sequence[int] = LEVELS) -> dict[str, float]:
    """The share of every skill and level among prompts that are drawn without emphasis."""
    found: dict[str, float] = {}
    for skill, weight in SKILL_WEIGHTS.items():
        names = [f"{skill}-{level}" for level in levels] if skill in GRADED else [skill]
        found |= {name: weight / len(names) for name in names}
    return found


def _refuse_unknown(emphasis: Mapping[str, float], levels: Sequence[int]) -> None:
    """A key that nothing has would silently emphasise nothing."""
    known = {*SKILLS, *strata(levels)}
    wrong = [f"{k} = {x}" for k, x in emphasis.items() if k not in known or not 0 <= x < math.inf]
    if wrong:
        raise UsageError(
            "Prompts cannot be drawn with this emphasis.",
            saw=", ".join(wrong),
            wanted=f"numbers of at least 0 for {', '.join(sorted(known))}",
            try_this="refresh the prompts, or leave the emphasis out",
        )


def _of_levels(skill: str, emphasis: Mapping[str, float], levels: Sequence[int]) -> list[float]:
    """Weights of the levels of one skill."""
    return [emphasis.get(f"{skill}-{level}", 1.0) for level in levels]


def _quotas(n: int, emphasis: Mapping[str, float], levels: Sequence[int]) -> dict[str, int]:
    """Whole numbers per skill that add up to `n` (largest remainders)."""
    weights = {
        s: SKILL_WEIGHTS[s] * emphasis.get(s, 1.0) * fmean(_of_levels(s, emphasis, levels))
        for s in SKILLS
    }
    shares = {s: n * x / sum(weights.values()) for s, x in weights.items()}
    quotas = {s: int(x) for s, x in shares.items()}
    by_remainder = sorted(SKILLS, key=lambda s: quotas[s] - shares[s])
    for skill in by_remainder[: n - sum(quotas.values())]:
        quotas[skill] += 1
    return quotas


Levels = Callable[[random.Random], Sequence[int]]
"""From which levels a prompt is drawn: all of them, or the one that was weighed out."""


def _drawn(skill: str, emphasis: Mapping[str, float], levels: Sequence[int]) -> Levels:
    weights = _of_levels(skill, emphasis, levels)
    if len(set(weights)) == 1:
        return lambda _: levels  # as it always was, so that the same seed gives the same prompts
    return lambda rng: rng.choices(levels, weights)


def _of_skill(
    rng: random.Random, pool: Pool, skill: str, quota: int, levels: Levels, claim_rate: float
) -> list[str]:
    """Distinct prompts of one skill, then repeats once new ones have become rare."""
    seen: dict[str, None] = {}
    repeats: list[str] = []
    while len(seen) + len(repeats) < quota:
        prompt = draw(rng, skill, levels=levels(rng), claim_rate=claim_rate)
        if pool_of(prompt) is not pool:
            continue
        if prompt in seen and rng.random() < _REPEAT:
            repeats.append(prompt)
        seen[prompt] = None
    return [*seen, *repeats]
