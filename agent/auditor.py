"""Audit a judge of a workspace: its calls behind the wall, its card into store and log."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from agent.auditing_remote import BOTH_ORDERS, NO_FUNCTION, heard, is_remote, repeated
from agent.hands import MAX_BYTES, Hands
from agent.judge_audits import PANEL, Subject, keep, on_record, subject_of, write
from agent.listener import Listener
from agent.workspace import Workspace
from logs.errors import UsageError
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.vocabulary import Digest, EntryKind
from sandbox.collect import collect
from tools.audit.audit import Call
from tools.audit.card import Cost, JudgeCard
from tools.audit.design import Design, Kept, Said
from tools.audit.kept import Audited
from tools.audit.verdict_card import FUNCTION, carded

LIGHT = ("torch", "transformers.models.llama.modeling_llama", "tools.jobs", "tools.audit.job")
"""What an audit needs; the training libraries stay out, and the wall stands sooner."""
AGAIN = 50
"""Calls that are asked a second time: is this judge a function?"""
SAID = "said.jsonl"
PER_CALL = 0.0014
"""CPU-seconds a call, as measured with 200 pairs; told before there is a past audit."""
PER_QUESTION = 0.1
"""Seconds a question to a server, told before there is a past audit."""
STARTING = 7.0
"""CPU-seconds until the wall stands and the models are read, as measured."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an audit would cost."""

    subject: Subject
    verdicts: int
    calls: int
    seconds: float
    told_by: str
    """What the time was told from."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished audit and where it stands in the log."""

    card: JudgeCard
    audited: Audited
    seq: int


class Asking(Hands):
    """Hands that only ask judges."""

    preload = LIGHT

    def consult(self, subject: Subject, calls: list[Call]) -> tuple[Digest, list[Any], Any]:
        """Ask a judge or a panel about calls; the calls' digest, what was said, the report."""
        asked = self.store.put_lines([c.prompt, c.first, c.second] for c in calls)
        alone = subject.name != PANEL
        # Small batches: a second thread waits more than it works, five times so on a busy machine.
        args = self._policy(subject.state) | {
            "threads": 1,
            "calls": str(self._file(asked)),
            "judges": {j.id: self._judge(j) for j in subject.judges},
            "weights": {j.id: "1" if alone else str(j.weight) for j in subject.judges},
            "constitution": subject.state.constitution.model_dump(mode="json"),
            "again": AGAIN,
        }
        place, report = self._run("consult", args)
        lines = collect(place, [SAID], MAX_BYTES)[SAID].splitlines()
        return asked, [json.loads(line) for line in lines], report


def foresee(workspace: Workspace, name: str, design: Design) -> Foreseen:
    """What an audit would ask, and about how long it would take; nothing is written."""
    with closing(workspace.journal()) as journal:
        subject = subject_of(journal, name)
        past = on_record(journal, name)
    if is_remote(subject):
        design = repeated(design)
        calls, each = design.calls(), past[-1].seconds / past[-1].made if past else PER_QUESTION
        made = sum(calls.values())
        told_by = "the last audit" if past else "a server that answers ten a second"
        return Foreseen(subject, made, made, each * made, told_by)
    calls = design.calls()
    told_by, each = "CPU-seconds measured elsewhere", PER_CALL
    if past and past[-1].made:
        told_by, each = "the last audit", past[-1].seconds / past[-1].made
    start = STARTING if told_by != "the last audit" else 0.0
    return Foreseen(subject, sum(calls.values()), len(calls), start + each * len(calls), told_by)


def audit(workspace: Workspace, name: str, design: Design, listener: Listener) -> Done:
    """Audit a judge as it is at HEAD; nobody else may work here meanwhile.

    Raises:
        UsageError: a session is at work here, or there is no such judge.
    """
    _refuse_notes(design)
    with lock_workspace(workspace.root), workspace.journal(read_only=False) as journal:
        subject = subject_of(journal, name)
        return _audited(workspace, journal, subject, design, listener)


def _audited(
    workspace: Workspace, journal: Journal, subject: Subject, design: Design, listener: Listener
) -> Done:
    began = time.monotonic()
    if is_remote(subject):
        return _audited_remotely(workspace, journal, subject, repeated(design), listener)
    calls = list(design.calls())
    with Asking(workspace.store, workspace.scratch, workspace.config, listener) as hands:
        hands.reader = next(journal.entries(kind=EntryKind.FOUNDED)).body["reader"]
        asked, said, report = hands.consult(subject, calls)
    seconds = time.monotonic() - began
    told: Mapping[Call, tuple[Said]] = {c: (p,) for c, (p, _) in zip(calls, said, strict=True)}
    kept = design.answered(told, subject.version)
    card = carded(
        subject.name,
        design,
        kept,
        cost=Cost(calls=len(calls), seconds_per_call=seconds / len(calls)),
        notes=_reasons(said),
        function=f"{FUNCTION}; {report['again']} were asked again and said the same",
    )
    told_of = {"calls": asked, "deterministic": True, "made": len(calls), "seconds": seconds}
    return _written(workspace, journal, subject, design, card, kept, told_of)


def _audited_remotely(
    workspace: Workspace, journal: Journal, subject: Subject, design: Design, listener: Listener
) -> Done:
    began = time.monotonic()
    past = len(on_record(journal, subject.name))
    with Asking(workspace.store, workspace.scratch, workspace.config, listener) as hands:
        found = heard(hands, subject, design, past=past)
        asked = workspace.store.put_lines([c.prompt, c.first, c.second] for c in found.told)
    seconds = time.monotonic() - began
    kept = design.answered(found.told, subject.version)
    card = carded(
        subject.name,
        design,
        kept,
        cost=Cost(calls=found.made, seconds_per_call=seconds / found.made),
        notes=(NO_FUNCTION, BOTH_ORDERS, *_missing(found.reasons)),
    )
    told_of = {"calls": asked, "deterministic": False, "made": found.made, "seconds": seconds}
    return _written(workspace, journal, subject, design, card, kept, told_of)


def _written(
    workspace: Workspace,
    journal: Journal,
    subject: Subject,
    design: Design,
    card: JudgeCard,
    kept: Kept,
    told_of: Mapping[str, Any],
) -> Done:
    """The audit in store and log."""
    card_digest, verdicts = keep(workspace.store, card, kept)
    audited = Audited(
        judge=subject.name,
        judge_hash=subject.version.judge_hash,
        prompt_hash=subject.version.prompt_hash,
        iteration=subject.version.iteration,
        card=card_digest,
        verdicts=verdicts,
        items=design.items,
        **told_of,
    )
    entry = write(journal, journal.head(), card, audited)
    return Done(card, audited, entry.seq)


def _reasons(said: list[Any]) -> tuple[str, ...]:
    """Why verdicts are missing, the first reason and how many there are."""
    return _missing([reason for p, reason in said if p is None])


def _missing(wrong: Sequence[str]) -> tuple[str, ...]:
    return (f"{len(wrong)} calls without a verdict, the first: {wrong[0]}",) if wrong else ()


def _refuse_notes(design: Design) -> None:
    """The judges of a workspace read a prompt and an answer, and nothing beside them."""
    if any(call.note or call.history for call in design.calls()):
        raise UsageError(
            "The judges of a workspace cannot be told anything beside the prompt.",
            saw="a treatment that says something to the judge",
            wanted="treatments said in prompts and answers",
            try_this="leave --data out: the micro-world has an audit of its own",
        )
