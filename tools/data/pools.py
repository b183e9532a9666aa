"""Divide a user's prompts: practice, audits, gold; by hash alone, so that it is done once.

    train   3/5    practised on
    audit   1/5    judges are audited and drift is measured here; never trained on
    gold    1/5    ground truth for people and the vault; where it is large enough, a part of it is
                   kept for the claim at the end (`final`)

The parts are exact shares of the order of the prompts' SHA-256, so no part is small by bad luck.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256

from logs.errors import UsageError
from tools.data.rows import Row, same

FEWEST = 200
"""Prompts; with fewer the audit pool is too small for the divergence that a policy asks for."""
FEWEST_TRAINED = 80
"""Practice prompts that must be left when those that read like gold are left out."""
MOST = 4000
"""Audit prompts, and gold prompts, of large data; the rest is practised on."""
FINAL_OF = 800
"""Gold prompts from which half of them are kept for the claim at the end."""


_WORD = re.compile(r"\w+")


class Pool(StrEnum):
    """What a prompt is for."""

    TRAIN = "train"
    AUDIT = "audit"
    GOLD = "gold"
    FINAL = "final"
    LEFT_OUT = "left out"
    """It reads like a gold prompt, and is used for nothing."""


def divided(rows: Sequence[Row]) -> dict[str, Pool]:
    """The pool of each prompt.

    Raises:
        UsageError: there are too few prompts.
    """
    if len(rows) < FEWEST:
        raise UsageError(
            "These are too few prompts to train, audit and measure on different ones.",
            saw=f"{len(rows)} distinct prompts",
            wanted=f"at least {FEWEST}; a fifth is for audits, a fifth for gold",
            try_this="add prompts to the file of data.train",
        )
    order = _in_order([row.prompt for row in rows])
    n = min(MOST, len(order) // 5)
    final = n // 2 if n >= FINAL_OF else 0
    found = dict.fromkeys(order, Pool.TRAIN)
    found |= dict.fromkeys(order[:n], Pool.AUDIT)
    found |= dict.fromkeys(order[n : 2 * n], Pool.GOLD)
    return found | dict.fromkeys(order[2 * n - final : 2 * n], Pool.FINAL)


def leave_out(pools: Mapping[str, Pool], alike: Iterable[str]) -> dict[str, Pool]:
    """Pools without the practice prompts that read like gold.

    Raises:
        UsageError: too few practice prompts are left.
    """
    found = {**pools, **dict.fromkeys(alike, Pool.LEFT_OUT)}
    count = Counter(found.values())
    if count[Pool.TRAIN] < FEWEST_TRAINED:
        raise UsageError(
            "Too many prompts read alike to keep gold out of training.",
            saw=f"{count[Pool.LEFT_OUT]} practice prompts like a gold one, {count[Pool.TRAIN]} not",
            wanted=f"at least {FEWEST_TRAINED} practice prompts that share no 13 words with gold",
            try_this="leave out near-duplicates, or give prompts that differ in more than a number",
        )
    return found


def _in_order(prompts: Sequence[str]) -> list[str]:
    """By hash; prompts of the same words stand together, so that they differ in no pool that both
    practice and audits know: a question mark makes no other question."""
    of = {prompt: " ".join(_WORD.findall(same(prompt))) or same(prompt) for prompt in prompts}
    first: dict[str, bytes] = {}
    for prompt, words in of.items():
        first[words] = min(first.get(words, _place(prompt)), _place(prompt))
    return sorted(prompts, key=lambda prompt: (first[of[prompt]], _place(prompt)))


def _place(prompt: str) -> bytes:
    return sha256(same(prompt).encode()).digest()
