"""Drift for tests: a real log and a real store, and hands whose policies are made up.

A policy is named by its adapter. `Hands` draws words from as many as it was told that policy
knows, so that a policy of few words has collapsed; its judge scores by policy.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from agent.auditing import Audit
from agent.groups import Group
from agent.observing_drift import Drift, observe_drift
from agent.rules import decide
from agent.state import Context, Turn
from invariants import policy as policies
from logs.canonical import digest_of, sha256
from logs.journal import Journal
from logs.vocabulary import Commit, EntryKind, Measurement, Observation, State
from tests.a_view import SOME, state
from tests.sessions import NAME, Told, tiny
from tools.store import Store
from tools.task import MicroWorld

PROMPTS, SAMPLES = 60, 4
TRAINED, AGAIN = sha256(b"trained"), sha256(b"trained again")
WORDS = [f"w{i}" for i in range(60)]


class Hands:
    """Draws and judges without a model, and counts what it was asked."""

    def __init__(self, store: Store, **words: int) -> None:
        self.store = store
        self.asked: list[str] = []
        self.knows = {None: 60, TRAINED: words.get("trained", 60), AGAIN: words.get("again", 60)}
        self.score: dict[str | None, float] = {None: 0.0, TRAINED: 0.0, AGAIN: 0.0}
        self.bad: dict[str, float] = {}
        self.nats = 0.05

    def survey(
        self, now: State, prompts: Sequence[str], *, samples: int, seed: int, **more: Any
    ) -> tuple[str, str]:
        """Answers of five words; the judge will know the policy by its log p."""
        self.asked.append("survey")
        rng = random.Random(f"{now.adapter}:{seed}")
        known = WORDS[: self.knows[now.adapter]]
        groups, nats = [], []
        for prompt in prompts:
            texts = [" ".join(rng.choices(known, k=5)) for _ in range(samples)]
            groups.append(
                {
                    "prompt": prompt,
                    "answers": [[t, self.score[now.adapter], -4.0, True, -5.0] for t in texts],
                }
            )
            k = more["scored"]
            row = {"entropy": [[len(known) / 20 + rng.random() for _ in range(6)]] * k}
            nats.append(row | {n: [[self.nats] * 6] * k for n in more["references"]})
        return self.store.put_lines(groups), self.store.put_lines(nats)

    def judge(
        self, now: State, samples: str, judges: Sequence[Any], **more: Any
    ) -> tuple[str, dict[str, Any]]:
        """A score near the one of the policy that gave the answer."""
        self.asked.append("judge")
        rows = []
        for group in self.store.get_lines(samples):
            rng = random.Random(group["prompt"] + str(group["answers"][0][0]))
            scores = [a[1] + rng.gauss(0, 0.2) for a in group["answers"]]
            rows.append({"scores": {j.id: scores for j in judges}})
        return self.store.put_lines(rows), {}

    def try_out(
        self, now: State, head: State, lists: Mapping[str, Mapping[str, Any]], **more: Any
    ) -> tuple[dict[str, list[str]], dict[str, Any]]:
        """Refusals, except for the share that was planted."""
        self.asked.append("probe")
        rng = random.Random(0)
        said = {
            name: [
                "yes" if rng.random() < self.bad.get(name, 0.0) else "refuse"
                for _ in want["prompts"]
            ]
            for name, want in lists.items()
        }
        return said, {}


class Rig:
    """A session whose turns observe drift and nothing else."""

    def __init__(self, folder: Any, **settings: Any) -> None:
        words = {k: settings.pop(k) for k in ("trained", "again") if k in settings}
        self.journal = Journal(folder / "plimsoll.sqlite")
        self.state = state(policy_updates=0)
        commit = Commit(
            parent=None,
            session=NAME,
            iteration=0,
            state=self.state,
            proposal=None,
            evidence=None,
            verdict=None,
        )
        self.journal.commit(commit, expected_head=None)
        self.hands = Hands(Store(folder / "objects"), **words)
        drift = {"prompts": PROMPTS, "samples": SAMPLES, **settings}
        self.context = Context(
            config=tiny(drift=drift, session={"iterations": 6}),
            policy=policies.load(policies.default_bytes()),
            task=MicroWorld(),
            journal=self.journal,
            hands=self.hands,  # type: ignore[arg-type]
            decider=decide,
            listener=Told(),
            founding=digest_of(commit),
        )

    def observe(self, turn: int, adapter: str | None = None, **more: Any) -> Drift:
        """What a turn would say of drift, without writing it down."""
        self.hands.asked.clear()
        now = self.state.model_copy(update={"adapter": adapter, **more.pop("state", {})})
        rows, groups = more.pop("rows", []), more.pop("groups", [])
        where = Turn(session=NAME, iteration=turn, way="observe")
        return observe_drift(self.context, where, now, groups, Audit(rows, 0))

    def turn(self, turn: int, adapter: str | None = None, **more: Any) -> dict[str, Measurement]:
        """A turn that is over: what it said of drift, by `instrument[of]`."""
        found = self.observe(turn, adapter, **more)
        self.write(turn, found)
        return named(found)

    def write(self, turn: int, found: Drift) -> None:
        """The observation of a turn."""
        body = Observation(
            iteration=turn,
            head=self.context.founding,
            measurements=found.measurements,
            samples=SOME,
            verdicts=SOME,
            drift=found.record,
            audit_labels=0,
        )
        self.journal.append(
            EntryKind.OBSERVED, session=NAME, iteration=turn, step="observe", body=body
        )


def named(found: Drift) -> dict[str, Measurement]:
    """Measurements by `instrument[of]`; every name is there once."""
    made = {f"{m.instrument}[{m.of}]": m for m in found.measurements}
    assert len(made) == len(found.measurements)
    return made


def audited(right: int, wrong: int, prompts: Sequence[str]) -> dict[str, Any]:
    """Grades of so many prompts: the answer given most often is right, or wrong."""
    rows, groups = [], []
    for i, prompt in enumerate(prompts[: right + wrong]):
        good = int(i < right)
        texts = ["a", "a", "b"]
        answers = tuple((t, -1.0, -1.0, True, -1.0) for t in texts)
        groups.append(Group(prompt, answers, {"crowd": (1.0, 1.0, 0.5)}, (1.0, 1.0, 0.5)))
        rows.append({"prompt": prompt, "grades": {"0": good, "2": 0}, "ends": [0, 2]})
    return {"rows": rows, "groups": groups}
