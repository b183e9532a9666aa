"""Verdicts that were asked for before, by the hash of the question: nothing is asked twice.

It holds hashes and numbers, no prompt and no answer. It is no record: the log has every verdict
that was used, and a cache that is lost costs calls and nothing else.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from logs.errors import PlimsollError

_MAKE = """
CREATE TABLE IF NOT EXISTS verdict (
    question TEXT PRIMARY KEY, said REAL, failed TEXT NOT NULL,
    CHECK ((said IS NULL) = (failed <> ''))
) WITHOUT ROWID
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

    def put(self, question: str, told: Told) -> None:
        """Remember it; the first thing told stays."""
        try:
            self._file.execute(
                "INSERT OR IGNORE INTO verdict VALUES (?, ?, ?)",
                (question, told.said, told.failed),
            )
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error


def _unusable(path: Path, error: sqlite3.Error) -> PlimsollError:
    return PlimsollError(
        "The cache of remote judges' verdicts cannot be used.",
        saw=f"{path.name}: {error}",
        wanted="a SQLite file that this version wrote, and room on the disk",
        try_this=f"remove {path.name}: it is no record, and verdicts are asked for again",
    )
