"""Does judging over HTTP saturate a vLLM server? Judgements per second, beside a bare generator.

    python -m benchmarks.judging_vllm --out benchmarks/results/judging_vllm.json

As `benchmarks.http_judging`, with a server that runs a model: vLLM serves a Llama from a
configuration, with a tokenizer learnt from these docs, and answers with a grade by its schema.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tokenizers import ByteLevelBPETokenizer
from transformers import PreTrainedTokenizerFast

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent.drawn import python_of
from benchmarks.http_judging import a_judge, bare, ours
from benchmarks.sampling_vllm import LLAMA
from tests.a_llama import a_base
from tests.vllm.rig import settings
from tools.engines.vllm_server_worker import free_port
from tools.engines.vllm_settings import variables

TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
VOCABULARY = 4096
CONTEXT = 1024
"""Tokens; a question of this benchmark is some three hundred."""
GRAMMAR = {"backend": "xgrammar", "disable_any_whitespace": True}
START_SECONDS = 300.0


def a_judging_model(out: Path) -> Path:
    """A Llama that was taught nothing, which can read and write English."""
    texts = [str(path) for path in sorted(Path("docs").rglob("*.md"))]
    learnt = ByteLevelBPETokenizer()
    learnt.train(texts, vocab_size=VOCABULARY, special_tokens=["<s>", "</s>"], show_progress=False)
    a_base(
        out,
        **LLAMA,
        vocab_size=VOCABULARY,
        max_position_embeddings=CONTEXT,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=learnt._tokenizer, bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(out)
    return out


@contextmanager
def serving(model: Path, log: Path) -> Iterator[str]:
    """The base of a vLLM server that is healthy."""
    how, port = settings(python=python_of(os.environ.get("PLIMSOLL_VLLM_PYTHON", ""))), free_port()
    words = [str(how.python), "-m", "vllm.entrypoints.openai.api_server", "--port", str(port)]
    words += ["--model", str(model), "--served-model-name", "m", "--dtype", "float32"]
    words += ["--max-num-seqs", "64", "--disable-uvicorn-access-log"]
    # A model that was taught nothing fills an answer with spaces, where the schema lets it.
    words += ["--structured-outputs-config", json.dumps(GRAMMAR)]
    threads = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
    with (
        log.open("wb") as file,
        subprocess.Popen(
            words,
            env=os.environ | variables(how) | threads,
            stdout=file,
            stderr=file,
            start_new_session=True,
        ) as server,
    ):
        try:
            _await(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def _await(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit(log.read_text(errors="replace")[-2000:])


def measured(url: str, at_once: int, n: int, repeats: int, folder: Path) -> dict[str, Any]:
    """Both against one server, in alternation; medians. The first turn warms it up."""
    judge = a_judge(url, at_once)
    told: dict[str, list[tuple[float, float]]] = {"ours": [], "bare": []}
    for i in range(repeats + 1):
        turn = {
            "bare": lambda i=i: bare(judge, n, f"bare {at_once} {i}"),
            "ours": lambda i=i: ours(judge, n, f"ours {at_once} {i}", folder),
        }
        for who in ("ours", "bare") if i % 2 else ("bare", "ours"):
            told[who].append(turn[who]())
    pairs = [(o[0], b[0]) for o, b in zip(told["ours"], told["bare"], strict=True)][1:]
    return {
        "at_once": at_once,
        "questions": n,
        "ours_per_second": round(median(o for o, _ in pairs), 1),
        "bare_per_second": round(median(b for _, b in pairs), 1),
        "share": round(median(o / b for o, b in pairs), 3),
        "shares": [round(o / b, 3) for o, b in pairs],
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--at-once", type=int, nargs="+", default=[8, 32, 64])
    parser.add_argument("--questions", type=int, default=240)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(a_judging_model(folder / "model"), folder / "server.log") as url:
            rows = [
                measured(url, at_once, given.questions, given.repeats, folder)
                for at_once in given.at_once
            ]
    for row in rows:
        print(json.dumps(row))
    told = {"cores": os.cpu_count(), "load_before": round(load, 2), "settings": rows}
    given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
