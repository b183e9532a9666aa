"""The log of a session, told again as turns of the loop: what was seen, thought, done.

Every view (why, story, report) reads turns; none reads the rows of the log itself.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from logs.canonical import digest_of
from logs.reading import Reader
from logs.scales import ScaleAt, scales_in, stamped
from logs.vocabulary import (
    Change,
    Commit,
    Decision,
    Diagnosis,
    Digest,
    EntryKind,
    Evidence,
    Exchange,
    Intervention,
    LogEntry,
    Measurement,
    Observation,
    Proposal,
    Ruling,
    Verdict,
    Word,
)


class Ending(StrEnum):
    """How a turn ended."""

    COMMITTED = "committed"
    ROLLED_BACK = "rolled back"
    REFUSED = "refused"
    PARKED = "parked"
    ASKED = "asked"
    STOPPED = "stopped"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    FOUNDED = "founded"
    BEGUN = "begun"
    """Gold of what an earlier session left; the first session of a workspace is founded."""


class Turn(Word):
    """One iteration; what is None has not happened."""

    session: str
    iteration: int
    entries: dict[str, int]
    """Kind of entry -> its number in the log (the last one of that kind)."""
    observation: Observation | None = None
    diagnosis: Diagnosis | None = None
    decision: Decision | None = None
    proposal: Proposal | None = None
    evidence: Evidence | None = None
    exchange: Exchange | None = None
    """What the answers of this turn scored under the panel in force and the one proposed."""
    verdict: Verdict | None = None
    commit: Commit | None = None
    digest: Digest | None = None
    """Name of the commit."""
    rulings: tuple[Ruling, ...] = ()
    """What the refusal named."""
    record: dict[str, Any] | None = None
    failure: str = ""
    """Name of the error that ended the turn, if one did."""
    gold: tuple[Measurement, ...] = ()
    """Sealed measurements of the keeper: gold, gold_greedy, judge_score, gold_skill."""
    claim: tuple[Measurement, ...] = ()
    """What was measured on fresh gold against the founding state, the gain first."""
    look: int | None = None
    """Which look at fresh gold that was, of all in this log."""
    denied_by: tuple[str, ...] = ()
    """What spoke against claiming a gain whatever gold said."""
    scale: Digest | None = None
    """The scale on which the panel scored when the turn began."""
    unread: tuple[int, ...] = ()
    """Entries that are not in the words of this version."""

    @property
    def ending(self) -> Ending:
        """How it ended."""
        for kind, ending in _ENDINGS:
            if kind in self.entries and not (kind is EntryKind.ASKED and self._answered):
                rolled = self.commit is not None and self.commit.restores
                founded = self.commit is not None and self.commit.parent is None
                return Ending.ROLLED_BACK if rolled else Ending.FOUNDED if founded else ending
        return Ending.BEGUN if self.iteration == 0 and self.gold else Ending.UNFINISHED

    @property
    def scored_on(self) -> Digest | None:
        """The scale of the score that is shown of this turn."""
        shown = self.measured("judge_score")
        return (shown.scale if shown else None) or self.scale

    @property
    def _answered(self) -> bool:
        """Whether the last question has its answer, the vault's or a person's."""
        return self.entries.get(EntryKind.ANSWERED, -1) > self.entries.get(EntryKind.ASKED, -1)

    @property
    def intervention(self) -> Intervention | None:
        """What was chosen."""
        return self.decision.intervention if self.decision else None

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was proposed to change."""
        return self.proposal.changes if self.proposal else ()

    def measured(self, instrument: str) -> Measurement | None:
        """Return what the keeper measured, or else what the agent observed, over all skills."""
        observed = self.observation.measurements if self.observation else ()
        found = (m for m in (*self.gold, *observed) if m.instrument == instrument and not m.of)
        return next(found, None)


_ENDINGS = (
    (EntryKind.COMMITTED, Ending.COMMITTED),
    (EntryKind.REFUSED, Ending.REFUSED),
    (EntryKind.PARKED, Ending.PARKED),
    (EntryKind.ASKED, Ending.ASKED),
    # A session that ends with its last turn stops there too; a turn that failed, failed.
    (EntryKind.FAILED, Ending.FAILED),
    (EntryKind.STOPPED, Ending.STOPPED),
)
_OUTER = ("claims", "control", "meta")
"""Steps by which the outer process watches the agent; no part of what a turn came to."""

_WORDS: Mapping[EntryKind, tuple[str, type[Word]]] = {
    EntryKind.DIAGNOSED: ("diagnosis", Diagnosis),
    EntryKind.DECIDED: ("decision", Decision),
    EntryKind.PROPOSED: ("proposal", Proposal),
    EntryKind.TRIED: ("evidence", Evidence),
    EntryKind.RESCORED: ("exchange", Exchange),
    EntryKind.RULED: ("verdict", Verdict),
    EntryKind.COMMITTED: ("commit", Commit),
}


def turns(journal: Reader, session: str) -> tuple[Turn, ...]:
    """Return the turns of a session in order."""
    by_iteration: dict[int, list[LogEntry]] = {}
    for entry in journal.entries(session):
        by_iteration.setdefault(entry.iteration, []).append(entry)
    scale_at = scales_in(journal)
    return tuple(turn_of(entries, scale_at) for _, entries in sorted(by_iteration.items()))


def _unknown(head: Digest) -> None:
    """Know no scale, where nobody asks for one."""


def turn_of(entries: Iterable[LogEntry], scale_at: ScaleAt = _unknown) -> Turn:
    """Return the turn that these entries of one iteration tell; a later entry wins.

    Args:
        scale_at: Names the scale of a commit; without it scores are on no known scale.
    """
    told: dict[str, Any] = {"entries": {}, "gold": (), "unread": ()}
    for entry in entries:
        told |= {"session": entry.session, "iteration": entry.iteration}
        told["entries"][entry.kind] = entry.seq
        try:
            told |= _read(entry, scale_at)
        except (ValidationError, KeyError, TypeError):
            told["unread"] += (entry.seq,)
    return Turn.model_validate(told)


def _read(entry: LogEntry, scale_at: ScaleAt) -> dict[str, Any]:
    match entry.kind:
        case EntryKind.OBSERVED:
            seen = Observation.model_validate(entry.body)
            scale = scale_at(seen.head)
            update = {"measurements": stamped(seen.measurements, scale)}
            return {"observation": seen.model_copy(update=update), "scale": scale}
        case EntryKind.COMMITTED:
            return {"commit": Commit.model_validate(entry.body), "digest": digest_of(entry.body)}
        case EntryKind.MEASURED if entry.key.rsplit("/", 1)[-1] in _OUTER:
            return {}
        case EntryKind.MEASURED:
            return _measured(entry.body, scale_at)
        case EntryKind.REFUSED:
            return {"rulings": tuple(Ruling.model_validate(r) for r in entry.body["rulings"])}
        case EntryKind.RECORDED:
            return {"record": entry.body}
        case EntryKind.FAILED:
            return {"failure": str(entry.body["error"])}
        case _:
            name, word = _WORDS.get(entry.kind, ("", Word))
            return {name: word.model_validate(entry.body)} if name else {}


def _measured(body: dict[str, Any], scale_at: ScaleAt) -> dict[str, Any]:
    """What people alone are told: gold, or a look at whether the gain is real."""
    head = body.get("head")
    found = (Measurement.model_validate(m) for m in body["measurements"])
    told = stamped(found, scale_at(head) if head else None)
    if "look" not in body:
        return {"gold": told}
    return {"claim": told, "look": body["look"], "denied_by": tuple(body["denied_by"])}
