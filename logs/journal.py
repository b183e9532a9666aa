"""The record of truth: an append-only log, HEAD and the ledgers, in one file.

An entry, the head of the tree after it, what it spends and, for a commit, the move of HEAD
are one transaction: either all of it happened or none of it.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from logs import ledgers
from logs.canonical import canonical, digest_of, plain
from logs.errors import IntegrityError, Stale, UsageError
from logs.merkle import Frontier, leaf_hash
from logs.reading import Reader
from logs.rows import COLUMNS, leaves
from logs.storage import WAIT_SECONDS, open_for_writing, speaking, stamp
from logs.vocabulary import Commit, Digest, EntryKind, Ledgers, LogEntry, Word


class Journal(Reader):
    """The log of one workspace. Any number of readers; writers take turns.

    Opened read-only it never creates or changes a file, and follows one that others write.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self.read_only = read_only
        if read_only:
            super().__init__(Path(path))
            return
        self.path = Path(path)
        self._lock = threading.RLock()
        self._following = False
        self._db = open_for_writing(self.path, wait_seconds)
        self._seen = stamp(self.path)
        self._refuse_a_broken_tree()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(
        self,
        kind: EntryKind,
        *,
        session: str,
        iteration: int,
        step: str,
        body: Word | Mapping[str, Any],
        spend: Ledgers | None = None,
    ) -> LogEntry:
        """Record one step, once.

        A step that runs again with the same body gets its first entry back, and spends
        nothing more: what it spent is in that entry.

        Raises:
            IntegrityError: this step already recorded something else.
        """
        if kind is EntryKind.COMMITTED:
            raise UsageError(
                "Only `commit` records a commit, because it moves HEAD in the same breath.",
                saw="append(EntryKind.COMMITTED, ...)",
                wanted="commit(commit, expected_head=...)",
                try_this="call Journal.commit",
            )
        with self._transaction():
            return self._record(kind, session, iteration, step, body, spend)

    def commit(
        self,
        commit: Commit,
        *,
        step: str = "commit",
        expected_head: Digest | None,
        spend: Ledgers | None = None,
    ) -> LogEntry:
        """Record a commit and move HEAD to it, if HEAD is still the expected one.

        A commit that is already in the log gets its first entry back, wherever HEAD is now.

        Raises:
            Stale: HEAD moved.
            IntegrityError: the commit does not name the expected HEAD as its parent, or
                restores a commit that is not in the log.
        """
        digest = digest_of(commit)
        with self._transaction():
            known = self.committed(digest)
            if known:
                return known
            if commit.parent != expected_head:
                raise _misplaced("parent", commit.parent, f"the expected HEAD, {expected_head}")
            if commit.restores and not self.committed(commit.restores):
                raise _misplaced("restored commit", commit.restores, "a commit in this log")
            self._swap_head(digest, expected_head)
            return self._record(
                EntryKind.COMMITTED, commit.session, commit.iteration, step, commit, spend
            )

    def _record(
        self,
        kind: EntryKind,
        session: str,
        iteration: int,
        step: str,
        body: Word | Mapping[str, Any],
        spend: Ledgers | None,
    ) -> LogEntry:
        frontier = self._frontier()
        entry = LogEntry(
            seq=frontier.size,
            kind=kind,
            key=_key(session, iteration, step),
            session=session,
            iteration=iteration,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            body=plain(dict(body) if isinstance(body, Mapping) else body),
            spend=spend,
        )
        known = self.find(session, iteration, step)
        if known:
            return _same(known, entry)
        leaf = canonical(entry)
        self._insert(entry, leaf, frontier.push(leaf_hash(leaf)))
        ledgers.add(self._db, spend)
        return LogEntry.model_validate(json.loads(leaf))

    def _insert(self, entry: LogEntry, leaf: bytes, after: Frontier) -> None:
        columns = (entry.seq, entry.key, entry.kind, entry.session, entry.iteration)
        self._db.execute(
            f"INSERT INTO log ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*columns, digest_of(entry.body), leaf, leaf_hash(leaf)),
        )
        self._db.execute(
            "INSERT INTO tree VALUES (?, ?, ?)", (after.size, after.root(), b"".join(after.peaks))
        )

    def _swap_head(self, digest: Digest, expected: Digest | None) -> None:
        if expected is None:
            swap = self._db.execute("INSERT OR IGNORE INTO head VALUES (1, ?)", (digest,))
        else:
            swap = self._db.execute(
                "UPDATE head SET digest = ? WHERE digest = ?", (digest, expected)
            )
        if swap.rowcount != 1:
            raise Stale(
                "HEAD moved since this change was prepared; nothing was written.",
                saw=f"HEAD {self.head()}",
                wanted=f"HEAD {expected}",
                try_this="prepare the change again on the new HEAD: plimsoll status",
            )

    def _refuse_a_broken_tree(self) -> None:
        """INVARIANT: nothing is appended to a log whose tree does not verify."""
        frontier = Frontier()
        with speaking(self.path):
            for *_, leaf, stored in leaves(self._db):
                if leaf_hash(leaf) != stored:
                    break
                frontier = frontier.push(stored)
        if frontier == self._frontier():
            return
        self.close()
        raise IntegrityError(
            "The log does not match its own tree; nothing will be added to it.",
            saw=f"entries that are right up to the first {frontier.size}",
            wanted="every entry under the stored root",
            try_this="plimsoll log verify, then restore the log from a copy",
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self.read_only:
            raise UsageError(
                "This log was opened to be read.",
                saw=f"{self.path}, read-only",
                wanted="a journal opened for writing",
                try_this="open it with Journal(path)",
            )
        with self._lock, speaking(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def _key(session: str, iteration: int, step: str) -> str:
    for part in (session, step):
        if not part or "/" in part or not part.isprintable():
            raise UsageError(
                "A session or a step cannot have this name.",
                saw=repr(part[:80]),
                wanted="printable characters without '/'",
                try_this="use a short name such as math-small",
            )
    return f"{session}/{iteration}/{step}"


def _same(known: LogEntry, again: LogEntry) -> LogEntry:
    if known.kind == again.kind and known.body == again.body:
        return known
    raise IntegrityError(
        "A step that ran again wants to record something else; history is not rewritten.",
        saw=f"{again.key}: {again.kind} {digest_of(again.body)[:12]}",
        wanted=f"{known.kind} {digest_of(known.body)[:12]}, entry {known.seq}",
        try_this="find what is not deterministic in this step, or use another step name",
    )


def _misplaced(what: str, saw: Digest | None, wanted: str) -> IntegrityError:
    return IntegrityError(
        f"The {what} of a commit must be in its place in history.",
        saw=f"{what} {saw}",
        wanted=wanted,
        try_this="build the commit from Journal.head() within the same step",
    )
