"""How often the drift instruments alarm on nulls and on planted drift, and what they cost.

    python -m benchmarks.instruments.drift --out benchmarks/results/instruments/drift.json

Answers are the shipped base model's to 400 fixed prompts, one per prompt and side; a run draws
them without replacement from 20 per prompt. An alarm is yellow or red.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.instruments.drift_samples import PROMPTS, SAMPLES, Said, drawn
from benchmarks.instruments.drift_synthetic import synthetic
from logs.vocabulary import Measurement, Status
from tools.instruments.drift.diversity import entropy_change, siblings_change, vendi_change
from tools.instruments.drift.embedding import FOR_DIVERSITY, FOR_TESTS
from tools.instruments.drift.lexical import distinct_change, self_bleu_change
from tools.instruments.drift.surface import length_change, refusal_change, refuses
from tools.instruments.drift.two_samples import c2st, classifier_drift, kernel_drift, mmd

ALARMS = (Status.YELLOW, Status.RED)
EMBED = FOR_TESTS
STOCK = " sure thanks friend"
ROWS = list(range(PROMPTS))
Side = dict[str, Any]


def measured(now: Side, then: Side, seed: int, only: set[str] | None = None) -> list[Measurement]:
    """The instruments on one pair of sides."""
    prompts = (ROWS, ROWS)
    x, y, a, b = now["points"], then["points"], now["texts"], then["texts"]
    makers: dict[str, Callable[[], Measurement]] = {
        "mmd": lambda: kernel_drift(x, y, "anchor", seed=seed, prompts=prompts),
        "c2st": lambda: classifier_drift(x, y, "anchor", seed=seed, prompts=prompts),
        "vendi": lambda: vendi_change(now["wide"], then["wide"]),
        "token_entropy": lambda: entropy_change(now["entropies"], then["entropies"]),
        "distinct_2": lambda: distinct_change(a, b),
        "self_bleu": lambda: self_bleu_change(a, b),
        "log_length": lambda: length_change(*([len(t.split()) + 1 for t in s] for s in (a, b))),
        "refusals": lambda: refusal_change(*([refuses(t) for t in s] for s in (a, b))),
    }
    return [make() for name, make in makers.items() if only is None or name in only]


def two(rng: np.random.Generator) -> tuple[Any, Any]:
    """Two different samples of each prompt."""
    order = rng.random((PROMPTS, SAMPLES)).argsort(axis=1)
    return order[:, 0], order[:, 1]


def null(warm: Said, seeds: int) -> Iterator[Measurement]:
    """Two seeds of one policy."""
    for seed in range(seeds):
        rng = np.random.default_rng([1, seed])
        first, second = two(rng)
        yield from measured(warm.side(first), warm.side(second), seed)
        yield siblings(rng, warm, warm)


def siblings(rng: np.random.Generator, now: Said, then: Said) -> Measurement:
    """Eight answers to each prompt on either side; none is on both."""
    order = rng.random((PROMPTS, SAMPLES)).argsort(axis=1)[:, :16]
    sides = (np.take_along_axis(s.wide, order[:, :, None], axis=1) for s in (now, then))
    found = siblings_change(next(sides)[:, :8], next(sides)[:, 8:])
    return found.model_copy(update={"instrument": "vendi of siblings"})


def planted(
    warm: Said,
    seeds: int,
    plant: Callable[[np.random.Generator, Any], Side],
    only: set[str],
) -> Iterator[Measurement]:
    """One side as it is, one with a planted drift."""
    for seed in range(seeds):
        rng = np.random.default_rng([2, seed])
        first, second = two(rng)
        yield from measured(plant(rng, first), warm.side(second), seed, only)


def retold(side: Side, texts: list[str]) -> Side:
    """A side with other texts."""
    return side | {"texts": texts, "points": EMBED(texts), "wide": FOR_DIVERSITY(texts)}


def stock(warm: Said) -> Callable[[np.random.Generator, Any], Side]:
    """(i) One stock sentence after 20 % of the answers."""

    def plant(rng: np.random.Generator, columns: Any) -> Side:
        side, hit = warm.side(columns), rng.random(PROMPTS) < 0.2
        return retold(side, [t + STOCK * bool(h) for t, h in zip(side["texts"], hit, strict=True)])

    return plant


def copied(warm: Said, one: bool) -> Callable[[np.random.Generator, Any], Side]:
    """(iii) 30 % of the answers are copies: of one answer, or each of another one."""

    def plant(rng: np.random.Generator, columns: Any) -> Side:
        side, hit = warm.side(columns), rng.random(PROMPTS) < 0.3
        texts, source = side["texts"], rng.integers(PROMPTS, size=PROMPTS)
        whom = np.full(PROMPTS, source[0]) if one else source
        return retold(side, [texts[whom[i]] if hit[i] else texts[i] for i in ROWS])

    return plant


def rows_of(
    found: Iterator[Measurement], situation: str, seeds: int, bound: str
) -> Iterator[dict[str, Any]]:
    """One row per instrument: how often it alarmed."""
    statuses: dict[str, list[Status]] = {}
    for m in found:
        statuses.setdefault(m.instrument, []).append(m.status)
    for name, seen in statuses.items():
        rate = float(np.mean([s in ALARMS for s in seen]))
        untold = float(np.mean([s is Status.INSUFFICIENT for s in seen]))
        yield row(name, situation, seeds, PROMPTS, rate, bound) | {"insufficient": untold}


def row(name: str, situation: str, seeds: int, n: int, rate: float, bound: str) -> dict[str, Any]:
    """A rate, its Monte-Carlo standard error, and whether the bound is met."""
    limit = float(bound.split()[-1]) if bound else 0.0
    kept = bool(rate <= limit if bound.startswith("<=") else rate >= limit)
    return {
        "instrument": name,
        "situation": situation,
        "seeds": seeds,
        "n": n,
        "rate": round(float(rate), 4),
        "se": round(float(np.sqrt(rate * (1 - rate) / seeds)), 4),
        "bound": bound,
        "met": kept if bound else None,
    }


def world(nulls: int, plants: int) -> Iterator[dict[str, Any]]:
    """The C-tests on answers of the micro-world."""
    warm, cold = drawn(1.0, 1, EMBED), drawn(0.6, 2, EMBED)
    yield from rows_of(null(warm, nulls), "null: two seeds of one policy", nulls, "<= 0.07")
    cases: list[tuple[str, Any, set[str], set[str]]] = [
        ("(i) stock sentence on 20 %", stock(warm), {"c2st"}, {"mmd", "self_bleu"}),
        (
            "(ii) temperature 1.0 -> 0.6",
            lambda rng, columns: cold.side(columns),
            {"token_entropy", "vendi", "vendi of siblings", "mmd"},
            {"c2st", "distinct_2"},
        ),
        ("(iii) 30 % are one answer", copied(warm, True), {"vendi"}, {"mmd", "c2st", "distinct_2"}),
        ("30 % copy another answer", copied(warm, False), set(), {"vendi", "distinct_2", "mmd"}),
    ]
    for situation, plant, asked, also in cases:
        measurements = planted(warm, plants, plant, asked | also)
        if "token_entropy" in asked:
            rngs = (np.random.default_rng([8, seed]) for seed in range(plants))
            measurements = chain(measurements, (siblings(rng, cold, warm) for rng in rngs))
        for found in rows_of(measurements, situation, plants, ""):
            bound = ">= 0.9" if found["instrument"] in asked else ""
            yield found | row(found["instrument"], situation, plants, PROMPTS, found["rate"], bound)


def speed() -> Iterator[dict[str, Any]]:
    """CPU seconds of one test at 400 answers per side and 499 permutations."""
    for name, test in (("mmd", mmd), ("c2st", c2st)):
        for d in (64, 128, 768):
            x, y = np.random.default_rng(0).normal(size=(2, 400, d))
            times = []
            for seed in range(3):
                start = time.process_time()
                test(x, y, seed=seed)
                times.append(time.process_time() - start)
            seconds = round(float(np.median(times)), 3)
            yield {
                "instrument": name,
                "dimensions": d,
                "cpu_seconds": seconds,
                "met": bool(seconds < 2),
            }


def markdown(rows: list[dict[str, Any]], costs: list[dict[str, Any]]) -> str:
    """Both tables."""
    head = ("instrument", "situation", "seeds", "n", "rate", "se", "bound", "met")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for r in rows:
        met = {True: "yes", False: "**no**", None: ""}[r["met"]]
        cells = [str(r[key]) for key in head[:-1]]
        lines.append("| " + " | ".join([*cells, met]) + " |")
    lines += ["", "| test | dimensions | CPU s, 400 a side, 499 permutations |", "|---|---|---|"]
    lines += [f"| {c['instrument']} | {c['dimensions']} | {c['cpu_seconds']} |" for c in costs]
    return "\n".join(lines)


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description="Alarm rates of the drift instruments.")
    parser.add_argument("--nulls", type=int, default=500)
    parser.add_argument("--plants", type=int, default=100)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    start = time.process_time()
    costs = list(speed())
    rows = [*world(arguments.nulls, arguments.plants), *synthetic(row)]
    used = round(time.process_time() - start)
    if arguments.out:
        told = {"rows": rows, "speed": costs, "cpu_seconds": used}
        arguments.out.write_text(json.dumps(told, indent=1) + "\n")
    print(markdown(rows, costs))
    print(f"\n{used} CPU seconds")


if __name__ == "__main__":
    main()
