"""A store with a base and adapters of it, and an engine that draws from them."""

import os
import time
from pathlib import Path

import psutil

from agent.drawn import python_of
from agent.founding import shipped
from sandbox.limits import Limits
from tests.a_llama import a_base, an_adapter
from tools.engines.asked import Ask
from tools.engines.vllm_offline import OfflineVllm
from tools.engines.vllm_server import SERVER_WORKER, ServedVllm
from tools.engines.vllm_settings import WORKER, Settings
from tools.models import load_tokenizer, vocabulary
from tools.store import Store
from tools.task import MicroWorld

PROMPTS = MicroWorld().train_prompts(48, seed=1, emphasis={})
LIMITS = Limits(wall_seconds=300, cpu_threads=2)


def settings(**changed):
    usual = {
        "python": python_of(os.environ.get("PLIMSOLL_VLLM_PYTHON", "")),
        "threads": 2,
        "rank": 8,
        "max_num_seqs": 64,
        "max_model_len": 0,
        "memory_gb": 1.0,
        "gpu_share": 0.3,
        "dtype": "float32",
        "start_seconds": 500.0,
    }
    return Settings(**(usual | changed))


class Rig:
    """What a test draws from."""

    def __init__(self, folder: Path, kind: type[OfflineVllm] = OfflineVllm) -> None:
        self.folder, self.kind = folder, kind
        self.store = Store(folder / "objects")
        self.base = self.store.put_folder(shipped("base"))
        self.codec = load_tokenizer(shipped("base"))
        self.noted: list[str] = []
        self.engine = self.an_engine()

    def an_engine(self, **changed):
        place = self.folder / f"engine-{time.monotonic_ns()}"
        worker = {ServedVllm: SERVER_WORKER}.get(self.kind, WORKER)
        return self.kind(settings(worker=worker, **changed), self.store, place, self.noted.append)

    def ask(self, adapter=None, **changed):
        usual = {
            "base": self.base,
            "adapter": adapter,
            "prompts": [self.codec.prompt(p) for p in PROMPTS],
            "samples": 4,
            "temperature": 1.0,
            "max_new_tokens": 20,
            "seed": 3,
            "eos": self.codec.eos,
            "vocabulary": vocabulary(shipped("base")),
        }
        return Ask(**(usual | changed))

    def an_adapter(self, seed=0, rank=8, base=None):
        out = self.folder / f"adapter-{time.monotonic_ns()}"
        return self.store.put_folder(an_adapter(out, base, seed, rank))

    def a_base(self, **changed):
        return a_base(self.folder / f"base-{time.monotonic_ns()}", **changed)


def drawn(engine, ask, limits=LIMITS, on_progress=lambda *told: None):
    """The bytes of what is drawn."""
    return engine.draw(ask, limits=limits, on_progress=on_progress).path.read_bytes()


def inside(engine):
    """The processes of an engine, as seen from outside."""
    return psutil.Process(engine._cell._process.pid).children(recursive=True)
