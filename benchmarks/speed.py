"""Where the time goes: sampling and training against plain ways of doing the same.

    python -m benchmarks.speed [--threads 2] [--repeats 3]

Every comparison is a ratio within one run, alternating the rivals; CPU seconds beside wall
seconds, because machines are shared.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent.founding import shipped
from benchmarks import bare
from logs.vocabulary import Recipe
from tools.models import load_policy, load_tokenizer
from tools.pairs import Pair, Shown
from tools.sampling import SamplingParameters, sample
from tools.task import MicroWorld
from tools.threads import use_threads
from tools.trl_trainer import train
from tools.world.base import spoil
from tools.world.skills import expected, parse

Timed = dict[str, list[tuple[float, float]]]
"""Rival -> (wall seconds, CPU seconds) per repeat."""


def timed(run: Callable[[], int]) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds, and the units of work done."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = run()
    return time.perf_counter() - wall, time.process_time() - cpu, done


def sampling(repeats: int) -> dict[str, Any]:
    """Tokens per second: this sampler, `generate`, and a bare loop without a shared prompt."""
    base = shipped("base")
    model, codec = load_policy(base, None), load_tokenizer(base)
    prompts = [codec.prompt(p) for p in MicroWorld().train_prompts(256, seed=1, emphasis={})]
    parameters = SamplingParameters(samples=8, temperature=1.0, max_new_tokens=20, seed=0)

    def ours() -> int:
        rows = sample(model, prompts, eos=codec.eos, pad=codec.pad, parameters=parameters)
        return sum(len(s.ids) + s.finished for row in rows for s in row)

    rivals: dict[str, Callable[[], int]] = {
        "plimsoll": ours,
        "transformers generate": lambda: bare.generate(model, prompts, codec, samples=8, tokens=20),
        "bare loop": lambda: bare.decode(model, prompts, codec, samples=8, tokens=20),
    }
    return compare(rivals, repeats, unit="tokens")


def training(repeats: int) -> dict[str, Any]:
    """Seconds for one preference and one imitation stage: TRL and a bare loop of the same maths."""
    base, rng = shipped("base"), random.Random(0)
    prompts = MicroWorld().train_prompts(1024, seed=2, emphasis={})
    right = {p: " ".join(expected(parse(p))) for p in prompts}
    pairs = [Pair(p, right[p], spoil(rng, p, right[p]) + " well") for p in prompts[:512]]
    shown = [Shown(p, right[p]) for p in prompts]
    recipe = Recipe(epochs=1)

    def with_trl() -> int:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "adapter"
            train(recipe, base=base, adapter=None, pairs=pairs, shown=shown, seed=0, out=out)
        return len(pairs) + len(shown)

    rivals: dict[str, Callable[[], int]] = {
        "plimsoll (TRL)": with_trl,
        "bare loop": lambda: bare.train(recipe, base, pairs, shown, seed=0),
    }
    return compare(rivals, repeats, unit="examples")


def compare(rivals: dict[str, Callable[[], int]], repeats: int, *, unit: str) -> dict[str, Any]:
    """Alternate the rivals; the first round only warms up."""
    times: Timed = {name: [] for name in rivals}
    done = {name: 0 for name in rivals}
    for turn in range(repeats + 1):
        for name, run in rivals.items():
            wall, cpu, done[name] = timed(run)
            if turn:
                times[name].append((wall, cpu))
    first = next(iter(rivals))
    table: dict[str, Any] = {}
    for name, rows in times.items():
        ratios = [a[1] / b[1] for a, b in zip(times[first], rows, strict=True)]
        table[name] = {
            f"{unit} per CPU-second": round(done[name] / statistics.median(c for _, c in rows), 1),
            f"{unit} per second": round(done[name] / statistics.median(w for w, _ in rows), 1),
            "CPU seconds": [round(c, 2) for _, c in rows],
            f"CPU time of {first} / of this": [round(r, 2) for r in ratios],
        }
    return table


def main() -> None:
    """Print the comparison as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    use_threads(given.threads)
    found = {"sampling": sampling(given.repeats), "training": training(given.repeats)}
    print(json.dumps({"threads": given.threads, "torch": torch.__version__, **found}, indent=1))


if __name__ == "__main__":
    main()
