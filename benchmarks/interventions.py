"""What is each intervention on data and recipe worth, where the judge is the oracle?

    python -m benchmarks.interventions --seeds 0 1 --turns 8 --work FOLDER \
        --out benchmarks/results/interventions.json

Every arm is a real session from the shipped base under the oracle, ungoverned, so that the
dynamics of learning are all that differs. `entropy` and `anchor` have another recipe from the
start; `level` and `weak` spend the turns 2 and 5 on a refresh of that mode, as an agent would have
to, and train in the others. Prints a Markdown table.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent import session
from agent.config import (
    Config,
    DriftSection,
    JudgesSection,
    LimitsSection,
    SessionSection,
    WorldSection,
)
from agent.deciders import View
from agent.listener import Silent
from agent.rules import train_always
from agent.switches import MODE
from agent.workspace import POLICY, Workspace
from benchmarks.world import ungoverned_policy
from logs.vocabulary import Decision, EntryKind, Intervention, Recipe, Reference

SMALL = Recipe(epochs=2)
REFRESHES = (2, 5)
LAST = 3
"""Turns at the end that a figure is the mean of: one measurement is noisy."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What differs."""

    recipe: Mapping[str, Any] = field(default_factory=dict)
    mode: str = ""
    """Of the refreshes; empty: none."""


ARMS = {
    "plain": Arm(),
    "level": Arm(mode="level"),
    "weak": Arm(mode="weak"),
    "entropy .03": Arm({"entropy": 0.03}),
    "anchor": Arm({"reference": Reference.ANCHOR}),
}


def decider(arm: Arm, view: View) -> Decision:
    """Train, but for the turns of a refresh."""
    decision = train_always(view)
    if not arm.mode or view.iteration not in REFRESHES:
        return decision
    update = {
        "intervention": Intervention.REFRESH_PROMPTS,
        "arguments": {MODE: arm.mode},
        "predicted": None,
        "because": "this arm refreshes here",
    }
    return decision.model_copy(update=update)


def run(name: str, seed: int, turns: int, prompts: int, work: Path) -> dict[str, Any]:
    """One session; its curves."""
    arm = ARMS[name]
    label = name.replace(" ", "-").replace(".", "")
    config = Config(
        recipe=SMALL.model_copy(update={"prompts": prompts, "replay": prompts, **dict(arm.recipe)}),
        session=SessionSection(name=label, iterations=turns, seed=seed),
        world=WorldSection(gold_prompts=400, fresh_gold=0),
        judges=JudgesSection(founding="oracle", comparisons=200),
        drift=DriftSection(prompts=0),
        limits=LimitsSection(threads=1),
    )
    workspace = Workspace.create(work / f"{label}-{seed}", config)
    (workspace.root / POLICY).write_bytes(ungoverned_policy())
    session.DECIDERS["rules"] = lambda view: decider(arm, view)
    started = time.monotonic()
    session.run(workspace, Silent())
    minutes = round((time.monotonic() - started) / 60, 2)
    return {"arm": name, "seed": seed, "minutes": minutes} | curves(workspace, label)


SEEN = ("tie_rate", "entropy", "distinct_2", "kl_to_anchor")
"""What is read of each observation."""


def curves(workspace: Workspace, name: str) -> dict[str, Any]:
    """Gold by turn, by skill at the end; what was observed before each turn; what was done."""
    with workspace.journal() as journal:
        entries = list(journal.entries(session=name))
    gold: dict[int, list[dict[str, Any]]] = {
        e.iteration: e.body["measurements"]
        for e in entries
        if e.kind is EntryKind.MEASURED and e.key.endswith("/gold")
    }
    seen = {
        e.iteration: {
            m["instrument"]: m["estimate"]
            for m in e.body["measurements"]
            if m["instrument"] in SEEN and m["of"] == ""
        }
        for e in entries
        if e.kind is EntryKind.OBSERVED
    }
    last = gold[max(gold)]
    return {
        "gold": {i: _one(found, "gold") for i, found in sorted(gold.items())},
        "greedy": {i: _one(found, "gold_greedy") for i, found in sorted(gold.items())},
        "skills": {m["of"]: m["estimate"] for m in last if m["instrument"] == "gold_skill"},
        "observed": seen,
        "emphasis": [
            e.body["state"]["prompts"]["emphasis"]
            for e in entries
            if e.kind is EntryKind.COMMITTED and e.body["state"]["prompts"]["emphasis"]
        ][-1:],
        "turns": {
            e.iteration: e.body["intervention"] for e in entries if e.kind is EntryKind.DECIDED
        },
        "committed": [e.iteration for e in entries if e.kind is EntryKind.COMMITTED],
    }


def _one(found: list[dict[str, Any]], instrument: str) -> float:
    return next(float(m["estimate"]) for m in found if m["instrument"] == instrument)


def table(results: list[dict[str, Any]]) -> str:
    """One row per session: the end, the difference from plain at the same seed, both by turns
    and by trainings, for a refresh costs a turn."""
    head = f"| arm | seed | gold, T=1, last {LAST} | greedy, last {LAST} | vs. plain, T=1 "
    head += "| vs. plain, greedy | trainings | vs. plain after as many, T=1 | entropy | ties | KL |"
    lines = [head, "|---" * 11 + "|"]
    plain = {r["seed"]: r for r in results if r["arm"] == "plain"}
    for r in results:
        base, n = plain.get(r["seed"]), len(_trained(r))
        less = [f"{_end(r[k]) - _end(base[k]):+.3f}" if base else "" for k in ("gold", "greedy")]
        as_many = f"{_after(r, n) - _after(base, n):+.3f}" if base else ""
        end = _last(r["observed"])
        lines.append(
            f"| {r['arm']} | {r['seed']} | {_end(r['gold']):.3f} | {_end(r['greedy']):.3f} "
            f"| {less[0]} | {less[1]} | {n} | {as_many} "
            f"| {end['entropy']:.3f} | {end['tie_rate']:.3f} | {end['kl_to_anchor']:.3f} |"
        )
    return "\n".join(lines)


def _trained(result: Mapping[str, Any]) -> list[int]:
    """Turns whose training was committed."""
    done = {int(i) for i in result["committed"]}
    return [int(i) for i, what in result["turns"].items() if what == "train" and int(i) in done]


def _after(result: Mapping[str, Any], trainings: int) -> float:
    """Gold at temperature 1 after so many trainings, told by the last two of them together."""
    turns = _trained(result)[trainings - 2 : trainings]
    by_turn = {int(i): value for i, value in result["gold"].items()}
    return fmean(by_turn[i] for i in turns)


def _end(curve: Mapping[Any, float]) -> float:
    return fmean(curve[k] for k in sorted(curve, key=int)[-LAST:])


def _last(seen: Mapping[Any, dict[str, float]]) -> dict[str, float]:
    return seen[max(seen, key=int)]


def main() -> None:
    """Run the arms one after the other; what is known is written after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--prompts", type=int, default=512, help="per turn, and replayed")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.epilog = "a work folder holds one workspace per session; remove it afterwards"
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    for seed in given.seeds:
        for arm in given.arms:
            results.append(run(arm, seed, given.turns, given.prompts, given.work))
            given.out.write_text(json.dumps(results, indent=1) + "\n")
            print(arm, seed, [round(g, 3) for g in results[-1]["gold"].values()], flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
