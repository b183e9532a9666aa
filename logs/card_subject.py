"""What a card is about: a commit, and the part of the log up to the end of its turn."""

from typing import NamedTuple

from logs.canonical import digest_of
from logs.errors import UsageError
from logs.reading import Reader
from logs.refs import find_entry
from logs.text import interval
from logs.turns import Turn, turns
from logs.vocabulary import Commit, Digest, EntryKind, LogEntry, Measurement


class Subject(NamedTuple):
    """A commit, and the part of the log that a card of it is about."""

    commit: Commit
    digest: Digest
    entry: LogEntry
    size: int
    """Entries of the log up to the end of its turn."""
    closed: bool
    """Whether that turn had ended."""
    turns: tuple[Turn, ...]
    """Of its session, up to its own."""

    @property
    def turn(self) -> Turn:
        """The turn that committed it."""
        return self.turns[-1]

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.commit.session}-{self.commit.iteration}-{self.digest[:12]}"


def subject_of(journal: Reader, ref: str) -> Subject:
    """The commit that `ref` names.

    Raises:
        UsageError: it names something else.
    """
    entry = find_entry(journal, ref)
    if entry.kind is not EntryKind.COMMITTED:
        raise UsageError(
            "A card is of a commit.",
            saw=f"entry {entry.seq}, {entry.kind}",
            wanted="a commit: HEAD, HEAD~2, iter:12, or digits of its digest",
            try_this="plimsoll log list --kind committed",
        )
    commit = Commit.model_validate(entry.body)
    record = journal.find(entry.session, entry.iteration, "record")
    if commit.parent is None:
        record = journal.find(entry.session, entry.iteration, "gold") or entry
    size = record.seq + 1 if record else journal.size()
    told = tuple(t for t in turns(journal, entry.session) if t.iteration <= entry.iteration)
    return Subject(commit, digest_of(entry.body), entry, size, record is not None, told)


def audited(journal: Reader, subject: Subject) -> dict[str, str]:
    """Artefact of a judge -> the both-orders accuracy of its last audit, and its entry."""
    found = {}
    for entry in journal.entries(session="person", kind=EntryKind.MEASURED):
        audit = entry.body.get("judge_audit")
        if entry.seq >= subject.size or not isinstance(audit, dict):
            continue
        for row in entry.body["measurements"]:
            m = Measurement.model_validate(row)
            if m.instrument == "both_orders_accuracy" and not m.of:
                said = interval(m.estimate, m.low, m.high)
                found[str(audit["judge_hash"])] = f"{said} n={m.n}, entry {entry.seq}"
    return found
