"""Does the world have head-room, do planted judges over-optimise, does governing pay?

    python -m benchmarks.world --seeds 0 1 2 --arms oracle fixed governed --bases BASES --out FOLDER

Every arm is a real session of the same code on the same prompts and seeds. The founding judge,
the decider and, for the baselines, which nobody governs, the policy differ; and `fixed` trains
in smaller steps, so that one can see gold rise, turn and fall. `fixed-same` is as blind with the
recipe of `governed`: it tells what governing is worth at the same pace.
"""

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent import session
from agent.config import Config, JudgesSection, LimitsSection, SessionSection, WorldSection
from agent.listener import Silent
from agent.workspace import POLICY, Workspace
from invariants.policy import default_bytes
from logs.vocabulary import EntryKind, Recipe

STEADY = Recipe(prompts=1024, epochs=1, learning_rate=3e-4, replay=0)
"""A plain self-training script: one pass at a modest rate over what this turn chose."""
ARMS = {
    "oracle": ("oracle", "fixed", Recipe()),
    "fixed": ("planted", "fixed", STEADY),
    "fixed-same": ("planted", "fixed", Recipe()),
    "governed": ("planted", "rules", Recipe()),
}
"""Arm -> (founding judge, decider, recipe)."""
UNGOVERNED = ("P10", "P11", "P12", "P16", "P23")
"""Rules a blind loop does not have: drift, safety, judge floor, pace, validation."""


def ungoverned_policy() -> bytes:
    """The default policy without the rules that judge a training step."""
    blocks = re.split(r"(?m)^(?=\[\[)", default_bytes().decode())
    kept = [b for b in blocks if not any(f'id = "{rule}-' in b for rule in UNGOVERNED)]
    return "".join(kept).encode()


def run(arm: str, seed: int, base: str, iterations: int, out: Path) -> dict[str, Any]:
    """One session; returns its curves."""
    founding, decider, recipe = ARMS[arm]
    config = Config(
        recipe=recipe,
        session=SessionSection(name=arm, iterations=iterations, seed=seed, decider=decider),
        world=WorldSection(base=base, gold_prompts=800),
        judges=JudgesSection(founding=founding),
        limits=LimitsSection(threads=1),
    )
    workspace = Workspace.create(out / f"{arm}-{seed}", config)
    if arm != "governed":
        (workspace.root / POLICY).write_bytes(ungoverned_policy())
    started = time.monotonic()
    session.run(workspace, Silent())
    return {"arm": arm, "seed": seed, "minutes": round((time.monotonic() - started) / 60, 2)} | (
        curves(workspace, arm)
    )


def curves(workspace: Workspace, name: str) -> dict[str, Any]:
    """Gold, greedy gold, judge score per iteration, and what was decided."""
    with workspace.journal() as journal:
        entries = list(journal.entries(session=name))
        labels = journal.ledgers().audit_labels
    gold: dict[int, dict[str, Any]] = {}
    score: dict[int, float] = {}
    for entry in entries:
        if entry.kind is EntryKind.MEASURED and entry.key.endswith("/gold"):
            gold[entry.iteration] = {
                m["instrument"]: [m["estimate"], m["low"], m["high"], m["n"]]
                for m in entry.body["measurements"]
                if m["instrument"] != "gold_skill"
            }
        if entry.kind is EntryKind.OBSERVED:
            found = {
                m["instrument"]: m["estimate"] for m in entry.body["measurements"] if not m["of"]
            }
            score[entry.iteration] = found["judge_score"]
    decided = {e.iteration: e.body["intervention"] for e in entries if e.kind is EntryKind.DECIDED}
    closed = {e.iteration: e.body["outcome"] for e in entries if e.kind is EntryKind.RECORDED}
    return {
        "gold": {i: g["gold"] for i, g in sorted(gold.items())},
        "greedy": {i: g["gold_greedy"] for i, g in sorted(gold.items())},
        "judge_score_before": score,
        "turns": {i: f"{decided[i]}: {closed[i]}" for i in closed},
        "audit_labels": labels,
    }


def main() -> None:
    """Run the arms one after the other; each result is written as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--iterations", type=int, default=14)
    parser.add_argument("--bases", type=Path, required=True, help="folder with base0, base1, ...")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in given.seeds:
        for arm in given.arms:
            base = str(given.bases / f"base{seed}")
            result = run(arm, seed, base, given.iterations, given.out)
            (given.out / f"{arm}-{seed}.json").write_text(json.dumps(result, indent=1) + "\n")
            print(arm, seed, [round(g[0], 3) for g in result["gold"].values()], flush=True)


if __name__ == "__main__":
    main()
