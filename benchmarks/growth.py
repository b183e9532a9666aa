"""What the agent itself costs as a turn grows: ten and a hundred times the prompts.

    python -m benchmarks.growth --out FOLDER

One session of three turns per size, with nothing else changed. Jobs (sampling, judging, training,
trial) run in processes of their own; the agent's own process is everything else, a trial's
evidence told apart as in `benchmarks.overhead`.
"""

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent import session
from agent.listener import Silent
from agent.workspace import Workspace
from benchmarks.overhead import rows_of, timed_trials
from tests.sessions import NAME, tiny

PROMPTS, TIMES, TURNS = 100, (1, 10, 100), 3


def main() -> None:
    """Run a session per size; print and keep a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found = [grown(given.out, times) for times in TIMES]
    (given.out / "growth.json").write_text(json.dumps(found, indent=1) + "\n")
    print("| prompts | answers a turn | own CPU s a turn | jobs, wall s a turn | share |")
    print("|---|---|---|---|---|")
    for row in found:
        print("| {prompts} | {answers} | {own:.2f} | {jobs:.1f} | {share:.1%} |".format(**row))


def grown(out: Path, times: int) -> dict[str, Any]:
    """A session with so many times the prompts; medians over its turns after the first."""
    prompts, samples = PROMPTS * times, 4
    config = tiny(
        session={"iterations": TURNS, "decider": "fixed"},
        recipe={"prompts": prompts, "samples": samples, "batch": 64},
        limits={"threads": 1, "seconds": 3600},
    )
    workspace, trials = Workspace.create(out / f"times-{times}", config), timed_trials()
    session.run(workspace, Silent())
    rows = rows_of(workspace, trials, NAME)[1:]
    own = median(r["own"] - r["trial"] for r in rows)
    jobs = median(r["jobs"] for r in rows)
    said = {"prompts": prompts, "answers": prompts * samples, "own": own, "jobs": jobs}
    return {**said, "share": own / (own + jobs), "turns": rows}


if __name__ == "__main__":
    main()
