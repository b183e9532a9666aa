"""Does the decider that learns learn? Regret of `bandit`, the table and chance, in made-up worlds.

    python -m benchmarks.bandit --out benchmarks/results/bandit.json

A turn is a context out of the decider's own features, with known returns of each kind in it; the
bandit sees what it would see of a real one: a return with noise of known, varying size, and that
only after the turns on which it rests. Model, prior and draw are those of `agent.deciding`; only
the loop around them is written for many seeds at once. Regret is the best kind's return less that
of the chosen one, in share of right answers; nothing is added for what a session would compound.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent.deciding.bandit import needed
from agent.deciding.lessons import FEATURES, vector_of
from agent.deciding.thompson import (
    PRIOR,
    Floats,
    Learnt,
    Prior,
    belief,
    better,
    learnt,
    nothing,
)
from logs.vocabulary import Intervention as Kind

SEEDS, SESSIONS, TURNS = 200, 20, 12
KINDS = (
    Kind.TRAIN,
    Kind.REFRESH_PROMPTS,
    Kind.REFIT_JUDGE,
    Kind.SWAP_JUDGE,
    Kind.EDIT_CONSTITUTION,
    Kind.ROLL_BACK,
)
CONTEXTS: Mapping[str, Mapping[str, float]] = {
    "healthy": {"always": 1.0},
    "judge stale": {"always": 1.0, "judge_stale": 0.8},
    "judge biased": {"always": 1.0, "judge_biased": 0.8},
    "saturated": {"always": 1.0, "prompt_saturation": 0.95},
}
GOOD, IDLE, BAD = 0.03, -0.02, -0.05
"""Returns: of the best kind, of one that does no good, of training under a stale judge."""
VARIANCE = (0.004, 0.02)
"""Of a return: from many audited prompts with a good panel to a dozen with a useless one."""
LATE = 2
"""Turns until a return is told."""
MARGIN = 0.05
"""Regret over a session, in share of right answers, by which learning may be worse than the table
where that is right, after 20 sessions."""
FIXED = {"healthy": 0, "judge stale": 2, "judge biased": 4, "saturated": 1}
"""The best kind in each context."""


@dataclass(frozen=True, slots=True)
class World:
    """What is met how often, what returns what, and what the table would do."""

    name: str
    shares: tuple[float, ...]
    returned: Floats
    table: tuple[int, ...]


def worlds() -> tuple[World, ...]:
    """Four worlds: the table is right, wrong in one context, wrong there by less, all is null."""
    best = tuple(FIXED.values())
    returned = np.full((len(CONTEXTS), len(KINDS)), IDLE)
    returned[range(len(CONTEXTS)), best] = GOOD
    returned[1, 0] = BAD
    usual, often = (0.5, 0.2, 0.2, 0.1), (0.4, 0.4, 0.15, 0.05)
    wrong = (0, 0, 4, 1)
    milder = returned.copy()
    milder[1, 0] = IDLE
    return (
        World("table right", usual, returned, best),
        World("table wrong in one context", often, returned, wrong),
        World("table wrong by less", often, milder, wrong),
        World("all null", usual, np.zeros_like(returned), best),
    )


class Learner:
    """Sums of every kind, for one seed; told of a turn once its return is known."""

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.known: list[Learnt] = [nothing(len(FEATURES)) for _ in KINDS]
        self.waiting: list[tuple[int, Floats, float, float]] = []

    def choose(self, x: Floats, tabled: int, normals: Floats, *, calm: bool) -> int:
        """The kind with the highest draw, of those that may be done."""
        found = [
            belief(known, x, tabled=i == tabled, prior=self.prior)
            for i, known in enumerate(self.known)
        ]
        draws = np.array([b.mean + b.sd * z for b, z in zip(found, normals, strict=True)])
        for i, (kind, b) in enumerate(zip(KINDS, found, strict=True)):
            if i != tabled and better(b, found[tabled]) < needed(kind, found[tabled], calm=calm):
                draws[i] = -np.inf
        return int(np.argmax(draws))

    def told(self, kind: int, x: Floats, returned: float, variance: float) -> None:
        """A turn is over; what it returned is known LATE turns later, and then learnt."""
        self.waiting.append((kind, x, returned, variance))
        if len(self.waiting) > LATE:
            self.learn()

    def learn(self) -> None:
        """Learn from the oldest turn that waits."""
        kind, x, returned, variance = self.waiting.pop(0)
        new = learnt(x[None], np.array([returned]), np.array([variance]))
        old = self.known[kind]
        self.known[kind] = Learnt(
            old.precision + new.precision, old.shift + new.shift, old.turns + 1
        )


def lived(world: World, prior: Prior, seed: int) -> tuple[Floats, Floats]:
    """Regret by decider (bandit, table, chance) and session; share of turns as the table."""
    rng = np.random.default_rng([seed, len(world.name)])
    xs = [vector_of(c) for c in CONTEXTS.values()]
    learner = Learner(prior)
    regret, agreed = np.zeros((3, SESSIONS)), np.zeros(SESSIONS)
    for session in range(SESSIONS):
        for _ in range(TURNS):
            c = int(rng.choice(len(CONTEXTS), p=world.shares))
            table, best = world.table[c], world.returned[c].max()
            kind = learner.choose(xs[c], table, rng.normal(size=len(KINDS)), calm=c == 0)
            chance = int(rng.integers(len(KINDS)))
            regret[:, session] += best - world.returned[c, [kind, table, chance]]
            agreed[session] += (kind == table) / TURNS
            variance = float(rng.uniform(*VARIANCE))
            noise = float(rng.normal(0, np.sqrt(variance)))
            learner.told(kind, xs[c], float(world.returned[c, kind]) + noise, variance)
        while learner.waiting:
            learner.learn()
    return regret, agreed


def measured(world: World, prior: Prior, seeds: int) -> dict[str, Any]:
    """Regret over sessions, with its Monte-Carlo standard error."""
    found = [lived(world, prior, seed) for seed in range(seeds)]
    regret = np.array([r for r, _ in found])
    mean, error = regret.mean(axis=0), regret.std(axis=0, ddof=1) / np.sqrt(seeds)
    total = regret.sum(axis=2)
    row: dict[str, Any] = {"world": world.name, "seeds": seeds, "sessions": SESSIONS}
    row["turns"] = TURNS
    for i, name in enumerate(("bandit", "table", "random")):
        row[name] = {
            "regret_by_session": mean[i].round(4).tolist(),
            "standard_error": error[i].round(4).tolist(),
            "total": round(float(total[:, i].mean()), 3),
            "total_error": round(float(total[:, i].std(ddof=1) / np.sqrt(seeds)), 3),
        }
    row["as_table_by_session"] = np.mean([a for _, a in found], axis=0).round(3).tolist()
    return row


def verdicts(rows: list[dict[str, Any]]) -> dict[str, bool]:
    """What was promised of each world, and whether it came out so, two standard errors granted."""
    by = {row["world"]: row for row in rows}

    def last(world: str, decider: str) -> tuple[float, float]:
        of = by[world][decider]
        return of["regret_by_session"][-1], of["standard_error"][-1]

    right, error = last("table right", "bandit")
    found = {f"where the table is right: within {MARGIN} of it": right + 2 * error <= MARGIN}
    for world in ("table wrong in one context", "table wrong by less"):
        (ours, a), (theirs, b) = last(world, "bandit"), last(world, "table")
        found[f"{world}: overtakes it"] = ours + 2 * np.hypot(a, b) < theirs
    return {name: bool(ok) for name, ok in found.items()}


def table_of(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| world | decider | regret, session 1 | 5 | 10 | 20 | all 20 | as the table: 1 | 20 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        agreed = row["as_table_by_session"]
        for name in ("bandit", "table", "random"):
            of = row[name]
            told = [
                f"{of['regret_by_session'][i]:.3f} ± {of['standard_error'][i]:.3f}"
                for i in (0, 4, 9, 19)
            ]
            share = [f"{agreed[0]:.2f}", f"{agreed[-1]:.2f}"] if name == "bandit" else ["", ""]
            total = f"{of['total']:.2f} ± {of['total_error']:.2f}"
            lines.append(f"| {row['world']} | {name} | {' | '.join([*told, total, *share])} |")
    return "\n".join(lines)


def main() -> None:
    """Measure every world, print the table, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--advantage", type=float, default=PRIOR.advantage)
    parser.add_argument("--worth", type=float, default=PRIOR.worth)
    given = parser.parse_args()
    prior = Prior(given.advantage, given.worth)
    start = time.process_time()
    rows = [measured(world, prior, given.seeds) for world in worlds()]
    promised = verdicts(rows)
    result = {
        "command": "python -m benchmarks.bandit",
        "prior": {"advantage": prior.advantage, "worth": prior.worth},
        "margin": MARGIN,
        "promised": promised,
        "rows": rows,
        "cpu_seconds": round(time.process_time() - start),
    }
    print(table_of(rows), *(f"- {name}: {ok}" for name, ok in promised.items()), sep="\n")
    if given.out:
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
