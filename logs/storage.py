"""The file of the log: its tables, how it is opened, and what its errors mean.

SQLite in WAL mode with `synchronous=FULL`: what was acknowledged survives the death of the
process and the loss of power (https://sqlite.org/pragma.html#pragma_synchronous). The
triggers stop accidents only; it is the tree that shows a deliberate change.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from logs.errors import IntegrityError, NoLog, PlimsollError, UsageError
from logs.vocabulary import Ledgers

Stamp = tuple[tuple[int, int] | None, ...]
"""(nanoseconds of the last change, bytes) of the log and of its WAL."""
APPLICATION_ID = 0x504C494D
"""`PLIM`, in the header of the file, so that another database is not taken for a log."""
FORMAT = 1
WAIT_SECONDS = 5.0
"""How long a second writer waits for the first."""
LOOKS = 5
"""How often a reader looks again at files that a writer is just closing."""

APPEND_ONLY = """
CREATE TRIGGER {table}_keeps_rows BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER {table}_keeps_values BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""
SCHEMA = """
CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    session TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    word TEXT NOT NULL,
    leaf BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX log_by_word ON log (word);
CREATE INDEX log_by_session ON log (session, seq);
CREATE TABLE tree (size INTEGER PRIMARY KEY, root BLOB NOT NULL, peaks BLOB NOT NULL) STRICT;
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), digest TEXT NOT NULL) STRICT;
CREATE TABLE ledger (name TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT;
CREATE TRIGGER head_keeps_its_row BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'HEAD moves, it is never removed'); END;
""" + "".join(APPEND_ONLY.format(table=table) for table in ("log", "tree"))


def open_for_writing(path: Path, wait_seconds: float = WAIT_SECONDS) -> sqlite3.Connection:
    """Open the log, creating it if the file is absent or empty."""
    with speaking(path):
        connection = _connect(f"file:{quote(str(path.absolute()))}?mode=rwc", wait_seconds)
        try:
            if not _is_ours_to_create(connection):
                check_format(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            _create(connection)
            check_format(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the log without creating or changing any file.

    Raises:
        NoLog: there is no such file.
    """
    if not path.is_file():
        raise _no_log(f"no file {path}")
    with speaking(path):
        return _open_unchanged(path)


def stamp(path: Path) -> Stamp:
    """Return what changes about the files when somebody writes."""
    files = (path, Path(f"{path}-wal"))
    return tuple((s.st_mtime_ns, s.st_size) if (s := _stat(f)) else None for f in files)


def open_format(path: Path) -> tuple[sqlite3.Connection, Stamp]:
    """Open a log of this format for reading, with the stamp that it had.

    Raises:
        NoLog: no writer has made its tables yet, so it has no entry to tell.
        IntegrityError, UsageError: as `check_format` says.
    """
    for look in range(1, LOOKS + 1):
        seen, connection = stamp(path), open_for_reading(path)
        try:
            with speaking(path):
                if _is_ours_to_create(connection):
                    raise _no_log(f"{path}, in which nothing was written yet")
                check_format(connection, path)
            break
        except PlimsollError:
            connection.close()
            # What was seen while a writer was at it is no ground for a refusal.
            if look == LOOKS or seen == stamp(path):
                raise
    return connection, seen


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that is not a log of this format.

    Raises:
        IntegrityError: the header names another application.
        UsageError: the log was written by another version.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise IntegrityError(
            "This SQLite file is not a Plimsoll log.",
            saw=f"{path} with application id {application:#010x}",
            wanted=f"application id {APPLICATION_ID:#010x}",
            try_this="name the plimsoll.sqlite of a workspace, or restore it from a copy",
        )
    if version != FORMAT:
        raise UsageError(
            "This log was written in another format.",
            saw=f"{path} in format {version}",
            wanted=f"format {FORMAT}",
            try_this="use the version of plimsoll that wrote it",
        )


def expected_schema() -> set[tuple[str, str, str]]:
    """Return (type, name, sql) of everything that a log of this format contains."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return set(connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master"))


@contextmanager
def speaking(path: Path) -> Iterator[None]:
    """Turn what SQLite says into what, saw, wanted, try."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def _stat(path: Path) -> Any:
    try:
        return path.stat()
    except OSError:
        return None


def _open_unchanged(path: Path) -> sqlite3.Connection:
    # A writer that closes the log takes -wal and -shm away, also between two looks at them.
    for _ in range(LOOKS - 1):
        with suppress(FileNotFoundError, sqlite3.OperationalError):
            return _opened_as_it_lies(path)
    return _opened_as_it_lies(path)


def _opened_as_it_lies(path: Path) -> sqlite3.Connection:
    wal, shm = Path(f"{path}-wal"), Path(f"{path}-shm")
    name = f"file:{quote(str(path.absolute()))}"
    if not wal.exists() or not wal.stat().st_size:
        # Without `immutable`, SQLite would create -wal and -shm beside the evidence.
        return _connect(f"{name}?mode=ro&immutable=1", WAIT_SECONDS)
    if shm.exists():
        connection = _connect(f"{name}?mode=ro", WAIT_SECONDS)
        try:
            connection.execute("PRAGMA schema_version")  # opens both, or finds that they are gone
        except BaseException:
            connection.close()
            raise
        return connection
    # A WAL without -shm has no living writer: it is a copy, so a copy of it is as good.
    with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
        copy = Path(folder, "copy.sqlite")
        shutil.copyfile(path, copy)
        shutil.copyfile(wal, f"{copy}-wal")
        snapshot = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with closing(_connect(f"file:{quote(str(copy))}", WAIT_SECONDS)) as source:
            source.backup(snapshot)
        return snapshot


def _connect(uri: str, wait_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=wait_seconds, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _no_log(saw: str) -> NoLog:
    return NoLog(
        "There is no log here.",
        saw=saw,
        wanted="the plimsoll.sqlite of a workspace",
        try_this="name the workspace with --workspace, or begin one: plimsoll init",
    )


def _is_ours_to_create(connection: sqlite3.Connection) -> bool:
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return not objects and not application


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _is_ours_to_create(connection):
            for statement in _statements(SCHEMA):
                connection.execute(statement)
            for name in Ledgers.model_fields:
                connection.execute("INSERT INTO ledger VALUES (?, '0')", (name,))
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={FORMAT}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _statements(script: str) -> Iterator[str]:
    """Split a script: `executescript` would commit the transaction it runs in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _translated(error: sqlite3.Error, path: Path) -> PlimsollError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    saw = f"{path}: {error}"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return PlimsollError(
            "Another process is writing to this log; nothing was written.",
            saw=saw,
            wanted="one writer at a time",
            try_this="wait for the other session; plimsoll status tells how far it is",
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return PlimsollError(
            "The log could not be written: nothing was written, HEAD is where it was.",
            saw=saw,
            wanted="room on the disk and a disk that answers",
            try_this="free some space, then plimsoll resume",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return PlimsollError(
            "The log cannot be opened here; nothing was written.",
            saw=saw,
            wanted="a folder that exists and may be written",
            try_this="check the path and its permissions: plimsoll doctor",
        )
    return IntegrityError(
        "The log does not read as a log; nothing is repaired silently.",
        saw=saw,
        wanted="the plimsoll.sqlite that plimsoll wrote",
        try_this="plimsoll log verify, then restore the file from a copy",
    )
