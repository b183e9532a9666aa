"""The reading half of the journal: rows become entries, and a changed row is refused."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from logs.canonical import digest_of
from logs.checkpoint import Checkpoint, origin_of
from logs.errors import IntegrityError, UsageError
from logs.merkle import Frontier, node_hash
from logs.rows import COLUMNS, Row, entry_of
from logs.storage import LOOKS, open_for_reading, open_format, speaking, stamp
from logs.vocabulary import Commit, Digest, EntryKind, Ledgers, LogEntry

PAGE = 256
"""Rows held at once while the log is walked."""


class Reader:
    """What can be asked of a log. Follows the file while others write to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._following = True
        self._db, self._seen = open_format(path)

    def close(self) -> None:
        """Close the file; the last writer folds the WAL into it."""
        with self._lock:
            self._db.close()

    def head(self) -> Digest | None:
        """Return the commit in force; None before the founding commit."""
        row = self._row("SELECT digest FROM head")
        return row[0] if row else None

    def commit_of(self, digest: Digest) -> Commit:
        """Return the commit of that name.

        Raises:
            UsageError: it is not in this log.
        """
        entry = self.committed(digest)
        if entry:
            return Commit.model_validate(entry.body)
        raise UsageError(
            "There is no such commit in this log.",
            saw=digest,
            wanted="the digest of a commit",
            try_this="plimsoll log list --kind committed",
        )

    def committed(self, digest: Digest) -> LogEntry | None:
        """Return the entry that recorded the commit of that name, if there is one."""
        entry = self._one("word = ? AND kind = ?", digest, EntryKind.COMMITTED)
        if entry is None or digest_of(entry.body) == digest:
            return entry
        raise IntegrityError(
            f"Entry {entry.seq} of the log goes by the name of another commit.",
            saw=digest_of(entry.body),
            wanted=digest,
            try_this="plimsoll log verify, then restore the log from a copy",
        )

    def entries(
        self,
        session: str | None = None,
        kind: EntryKind | None = None,
        since: int = 0,
        limit: int | None = None,
    ) -> Iterator[LogEntry]:
        """Yield entries in order, from `since` on, at most `limit`."""
        left = limit
        while left is None or left > 0:
            count = PAGE if left is None else min(PAGE, left)
            rows = self._rows(
                f"SELECT {COLUMNS} FROM log WHERE seq >= ?1 AND (?2 IS NULL OR session = ?2)"
                " AND (?3 IS NULL OR kind = ?3) ORDER BY seq LIMIT ?4",
                (since, session, kind, count),
            )
            yield from map(entry_of, rows)
            if len(rows) < count:
                return
            since, left = rows[-1][0] + 1, None if left is None else left - len(rows)

    def latest(
        self,
        session: str | None = None,
        kinds: Iterable[EntryKind] = (),
        before: int | None = None,
        limit: int = PAGE,
    ) -> list[LogEntry]:
        """Return the last entries in front of `before`, in order; every kind where none is named.

        Only so many rows are read, however long the log is.
        """
        rows = self._rows(
            f"SELECT {COLUMNS} FROM log WHERE (?1 IS NULL OR session = ?1)"
            " AND (?2 = '[]' OR kind IN (SELECT value FROM json_each(?2)))"
            " AND (?3 IS NULL OR seq < ?3) ORDER BY seq DESC LIMIT ?4",
            (session, json.dumps([*map(str, kinds)]), before, limit),
        )
        return [entry_of(row) for row in reversed(rows)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many entries of each kind each session has, in the order they began."""
        rows = self._rows(
            "SELECT session, kind, count(*), min(seq) FROM log GROUP BY session, kind ORDER BY 4"
        )
        found: dict[str, dict[str, int]] = {}
        for session, kind, count, _ in rows:
            found.setdefault(session, {})[kind] = count
        return found

    def count(
        self, session: str | None = None, kind: EntryKind | None = None, since: int = 0
    ) -> int:
        """Return how many entries there are, from `since` on."""
        wanted = {"seq >= ?": since, "session = ?": session, "kind = ?": kind}
        asked = {name: value for name, value in wanted.items() if value not in (None, 0)}
        where = f" WHERE {' AND '.join(asked)}" if asked else ""
        row = self._row(f"SELECT count(*) FROM log{where}", *asked.values())
        return int(row[0]) if row else 0

    def entries_of(self, session: str, iteration: int) -> list[LogEntry]:
        """Return what one iteration of a session recorded, in order."""
        # By the index of keys, session/iteration/step, in which "0" comes next after "/".
        first = f"{session}/{iteration}"
        rows = self._rows(
            f"SELECT {COLUMNS} FROM log WHERE key > ? AND key < ? ORDER BY seq",
            (f"{first}/", f"{first}0"),
        )
        return [entry_of(row) for row in rows]

    def find(self, session: str, iteration: int, step: str) -> LogEntry | None:
        """Return what that step recorded, if it did."""
        return self._one("key = ?", f"{session}/{iteration}/{step}")

    def named(self, prefix: str) -> list[LogEntry]:
        """Return the entries whose word or leaf hash begins with these hex digits."""
        rows = self._rows(
            f"SELECT {COLUMNS} FROM log WHERE substr(word, 1, length(?1)) = ?1"
            " OR substr(lower(hex(hash)), 1, length(?1)) = ?1 ORDER BY seq",
            (prefix.lower(),),
        )
        return [entry_of(row) for row in rows]

    def entry(self, seq: int) -> LogEntry:
        """Return one entry by its number.

        Raises:
            UsageError: the log is shorter.
        """
        entry = next(self.entries(since=seq, limit=1), None) if seq >= 0 else None
        if entry and entry.seq == seq:
            return entry
        raise UsageError(
            "There is no such entry in this log.",
            saw=f"entry {seq}",
            wanted=f"a number below {self.size()}",
            try_this="plimsoll log list",
        )

    def leaf_of(self, seq: int) -> Digest:
        """Return the leaf hash of an entry, in hex."""
        row = self._row("SELECT hash FROM log WHERE seq = ?", self.entry(seq).seq)
        return row[0].hex() if row else ""

    def leaf(self, seq: int) -> bytes:
        """Return the bytes of an entry, as they were hashed."""
        row = self._row("SELECT leaf FROM log WHERE seq = ?", self.entry(seq).seq)
        return bytes(row[0]) if row else b""

    def leaves(self, size: int) -> Iterator[bytes]:
        """Yield the bytes of the first `size` entries, in order."""
        for since in range(0, size, PAGE):
            rows = self._rows(
                "SELECT leaf FROM log WHERE seq >= ? AND seq < ? ORDER BY seq",
                (since, min(since + PAGE, size)),
            )
            yield from (bytes(row[0]) for row in rows)

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the leaves [index << level, (index + 1) << level).

        That of a left half is the last peak of the tree head at its end, so no leaf is read.

        Raises:
            IntegrityError: the table of tree heads lacks it.
        """
        if level and index & 1:
            half = level - 1, 2 * index
            return node_hash(self.subtree(*half), self.subtree(half[0], half[1] + 1))
        where = (
            ("hash FROM log WHERE seq", index)
            if level == 0
            else ("peaks FROM tree WHERE size", (index + 1) << level)
        )
        row = self._row(f"SELECT {where[0]} = ?", where[1])
        if row and len(row[0]) >= 32:
            return bytes(row[0][-32:])
        raise IntegrityError(
            "The log lacks a part of its tree.",
            saw=f"no subtree of level {level} at {index}",
            wanted="a tree head for every entry",
            try_this="plimsoll log verify",
        )

    def ledgers(self) -> Ledgers:
        """Return what all entries together spent."""
        return Ledgers.model_validate(dict(self._rows("SELECT name, amount FROM ledger")))

    def size(self) -> int:
        """Return the number of entries."""
        return self._frontier().size

    def root(self) -> Digest:
        """Return the root of the tree over all entries, in hex."""
        return self._frontier().root().hex()

    def origin(self) -> str:
        """Return the name of this log: it carries the leaf hash of its first entry."""
        first = self._row("SELECT hash FROM log WHERE seq = 0")
        return origin_of(first[0].hex() if first else None)

    def checkpoint(self, size: int | None = None) -> str:
        """Return the note that pins this log at its present size, or at an earlier one.

        Raises:
            UsageError: the log never had so many entries.
        """
        with self._lock:
            frontier = self._frontier()
            origin = self.origin()
            if size is None or size == frontier.size:
                return Checkpoint(origin, frontier.size, frontier.root()).text()
            row = self._row("SELECT root FROM tree WHERE size = ?", size)
        if row is None:
            raise UsageError(
                "The log never had so many entries.",
                saw=str(size),
                wanted=f"from 1 to {frontier.size}",
                try_this="plimsoll log list",
            )
        return Checkpoint(origin, size, row[0]).text()

    def _frontier(self) -> Frontier:
        row = self._row("SELECT size, peaks FROM tree ORDER BY size DESC LIMIT 1")
        if row is None:
            return Frontier()
        return Frontier(row[0], tuple(row[1][i : i + 32] for i in range(0, len(row[1]), 32)))

    def _one(self, where: str, *values: str) -> LogEntry | None:
        """Return the first such entry; `where` is always a literal of this folder."""
        row = self._row(f"SELECT {COLUMNS} FROM log WHERE {where} ORDER BY seq LIMIT 1", *values)
        return entry_of(row) if row else None

    def _row(self, statement: str, *values: object) -> Row | None:
        rows = self._rows(statement, values)
        return rows[0] if rows else None

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> list[Row]:
        with self._lock, speaking(self.path):
            for _ in range(LOOKS):
                self._follow()
                try:
                    rows, failed = self._db.execute(statement, values).fetchall(), None
                except sqlite3.DatabaseError as error:
                    rows, failed = [], error
                # A view without locks is torn where a writer folds the WAL into it meanwhile.
                if self._is_current():
                    break
            if failed:
                raise failed
            return rows

    def _follow(self) -> None:
        """Open again when somebody wrote: an immutable view would never show it."""
        if not self._is_current():
            now = stamp(self.path)
            self._db.close()
            self._db, self._seen = open_for_reading(self.path), now

    def _is_current(self) -> bool:
        return not self._following or self._seen == stamp(self.path)
