"""The state that a name means: that of a commit, or the one in force at an entry."""

from dataclasses import dataclass

from logs.canonical import digest_of
from logs.errors import UsageError
from logs.journal import Journal
from logs.refs import find_entry
from logs.vocabulary import Commit, Digest, EntryKind, LogEntry, State


@dataclass(frozen=True, slots=True)
class Named:
    """A state and the commit that it belongs to."""

    commit: Digest
    iteration: int
    state: State


def state_of(journal: Journal, ref: str) -> Named:
    """The state of the commit that `ref` names, or in force when that entry was written.

    Raises:
        UsageError: nothing has this name, or nothing was committed before it.
    """
    entry = find_entry(journal, ref)
    if entry.kind is EntryKind.COMMITTED:
        return _named(entry)
    before = [e for e in journal.entries(kind=EntryKind.COMMITTED) if e.seq < entry.seq]
    if before:
        return _named(before[-1])
    raise UsageError(
        "Nothing was in force yet at this entry.",
        saw=f"entry {entry.seq}, {entry.kind}",
        wanted="a commit, or an entry after the founding one",
        try_this="plimsoll log list --kind committed",
    )


def founding_of(journal: Journal) -> Named:
    """The state that people founded.

    Raises:
        UsageError: nothing was founded yet.
    """
    first = next(journal.entries(kind=EntryKind.COMMITTED, limit=1), None)
    if first:
        return _named(first)
    raise UsageError(
        "Nothing was founded here yet.",
        saw="a log without a commit",
        wanted="a founding commit",
        try_this="plimsoll run",
    )


def _named(entry: LogEntry) -> Named:
    commit = Commit.model_validate(entry.body)
    return Named(digest_of(entry.body), entry.iteration, commit.state)
