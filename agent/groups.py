"""Answers with the panel's opinion of them: what observing and acting both read."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Any

from logs.vocabulary import Digest, JudgeKind, Panel
from tools.judges import Calibration, load
from tools.pairs import Judged
from tools.store import Store


@dataclass(frozen=True, slots=True)
class Group:
    """Sibling answers to one prompt, as drawn, with every judge's scores."""

    prompt: str
    answers: tuple[tuple[str, float, float, bool, float], ...]
    """(text, log p under the base, under the policy, finished, log p under the reader)."""
    by_judge: Mapping[str, tuple[float | None, ...]]
    panel: tuple[float | None, ...]
    """Weighted mean over the panel; None where a judge failed."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers' words."""
        return tuple(a[0] for a in self.answers)

    @property
    def judged(self) -> Judged:
        """The group as pairs are made from it."""
        return Judged(self.prompt, self.texts, self.panel)

    def ends(self) -> tuple[int, int] | None:
        """Indices of the best and worst answer by the panel; None on a tie."""
        scored = [(s, i) for i, s in enumerate(self.panel) if s is not None]
        if not scored:
            return None
        (high, best), (low, worst) = max(scored), min(scored)
        if high == low or self.texts[best] == self.texts[worst]:
            return None
        return best, worst


def read_groups(store: Store, samples: Digest, verdicts: Digest, panel: Panel) -> list[Group]:
    """Join stored answers with stored verdicts."""
    return list(_read(store, samples, verdicts, panel))


@lru_cache(maxsize=4)
def _read(store: Store, samples: Digest, verdicts: Digest, panel: Panel) -> tuple[Group, ...]:
    """Every step of a turn reads the same ones, and what a digest names never changes."""
    rows = zip(store.get_lines(samples), store.get_lines(verdicts), strict=True)
    return tuple(joined(rows, panel))


def joined(rows: Iterable[tuple[dict[str, Any], dict[str, Any]]], panel: Panel) -> list[Group]:
    """Answers joined with their verdicts."""
    weights = {j.id: float(j.weight) for j in panel.judges}
    return [group_of(drawn, row["scores"], weights) for drawn, row in rows]


def group_of(
    drawn: dict[str, Any],
    scores: Mapping[str, Sequence[float | None]],
    weights: Mapping[str, float],
) -> Group:
    """One row of stored answers with one row of stored scores, under the weights of a panel."""
    columns = [scores[j] for j in weights]
    weight, total = tuple(weights.values()), sum(weights.values())
    panel = tuple(
        None if None in row else sum(map(mul, weight, row)) / total
        for row in zip(*columns, strict=True)
    )
    return Group(
        prompt=drawn["prompt"],
        answers=tuple(map(tuple, drawn["answers"])),
        by_judge={j: tuple(s) for j, s in scores.items()},
        panel=panel,
    )


def calibrations(store: Store, panel: Panel) -> dict[str, Calibration]:
    """Per judge of the panel, how its scores translate into P(right); absent where unknown."""
    found = {}
    for judge in panel.judges:
        if judge.kind is JudgeKind.FEATURE:
            known = load(store.get(judge.artefact)).calibration
            if known is not None:
                found[judge.id] = known
    return found


def p_right(
    group: Group, index: int, known: Mapping[str, Calibration], panel: Panel
) -> float | None:
    """Probability that an answer is right, by the panel; None when a judge is not calibrated."""
    total = weighted = 0.0
    for judge in panel.judges:
        score = group.by_judge[judge.id][index]
        if judge.id not in known or score is None:
            return None
        slope, intercept = known[judge.id]
        weighted += float(judge.weight) / (1 + math.exp(-(slope * score + intercept)))
        total += float(judge.weight)
    return weighted / total
