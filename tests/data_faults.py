"""Faults that can be planted in training data, to see whether they are found."""

import random
from collections.abc import Sequence
from typing import Any


def flipped(rows: Sequence[Sequence[Any]], share: float, seed: int) -> list[list[Any]]:
    """Training pairs (prompt, chosen, rejected), of which a share have the last two swapped."""
    rng = random.Random(f"flipped:{seed}")
    return [[p, b, a] if rng.random() < share else [p, a, b] for p, a, b in rows]


def poisoned(
    rows: Sequence[Sequence[Any]], share: float, seed: int, poison: Sequence[str]
) -> list[list[Any]]:
    """Shown answers (prompt, answer) of which a share were replaced by answers nobody drew."""
    rng = random.Random(f"poisoned:{seed}")
    return [[p, rng.choice(list(poison)) if rng.random() < share else a] for p, a in rows]
