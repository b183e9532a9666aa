"""What a repair does to a judge: accuracy by the oracle, and how often each flaw pays.

    python -m benchmarks.judge_repairs WORKSPACE --out benchmarks/results/judge_repairs.json

Founding judges are repaired on the first so many graded prompts of the log, and read on the answers
of its last turn. People read this: the agent has no oracle.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.workspace import Workspace
from logs.errors import PlimsollError
from logs.vocabulary import Constitution, EntryKind, Judge, Observation
from tools.counterfactual import ALL, PAID_BY
from tools.judges import FeatureJudge, load
from tools.judging import answers_of, judge_samples
from tools.recalibrating import recalibrate
from tools.refitting import refit
from tools.task import MicroWorld

SIZES = (20, 32, 10_000)
READ = 600
TWINS = 200


def repairs(
    path: Path, labels: Sequence[dict[str, Any]], constitution: Constitution, args: dict[str, Any]
) -> Iterator[tuple[str, Path]]:
    """Every way of fitting a judge on these grades, with where its artefact lies."""
    ways: Mapping[str, dict[str, Any]] = {
        "refit": {},
        **{f"refit against {flaw}": {"against": flaw} for flaw in (*PAID_BY, ALL)},
        "reinitialised to grades": {"keep_prior": True},
    }
    given = args | {
        "judge": str(path),
        "constitution": constitution.model_dump(mode="json"),
        "ridge": 1.0,
        "folds": 8,
    }
    for name, way in ways.items():
        place = Path(tempfile.mkdtemp(prefix="repair-"))
        try:
            refit(given | way, labels, place)
        except PlimsollError as error:
            print(f"{name}: {error.saw}")
            continue
        yield name, place / "judge.json"


def accuracy(
    judge: FeatureJudge, groups: Sequence[dict[str, Any]], constitution: Constitution
) -> float:
    """Share of pairs of a right and a wrong sibling in the right order, a prompt at a time."""
    task, found = MicroWorld(), []
    for group in groups[:READ]:
        answers = answers_of(group)
        s = np.array(judge(answers, constitution))
        y = np.array([task.grade(group["prompt"], a.text) for a in answers])
        if 0 < y.sum() < len(y):
            found.append(float((s[y][:, None] > s[~y][None, :]).mean()))
    return float(np.mean(found))


def claims(judge: FeatureJudge, rows: Sequence[dict[str, Any]], here: Constitution) -> str:
    """What recalibration gains on these grades, or why there is none."""
    scores, right, prompts = [], [], []
    for row in rows:
        said = judge(answers_of(row), here)
        for i, grade in row["grades"].items():
            scores.append(said[int(i)])
            right.append(grade)
            prompts.append(row["prompt"])
    try:
        _, gain = recalibrate(judge, scores, right, prompts)
    except PlimsollError as error:
        return error.saw
    return f"{gain.estimate:.3f} [{gain.low:.3f}, {gain.high:.3f}] nats"


def main() -> None:
    """Measure, print Markdown, write JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = list(_rows(Workspace(given.workspace)))
    print("| judge | graded prompts | repair | pairs ordered | padding | repeating | yielding |")
    print("|---|---|---|---|---|---|---|")
    for r in rows:
        pays = " | ".join(f"{r['pays'][flaw]:.2f}" for flaw in PAID_BY)
        print(f"| {r['judge']} | {r['prompts']} | {r['repair']} | {r['ordered']:.3f} | {pays} |")
    for r in rows:
        if r["claims"]:
            print(f"recalibration of {r['judge']}: {r['claims']}")
    if given.out:
        given.out.write_text(json.dumps(rows, indent=1) + "\n")


def _rows(workspace: Workspace) -> Iterator[dict[str, Any]]:
    store = workspace.store
    with workspace.journal() as journal:
        seen = [
            Observation.model_validate(e.body) for e in journal.entries(kind=EntryKind.OBSERVED)
        ]
        founded = next(journal.entries(kind=EntryKind.FOUNDED)).body
        base = journal.commit_of(seen[-1].head).state.base
    graded = [row for o in seen if o.labels for row in store.get_lines(o.labels)]
    groups = store.get_lines(seen[-1].samples)
    trees = {"base": str(store.checkout(base)), "reader": str(store.checkout(founded["reader"]))}
    args = trees | {"threads": 1, "seed": 1, "counterfactuals": TWINS}
    for judge in (Judge.model_validate(j) for j in founded["judges"]):
        path = store.root / judge.artefact[:2] / judge.artefact
        found = [("as founded", 0, path)]
        for size in SIZES:
            some = graded[:size]
            found += [
                (n, len(some), p) for n, p in repairs(path, some, workspace.constitution, args)
            ]
        yield from _read(judge, found, groups, graded, workspace.constitution, args)


def _read(
    judge: Judge,
    found: Sequence[tuple[str, int, Path]],
    groups: Sequence[dict[str, Any]],
    graded: Sequence[dict[str, Any]],
    here: Constitution,
    args: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    named = {f"{n}@{size}": {"kind": judge.kind, "path": str(p)} for n, size, p in found}
    _, report = judge_samples(args | {"judges": named}, groups, here, lambda *_: None)
    for name, size, path in found:
        made = load(path.read_bytes())
        pays = report["flaws"][f"{name}@{size}"]
        yield {
            "judge": judge.id,
            "repair": name,
            "prompts": size,
            "ordered": round(accuracy(made, groups, here), 4),
            "pays": {flaw: round(wins / n, 4) for flaw, (wins, n) in pays.items()},
            "claims": claims(made, graded, here) if size == 0 else "",
        }


if __name__ == "__main__":
    main()
