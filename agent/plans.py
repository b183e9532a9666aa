"""A plan: one turn taken up to the law's word, by its digests; kept in the log and in a file.

Whoever holds the file can apply exactly that, and nothing else: the digest is of its content, the
log knows every plan that was made here, and HEAD, policy and settings must be those of then.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.costs import as_data, estimate_of_rest, estimate_of_turn, seconds_so_far, turn_costs
from agent.inbox import ASK
from agent.meta import META
from agent.ruling import ruling
from agent.state import Context, Turn
from invariants import gate as law
from logs.canonical import digest_of
from logs.errors import IntegrityError, PlimsollError, UsageError
from logs.files import write_whole
from logs.reading import Reader
from logs.vocabulary import (
    Decision,
    Digest,
    EntryKind,
    Intervention,
    LogEntry,
    Observation,
    Tier,
    Verdict,
    Word,
)

FILE = "plimsoll/plan-file/1"
STEP = "plan-"
SETTLES = ("commit", ASK, "refuse", "gold", META, "gain", "record")
"""Steps behind the gate: once one of them has its entry, the turn is being carried out."""
MOST_BYTES = 1 << 20
"""Of a file; a plan is some two thousand."""


class Outlook(StrEnum):
    """What applying a plan comes to."""

    COMMIT = "commit"
    ASK = "ask"
    """A person decides: the change is of high tier, or the decider has a question."""
    REFUSED = "refused"
    FAILED = "failed"
    KEPT = "kept"
    """There is nothing to propose: all stays as it is."""
    STOP = "stop"


class Plan(Word):
    """What one turn would do, by digests and numbers; no text that a model or a person wrote."""

    session: str
    iteration: int
    base: Digest
    """HEAD that it was made for."""
    outlook: Outlook
    intervention: Intervention
    decision: Digest
    proposal: Digest | None
    evidence: Digest | None
    verdict: Digest | None
    tier: Tier | None
    policy: Digest
    settings: Digest
    cost: dict[str, Any]
    """Estimates: `turn`, `rest` (of the session), with `so_far` and `turns_left`."""

    @property
    def digest(self) -> Digest:
        """Its name."""
        return digest_of(self)

    @property
    def step(self) -> str:
        """Under which the log keeps it; another plan of the same turn has another name."""
        return f"{STEP}{self.digest[:16]}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plan's turn stands in the log."""

    begun: bool
    """Whether a step behind the gate has its entry."""
    outcome: str
    """What its record says; empty while there is none."""
    commit: Digest | None


def plan_of(context: Context, turn: Turn) -> Plan:
    """The plan of a turn that has come to the gate's other side; read from the log alone."""
    decision = context.word(turn, "decide", Decision)
    acted, tried, ruled = (context.entry(turn, s) for s in ("act", "trial", "gate"))
    proposal = acted if acted and acted.kind is EntryKind.PROPOSED else None
    evidence = tried if tried and tried.kind is EntryKind.TRIED else None
    verdict = Verdict.model_validate(ruled.body) if ruled else None
    return Plan(
        session=turn["session"],
        iteration=turn["iteration"],
        base=context.word(turn, "observe", Observation).head,
        outlook=_outlook(decision, acted, verdict),
        intervention=decision.intervention,
        decision=digest_of(decision),
        proposal=digest_of(proposal.body) if proposal else None,
        evidence=digest_of(evidence.body) if evidence else None,
        verdict=digest_of(verdict) if verdict else None,
        tier=verdict.tier if verdict else None,
        policy=context.policy.digest,
        settings=settings_digest(context.config),
        cost=_cost(context, turn, decision),
    )


def _outlook(decision: Decision, acted: LogEntry | None, verdict: Verdict | None) -> Outlook:
    if decision.intervention is Intervention.STOP:
        return Outlook.STOP
    if decision.intervention is Intervention.ASK_PERSON:
        return Outlook.ASK
    if verdict is None:
        kept = acted is not None and acted.body.get("error") == "nothing to propose"
        return Outlook.KEPT if kept else Outlook.FAILED
    if verdict.holds:
        return Outlook.COMMIT
    return Outlook.ASK if law.needs_person(verdict) else Outlook.REFUSED


def _cost(context: Context, turn: Turn, decision: Decision) -> dict[str, Any]:
    config, known = context.config, turn_costs(context.journal)
    recipe = context.commit_at(context.word(turn, "observe", Observation).head).state.recipe
    left = max(0, config.session.iterations - turn["iteration"])
    entries = context.journal.entries_of(turn["session"], turn["iteration"])
    return {
        "so_far": round(seconds_so_far(entries), 3),
        "turn": as_data(estimate_of_turn(known, config, recipe, decision.intervention)),
        "rest": as_data(estimate_of_rest(known, config, recipe, left)),
        "turns_left": left,
    }


def settings_digest(config: Config) -> Digest:
    """The name of the settings that a plan rests on: all but the budget, which may be raised."""
    return digest_of(config.model_dump(mode="json", exclude={"budget"}))


def place_of(journal: Reader, plan: Plan) -> Place:
    """Where the plan's turn stands."""
    return place_of_turn(journal, plan.session, plan.iteration)


def place_of_turn(journal: Reader, session: str, iteration: int) -> Place:
    """Where a turn stands behind the gate."""
    found = {step: journal.find(session, iteration, step) for step in SETTLES}
    made, closed = found["commit"], found["record"]
    committed = made is not None and made.kind is EntryKind.COMMITTED
    return Place(
        begun=any(found.values()),
        outcome=str(closed.body["outcome"]) if closed else "",
        commit=digest_of(made.body) if made and committed else None,
    )


def only_planned(journal: Reader, session: str) -> bool:
    """Whether all that a session did so far was to plan its first turn."""
    planned = any(e.kind is EntryKind.PLANNED for e in journal.entries_of(session, 1))
    return planned and not place_of_turn(journal, session, 1).begun


def is_stale(context: Context, turn: Turn) -> bool:
    """Whether the turn before the gate's other side was made for another HEAD or policy."""
    if context.word(turn, "observe", Observation).head != context.head():
        return True
    ruled = ruling(context, turn)
    return ruled is not None and ruled.body["policy"] != context.policy.digest


def write(plan: Plan, path: Path) -> None:
    """Write the file of a plan, whole or not at all."""
    body = {"schema": FILE, "digest": plan.digest, "plan": plan.model_dump(mode="json")}
    write_whole(path, (json.dumps(body, indent=2) + "\n").encode())


def read(path: Path) -> Plan:
    """Read the file of a plan.

    Raises:
        UsageError: there is none, or it is something else.
        IntegrityError: it was changed after it was written.
    """
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_plan(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(found, dict) or set(found) != {"schema", "digest", "plan"}:
        raise _no_plan(path, "something else")
    if found["schema"] != FILE:
        raise _no_plan(path, f"schema {str(found['schema'])[:80]!r}")
    try:
        plan = Plan.model_validate(found["plan"]) if digest_of(found["plan"]) else None
    except (PlimsollError, ValueError) as error:
        raise _edited(path, "content that is no plan any more") from error
    if plan is None or not plan.digest == digest_of(found["plan"]) == found["digest"]:
        raise _edited(path, f"sha256:{digest_of(found['plan'])[:12]} of its content")
    return plan


def _no_plan(path: Path, saw: str) -> UsageError:
    return UsageError(
        "This is no plan.",
        saw=f"{path.name}: {saw}",
        wanted="a file that plimsoll plan --out wrote",
        try_this="plimsoll plan --out next.plan",
    )


def _edited(path: Path, saw: str) -> IntegrityError:
    return IntegrityError(
        "This plan was changed after it was written; nothing of it is applied.",
        saw=f"{path.name}: {saw}",
        wanted="the digest that the file names",
        try_this="plimsoll plan --out FILE writes the plan again; nothing is done twice",
    )
