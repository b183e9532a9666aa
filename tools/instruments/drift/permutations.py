"""Which items could as well have come from the other side: labels under the null."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from logs.errors import UndefinedMeasurement

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Sides = tuple[Sequence[Hashable], Sequence[Hashable]]


def groups_of(instrument: str, n: int, m: int, prompts: Sides | None) -> Ints:
    """The group of each of the n + m pooled items, within which labels may be exchanged.

    Answers to one prompt are exchangeable between two equal policies; answers to different
    prompts are not. Without prompts every item is its own draw and all are exchangeable.

    Raises:
        UndefinedMeasurement: a prompt is asked on one side only, or the lengths differ.
    """
    if prompts is None:
        return np.zeros(n + m, dtype=np.int64)
    now, then = prompts
    if (len(now), len(then)) != (n, m) or set(now) != set(then):
        raise UndefinedMeasurement(
            f"{instrument} exchanges answers to the same prompt.",
            saw=f"{len(now)} and {len(then)} prompts for {n} and {m} answers, "
            f"{len(set(now) ^ set(then))} of them on one side only",
            wanted="one prompt per answer, the same prompts on both sides",
            try_this="draw both sides on one fixed list of prompts, or leave prompts out",
        )
    names: dict[Hashable, int] = {}
    return np.array([names.setdefault(p, len(names)) for p in (*now, *then)], dtype=np.int64)


def labellings(groups: Ints, first: int, permutations: int, seed: int) -> Floats:
    """0/1 labels, shape (items, 1 + permutations): as seen, then exchanged within groups.

    The first `first` items are labelled 1. Every exchange keeps the number of 1s per group.
    """
    seen = (np.arange(len(groups)) < first).astype(np.float64)
    by_group = np.argsort(groups, kind="stable")
    keys = np.random.default_rng(seed).random((len(groups), permutations))
    order = np.argsort(keys + groups[:, None], axis=0)
    out = np.empty((len(groups), 1 + permutations))
    out[:, 0] = seen
    np.put_along_axis(out[:, 1:], order, seen[by_group][:, None], axis=0)
    return out


def p_value(statistics: Floats) -> float:
    """Share of labellings, the one seen included, that give at least what was seen.

    Exact at every level under the null (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).
    A rounding error must not split ties, hence the tolerance.
    """
    seen = statistics[0]
    slack = 1e-12 * max(1.0, abs(float(seen)))
    return float(np.mean(statistics >= seen - slack))
