"""Commits as a graph: what HEAD builds on stands in the first lane, what was left in others.

A rollback names the commit whose state it brings back, and so builds on that one; what was
committed between the two is still in the log, in a lane of its own that joins again where it
began. Drawn from the newest commit to the oldest, as `git log --graph` does.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from logs.vocabulary import Commit, Digest

NODE, BACK, LINE, OPENS, JOINS, ACROSS = "●", "◆", "│", "╮", "╯", "─"


class Drawn(NamedTuple):
    """One commit in the drawing."""

    digest: Digest
    commit: Commit
    lane: int
    picture: str
    """The lanes at this commit; `◆` is a rollback, whose lane goes back to what it restores."""


def draw(commits: Iterable[tuple[Digest, Commit]]) -> Iterator[Drawn]:
    """Yield every commit with its lanes; the newest one comes first."""
    lanes: list[Digest | None] = []
    for digest, commit in commits:
        if digest not in lanes:
            _take(lanes, digest)
        lane = lanes.index(digest)
        joining = [i for i, wanted in enumerate(lanes) if wanted == digest and i != lane]
        for i in joining:
            lanes[i] = None
        opened = None
        if commit.restores and commit.parent:
            lanes[lane] = commit.restores
            if commit.parent != commit.restores:
                opened = _take(lanes, commit.parent)
        else:
            lanes[lane] = commit.parent
        yield Drawn(digest, commit, lane, _picture(lanes, lane, joining, opened, commit))
        while lanes and lanes[-1] is None:
            lanes.pop()


def _take(lanes: list[Digest | None], digest: Digest) -> int:
    """Put a commit that is waited for into the first free lane."""
    free = lanes.index(None) if None in lanes else len(lanes)
    lanes[free : free + 1] = [digest]
    return free


def _picture(
    lanes: list[Digest | None], lane: int, joining: list[int], opened: int | None, commit: Commit
) -> str:
    width = max([lane, opened or 0, *joining, len(lanes) - 1]) + 1
    cells = [LINE if i < len(lanes) and lanes[i] else " " for i in range(width)]
    cells[lane] = BACK if commit.restores else NODE
    ends = {**dict.fromkeys(joining, JOINS), **({opened: OPENS} if opened is not None else {})}
    for end, mark in ends.items():
        cells[end] = mark
    reach = range(lane, max(ends, default=lane)) if not ends or min(ends) > lane else range(0)
    return "".join(cell + (ACROSS if i in reach else " ") for i, cell in enumerate(cells)).rstrip()
