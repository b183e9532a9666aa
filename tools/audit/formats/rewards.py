"""Published prompts with chosen and rejected answers, for reward models."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from tools.audit.formats.reading import Row, odd_label
from tools.audit.items import Pair
from tools.audit.records import Side

STYLES = ("concise", "detailed", "markdown")
"""RM-Bench's answers, plainest first."""


def reward_bench(rows: Sequence[Row], path: Path) -> list[Pair]:
    """id, prompt, chosen, rejected, subset."""
    return [
        _pair(str(row["id"]), row["prompt"], row["chosen"], row["rejected"], i, row["subset"])
        for i, row in enumerate(rows)
    ]


def reward_bench_2(rows: Sequence[Row], path: Path) -> list[Pair]:
    """id, prompt, chosen[], rejected[], subset; every chosen against every rejected answer.

    Best-of-n accuracy is the share of clusters whose pairs are all right; the subset Ties has
    several right answers and is scored apart by its publishers.
    """
    pairs = []
    for i, row in enumerate(rows):
        if not row["chosen"] or not row["rejected"]:
            raise odd_label(path, i, "no answers", "at least one chosen and one rejected")
        for j, (good, bad) in enumerate(product(row["chosen"], row["rejected"])):
            name = f"{row['id']}/{j}"
            pairs.append(_pair(name, row["prompt"], good, bad, i + j, row["subset"], row["id"]))
    return pairs


def rm_bench(rows: Sequence[Row], path: Path) -> list[Pair]:
    """id, prompt, chosen[3], rejected[3], domain; nine pairs per prompt, styles among the facts."""
    pairs = []
    for i, row in enumerate(rows):
        if len(row["chosen"]) != 3 or len(row["rejected"]) != 3:
            raise odd_label(path, i, "another number of styles", "3 chosen and 3 rejected answers")
        for c, r in product(range(3), range(3)):
            styles = (("chosen", STYLES[c]), ("rejected", STYLES[r]))
            name, good, bad = f"{row['id']}/{c}{r}", row["chosen"][c], row["rejected"][r]
            pairs.append(
                _pair(name, row["prompt"], good, bad, i + c + r, row["domain"], row["id"], styles)
            )
    return pairs


def _pair(
    name: str,
    prompt: str,
    good: str,
    bad: str,
    turn: int,
    domain: str,
    cluster: object = "",
    facts: tuple[tuple[str, str], ...] = (),
) -> Pair:
    """The better answer is A and B in turn, so that always saying A is right half the time."""
    gold: Side = "B" if turn % 2 else "A"
    a, b = (bad, good) if turn % 2 else (good, bad)
    return Pair(
        id=name,
        prompt=prompt,
        a=a,
        b=b,
        gold=gold,
        cluster=str(cluster),
        domain=domain,
        facts=facts,
    )
