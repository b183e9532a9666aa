"""The agent's hands: jobs behind the wall, their files adopted into the store.

Nothing heavy runs in the agent's own process; what a job writes is data, read with a size
limit and stored under its hash.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from agent.arm import MAX_BYTES, PRELOAD, Spent
from agent.config_data import is_data
from agent.drawn import Drawing, Wanted
from agent.remote_judges import parted, scored_blind
from logs.vocabulary import Constitution, Digest, Judge, Recipe, State
from sandbox.collect import collect
from tools.lists import ANSWERS, DIVERGENCE, FITTING_SAMPLES, HEAT
from tools.pairs import Pair, Shown

__all__ = ["MAX_BYTES", "PRELOAD", "Hands", "Spent"]


class Hands(Drawing):
    """What a session can do: one verb for each job."""

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
        wanted = {ANSWERS: Wanted.of(state, prompts, samples, temperature)}
        place, result = self._run_drawn("draw", args, wanted, seed=seed)
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
        wanted = {ANSWERS: Wanted.of(state, prompts, samples, temperature)}
        place, _ = self._run_drawn("survey", args, wanted, seed=seed)
        return self._adopt(place, "samples.jsonl"), self._adopt(place, "nats.jsonl")

    def judge(
        self,
        state: State,
        samples: Digest,
        judges: Sequence[Judge],
        *,
        constitution: Constitution,
        seed: int,
        tempted: Sequence[Judge] = (),
        counterfactuals: int = 0,
        anew: bool = False,
    ) -> tuple[Digest, dict[str, Any]]:
        """Verdicts of judges on stored answers; remote ones are asked by this process.

        Args:
            tempted: judges that are shown twins with one flaw added, of so many `counterfactuals`
                of their favourites for each flaw.
            anew: whether a remote judge is asked again what it was asked under other seeds.
        """
        near, far = parted(judges)
        args = self._policy(state) | {
            "samples": str(self._file(samples)),
            "judges": {j.id: self._judge(j) for j in near},
            "constitution": constitution.model_dump(mode="json"),
            "seed": seed,
            "tempted": [j.id for j in tempted],
            "counterfactuals": counterfactuals,
        }
        place, result = self._run("judge", args)
        verdicts = self._adopt(place, "verdicts.jsonl")
        if not far:
            return verdicts, result
        groups, rows = self.store.get_lines(samples), self.store.get_lines(verdicts)
        salt = f"again {seed}" if anew else ""
        rows = self.ask(far, groups, rows, constitution, salt=salt)
        if there := [j for j in far if j in tempted]:
            pays = self.remotes.flaws(
                there,
                groups,
                rows,
                constitution,
                n=counterfactuals,
                seed=seed,
                of_world=not is_data(self.config),
            )
            result = result | {"flaws": result["flaws"] | pays}
        return self.store.put_lines(rows), result

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
        near, far = parted(judges)
        args = self._policy(state) | {
            "prompts": list(prompts),
            "samples": samples,
            "temperature": 1.0,
            "seed": seed,
            "previous": None,
            "judges": {j.id: self._judge(j) for j in near},
            "constitution": constitution.model_dump(mode="json"),
        }
        wanted = {ANSWERS: Wanted.of(state, prompts, samples, 1.0)}
        place, _ = self._run_drawn("weigh", args, wanted, seed=seed)
        lines = collect(place, ["weighed.jsonl"], MAX_BYTES)["weighed.jsonl"].splitlines()
        shutil.rmtree(place)
        weighed = [(drawn, verdict) for drawn, verdict in map(json.loads, lines)]
        if not far:
            return weighed
        groups = [drawn for drawn, _ in weighed]
        rows = self.ask(far, groups, [verdict for _, verdict in weighed], constitution)
        return list(zip(groups, rows, strict=True))

    def control(
        self, anchor: State, evaluator: State, prompts: Sequence[str], *, null: str, seed: int
    ) -> list[dict[str, dict[str, Any]]]:
        """What the anchor, a degraded anchor and a null say, and how it is scored, blind."""
        near, far = parted(evaluator.panel.judges)
        args = self._policy(anchor) | {
            "prompts": list(prompts),
            "null": null,
            "judges": {j.id: self._judge(j) for j in near},
            "constitution": evaluator.constitution.model_dump(mode="json"),
            "seed": seed,
        }
        wanted = {name: Wanted.of(anchor, prompts, 1, heat) for name, heat in HEAT.items()}
        place, _ = self._run_drawn("control", args, wanted, seed=seed)
        lines = collect(place, ["controlled.jsonl"], MAX_BYTES)["controlled.jsonl"].splitlines()
        shutil.rmtree(place)
        told = [json.loads(line) for line in lines]
        if not far:
            return told
        ask = partial(self.ask, far, constitution=evaluator.constitution)
        return scored_blind(told, prompts, seed=seed, ask=ask)

    def train(
        self, state: State, recipe: Recipe, pairs: Digest, shown: Digest, *, seed: int
    ) -> tuple[Digest, dict[str, Any]]:
        """A trained candidate; the digest of its folder."""
        args = self._policy(state) | {
            "recipe": recipe.model_dump(mode="json"),
            "training": self.config.training.model_dump(mode="json"),
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
        states = {"candidate": state, "head": head}
        wanted = {
            name: Wanted.of(states[want["of"]], want["prompts"], 1, want["temperature"])
            for name, want in lists.items()
        }
        if divergence:
            wanted[DIVERGENCE] = Wanted.of(state, divergence, 1, 1.0)
        place, result = self._run_drawn("try_out", args, wanted, seed=seed)
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
            "max_new_tokens": self.config.sampling.max_new_tokens,
        }
        wanted = {ANSWERS: Wanted(base, None, args["prompts"], FITTING_SAMPLES)}
        told = common | dict(args)
        place, _ = self._run_drawn("found_judges", told, wanted, seed=args["seed"])
        return {
            n: (self._adopt(place, f"{n}.json"), self._adopt(place, f"{n}.choices.jsonl"))
            for n in names
        }

    def refit(
        self,
        judge: Judge,
        labels: Digest,
        constitution: Constitution,
        *,
        ridge: float,
        keep_prior: bool = False,
        against: tuple[str, State, int] | None = None,
    ) -> tuple[Digest, dict[str, Any]]:
        """A judge refitted on graded answers, and its cross-validated accuracy.

        Args:
            keep_prior: whether it stays close to what it is; else it begins from nothing.
            against: a flaw that must not pay, a state with the models that read its twins, and
                a seed.
        """
        args: dict[str, Any] = {
            "judge": str(self._file(judge.artefact)),
            "labels": str(self._file(labels)),
            "constitution": constitution.model_dump(mode="json"),
            "ridge": ridge,
            "keep_prior": keep_prior,
            "folds": 8,
        }
        if against:
            flaw, state, seed = against
            args |= self._policy(state) | {"against": flaw, "seed": seed}
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
