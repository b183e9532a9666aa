"""Many runs of the benchmark, side by side where there are cores for it; what ended is kept."""

import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from agent.bench.running import Run, run, warmed
from agent.bench.scenario import Scenario
from agent.bench.scoring import Outcome, scored
from agent.deciding.experience import LEARNS
from agent.listener import Silent
from logs.files import write_whole
from sandbox import watch

OUTCOME = "outcome.json"


def runs_of(
    scenarios: Sequence[Scenario],
    deciders: Sequence[str],
    seeds: Sequence[int],
    lessons: bytes = b"",
) -> list[Run]:
    """Every combination, the seeds outermost: a part of them is a smaller benchmark.

    Lessons of other workspaces go to the decider that learns, and to no other.
    """
    return [
        Run(s, d, seed, lessons if d == LEARNS else b"")
        for seed in seeds
        for s in scenarios
        for d in deciders
    ]


def outcomes(runs: Sequence[Run], folder: Path, *, jobs: int) -> Iterator[Outcome]:
    """Outcomes as runs end, in any order; those that are there already come first."""
    there = {each.name: found for each in runs if (found := read(each, folder)) is not None}
    yield from there.values()
    left = [each for each in runs if each.name not in there]
    for seed in sorted({each.seed for each in left}):
        warmed(folder, seed, Silent())
    if jobs <= 1:
        yield from (once(each, folder) for each in left)
        return
    with side_by_side(jobs) as pool:
        for future in as_completed([pool.submit(once, each, folder) for each in left]):
            yield future.result()


def side_by_side(jobs: int) -> ProcessPoolExecutor:
    """Processes for sessions, which end with this one however it ends.

    A session owns threads, locks and a fork server: processes that begin anew share none.
    """
    spawned = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        jobs, mp_context=spawned, initializer=watch.end_with, initargs=(os.getpid(),)
    )


def once(of: Run, folder: Path) -> Outcome:
    """One run, and what came of it."""
    with run(of, folder, Silent()).journal() as journal:
        outcome = scored(of, journal)
    write_whole(_kept(of, folder), json.dumps(outcome.as_plain(), indent=2).encode())
    return outcome


def read(of: Run, folder: Path) -> Outcome | None:
    """What came of a run that has ended; None if it has not."""
    try:
        return Outcome(**json.loads(_kept(of, folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _kept(of: Run, folder: Path) -> Path:
    return folder / of.name / OUTCOME
