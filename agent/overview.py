"""Where a session stands, read from the log, the settings and the lock."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.ideas import Idea, parked_in
from agent.running import Holder, holder
from agent.stops import halted_at, last_stop
from agent.workspace import CONFIG, Workspace
from invariants.policy import Policy
from logs.errors import NoLog, PlimsollError, UsageError
from logs.journal import Journal
from logs.turns import Turn, turns
from logs.vocabulary import Digest, EntryKind, Measurement

BY_HAND = "person"
"""Under this name the log keeps what people did; `agent.person` writes it."""


class Standing(StrEnum):
    """What is the matter with a session."""

    NOT_BEGUN = "not begun"
    RUNNING = "running"
    WAITING = "waits for a person"
    PLANNED = "planned"
    """Its next turn was planned, and nothing of it is carried out yet."""
    HALTED = "stopped by a budget"
    INTERRUPTED = "interrupted"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Overview:
    """A session at a glance."""

    session: str
    standing: Standing
    ended: bool
    """Whether nothing is left to resume."""
    iteration: int
    iterations: int | None
    """How many were planned; None where nothing says so."""
    head: Digest | None
    last: Turn | None
    """The newest turn with a decision."""
    judge: Measurement | None
    gold: Measurement | None
    labels_left: int | None
    labels: int | None
    process: Holder | None
    parked: tuple[Idea, ...] = ()
    """What people are asked about when the session has no other work."""

    @property
    def waits(self) -> bool:
        """Whether only a person can move it on."""
        return self.standing is Standing.WAITING


def overview(
    workspace: Workspace,
    session: str,
    journal: Journal | None,
    told: tuple[Turn, ...] | None = None,
) -> Overview:
    """Where a session stands; without a log it has not begun.

    Args:
        told: The turns of this session, where the caller has read them already.
    """
    if told is None:
        told = turns(journal, session) if journal else ()
    planned = iterations_of(workspace, session, journal)
    process = _process(workspace, session)
    ended = journal is not None and last_stop(journal, session) is not None
    halted = journal is not None and halted_at(journal, session) is not None
    left, labels = _labels(workspace, journal)
    return Overview(
        session=session,
        standing=_standing(told, ended, halted, process),
        ended=ended,
        iteration=max((turn.iteration for turn in told if turn.observation), default=0),
        iterations=planned,
        head=journal.head() if journal else None,
        last=next((t for t in reversed(told) if t.decision), None),
        judge=_latest(told, "judge_score"),
        gold=_latest(told, "gold"),
        labels_left=left,
        labels=labels,
        process=process,
        parked=parked_in(told),
    )


def open_log(workspace: Workspace) -> Journal | None:
    """The log for reading, or None before the first session."""
    try:
        return workspace.journal()
    except NoLog:
        return None


def sessions_of(journal: Journal) -> list[str]:
    """The sessions of a log, in the order in which they began; what people did by hand is none."""
    return [name for name in journal.counts() if name != BY_HAND]


def session_of(workspace: Workspace, journal: Journal | None, named: str | None) -> str:
    """The session that is meant: the one named, that of the settings, or the latest.

    Raises:
        UsageError: the log has no session of that name.
    """
    known = sessions_of(journal) if journal else []
    if named is None:
        wanted = workspace.config.session.name if _has_settings(workspace) else ""
        if wanted in known or (wanted and not known):
            return wanted
        if known:
            return known[-1]
    if named in known:
        return str(named)
    raise UsageError(
        "This log has no such session." if named else "There is no session here yet.",
        saw=repr(named[:80]) if named else f"an empty workspace, {workspace.root}",
        wanted=f"one of: {', '.join(known)}" if known else "a session that has begun",
        try_this="plimsoll session list" if known else "plimsoll run",
    )


def iterations_of(workspace: Workspace, session: str, journal: Journal | None) -> int | None:
    """How many iterations were planned: by the session's own settings, else by the file."""
    own = _planned(_json(workspace.session(session) / "config.json"))
    if own is not None:
        return own
    if _has_settings(workspace) and workspace.config.session.name == session:
        return workspace.config.session.iterations
    founded = journal.entries(session, EntryKind.FOUNDED, limit=1) if journal else iter(())
    return next((_planned(entry.body.get("config")) for entry in founded), None)


def policy_of(workspace: Workspace) -> Policy | None:
    """The policy, if it can be read; `policy check` says why it cannot."""
    try:
        return workspace.policy
    except PlimsollError:
        return None


def _process(workspace: Workspace, session: str) -> Holder | None:
    """Who works on this session: a process runs the session that the settings name."""
    if _has_settings(workspace) and workspace.config.session.name != session:
        return None
    return holder(workspace.root)


def _has_settings(workspace: Workspace) -> bool:
    return (workspace.root / CONFIG).is_file()


def _standing(
    told: tuple[Turn, ...], ended: bool, halted: bool, process: Holder | None
) -> Standing:
    if process:
        return Standing.RUNNING
    if not told:
        return Standing.NOT_BEGUN
    if any(map(_asks, told)):
        return Standing.WAITING
    if halted and not ended:
        return Standing.HALTED
    if not ended and _is_planned(told[-1]):
        return Standing.PLANNED
    return Standing.ENDED if ended else Standing.INTERRUPTED


def _is_planned(turn: Turn) -> bool:
    """Whether the last that happened in this turn is that it was planned."""
    return turn.entries.get(EntryKind.PLANNED, -1) == max(turn.entries.values())


def _asks(turn: Turn) -> bool:
    """Whether a person was asked in this turn and has not answered."""
    asked = turn.entries.get(EntryKind.ASKED)
    return asked is not None and turn.entries.get(EntryKind.ANSWERED, -1) < asked


def _latest(told: tuple[Turn, ...], instrument: str) -> Measurement | None:
    found = (turn.measured(instrument) for turn in reversed(told))
    return next((m for m in found if m is not None), None)


def _labels(workspace: Workspace, journal: Journal | None) -> tuple[int | None, int | None]:
    """Audit labels left, and allowed at all, by the settings and by the policy."""
    if not _has_settings(workspace):
        return None, None
    allowed = workspace.config.audit.labels
    policy = policy_of(workspace)
    if policy and "audit_labels_max" in policy.values:
        allowed = min(allowed, int(policy.values["audit_labels_max"]))
    spent = journal.ledgers().audit_labels if journal else 0
    return max(0, allowed - spent), allowed


def _planned(config: Any) -> int | None:
    """`iterations` of a configuration as the log or a session's folder keeps it."""
    if not isinstance(config, dict):
        return None
    section = config.get("session", config)
    found = section.get("iterations") if isinstance(section, dict) else None
    return found if isinstance(found, int) else None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
