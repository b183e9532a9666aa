"""Rows of JSON, JSON lines, CSV and parquet files, from a path that a user named."""

import csv
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from logs.errors import UsageError

Row = dict[str, Any]
ENDINGS = (".json", ".jsonl", ".csv", ".parquet")
FIELD_LIMIT = 1 << 24
"""Answers of several thousand words are one CSV field."""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()


def rows_of(path: Path) -> list[Row]:
    """The records of one file; a JSON object of lists gives the lists, one after the other.

    Raises:
        UsageError: the file is absent, not of a known ending, or not what its ending says.
    """
    if path.suffix not in ENDINGS or not path.is_file():
        kind = f"a file that ends in {path.suffix!r}" if path.is_file() else "no such file"
        raise UsageError(
            "Audit data is read from a file of records.",
            saw=f"{path.name}: {kind}",
            wanted=f"an existing file that ends in {', '.join(ENDINGS)}",
            try_this="name the data file itself, as it was published",
        )
    try:
        rows = _read(path)
    except (ValueError, csv.Error, OSError) as error:
        raise _malformed(path, str(error).splitlines()[0]) from None
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise _malformed(path, f"{len(rows)} records")
    return rows


def _read(path: Path) -> list[Row]:
    if path.suffix == ".parquet":
        from datasets import Dataset

        with TemporaryDirectory() as cache:
            return list(Dataset.from_parquet(str(path), cache_dir=cache, keep_in_memory=True))
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".csv":
        csv.field_size_limit(FIELD_LIMIT)
        return list(csv.DictReader(text.splitlines(keepends=True)))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    data = json.loads(text)
    if isinstance(data, dict):
        return [row for rows in data.values() if isinstance(rows, list) for row in rows]
    return list(data)


def _malformed(path: Path, saw: str) -> UsageError:
    return UsageError(
        "The file is not made of records.",
        saw=f"{path.name}: {saw}",
        wanted=f"at least one record, as {path.suffix} says",
        try_this="fetch the file again, unchanged, from where it was published",
    )


def need(rows: Sequence[Row], fields: Sequence[str], path: Path) -> None:
    """Look for fields in every row.

    Raises:
        UsageError: a row lacks one.
    """
    for i, row in enumerate(rows):
        if absent := [f for f in fields if row.get(f) is None]:
            raise UsageError(
                "A record lacks what its format promises.",
                saw=f"{path.name}, record {i}: no {', '.join(absent)}",
                wanted=", ".join(fields),
                try_this="fetch the file again, unchanged, from where it was published",
            )


def odd_label(path: Path, row: int, saw: object, wanted: str) -> UsageError:
    """The refusal of a label that the format does not have."""
    return UsageError(
        "A label is none of those the format has.",
        saw=f"{path.name}, record {row}: {saw!r}",
        wanted=wanted,
        try_this="fetch the file again, unchanged, from where it was published",
    )
