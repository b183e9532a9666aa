"""What the agent itself costs: its own processor time, beside the jobs that it starts.

    python -m benchmarks.overhead --base BASE --out FOLDER --turns 8

One governed session of the ceiling's recipe. Sampling, judging, training and every other job run
in processes of their own, so that the time of the agent's own process is everything else. What
that process computes within a trial is told apart: a trial is work on the candidate.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent import trial
from agent.workspace import Workspace
from benchmarks import ceiling
from logs.vocabulary import EntryKind


def main() -> None:
    """Run the session, write and print a row per turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    trying = timed_trials()
    ceiling.run("rules", given.seed, given.base, given.turns, given.out)
    rows = rows_of(Workspace(given.out / f"rules-{given.seed}"), trying, "rules")
    (given.out / "overhead.json").write_text(json.dumps(rows, indent=1) + "\n")
    print("| turn | own CPU s | of it trial | jobs, wall s | share without trial |")
    print("|---|---|---|---|---|")
    for row in rows:
        print("| {turn} | {own:.2f} | {trial:.2f} | {jobs:.1f} | {share:.1%} |".format(**row))
    later = rows[1:]
    share = sum(r["own"] - r["trial"] for r in later) / sum(
        r["own"] - r["trial"] + r["jobs"] for r in later
    )
    middle = median(r["share"] for r in later)
    print(f"\nturns 2 to {given.turns}: {share:.1%} in all, median {middle:.1%}")


def timed_trials() -> list[float]:
    """Processor seconds of the agent's own process in each trial from now on."""
    spent: list[float] = []
    evidence = trial._evidence

    def timed(*arguments: Any) -> Any:
        began = time.process_time()
        try:
            return evidence(*arguments)
        finally:
            spent.append(time.process_time() - began)

    trial._evidence = timed
    return spent


def rows_of(workspace: Workspace, trying: list[float], session: str) -> list[dict[str, Any]]:
    """Per turn; a trial belongs to the turns that logged one, in their order."""
    with workspace.journal() as journal:
        entries = list(journal.entries(session=session))
    tried = {e.iteration for e in entries if e.key.endswith("/trial")}
    left = iter(trying)
    rows = []
    for entry in entries:
        if entry.kind is not EntryKind.RECORDED:
            continue
        own, jobs = entry.body["agent_cpu_seconds"], sum(entry.body["seconds"].values())
        within = next(left) if entry.iteration in tried else 0.0
        rest = own - within
        row = {"turn": entry.iteration, "own": own, "trial": within, "jobs": jobs}
        rows.append(row | {"share": rest / (rest + jobs)})
    return rows


if __name__ == "__main__":
    main()
