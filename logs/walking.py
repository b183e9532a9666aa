"""One walk over the entries of a log, for as many questions as are asked of them.

A question that found a fault, or could not look at an entry, is not shown any more; the others
go on, so that one fault does not hide another.
"""

import json
import sqlite3
from collections.abc import Container, Iterable, Sequence

import orjson

from logs.canonical import JSON, fast_digest, sha256
from logs.errors import PlimsollError
from logs.merkle import leaf_hash
from logs.rows import Row
from logs.vocabulary import Digest, EntryKind, LogEntry

Answer = tuple[bool | None, str]
FAULTS = (
    *(sqlite3.Error, ValueError, TypeError, OverflowError, OSError),
    *(KeyError, AttributeError, IndexError, RecursionError),
)
"""What comes of asking something that is not what it should be."""


class Seen:
    """One row of the log; what is read of it is read once."""

    __slots__ = ("_entry", "_hash", "_read", "leaf", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.leaf: bytes = row[6]
        self._hash: bytes | None = None
        self._read: JSON = None
        self._entry: LogEntry | None = None

    @property
    def hash(self) -> bytes:
        """The leaf hash of the bytes that are here, whatever the row says."""
        if self._hash is None:
            self._hash = leaf_hash(self.leaf)
        return self._hash

    @property
    def read(self) -> JSON:
        """The leaf as JSON."""
        if self._read is None:
            self._read = orjson.loads(self.leaf)
        return self._read

    @property
    def entry(self) -> LogEntry:
        """The leaf as a word; whether it is true, `EntriesHaveTheirHash` asks."""
        if self._entry is None:
            self._entry = LogEntry.model_validate(self.read)
        return self._entry

    @property
    def word(self) -> Digest:
        """The name of what the entry records."""
        return fast_digest(self.entry.body)

    def word_by_place(self) -> Digest:
        """The same, from the bytes where the body stands in a leaf; only of a canonical leaf.

        There it lies between the first field and the third. The last `,"iteration":` is the one of
        the entry: behind it come names, whose quotes would be escaped, and ledgers.
        """
        head = f'{{"at":{json.dumps(self.entry.at)},"body":'.encode()
        if not self.leaf.startswith(head):
            return self.word
        return sha256(self.leaf[len(head) : self.leaf.rfind(b',"iteration":')])


class Question:
    """Looks at entries in order, then answers."""

    kinds: frozenset[EntryKind] | None = None
    """Which entries it looks at; None is all, and one that cannot be read is shown to all."""

    def see(self, seen: Seen) -> str:
        """Look at an entry; what is said is a no."""
        raise AssertionError(f"{type(self).__name__} must look at {seen.row[0]}")

    def answer(self) -> Answer:
        """What the entries together say."""
        raise AssertionError(f"{type(self).__name__} must answer")


def walk(rows: Iterable[Row], questions: Sequence[Question]) -> list[Answer]:
    """Show every row to every question that looks at its kind; return the answers in order."""
    faults: dict[int, Answer] = {}
    asked: dict[EntryKind | None, list[tuple[int, Question]]] = {}
    try:
        for row in rows:
            seen = Seen(row)
            kind = _kind(seen)
            if kind not in asked:
                asked[kind] = _interested(questions, kind, faults)
            for i, question in asked[kind]:
                try:
                    fault = question.see(seen)
                except (PlimsollError, *FAULTS) as error:
                    fault = said_of(error)
                if fault:
                    faults[i] = (False, fault)
                    asked = {}
    except (PlimsollError, *FAULTS) as error:
        unread = (False, said_of(error))
        return [faults.get(i, unread) for i in range(len(questions))]
    return [faults[i] if i in faults else _answered(q) for i, q in enumerate(questions)]


def _interested(
    questions: Sequence[Question], kind: EntryKind | None, faults: Container[int]
) -> list[tuple[int, Question]]:
    return [
        (i, question)
        for i, question in enumerate(questions)
        if i not in faults and (question.kinds is None or kind is None or kind in question.kinds)
    ]


def _kind(seen: Seen) -> EntryKind | None:
    try:
        return seen.entry.kind
    except FAULTS:
        return None


def said_of(error: Exception) -> str:
    """A fault in asking, as the reason of a no."""
    if isinstance(error, PlimsollError):
        return f"{error.what} {error.saw}"
    return f"{type(error).__name__}: {error}"


def _answered(question: Question) -> Answer:
    try:
        return question.answer()
    except (PlimsollError, *FAULTS) as error:
        return False, said_of(error)
