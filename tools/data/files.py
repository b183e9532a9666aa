"""The files that rows come from: JSON lines, Parquet, or a data set in the local hub cache."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from logs.errors import UsageError

MOST_BYTES = 2**30
"""Of a file; a larger one is a mistake, or is better drawn from first."""
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

Numbered = Iterator[tuple[int, Mapping[str, Any]]]


def objects(named: Path | str, *, split: str = "train", subset: str = "") -> Numbered:
    """(line or row, object) of what a setting names.

    Args:
        split: and `subset`, of a data set of the hub; a file has neither.

    Raises:
        UsageError: it is missing, too large, or something in it is no object.
    """
    path = Path(named)
    if is_hub_name(str(named)):
        from tools.hub import cached_rows

        return enumerate(cached_rows(str(named), split=split, subset=subset), start=1)
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise UsageError(
            "The data file cannot be read.",
            saw=f"{path.name}: larger than 1 GiB" if path.is_file() else f"no file {path}",
            wanted='JSON lines, as {"prompt": "...", "answer": "..."}, or Parquet; or the name of'
            " a data set in the local hub cache",
            try_this="edit data.train in plimsoll.toml",
        )
    return _of_parquet(path) if path.suffix.lower() == ".parquet" else _of_lines(path)


def is_hub_name(named: str) -> bool:
    """Whether a setting names a data set of the hub: `user/set`, and no such file is there."""
    ending = Path(named).suffix.lower()
    known = ending in (".jsonl", ".json", ".parquet", ".ndjson", ".txt")
    return bool(_HUB.fullmatch(named)) and not known and not Path(named).exists()


def _of_lines(path: Path) -> Numbered:
    """Empty lines are passed over."""
    with path.open(encoding="utf-8-sig") as lines:
        for number, text in enumerate(_readable(path, lines), start=1):
            if not text.strip():
                continue
            try:
                told = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise _no_object(path, number, str(error)) from error
            if not isinstance(told, dict):
                raise _no_object(path, number, type(told).__name__)
            yield number, told


def _of_parquet(path: Path) -> Numbered:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pyarrow.ArrowException, OSError) as error:
        raise UsageError(
            "The data file is no Parquet that can be read.",
            saw=f"{path.name}: {str(error).splitlines()[0][:200]}",
            wanted="a table with a row for each prompt",
            try_this="write it again, for example: dataset.to_parquet(FILE)",
        ) from error


def _readable(path: Path, lines: Iterator[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise _no_object(path, 0, str(error)) from error


def _no_object(path: Path, line: int, saw: str) -> UsageError:
    return UsageError(
        "A line of the data is no JSON object.",
        saw=f"{path.name}, line {line}: {saw}"[:300],
        wanted='one object a line, as {"prompt": "...", "answer": "..."}',
        try_this="write the file with one json.dumps per line",
    )
