"""The audits of judges in the log: written by people's commands, read by cards and comparisons."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from agent.person import PERSON
from agent.states import state_of
from logs.canonical import digest_of
from logs.errors import UsageError
from logs.journal import Journal
from logs.reading import Reader
from logs.vocabulary import Digest, EntryKind, Judge, JudgeKind, LogEntry, Panel, State
from tools.audit.card import JudgeCard
from tools.audit.design import Kept, Version
from tools.audit.kept import FIELD, Audited, rows_of, verdicts_of
from tools.store import Store

PANEL = "panel"
"""The name of the judges of weight together."""
NO_PROMPT = sha256(b"").hexdigest()
"""The prompt of a judge that no constitution reaches."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A judge of a workspace, or its panel, in one version."""

    name: str
    judges: tuple[Judge, ...]
    state: State
    version: Version


def judges_of(journal: Reader, state: State) -> tuple[Judge, ...]:
    """The panel in force, then the founding judges that sit on the bench."""
    seated = {j.id for j in state.panel.judges}
    founded = next(journal.entries(kind=EntryKind.FOUNDED, limit=1), None)
    known = founded.body.get("judges", ()) if founded else ()
    bench = (Judge.model_validate(j) for j in known)
    return (*state.panel.judges, *(j for j in bench if j.id not in seated))


def subject_of(journal: Journal, name: str) -> Subject:
    """The judge of this name as it is at HEAD.

    Raises:
        UsageError: neither panel nor bench has it; names the nearest.
    """
    state = state_of(journal, "HEAD").state
    judges = judges_of(journal, state)
    named = tuple(j for j in judges if j.id == name)
    if name == PANEL:
        named = state.panel.judges
    if not named:
        known = [*(j.id for j in judges), PANEL]
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(
            "No judge here has this name.",
            saw=repr(name[:80]),
            wanted=f"one of: {', '.join(known)}",
            try_this=f"did you mean {near[0]}?" if near else "plimsoll judge list",
        )
    whole = name == PANEL
    judge_hash = digest_of(Panel(judges=named)) if whole else named[0].artefact
    reached = any(j.kind in (JudgeKind.FEATURE, JudgeKind.REMOTE) for j in named)
    prompt = digest_of(state.constitution) if reached else NO_PROMPT
    return Subject(name, named, state, Version(judge_hash, prompt, turns_of(journal)))


def turns_of(journal: Reader) -> int:
    """The clock of cards: turns of the loop that ended in this log, over all sessions.

    It only rises: a rollback or a new session does not make an old card young again.
    """
    return sum(1 for _ in journal.entries(kind=EntryKind.RECORDED))


@dataclass(frozen=True, slots=True)
class OnRecord:
    """One audit of the log with its card."""

    seq: int
    audited: Audited
    card: JudgeCard


def write(journal: Journal, head: Digest | None, card: JudgeCard, audited: Audited) -> LogEntry:
    """Log an audit; its artefacts are in the store already."""
    seq = journal.size()
    body = {
        "head": head,
        FIELD: audited.model_dump(mode="json"),
        "measurements": [m.model_dump(mode="json") for m in card.audit.measurements()],
    }
    return journal.append(
        EntryKind.MEASURED, session=PERSON, iteration=seq, step=f"audit-{seq}", body=body
    )


def keep(store: Store, card: JudgeCard, kept: Kept) -> tuple[Digest, Digest]:
    """Store a card and its verdicts."""
    return store.put_json(card.model_dump(mode="json")), store.put_lines(rows_of(kept))


def on_record(journal: Reader, name: str) -> list[Audited]:
    """The audits of a judge, oldest first."""
    return [audited for _, audited in _found(journal) if audited.judge == name]


def latest(journal: Reader, store: Store, name: str, version: Version | None) -> OnRecord | None:
    """The latest audit of a judge: of this version where there is one, else of any."""
    found = [(seq, a) for seq, a in _found(journal) if a.judge == name]
    same = [(seq, a) for seq, a in found if version and is_of(a, version)]
    if not found:
        return None
    seq, audited = (same or found)[-1]
    return OnRecord(seq, audited, JudgeCard.model_validate(store.get_json(audited.card)))


def is_of(audited: Audited, version: Version) -> bool:
    """Whether an audit speaks of this version."""
    return (audited.judge_hash, audited.prompt_hash) == version[:2]


def names_on_record(journal: Reader) -> list[str]:
    """The judges that were audited."""
    return list(dict.fromkeys(audited.judge for _, audited in _found(journal)))


def kept_of(store: Store, audited: Audited) -> Kept:
    """The verdicts of an audit, from the store."""
    version = Version(audited.judge_hash, audited.prompt_hash, audited.iteration)
    return verdicts_of(store.get_lines(audited.verdicts), version)


def _found(journal: Reader) -> Sequence[tuple[int, Audited]]:
    entries = journal.entries(session=PERSON, kind=EntryKind.MEASURED)
    return [(e.seq, Audited.model_validate(e.body[FIELD])) for e in entries if FIELD in e.body]
