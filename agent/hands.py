"""The agent's hands: jobs behind the wall, their files adopted into the store.

Nothing heavy runs in the agent's own process; what a job writes is data, read with a size
limit and stored under its hash.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from agent.config import Config
from agent.home import HOME
from agent.listener import Listener
from logs.vocabulary import Constitution, Digest, Judge, Recipe, State
from sandbox.collect import collect
from sandbox.limits import MEBIBYTE, Limits
from sandbox.worker import JobResult, Worker
from tools.pairs import Pair, Shown
from tools.store import Store

PRELOAD = (
    "torch",
    "transformers.models.llama.modeling_llama",
    "peft",
    "datasets",
    "trl.trainer.dpo_trainer",
    "trl.trainer.sft_trainer",
    "tools.jobs",
    "tools.drawing",
    "tools.surveying",
    "tools.judging",
    "tools.founding",
    "tools.refitting",
    "tools.trl_trainer",
)
MAX_BYTES = 256 * MEBIBYTE
MAX_NEW_TOKENS = 20


@dataclass
class Spent:
    """Seconds per kind of job since the last look, and what the jobs used."""

    seconds: dict[str, float] = field(default_factory=dict)
    peak_rss_bytes: int = 0
    level: int = 2

    def note(self, kind: str, result: JobResult) -> None:
        """Add one job."""
        self.seconds[kind] = self.seconds.get(kind, 0.0) + result.wall_seconds
        self.peak_rss_bytes = max(self.peak_rss_bytes, result.peak_rss_bytes)
        self.level = min(self.level, result.level)


class Hands:
    """Runs the jobs of one session."""

    preload: tuple[str, ...] = PRELOAD

    def __init__(self, store: Store, scratch: Path, config: Config, listener: Listener) -> None:
        self.store, self.scratch, self.config, self.listener = store, scratch, config, listener
        self.spent = Spent()
        self.reader: Digest | None = None
        """The frozen model that a judge of another lineage consults."""
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        # Checked-out folders are reused unread: each session makes them anew from verified bytes.
        shutil.rmtree(store.trees, ignore_errors=True)
        store.trees.mkdir(parents=True, exist_ok=True)
        self._worker = Worker(
            HOME,
            scratch_root=scratch,
            preload=self.preload,
            read_only=[store.root],
            limits=Limits(
                wall_seconds=config.limits.seconds,
                memory_bytes=config.limits.memory_mb * MEBIBYTE,
                cpu_threads=config.limits.threads,
            ),
        )
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def draw(
        self,
        state: State,
        prompts: Sequence[str],
        *,
        samples: int,
        temperature: float,
        seed: int,
        divergence: int,
        previous: State | None,
    ) -> tuple[Digest, dict[str, Any]]:
        """Answers of a state's policy; their digest and the job's report."""
        args = self._policy(state) | {
            "prompts": list(prompts),
            "samples": samples,
            "temperature": temperature,
            "seed": seed,
            "divergence": divergence,
            "previous": {"adapter": self._tree(previous.adapter)} if previous else None,
        }
        place, result = self._run("draw", args)
        return self._adopt(place, "samples.jsonl"), result

    def survey(
        self,
        state: State,
        prompts: Sequence[str],
        *,
        samples: int,
        temperature: float,
        seed: int,
        references: Mapping[str, State],
        scored: int,
    ) -> tuple[Digest, Digest]:
        """Answers of a state's policy to a fixed set of prompts, and the nats of their tokens."""
        args = self._policy(state) | {
            "prompts": list(prompts),
            "samples": samples,
            "temperature": temperature,
            "seed": seed,
            "references": {n: self._tree(r.adapter) for n, r in references.items()},
            "scored": scored,
        }
        place, _ = self._run("survey", args)
        return self._adopt(place, "samples.jsonl"), self._adopt(place, "nats.jsonl")

    def judge(
        self,
        state: State,
        samples: Digest,
        judges: Sequence[Judge],
        *,
        constitution: Constitution,
        seed: int,
        counterfactuals: int = 0,
    ) -> tuple[Digest, dict[str, Any]]:
        """Verdicts of judges on stored answers."""
        args = self._policy(state) | {
            "samples": str(self._file(samples)),
            "judges": {j.id: self._judge(j) for j in judges},
            "constitution": constitution.model_dump(mode="json"),
            "seed": seed,
            "counterfactuals": counterfactuals,
        }
        place, result = self._run("judge", args)
        return self._adopt(place, "verdicts.jsonl"), result

    def weigh(
        self,
        state: State,
        prompts: Sequence[str],
        judges: Sequence[Judge],
        *,
        constitution: Constitution,
        samples: int,
        seed: int,
    ) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(answers, verdicts) per prompt; stored nowhere, for prompts that nothing may learn."""
        args = self._policy(state) | {
            "prompts": list(prompts),
            "samples": samples,
            "temperature": 1.0,
            "seed": seed,
            "previous": None,
            "judges": {j.id: self._judge(j) for j in judges},
            "constitution": constitution.model_dump(mode="json"),
        }
        place, _ = self._run("weigh", args)
        lines = collect(place, ["weighed.jsonl"], MAX_BYTES)["weighed.jsonl"].splitlines()
        shutil.rmtree(place)
        return [(drawn, verdict) for drawn, verdict in map(json.loads, lines)]

    def train(
        self, state: State, recipe: Recipe, pairs: Digest, shown: Digest, *, seed: int
    ) -> tuple[Digest, dict[str, Any]]:
        """A trained candidate; the digest of its folder."""
        args = self._policy(state) | {
            "recipe": recipe.model_dump(mode="json"),
            "pairs": str(self._file(pairs)),
            "shown": str(self._file(shown)),
            "seed": seed,
        }
        place, result = self._run("train", args)
        return self.store.put_folder(place / "adapter"), result

    def try_out(
        self,
        state: State,
        head: State,
        lists: Mapping[str, Mapping[str, Any]],
        *,
        divergence: Sequence[str],
        seed: int,
    ) -> tuple[dict[str, list[str]], dict[str, Any]]:
        """Answers of a candidate, and of HEAD loaded again, to named lists of prompts."""
        args = self._policy(state) | {
            "candidate": self._tree(state.adapter),
            "head": self._tree(head.adapter),
            "lists": {k: dict(v) for k, v in lists.items()},
            "divergence": list(divergence),
            "seed": seed,
        }
        place, result = self._run("try_out", args)
        names = [f"{name}.json" for name in lists]
        files = collect(place, names, MAX_BYTES)
        return {n.removesuffix(".json"): json.loads(files[n]) for n in names}, result

    def found_judges(
        self, base: Digest, reader: Digest, args: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, tuple[Digest, Digest]]:
        """Judges fitted on annotators' choices: per id the judge and the choices."""
        self.reader = reader
        common = {
            "base": self._tree(base),
            "reader": self._tree(reader),
            "threads": self.config.limits.threads,
            "max_new_tokens": MAX_NEW_TOKENS,
        }
        place, _ = self._run("found_judges", common | dict(args))
        return {
            n: (self._adopt(place, f"{n}.json"), self._adopt(place, f"{n}.choices.jsonl"))
            for n in names
        }

    def refit(
        self, judge: Judge, labels: Digest, constitution: Constitution, *, ridge: float
    ) -> tuple[Digest, dict[str, Any]]:
        """A judge refitted on graded answers, and its cross-validated accuracy."""
        args = {
            "judge": str(self._file(judge.artefact)),
            "labels": str(self._file(labels)),
            "constitution": constitution.model_dump(mode="json"),
            "ridge": ridge,
            "folds": 8,
        }
        place, result = self._run("refit_judge", args)
        return self._adopt(place, "judge.json"), result

    def put_pairs(self, pairs: Sequence[Pair]) -> Digest:
        """Store training pairs."""
        return self.store.put_lines([p.prompt, p.chosen, p.rejected] for p in pairs)

    def put_shown(self, shown: Sequence[Shown]) -> Digest:
        """Store answers to imitate."""
        return self.store.put_lines([s.prompt, s.answer] for s in shown)

    def get_shown(self, digest: Digest | None) -> list[Shown]:
        """Answers to imitate, from the store."""
        return [Shown(*row) for row in self.store.get_lines(digest)] if digest else []

    def _run(self, job: str, args: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
        self._count += 1
        place = self.scratch / f"{job}-{self._count}"
        place.mkdir()
        result = self._worker.call(
            f"tools.jobs:{job}", args, scratch=place, on_progress=self.listener.progress
        )
        self.spent.note(job, result)
        return place, result.value

    def _policy(self, state: State) -> dict[str, Any]:
        return {
            "base": self._tree(state.base),
            "reader": self._tree(self.reader),
            "adapter": self._tree(state.adapter),
            "threads": self.config.limits.threads,
            "max_new_tokens": MAX_NEW_TOKENS,
        }

    def _judge(self, judge: Judge) -> dict[str, Any]:
        folder = judge.kind == "reward_model"
        path = self.store.checkout(judge.artefact) if folder else self._file(judge.artefact)
        return {"kind": judge.kind, "path": str(path)}

    def _tree(self, digest: Digest | None) -> str | None:
        return str(self.store.checkout(digest)) if digest else None

    def _file(self, digest: Digest) -> Path:
        """Path of a stored artefact whose bytes were verified just now."""
        self.store.get(digest)
        return self.store.root / digest[:2] / digest

    def _adopt(self, place: Path, name: str) -> Digest:
        return self.store.put(collect(place, [name], MAX_BYTES)[name])
