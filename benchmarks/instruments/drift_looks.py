"""Does paying for every look hold? False alarms over whole sessions, and what is still seen.

    python -m benchmarks.instruments.drift_looks --out RESULTS/drift_looks.json

A session is 12 planned looks at 200 prompts x 4 answers of one unchanged policy, against the
anchor. It raises a false alarm if any metric of any look does (yellow or red).
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.instruments.drift_samples import SAMPLES, Said, drawn
from logs.vocabulary import Measurement, Status
from tools.instruments.drift import family
from tools.instruments.drift.embedding import FOR_TESTS
from tools.instruments.drift.looks import Look, changed, established
from tools.instruments.drift.surface import refuses

USED, ANSWERS, PLANNED = 200, 4, 12
ALARMS = (Status.YELLOW, Status.RED)


class Free(Look):
    """A look that pays for nothing: each metric at its own 5 %."""

    @property
    def test_alpha(self) -> float:
        """Level of one permutation test."""
        return 0.05

    @property
    def level(self) -> float:
        """Confidence level of one interval."""
        return 0.95


def side(said: Said, columns: Any) -> family.Said:
    """The first prompts' answers in these columns."""
    texts = [[said.texts[i][c] for c in columns[i][:ANSWERS]] for i in range(USED)]
    scored = [[said.entropies[i][c] for c in columns[i][:2]] for i in range(USED)]
    return family.Said(texts, scored, [refuses(t[0]) for t in texts], [True] * USED)


def measured(now: Said, then: Said, look: Look, seed: int) -> tuple[Measurement, ...]:
    """One look; no answer is on both sides."""
    order = np.random.default_rng([4, seed]).random((len(then.texts), SAMPLES)).argsort(axis=1)
    both = side(now, order[:, ANSWERS:]), side(then, order)
    return family.compared(*both, "anchor", look=look, seed=seed)


def null(warm: Said, sessions: int, name: str, looks: list[Look]) -> dict[str, Any]:
    """How many sessions of an unchanged policy raise an alarm at any look."""
    alarms = misses = 0
    for s in range(sessions):
        found = [measured(warm, warm, look, 1000 * s + k) for k, look in enumerate(looks)]
        alarms += any(m.status in ALARMS for look in found for m in look)
        misses += any(changed(m) for look in found for m in look)
    rate = alarms / sessions
    return {
        "situation": f"null, {PLANNED} looks, {name}",
        "runs": sessions,
        "alarm": round(rate, 4),
        "se": round(float(np.sqrt(rate * (1 - rate) / sessions)), 4),
        "excludes_no_change": round(misses / sessions, 4),
    }


def planted(warm: Said, temperature: float, runs: int) -> dict[str, Any]:
    """What is seen of a colder policy at the last planned look, when little alpha is left."""
    cold, look = drawn(temperature, 2, FOR_TESTS), family.look_at(PLANNED, PLANNED, 2)
    found = [measured(cold, warm, look, seed) for seed in range(runs)]
    seen: dict[str, list[bool]] = {}
    for m in (m for run in found for m in run):
        seen.setdefault(m.instrument, []).append(m.status in ALARMS)
    counted = [established(look, run).status is Status.YELLOW for run in found]
    return {
        "situation": f"temperature 1 -> {temperature} at look {PLANNED}, two references",
        "runs": runs,
        "alarm": round(float(np.mean(counted)), 4),
        "by_metric": {name: round(float(np.mean(hits)), 3) for name, hits in sorted(seen.items())},
    }


def rows(sessions: int, plants: int) -> list[dict[str, Any]]:
    """False alarms of sessions, with and without paying, and power at the last look."""
    warm = drawn(1.0, 1, FOR_TESTS)
    paid = [family.look_at(k, PLANNED, 1) for k in range(1, PLANNED + 1)]
    free: list[Look] = [Free(1, 1, tests=1, intervals=1)] * PLANNED
    return [
        null(warm, sessions, "paid for", paid),
        null(warm, sessions, "each metric at 5 %", free),
        *(planted(warm, temperature, plants) for temperature in (0.8, 0.6)),
    ]


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description="False alarms of drift over whole sessions.")
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--plants", type=int, default=40)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    start = time.process_time()
    found = rows(arguments.sessions, arguments.plants)
    told = {"rows": found, "cpu_seconds": round(time.process_time() - start)}
    if arguments.out:
        arguments.out.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
