"""Verdicts that were asked for before, by the hash of the question: nothing is asked twice.

It holds hashes and numbers, no prompt and no answer. It is no record: the log has every verdict
that was used, and a cache that is lost costs calls and nothing else.
"""

import secrets
import sqlite3
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

from logs.errors import PlimsollError
from tools.remote.client import Usage

_MAKE = """
CREATE TABLE IF NOT EXISTS verdict (
    question TEXT PRIMARY KEY, said REAL, failed TEXT NOT NULL,
    CHECK ((said IS NULL) = (failed <> ''))
) WITHOUT ROWID
"""
_MAKE_USAGE = """
CREATE TABLE IF NOT EXISTS took (
    judge TEXT PRIMARY KEY, calls INTEGER NOT NULL, tries INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, uncounted INTEGER NOT NULL,
    most_in INTEGER NOT NULL, most_out INTEGER NOT NULL,
    seconds REAL NOT NULL
) WITHOUT ROWID
"""
_MAKE_NAME = "CREATE TABLE IF NOT EXISTS name (only INTEGER PRIMARY KEY CHECK (only = 0), id TEXT)"
_COUNT = """
INSERT INTO took VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (judge) DO UPDATE SET
    calls = calls + excluded.calls, tries = tries + excluded.tries,
    tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out,
    uncounted = uncounted + excluded.uncounted,
    most_in = most_in + excluded.most_in, most_out = most_out + excluded.most_out,
    seconds = seconds + excluded.seconds
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What a question came to: a number, or a name for why there is none."""

    said: float | None
    failed: str = ""


class Cache:
    """A small SQLite file; several processes may use it."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(_MAKE)
            self._file.execute(_MAKE_USAGE)
            self._file.execute(_MAKE_NAME)
            new = secrets.token_hex(8)
            self._file.execute("INSERT OR IGNORE INTO name VALUES (0, ?)", (new,))
            self.id: str = self._file.execute("SELECT id FROM name").fetchone()[0]
            """Another one after the file was lost: what it counts began anew."""
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def get(self, question: str) -> Told | None:
        """What was told before, if anything was."""
        try:
            row = self._file.execute(
                "SELECT said, failed FROM verdict WHERE question = ?", (question,)
            ).fetchone()
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error
        return Told(*row) if row else None

    def put(self, judge: str, question: str, told: Told, took: Usage) -> None:
        """Remember what was told, the first thing that was, and what it took, in one step.

        Args:
            question: empty where only what it took is remembered.
        """
        try:
            self._file.execute("BEGIN IMMEDIATE")
            if question:
                self._file.execute(
                    "INSERT OR IGNORE INTO verdict VALUES (?, ?, ?)",
                    (question, told.said, told.failed),
                )
            self._file.execute(_COUNT, (judge, *astuple(took)))
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def usage(self) -> dict[str, Usage]:
        """What was ever asked of each judge."""
        try:
            return {row[0]: Usage(*row[1:]) for row in self._file.execute("SELECT * FROM took")}
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error


def _unusable(path: Path, error: sqlite3.Error) -> PlimsollError:
    return PlimsollError(
        "The cache of remote judges' verdicts cannot be used.",
        saw=f"{path.name}: {error}",
        wanted="a SQLite file that this version wrote, and room on the disk",
        try_this=f"remove {path.name}: it is no record, and verdicts are asked for again",
    )
