"""A workspace with sessions that are over, as far as a decider that learns reads them.

Answers, scores and grades are made up; entries, keys and artefacts are those of the loop.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from agent.auditing import audit_pairs
from agent.config import Config
from agent.groups import group_of
from agent.workspace import Workspace
from logs.canonical import sha256
from logs.journal import Journal
from logs.vocabulary import (
    Commit,
    Decision,
    Diagnosis,
    EntryKind,
    Finding,
    Hypothesis,
    Intervention,
    Judge,
    JudgeKind,
    Ledgers,
    Observation,
    Panel,
    Recipe,
    State,
)
from tests.a_workspace import founding

PROMPTS, PAIRS = 40, 12
JUDGE = Judge(
    id="crowd",
    kind=JudgeKind.VERIFIER,
    family="rules",
    version=1,
    artefact=sha256(b"crowd"),
    weight=Decimal(1),
)


@dataclass(frozen=True)
class Told:
    """One turn: what was done, what came of it, and how often answers were right before it."""

    intervention: Intervention
    outcome: str = "committed"
    share: float = 0.5
    inflated: float = 0.0
    """Added to every score of the judge in this turn."""
    hypothesis: Hypothesis = Hypothesis.JUDGE_STALE


class _Oracle:
    def grade(self, prompt: str, answer: str) -> bool:
        return answer == "right"


def workspace(root: Path, **sections: object) -> Workspace:
    """An empty one, led by the decider that learns."""
    config = Config.model_validate({"session": {"decider": "bandit"}, **sections})
    return Workspace.create(root, config)


def write(own: Workspace, told: Sequence[Told], session: str = "first", seed: int = 0) -> None:
    """A session with these turns, behind whatever is in the log."""
    with own.journal(read_only=False) as journal:
        if journal.head() is None:
            journal.append(EntryKind.FOUNDED, session=session, iteration=0, step="found", body={})
            first = founding(own.root)
            panel, recipe = Panel(judges=(JUDGE,)), Recipe(prompts=1)
            state = first.state.model_copy(update={"panel": panel, "recipe": recipe})
            journal.commit(first.model_copy(update={"state": state}), expected_head=None)
        for iteration, turn in enumerate(told, 1):
            _turn(own, journal, session, iteration, turn, random.Random(f"{seed}/{iteration}"))


def _turn(
    own: Workspace, journal: Journal, session: str, i: int, turn: Told, rng: random.Random
) -> None:
    head = journal.head() or ""
    now = journal.commit_of(head).state

    def log(kind: EntryKind, step: str, body: object, labels: int = 0) -> None:
        spend = Ledgers(audit_labels=labels) if labels else None
        journal.append(kind, session=session, iteration=i, step=step, body=body, spend=spend)

    log(EntryKind.OBSERVED, "observe", _observed(own, i, head, turn, rng), 2 * PAIRS)
    found = Finding(hypothesis=turn.hypothesis, support=0.8, because=("seen",))
    log(EntryKind.DIAGNOSED, "diagnose", Diagnosis(findings=(found,)))
    decision = Decision(
        iteration=i,
        intervention=turn.intervention,
        rule="made-up",
        because="a test wants it",
        evidence=(),
        alternatives=(),
        predicted=None,
    )
    log(EntryKind.DECIDED, "decide", decision)
    if turn.outcome == "committed":
        journal.commit(_commit(session, i, head, now, turn), expected_head=head)
    log(EntryKind.RECORDED, "record", {"outcome": turn.outcome, "refused_by": []})


def _commit(session: str, i: int, head: str, now: State, turn: Told) -> Commit:
    trains = turn.intervention is Intervention.TRAIN
    adapter = sha256(f"{session} {i}".encode()) if trains else now.adapter
    return Commit(
        parent=head,
        session=session,
        iteration=i,
        state=now.model_copy(update={"adapter": adapter}),
        proposal=sha256(b"proposal"),
        evidence=None,
        verdict=None,
    )


def _observed(own: Workspace, i: int, head: str, turn: Told, rng: random.Random) -> Observation:
    drawn, scored = [], []
    for n in range(PROMPTS + 1):
        most, other = ("right", "wrong") if rng.random() < turn.share else ("wrong", "right")
        texts = [most] * 4 + [other] * 2
        answers = [[t, 0.0, 0.0, True, 0.0] for t in texts]
        drawn.append({"prompt": f"prompt {own.root.name} {i} {n}", "answers": answers})
        scores = [turn.inflated + (t == "right") + rng.gauss(0, 1) for t in texts]
        scored.append({"scores": {JUDGE.id: scores}})
    groups = [group_of(a, b["scores"], {JUDGE.id: 1.0}) for a, b in zip(drawn, scored, strict=True)]
    audit = audit_pairs(groups[1:], _Oracle(), pairs=PAIRS, budget=1000, seed=i)  # type: ignore[arg-type]
    return Observation(
        iteration=i,
        head=head,
        measurements=(),
        samples=own.store.put_lines(drawn),
        verdicts=own.store.put_lines(scored),
        labels=own.store.put_lines(audit.rows),
        audit_labels=audit.labels,
    )
