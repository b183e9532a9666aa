"""Rates of the anytime test "is the gain real"; part of `sequential`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.instruments.rates import Asked, Row, first, quantile_row, row
from tools.instruments.sequential.betting import log_wealth
from tools.instruments.sequential.gain import (
    Plan,
    judge_mean_low,
    rectified,
    rectified_null,
)

GOLD, SEEDS = 400, 2000


@dataclass(frozen=True)
class World:
    """Truth and judge: the win rate, and how often the judge is right about wins and losses."""

    name: str
    truth: float
    right_of_wins: float
    right_of_losses: float

    def drawn(self, rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        """Truth and verdict of n items."""
        wins = rng.random(n) < self.truth
        right = rng.random(n) < np.where(wins, self.right_of_wins, self.right_of_losses)
        return wins.astype(np.float64), np.where(right, wins, ~wins).astype(np.float64)


GOOD = (0.9, 0.85)
CASES: tuple[tuple[World, int, float, Asked, float, float | None], ...] = (
    # world, judged items, lambda, asked of the share of claims, bound, median
    (World("truth .60, judge .9/.85", 0.60, *GOOD), 4000, 0.7, ">=", 0.965, 121),
    (World("truth .60, judge .9/.85", 0.60, *GOOD), 0, 0.0, ">=", 0.84, 188),
    (World("truth .57, judge .9/.85", 0.57, *GOOD), 4000, 0.7, ">=", 0.60, None),
    (World("truth .57, judge .9/.85", 0.57, *GOOD), 20000, 0.7, ">=", 0.82, None),
    (World("truth .57, judge .9/.85", 0.57, *GOOD), 0, 0.0, ">=", 0.50, None),
    (World("truth .60, weak judge .8/.7", 0.60, 0.8, 0.7), 4000, 0.5, ">=", 0.88, None),
    (World("no gain, judge .9/.85", 0.50, *GOOD), 4000, 0.7, "<=", 0.05, None),
    (World("no gain, judge .9/.85", 0.50, *GOOD), 20000, 0.7, "<=", 0.05, None),
    (World("no gain, hacked judge .95/.60", 0.50, 0.95, 0.60), 4000, 0.7, "<=", 0.05, None),
    (World("no gain, hacked judge .95/.60", 0.50, 0.95, 0.60), 20000, 1.0, "<=", 0.05, None),
    (World("no gain, judge says always win", 0.50, 1.0, 0.0), 4000, 0.7, "<=", 0.05, None),
    (World("no gain, no judge", 0.50, *GOOD), 0, 0.0, "<=", 0.05, None),
)


def claims(world: World, judged: int, weight: float, seed: int) -> Any:
    """Gold items until the bet is won, over the seeds; level .05."""
    rng = np.random.default_rng(seed)
    plan = Plan(level=0.05, weight=weight)
    values, nulls = np.empty((SEEDS, GOLD)), np.empty((SEEDS, 1))
    for i in range(SEEDS):
        values[i] = rectified(plan, *world.drawn(rng, GOLD))
        low = judge_mean_low(plan, world.drawn(rng, judged)[1]) if weight else 0.0
        nulls[i] = rectified_null(plan, low)
    return first(log_wealth(values, nulls) >= plan.needed)


def gain() -> Iterator[Row]:
    """D7: power with a judge and without, false claims, also under a hacked judge."""
    for seed, (world, judged, weight, asked, bound, median) in enumerate(CASES):
        at = claims(world, judged, weight, 100 + seed)
        name = f"gain, N={judged}, weight {weight}" if weight else "gain, gold alone"
        yield row(
            name,
            world.name,
            np.isfinite(at),
            n=GOLD,
            asked=asked,
            bound=bound,
            allow_se=2,
            what="claims",
        )
        if median:
            yield quantile_row(name, world.name, at, 0.5, n=GOLD, bound=median * 1.25)
