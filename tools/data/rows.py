"""Read a user's file of prompts; a row that does not fit is named with its line."""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logs.errors import UsageError
from tools.verifiers import verifier_named

MOST_BYTES = 2**30
"""Of a file; a larger one is a mistake, or is better drawn from first."""
LONGEST_SKILL = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt, what an answer to it is held against, and what it is practice of."""

    prompt: str
    reference: Any
    skill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the keys of a row."""

    prompt: str = "prompt"
    answer: str = "answer"
    skill: str = ""
    """Empty: all rows are one skill."""


def rows_of(path: Path, columns: Columns, verifier: str) -> list[Row]:
    """The rows of a file, each prompt once.

    Raises:
        UsageError: the file cannot be read, a row does not fit, or two rows contradict each other.
    """
    rule = verifier_named(verifier)
    found: dict[str, tuple[int, Row]] = {}
    for line, raw in objects(path):
        try:
            given = raw[columns.answer]
            row = Row(_words(raw, columns.prompt), rule.reference(given, raw), _skill(raw, columns))
        except (KeyError, ValueError, TypeError) as error:
            raise _unfit(path, line, error, columns, verifier) from error
        key = same(row.prompt)
        before = found.setdefault(key, (line, row))
        if before[1].reference != row.reference:
            raise _contradicts(path, before[0], line)
    return [row for _, row in found.values()]


def prompts_of(path: Path, column: str) -> list[str]:
    """The prompts of a file that has nothing else to tell, each once.

    Raises:
        UsageError: the file cannot be read, or a row has no prompt.
    """
    found: dict[str, str] = {}
    for line, raw in objects(path):
        try:
            prompt = _words(raw, column)
        except (KeyError, ValueError, TypeError) as error:
            raise _unfit(path, line, error, Columns(prompt=column), "none") from error
        found.setdefault(same(prompt), prompt)
    return list(found.values())


def same(prompt: str) -> str:
    """What two prompts have in common that are one: letters, digits and signs, folded."""
    return " ".join(unicodedata.normalize("NFKC", prompt).casefold().split())


def objects(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line, object) of a file of JSON lines; empty lines are passed over.

    Raises:
        UsageError: it is missing, too large, or a line is no JSON object.
    """
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise UsageError(
            "The data file cannot be read.",
            saw=f"{path.name}: larger than 1 GiB" if path.is_file() else f"no file {path}",
            wanted='a file of JSON lines, as {"prompt": "...", "answer": "..."}',
            try_this="edit data.train in plimsoll.toml",
        )
    with path.open(encoding="utf-8-sig") as lines:
        for number, text in enumerate(_readable(path, lines), start=1):
            if not text.strip():
                continue
            try:
                told = json.loads(text)
            except ValueError as error:
                raise _no_object(path, number, str(error)) from error
            if not isinstance(told, dict):
                raise _no_object(path, number, type(told).__name__)
            yield number, told


def _readable(path: Path, lines: Iterator[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise _no_object(path, 0, str(error)) from error


def _words(raw: Mapping[str, Any], column: str) -> str:
    text = raw[column]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{column} is no text")
    return text


def _skill(raw: Mapping[str, Any], columns: Columns) -> str:
    """A name without signs: `-` divides a skill from its level elsewhere."""
    if not columns.skill:
        return "all"
    told = "".join(c if c.isalnum() else "_" for c in str(raw[columns.skill]).casefold())
    if not told.strip("_"):
        raise ValueError(f"{columns.skill} is empty")
    return told[:LONGEST_SKILL]


def _unfit(path: Path, line: int, error: Exception, columns: Columns, verifier: str) -> UsageError:
    what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
    return UsageError(
        "A row of the data does not fit.",
        saw=f"{path.name}, line {line}: {what}"[:300],
        wanted=f"{columns.prompt!r}, a text, and {columns.answer!r} for the verifier {verifier!r}",
        try_this="mend the row, or name other columns under [data] in plimsoll.toml",
    )


def _contradicts(path: Path, first: int, second: int) -> UsageError:
    return UsageError(
        "Two rows of the data ask the same and want different answers.",
        saw=f"{path.name}, lines {first} and {second}",
        wanted="each prompt once, or with the same answer",
        try_this="remove one of them",
    )


def _no_object(path: Path, line: int, saw: str) -> UsageError:
    return UsageError(
        "A line of the data is no JSON object.",
        saw=f"{path.name}, line {line}: {saw}"[:300],
        wanted='one object a line, as {"prompt": "...", "answer": "..."}',
        try_this="write the file with one json.dumps per line",
    )
