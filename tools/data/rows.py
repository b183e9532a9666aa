"""Read a user's prompts; a row that does not fit is named with its line."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logs.errors import UsageError
from tools.data.files import objects
from tools.data.shapes import answer_of, plain_row, prompt_of
from tools.verifiers import Verifier, verifier_named
from tools.verifiers.labels import Label, joined

LONGEST_SKILL = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt, what an answer to it is held against, and what it is practice of."""

    prompt: str
    reference: Any
    skill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the keys of a row, and of the part of a hub data set."""

    prompt: str = "prompt"
    answer: str = ""
    """Empty: what the verifier reads, see `answer_of`."""
    skill: str = ""
    """Empty: all rows are one skill."""
    split: str = "train"
    subset: str = ""


def rows_of(path: Path | str, columns: Columns, verifier: str) -> list[Row]:
    """The rows of a file or of a cached data set, each prompt once.

    Raises:
        UsageError: it cannot be read, a row does not fit, or two rows contradict each other.
    """
    rule = verifier_named(verifier)
    found: dict[str, tuple[int, Row]] = {}
    for line, raw in objects(path, split=columns.split, subset=columns.subset):
        try:
            row = _row(raw, columns, rule)
            key = same(row.prompt)
            before = found.setdefault(key, (line, row))
            if isinstance(rule, Label) and before[1] is not row:
                told = joined(before[1].reference, row.reference)
                found[key] = (before[0], Row(before[1].prompt, told, before[1].skill))
                continue
        except (KeyError, ValueError, TypeError) as error:
            raise _unfit(path, line, error, columns, verifier) from error
        if before[1].reference != row.reference:
            raise _contradicts(path, before[0], line)
    return [row for _, row in found.values()]


def _row(raw: Mapping[str, Any], columns: Columns, rule: Verifier) -> Row:
    told = plain_row(raw)
    given = answer_of(told, columns.answer, rule.column)
    label = told.get("label")
    wrong = label is not None and not label  # of a table, a label that is missing is there as null
    if not isinstance(rule, Label) and wrong and given == told.get("completion"):
        raise ValueError("the only answer is labelled wrong; the verifier 'label' reads such rows")
    row = Row(prompt_of(raw, columns.prompt), rule.reference(given, told), _skill(raw, columns))
    _require_characters([row.prompt, row.reference])
    return row


def _require_characters(told: Any) -> None:
    """Refuse halves of characters: JSON can write them alone, and no file can hold them.

    Raises:
        ValueError: there is one.
    """
    try:
        json.dumps(told, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half a character, {error.object[error.start]!r}, is no text") from error


def prompts_of(path: Path | str, column: str) -> list[str]:
    """The prompts of a file that has nothing else to tell, each once.

    Raises:
        UsageError: the file cannot be read, or a row has no prompt.
    """
    found: dict[str, str] = {}
    for line, raw in objects(path):
        try:
            prompt = prompt_of(raw, column)
            _require_characters(prompt)
        except (KeyError, ValueError, TypeError) as error:
            raise _unfit(path, line, error, Columns(prompt=column), "none") from error
        found.setdefault(same(prompt), prompt)
    return list(found.values())


def same(prompt: str) -> str:
    """What two prompts have in common that are one: letters, digits and signs, folded."""
    return " ".join(unicodedata.normalize("NFKC", prompt).casefold().split())


def _skill(raw: Mapping[str, Any], columns: Columns) -> str:
    """A name without signs: `-` divides a skill from its level elsewhere."""
    if not columns.skill:
        return "all"
    told = "".join(c if c.isalnum() else "_" for c in str(raw[columns.skill]).casefold())
    if not told.strip("_"):
        raise ValueError(f"{columns.skill} is empty")
    return told[:LONGEST_SKILL]


def _unfit(
    path: Path | str, line: int, error: Exception, columns: Columns, verifier: str
) -> UsageError:
    what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
    answer = columns.answer or (verifier_named(verifier).column if verifier != "none" else "")
    told = f", and {answer!r} for the verifier {verifier!r}" if answer else ""
    return UsageError(
        "A row of the data does not fit.",
        saw=f"{Path(path).name}, line {line}: {what}"[:300],
        wanted=f"{columns.prompt!r}, a text (or 'messages' with one question){told}",
        try_this="mend the row, or name other columns under [data] in plimsoll.toml",
    )


def _contradicts(path: Path | str, first: int, second: int) -> UsageError:
    return UsageError(
        "Two rows of the data ask the same and want different answers.",
        saw=f"{Path(path).name}, lines {first} and {second}",
        wanted="each prompt once, or with the same answer",
        try_this="remove one of them",
    )
