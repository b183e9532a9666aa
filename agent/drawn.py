"""Draws outside the jobs: an engine answers first, and the job goes on from what it drew."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.api_keys import key_of
from agent.arm import MAX_BYTES, Arm
from agent.config import Config
from agent.config_sampling import SamplingSection
from agent.home import HOME
from agent.listener import Listener
from logs.errors import PlimsollError
from logs.vocabulary import Digest, State
from sandbox.collect import collect
from tools.engines.asked import Ask, Engine
from tools.engines.endpoint import Endpoint, Where
from tools.engines.vllm_offline import OfflineVllm
from tools.engines.vllm_server import SERVER_WORKER, ServedVllm
from tools.engines.vllm_settings import WORKER, Settings
from tools.store import Store

PYTHON = "PLIMSOLL_VLLM_PYTHON"
"""Environment variable that names the Python of vLLM's environment."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One list of answers that a job will need."""

    base: Digest
    adapter: Digest | None
    prompts: Sequence[str]
    samples: int = 1
    temperature: float = 1.0

    @classmethod
    def of(cls, state: State, prompts: Sequence[str], samples: int, temperature: float) -> "Wanted":
        """From the policy of a state."""
        return cls(state.base, state.adapter, prompts, samples, temperature)


class Drawing(Arm):
    """Runs jobs that draw; with an engine they are given the answers that it drew."""

    def __init__(self, store: Store, scratch: Path, config: Config, listener: Listener) -> None:
        super().__init__(store, scratch, config, listener)
        self._engine = engine_of(config, store, scratch / "engine", self._note)

    def __exit__(self, *how: object) -> None:
        try:
            if self._engine is not None:
                self._engine.close()
        finally:
            super().__exit__(*how)

    def _run_drawn(
        self, job: str, args: Mapping[str, Any], wanted: Mapping[str, Wanted], *, seed: int
    ) -> tuple[Path, dict[str, Any]]:
        """Run a job that samples these lists; what an engine drew for it is kept nowhere else."""
        if self._engine is None:
            return self._run(job, args)
        drawn: dict[str, str] = {}
        try:
            for name, path in self._drawn(self._engine, wanted, seed):
                drawn[name] = str(path)
            nature = asdict(self._engine.nature)
            return self._run(job, {**args, "drawn": drawn, "engine": nature})
        finally:
            for used in drawn.values():
                shutil.rmtree(Path(used).parent, ignore_errors=True)

    def _drawn(
        self, engine: Engine, wanted: Mapping[str, Wanted], seed: int
    ) -> Iterator[tuple[str, Path]]:
        """The file of answers of each list."""
        base = next(iter(wanted.values())).base
        lists = {name: list(want.prompts) for name, want in wanted.items()}
        place, told = self._run("encode", {"base": self._tree(base), "lists": lists})
        ids = json.loads(collect(place, ["encoded.json"], MAX_BYTES)["encoded.json"])
        shutil.rmtree(place)
        for name, want in wanted.items():
            ask = Ask(
                base=want.base,
                adapter=want.adapter,
                prompts=ids[name],
                samples=want.samples,
                temperature=want.temperature,
                max_new_tokens=self.config.sampling.max_new_tokens,
                seed=seed,
                eos=told["eos"],
                vocabulary=told["vocabulary"],
            )
            yield name, self._asked(engine, ask)

    def _asked(self, engine: Engine, ask: Ask) -> Path:
        self.meter.require_left()
        limits = self.meter.clipped(self._limits)
        began = time.monotonic()
        try:
            drawn = engine.draw(ask, limits=limits, on_progress=self.listener.progress)
        except PlimsollError:
            self.meter.used((time.monotonic() - began) * limits.cpu_threads)
            self.meter.require_left()
            raise
        self.spent.note("engine", drawn.result)
        self.meter.used(drawn.result.cpu_seconds)
        return drawn.path

    def _note(self, said: str) -> None:
        self.spent.notes.append(said)
        self.listener.progress(0, 1, said)


def engine_of(
    config: Config, store: Store, scratch: Path, note: Callable[[str], None]
) -> Engine | None:
    """The engine that the configuration names; None where the jobs sample themselves.

    Raises:
        UsageError: the key of an endpoint is not in the environment.
    """
    match config.sampling.engine:
        case "vllm":
            return OfflineVllm(settings_of(config), store, scratch, note)
        case "vllm-server":
            return ServedVllm(settings_of(config, SERVER_WORKER), store, scratch, note)
        case "openai":
            return Endpoint(where_of(config.sampling), store, scratch, note)
    return None


def settings_of(config: Config, worker: Path = WORKER) -> Settings:
    """How a vLLM of ours is started."""
    sampling = config.sampling
    return Settings(
        python=python_of(sampling.python),
        threads=config.limits.threads,
        rank=config.recipe.rank,
        max_num_seqs=sampling.max_num_seqs,
        max_model_len=sampling.max_model_len,
        memory_gb=sampling.memory_gb,
        gpu_share=sampling.gpu_share,
        dtype=sampling.dtype,
        start_seconds=sampling.start_seconds,
        worker=worker,
    )


def where_of(sampling: SamplingSection) -> Where:
    """Which endpoint is asked.

    Raises:
        UsageError: its key is not in the environment.
    """
    return Where(
        url=sampling.url,
        model=sampling.model,
        key=key_of("the endpoint of [sampling]", sampling.api_key_env, "sampling.api_key_env"),
        concurrency=sampling.concurrency,
        timeout_seconds=sampling.timeout_seconds,
    )


def python_of(named: str) -> Path:
    """The Python of vLLM's environment: as named, from the environment, or beside the code."""
    path = named or os.environ.get(PYTHON, "")
    return Path(path).expanduser().absolute() if path else HOME / ".venv-vllm" / "bin" / "python"
