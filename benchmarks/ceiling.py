"""Who goes on improving? The same model, compute and labels under fixed recipes and deciders.

    python -m benchmarks.ceiling --seeds 0 1 2 3 4 --bases BASES --out FOLDER --jobs 2

Every run is a real session of the same number of turns, from another base model per seed, with the
planted crowd as founding judge. Arms differ in who decides, or in the recipe of a loop in which
nobody does. `grid-*` are the settings among which the best fixed recipe is chosen afterwards, with
hindsight and by gold, which no user has; `scheduled` refits its judge at set turns on the labels
that a governed session may buy. `without-*` are the rules with one mechanism switched off, `with-*`
with one added, `forced-*` the rules with one made to act at set turns, where it never would by
itself. A run that has ended is not run again.
"""

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
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
from agent.data_lines import frontier, weakness
from agent.deciders import Decider, View
from agent.deciding.menu import possible
from agent.judge_lines import ensemble
from agent.lines import Entry
from agent.listener import Silent
from agent.rules import TABLE, decide, train_always
from agent.state import Context
from agent.switches import MODE
from agent.workspace import POLICY, Workspace
from benchmarks.world import curves, ungoverned_policy
from logs.vocabulary import Decision, EntryKind, Intervention, LogEntry, Recipe, Reference

COMMON = Recipe(prompts=1024, epochs=2, replay=1024)
"""Of every arm that is not part of the grid."""
SCHEDULE = (4, 9)
"""Turns in which `scheduled` refits its judge, and `forced-*` draw other prompts."""


@dataclass(frozen=True)
class Arm:
    """Who decides, and how one turn trains."""

    decider: str
    recipe: Recipe = COMMON
    governed: bool = True
    without: tuple[Intervention, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)


def _grid() -> dict[str, Arm]:
    settings = [
        (rate, epochs, replay) for rate in (3e-4, 1e-3) for epochs in (1, 2) for replay in (0, 1024)
    ]
    return {
        f"grid-{rate * 1e4:.0f}e-4-{epochs}-{replay}": Arm(
            "fixed",
            COMMON.model_copy(update={"learning_rate": rate, "epochs": epochs, "replay": replay}),
            governed=False,
        )
        for rate, epochs, replay in settings
    }


JUDGE = (
    Intervention.REFIT_JUDGE,
    Intervention.SWAP_JUDGE,
    Intervention.RECALIBRATE_JUDGE,
    Intervention.REINITIALISE_JUDGE,
)
ARMS: dict[str, Arm] = {
    "fixed": Arm("fixed", governed=False),
    "rules": Arm("rules"),
    "random": Arm("random"),
    "bandit": Arm("bandit"),
    "scheduled": Arm("scheduled", governed=False),
    **_grid(),
    "with-entropy": Arm("rules", COMMON.model_copy(update={"entropy": 0.1})),
    "with-anchor": Arm("rules", COMMON.model_copy(update={"reference": Reference.ANCHOR})),
    "with-curriculum": Arm("frontier"),
    "with-adversarial-prompts": Arm("weakness"),
    "with-ensemble": Arm("ensemble"),
    "forced-curriculum": Arm("level"),
    "forced-adversarial-prompts": Arm("weak"),
    "without-judge-repair": Arm("rules", without=JUDGE),
    "without-rollback": Arm("rules", without=(Intervention.ROLL_BACK,)),
    "without-constitution": Arm("rules", without=(Intervention.EDIT_CONSTITUTION,)),
}


MORE: dict[str, Entry] = {
    "frontier": Entry("B1-frontier", Intervention.REFRESH_PROMPTS, frontier),
    "weakness": Entry("B2-weakness", Intervention.REFRESH_PROMPTS, weakness),
    "ensemble": Entry("B3-ensemble", Intervention.ADD_JUDGE, ensemble),
}
"""Lines that the table does without, each put before its last one."""
FORCED = ("level", "weak")
"""Kinds of `refresh_prompts`: where siblings differ most, and where audits find most wrong."""


def decider_of(arm: Arm) -> Decider | None:
    """Who decides where no setting names it."""
    if arm.decider == "scheduled":
        return scheduled
    if arm.decider in MORE:
        lines = (*TABLE[:-1], MORE[arm.decider], TABLE[-1])
        return lambda view: decide(view, lines)
    if arm.decider in FORCED:
        return lambda view: forced(view, arm.decider)
    return None


def forced(view: View, mode: str) -> Decision:
    """The table, but prompts of this kind are drawn at set turns, whatever the instruments say."""
    usual, of = decide(view), Intervention.REFRESH_PROMPTS
    offered = view.iteration in SCHEDULE and any(i.intervention is of for i in possible(view))
    if not offered:
        return usual
    update = {"intervention": of, "arguments": {MODE: mode}, "predicted": None}
    return usual.model_copy(update=update)


def scheduled(view: View) -> Decision:
    """Train every turn, but refit the judge at set ones, whatever the instruments say."""
    usual = train_always(view)
    if view.iteration not in SCHEDULE:
        return usual
    refits = [i for i in possible(view) if i.intervention is Intervention.REFIT_JUDGE]
    if not refits:
        return usual
    arguments = {"judge": view.state.panel.judges[0].id, "labels": str(min(72, view.labels_left))}
    update = {"intervention": Intervention.REFIT_JUDGE, "arguments": arguments, "predicted": None}
    return usual.model_copy(update=update)


def run(name: str, seed: int, base: str, turns: int, out: Path) -> dict[str, Any]:
    """One session; returns its curves, what was claimed, and what it cost."""
    arm = ARMS[name]
    named = decider_of(arm)
    config = Config(
        recipe=arm.recipe,
        session=SessionSection(
            name=name,
            iterations=turns,
            seed=seed,
            decider="rules" if named else arm.decider,
            without=arm.without,
        ),
        world=WorldSection(base=base, gold_prompts=800),
        judges=JudgesSection(founding="planted"),
        # A loop that nobody watches pays for no instruments of drift.
        drift=DriftSection() if arm.governed else DriftSection(prompts=0),
        limits=LimitsSection(threads=1),
    )
    workspace = Workspace.create(out / f"{name}-{seed}", config)
    if not arm.governed:
        (workspace.root / POLICY).write_bytes(ungoverned_policy())

    def around(context: Context) -> Context:
        return replace(context, decider=named) if named else context

    started = time.monotonic()
    session.run(workspace, Silent(), session.Setting(around=around))
    took = {"minutes": round((time.monotonic() - started) / 60, 2)}
    return {"arm": name, "seed": seed} | took | curves(workspace, name) | _claims(workspace, name)


def _claims(workspace: Workspace, name: str) -> dict[str, Any]:
    """Every look at fresh gold: what may be claimed, and from when on."""
    with workspace.journal() as journal:
        entries = list(journal.entries(session=name, kind=EntryKind.MEASURED))
        recorded = list(journal.entries(session=name, kind=EntryKind.RECORDED))
    seconds = [sum(e.body["seconds"].values()) for e in recorded]
    looks = {
        str(e.iteration): {
            "look": e.body["look"],
            "denied_by": e.body["denied_by"],
            "gain": [e.body["measurements"][0][k] for k in ("estimate", "low", "status", "n")],
        }
        for e in entries
        if "look" in e.body
    }
    cpu = {str(e.iteration): _cpu_seconds(e) for e in recorded}
    return {"looks": looks, "job_seconds": round(sum(seconds), 1), "cpu_seconds": cpu}


def _cpu_seconds(record: LogEntry) -> float:
    """Processor time of all processes of a session until this turn was over."""
    spent = {b["name"]: float(b["spent"]) for b in record.body["budgets"]}
    return round(spent["cpu_hours"] * 3600, 1)


def once(name: str, seed: int, base: str, turns: int, out: Path) -> dict[str, Any]:
    """A run, kept as soon as it is known."""
    result = run(name, seed, base, turns, out)
    (out / f"{name}-{seed}.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def main() -> None:
    """Run what is missing, several side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--turns", type=int, default=14)
    parser.add_argument("--bases", type=Path, required=True, help="folder with base0, base1, ...")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    left = [
        (arm, seed, str(given.bases / f"base{seed}"), given.turns, given.out)
        for seed in given.seeds
        for arm in given.arms
        if not (given.out / f"{arm}-{seed}.json").exists()
    ]
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=spawned, max_tasks_per_child=1) as pool:
        for future in as_completed([pool.submit(once, *each) for each in left]):
            result = future.result()
            gold = [round(g[0], 3) for g in result["gold"].values()]
            print(result["arm"], result["seed"], f"{result['minutes']} min", gold, flush=True)


if __name__ == "__main__":
    main()
