"""A row of the log's table becomes an entry; a row that was changed is refused."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from logs.errors import IntegrityError
from logs.merkle import leaf_hash
from logs.vocabulary import LogEntry

Row = tuple[Any, ...]
COLUMNS = "seq, key, kind, session, iteration, word, leaf, hash"


def entry_of(row: Row) -> LogEntry:
    """Return the entry of a row of COLUMNS.

    Raises:
        IntegrityError: the leaf does not have its hash, or a column differs from the leaf.
    """
    try:
        fault = hash_fault(row)
        entry = None if fault else LogEntry.model_validate(json.loads(row[6]))
    except (ValueError, RecursionError):
        fault, entry = "the leaf is not an entry", None
    if entry and (fault := column_fault(row, entry)) == "":
        return entry
    raise IntegrityError(
        f"Entry {row[0]} of the log was changed after it was written.",
        saw=fault,
        wanted="the bytes that were hashed when the step happened",
        try_this="plimsoll log verify, then restore the log from a copy",
    )


def hash_fault(row: Row) -> str:
    """Say how the leaf of a row differs from its hash; empty if it does not."""
    computed, stored = leaf_hash(row[6]).hex(), bytes(row[7]).hex()
    if computed == stored:
        return ""
    return f"stored hash {stored[:12]}… differs from computed {computed[:12]}…"


def column_fault(row: Row, entry: LogEntry) -> str:
    """Say which column differs from the leaf that it repeats; empty if none does."""
    wanted = (entry.seq, entry.key, entry.kind, entry.session, entry.iteration)
    if row[:5] == wanted:
        return ""
    for name, column, value in zip(COLUMNS.split(", "), row, wanted, strict=False):
        if column != value:
            return f"column {name} is {column!r}, the leaf says {value!s}"
    return ""


def leaves(database: sqlite3.Connection) -> Iterator[Row]:
    """Yield every row of the log in order, without keeping them."""
    yield from database.execute(f"SELECT {COLUMNS} FROM log ORDER BY seq")
