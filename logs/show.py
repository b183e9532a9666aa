"""`plimsoll log list` and `plimsoll log show`: entries as text, each with its JSON twin.

Plain text without colour, the same on a terminal and off it; it fits 40 columns.
"""

import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from logs.canonical import digest_of
from logs.content import gated, is_token
from logs.summary import summary
from logs.text import clip, paragraphs, table, visible
from logs.vocabulary import LogEntry

OFF_A_TERMINAL = 100
"""Columns where nobody is looking: always the same, so that output can be compared."""


def terminal_width() -> int:
    """Return the columns to write for, at least 40."""
    if not sys.stdout.isatty():
        return OFF_A_TERMINAL
    return max(shutil.get_terminal_size((OFF_A_TERMINAL, 24)).columns, 40)


def list_entries(entries: Iterable[LogEntry], *, width: int | None = None) -> str:
    """Return a table of entries, one line of summary each."""
    rows: list[tuple[str, ...]] = [
        (str(e.seq), e.session, str(e.iteration), str(e.kind), summary(e)) for e in entries
    ]
    headers: tuple[str, ...] = ("seq", "session", "iter", "kind", "what")
    if len({row[1] for row in rows}) <= 1:
        headers, rows = _without(1, headers), [_without(1, row) for row in rows]
    return table(headers, rows, width or terminal_width())


def list_json(entries: Iterable[LogEntry]) -> list[dict[str, Any]]:
    """Return the same rows as plain JSON."""
    return [
        {
            "seq": entry.seq,
            "session": entry.session,
            "iteration": entry.iteration,
            "kind": str(entry.kind),
            "at": entry.at,
            "word": digest_of(entry.body),
            "summary": summary(entry),
        }
        for entry in entries
    ]


def show(entry: LogEntry, *, content: bool = False, width: int | None = None) -> str:
    """Return one entry, without the fields that say nothing; the JSON twin has those too.

    Args:
        content: Also show free text that a model or a person wrote.
    """
    width = width or terminal_width()
    head = [
        f"entry {entry.seq}  {entry.kind}  {visible(entry.key)}",
        f"  at    {visible(entry.at)}",
        f"  word  {digest_of(entry.body)}",
    ]
    if entry.spend:
        spent = entry.spend.model_dump(mode="json", exclude_defaults=True)
        head.append(f"  spent {', '.join(f'{name} {amount}' for name, amount in spent.items())}")
    body = entry.body if content else gated(entry)
    lines = [piece for line in head for piece in paragraphs(line, width, "")]
    return "\n".join([*lines, *_tree(body, "  ", width)])


def show_json(entry: LogEntry, *, content: bool = False) -> dict[str, Any]:
    """Return the same entry as plain JSON."""
    whole = entry.model_dump(mode="json")
    return whole | {"body": entry.body if content else gated(entry), "word": digest_of(entry.body)}


def _without(column: int, row: tuple[str, ...]) -> tuple[str, ...]:
    return row[:column] + row[column + 1 :]


def _tree(value: Any, indent: str, width: int) -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if item in (None, "", [], {}):
            continue
        name = visible(clip(str(key), 80)) if isinstance(key, str) else "-"
        if isinstance(item, dict | list):
            yield f"{indent}{name}"
            yield from _tree(item, indent + "  ", width)
        else:
            yield from _leaf(name, item, indent, width)


def _leaf(name: str, item: Any, indent: str, width: int) -> list[str]:
    text = item if isinstance(item, str) else str(item)
    line = f"{indent}{name} {visible(clip(text))}"
    if len(line) <= width and "\n" not in text:
        return [line]
    if is_token(text) and "\n" not in text:
        return [f"{indent}{name}", *paragraphs(text, width, indent + "  ")]
    return [f"{indent}{name}", *paragraphs(text, width, indent + "  | ")]
