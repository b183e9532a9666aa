"""Lessons from the log: every turn of every session of a workspace, in one walk over its entries.

A function of the log and of the artefacts that it names. Gold is sealed, and no entry that
measures it is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.deciding.lessons import ENDINGS, Lesson, context_of
from agent.deciding.quality import Quality, quality_of
from agent.deciding.returns import Done, returns
from agent.groups import calibrations, read_groups
from agent.recall import REPAIRS
from logs.reading import Reader
from logs.vocabulary import Diagnosis, Digest, EntryKind, Intervention, LogEntry, Panel, State
from tools.store import Store

OBSERVE, DIAGNOSE, DECIDE, RECORD = "observe", "diagnose", "decide", "record"
READ = (OBSERVE, DIAGNOSE, DECIDE, RECORD)
NAME = 12
"""Digits of the first entry's hash that name a workspace's log."""


@dataclass
class _Turn:
    """What the walk found of one turn so far."""

    iteration: int
    policy: Digest | None = None
    quality: Quality | None = None
    calibrated: bool = False
    spent: int = 0
    """Audit labels before the decision."""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether it came to an end that was recorded."""
        return len(self.steps) == len(READ)

    @property
    def intervention(self) -> Intervention:
        """What was decided."""
        return Intervention(self.steps[DECIDE]["intervention"])

    @property
    def outcome(self) -> str:
        """What came of it; empty while it goes on."""
        return str(self.steps[RECORD]["outcome"]) if self.over else ""

    @property
    def repaired(self) -> bool:
        """Whether it changed the judges."""
        return self.outcome == "committed" and self.intervention in REPAIRS


def lessons_of(
    journal: Reader, store: Store, *, labels: float, before: int | None = None
) -> tuple[Lesson, ...]:
    """What the turns of this workspace taught; each session is a history of its own.

    Args:
        journal: the log.
        store: the artefacts that it names.
        labels: audit labels that the policy allows.
        before: only entries before this one are read, so that a decision can be made again.

    Raises:
        IntegrityError: an artefact is missing or damaged.
    """
    name = journal.leaf_of(0)[:NAME] if journal.size() else ""
    walk = _Walk(journal, store)
    for entry in journal.entries():
        if before is not None and entry.seq >= before:
            break
        walk.meet(entry)
    return tuple(
        lesson
        for session, turns in walk.sessions.items()
        for lesson in _taught(f"{name}/{session}", list(turns.values()), labels)
    )


class _Walk:
    """Entries in their order; remembers which prompts were graded before."""

    def __init__(self, journal: Reader, store: Store) -> None:
        self.journal, self.store = journal, store
        self.sessions: dict[str, dict[int, _Turn]] = {}
        self.graded: set[str] = set()
        self.spent = 0

    def meet(self, entry: LogEntry) -> None:
        """Take in one entry."""
        step = entry.key.rsplit("/", 1)[1]
        if step in READ:
            turns = self.sessions.setdefault(entry.session, {})
            turn = turns.setdefault(entry.iteration, _Turn(entry.iteration))
            turn.steps[step] = entry.body
            if step == OBSERVE:
                self._observed(turn, entry.body)
            elif step == DECIDE:
                turn.spent = self.spent
        if entry.kind in (EntryKind.OBSERVED, EntryKind.ANSWERED) and entry.body.get("labels"):
            self.graded |= _prompts(self.store.root, entry.body["labels"])
        self.spent += entry.spend.audit_labels if entry.spend else 0

    def _observed(self, turn: _Turn, body: dict[str, Any]) -> None:
        now = self.journal.commit_of(body["head"]).state
        turn.policy = now.adapter
        turn.calibrated = is_calibrated(self.store, now)
        if body.get("labels"):
            drawn = (body["samples"], body["verdicts"], body["labels"])
            known = frozenset(self.graded)
            turn.quality = _quality(self.store.root, drawn, now.panel, now.recipe.prompts, known)


def is_calibrated(store: Store, state: State) -> bool:
    """Whether the scores of every judge of the panel were compared with grades."""
    return len(calibrations(store, state.panel)) == len(state.panel.judges)


@lru_cache(maxsize=1024)
def _prompts(root: Path, labels: Digest) -> frozenset[str]:
    return frozenset(row["prompt"] for row in Store(root).get_lines(labels))


@lru_cache(maxsize=1024)
def _quality(
    root: Path,
    drawn: tuple[Digest, Digest, Digest],
    panel: Panel,
    practised: int,
    known: frozenset[str],
) -> Quality | None:
    """A function of what is stored under these digests: the log of many turns is read each turn."""
    store, (samples, verdicts, labels) = Store(root), drawn
    rows = store.get_lines(labels)
    if not rows:
        return None
    groups = read_groups(store, samples, verdicts, panel)[practised:]
    return quality_of(rows, groups, known)


def _taught(name: str, turns: list[_Turn], labels: float) -> Iterator[Lesson]:
    done = [Done(t.iteration, t.policy, t.outcome, t.quality) for t in turns]
    found = returns(done)
    repaired = 0
    for turn in turns:
        told = found.get(turn.iteration)
        if turn.over and told is not None and turn.intervention not in ENDINGS:
            yield Lesson(
                of=f"{name}/{turn.iteration}",
                intervention=turn.intervention,
                context=context_of(
                    Diagnosis.model_validate(turn.steps[DIAGNOSE]),
                    calibrated=turn.calibrated,
                    labels_spent=turn.spent / labels if labels else 1.0,
                    since_repair=turn.iteration - repaired,
                ),
                returned=told.value,
                variance=told.variance,
                seen=told.seen,
            )
        repaired = turn.iteration if turn.repaired else repaired
