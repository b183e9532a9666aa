"""Tokens per second through our engine of vLLM, beside vLLM alone on the same prompts.

    python -m benchmarks.sampling_vllm --out benchmarks/results/sampling_vllm.json

Ours is a whole `OfflineVllm.draw`: prompts to a file, the worker behind its wall, answers from a
file, every number looked at. The rival is `LLM.generate` in a process of its own, in the same
environment, with the same settings, parameters and seeds. They take turns, on fresh prompts each.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent.drawn import python_of
from agent.founding import shipped
from sandbox.limits import Limits
from tests.a_llama import a_base
from tools.engines.asked import Ask
from tools.engines.vllm_offline import OfflineVllm
from tools.engines.vllm_settings import Settings, variables
from tools.engines.vllm_worker import seed_of
from tools.models import load_tokenizer, vocabulary
from tools.store import Store
from tools.task import MicroWorld

SAMPLES = 4
NEW_TOKENS = 64
LLAMA = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 4,
    "head_dim": 32,
}
"""From a configuration: grouped queries, and nothing learnt, so that answers are long."""


def main() -> None:
    """Measure, write, and print a line for each batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder), given.batches, given.repeats, given.threads)
    found = {"processor": platform.processor() or platform.machine(), "rows": rows}
    found["ratios"] = {str(b): ratios(rows, b) for b in given.batches}
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    for batch, told in found["ratios"].items():
        print(batch, json.dumps(told))


def measured(folder: Path, batches: list[int], repeats: int, threads: int) -> list[dict[str, Any]]:
    """Both on the same prompts, in turns; the first turn warms them up and does not count."""
    store = Store(folder / "objects")
    base = store.put_folder(a_base(folder / "llama", **LLAMA))
    settings = Settings(
        python=python_of(os.environ.get("PLIMSOLL_VLLM_PYTHON", "")),
        threads=threads,
        rank=8,
        max_num_seqs=max(batches),
        max_model_len=0,
        memory_gb=1,
        gpu_share=0.3,
        dtype="float32",
        start_seconds=900,
    )
    engine = OfflineVllm(settings, store, folder / "engine")
    rows = []
    with Rival(settings, engine.arguments(store.checkout(base))) as rival:
        try:
            for turn in range(repeats + 1):
                for batch in batches:
                    ask = asked(base, batch, turn)
                    for who in ("ours", "raw") if turn % 2 else ("raw", "ours"):
                        told = ours(engine, ask) if who == "ours" else rival.draw(ask)
                        rows.append({"batch": batch, "turn": turn, "who": who, **told})
        finally:
            engine.close()
    return [row for row in rows if row["turn"]]


def asked(base: Any, batch: int, turn: int) -> Ask:
    """Fresh prompts for each turn, so that no cache helps."""
    codec = load_tokenizer(shipped("base"))
    prompts = MicroWorld().train_prompts(batch // SAMPLES, seed=turn, emphasis={})
    return Ask(
        base=base,
        adapter=None,
        prompts=[codec.prompt(p) for p in prompts],
        samples=SAMPLES,
        temperature=1.0,
        max_new_tokens=NEW_TOKENS,
        seed=turn,
        eos=codec.eos,
        vocabulary=vocabulary(shipped("base")),
    )


def ours(engine: OfflineVllm, ask: Ask) -> dict[str, Any]:
    """Tokens and seconds of one draw through our engine."""
    began = time.monotonic()
    limits = Limits(wall_seconds=900, cpu_threads=engine.settings.threads)
    drawn = engine.draw(ask, limits=limits, on_progress=lambda *told: None)
    seconds = time.monotonic() - began
    value, cpu = drawn.result.value, drawn.result.cpu_seconds
    within = {"within_worker": value["seconds"]}
    return {"tokens": value["tokens"], "seconds": seconds, "cpu_seconds": cpu, **within}


class Rival:
    """vLLM alone, in a process of its own."""

    def __init__(self, settings: Settings, arguments: dict[str, Any]) -> None:
        threads = {"OMP_NUM_THREADS": str(settings.threads), "OMP_WAIT_POLICY": "passive"}
        self.process = subprocess.Popen(
            [settings.python, "-s", "-P", "-B", Path(__file__).with_name("raw_vllm.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | variables(settings) | threads,
            text=True,
        )
        self._told(arguments)

    def __enter__(self) -> "Rival":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def draw(self, ask: Ask) -> dict[str, Any]:
        """Tokens and seconds of `LLM.generate`."""
        told = {
            "n": ask.samples,
            "temperature": ask.temperature,
            "max_tokens": ask.max_new_tokens,
            "logprobs": 0,
            "detokenize": False,
            "ignore_eos": True,
            "stop_token_ids": [ask.eos],
        }
        seeds = [seed_of(ask.seed, place) for place in range(len(ask.prompts))]
        params = [told | {"seed": seed} for seed in seeds]
        return self._told({"prompts": list(ask.prompts), "params": params})

    def _told(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        print(json.dumps(message), file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def ratios(rows: list[dict[str, Any]], batch: int) -> dict[str, float]:
    """Tokens per second of each, and ours as a share of the rival's: medians over the turns."""
    by: dict[str, list[dict[str, Any]]] = {
        who: [row for row in rows if row["who"] == who and row["batch"] == batch]
        for who in ("ours", "raw")
    }
    wall = {who: [r["tokens"] / r["seconds"] for r in told] for who, told in by.items()}
    cpu = {who: [r["tokens"] / r["cpu_seconds"] for r in told] for who, told in by.items()}
    pairs = list(zip(wall["ours"], wall["raw"], strict=True))
    turns = list(zip(cpu["ours"], cpu["raw"], strict=True))
    return {
        "ours_per_second": round(median(wall["ours"]), 1),
        "raw_per_second": round(median(wall["raw"]), 1),
        "share": round(median(a / b for a, b in pairs), 3),
        "share_of_cpu": round(median(a / b for a, b in turns), 3),
    }


if __name__ == "__main__":
    main()
