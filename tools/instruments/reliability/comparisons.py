"""Verdicts between two answers as arrays, with the clusters that they connect."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from logs.errors import UndefinedMeasurement
from tools.instruments.reliability.common import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One verdict: who judged, what was shown first, what second, and whether the first won."""

    judge: str
    first: Hashable
    second: Hashable
    won: int
    """1 when the first won, 0 when the second did."""
    cluster: Hashable = None
    """For example the prompt; answers that were compared are in one cluster anyway."""


@dataclass(frozen=True, slots=True)
class Design:
    """Comparisons as arrays."""

    judge: Ints
    first: Ints
    second: Ints
    won: Floats
    groups: Ints
    answers: tuple[Hashable, ...]
    judges: tuple[str, ...]


def design_of(comparisons: Sequence[Comparison]) -> Design:
    """Comparisons as arrays, with the clusters that they connect.

    Raises:
        UndefinedMeasurement: see `bradley_terry`.
    """
    odd = [c for c in comparisons if c.won not in (0, 1) or c.first == c.second]
    if odd or not comparisons:
        raise UndefinedMeasurement(
            "Bradley-Terry reads verdicts between two answers.",
            saw=str(odd[0]) if odd else "no comparisons",
            wanted="two different answers, and 1 or 0",
            try_this="leave ties out, and count them",
        )
    names = tuple(dict.fromkeys(a for c in comparisons for a in (c.first, c.second)))
    answer = {name: i for i, name in enumerate(names)}
    judge = {name: i for i, name in enumerate(dict.fromkeys(c.judge for c in comparisons))}
    first = np.array([answer[c.first] for c in comparisons])
    second = np.array([answer[c.second] for c in comparisons])
    return Design(
        np.array([judge[c.judge] for c in comparisons]),
        first,
        second,
        np.array([float(c.won) for c in comparisons]),
        _connected(comparisons, first, second, len(names)),
        names,
        tuple(judge),
    )


def _connected(comparisons: Sequence[Comparison], first: Ints, second: Ints, answers: int) -> Ints:
    """The cluster of each comparison: whatever shares an answer or a cluster is one."""
    given = {c.cluster: None for c in comparisons if c.cluster is not None}
    place = {cluster: answers + i for i, cluster in enumerate(given)}
    linked = np.array([place.get(c.cluster, f) for c, f in zip(comparisons, first, strict=True)])
    rows, cols = np.concatenate([first, first]), np.concatenate([second, linked])
    size = answers + len(given)
    graph = coo_array((np.ones(len(rows)), (rows, cols)), shape=(size, size))
    found: Ints = connected_components(graph, directed=False)[1][first]
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)
