"""Text for people: made visible, cut, wrapped and set in columns.

What a model or a person wrote may carry escape sequences, text that runs backwards or a
line of a megabyte. Everything that is shown goes through `visible`.
"""

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 2000
"""Characters shown of one value; the whole is in the JSON."""
HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories without a shape of their own: controls, bidi marks, zero width, unassigned."""

_BEYOND_ASCII = re.compile(r"[^ -~]")


def visible(text: str) -> str:
    """Return the text with every character that could act instead of show written as <U+....>."""
    if text.isprintable():  # no character of these categories is
        return text
    return _BEYOND_ASCII.sub(_spelt, text)


def _spelt(found: re.Match[str]) -> str:
    sign = found[0]
    return f"<U+{ord(sign):04X}>" if unicodedata.category(sign) in HIDDEN_CATEGORIES else sign


def clip(text: str, longest: int = LONGEST) -> str:
    """Return at most `longest` characters, and say how many there were."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text)} characters)"


def short(digest: str | None) -> str:
    """Return the beginning of a digest, as people quote it."""
    return visible(clip(digest, 64))[:12] if digest else "none"


def number(value: float | None) -> str:
    """Return a number in three significant digits; a missing one is not zero."""
    return "undefined" if value is None else f"{value:.3g}"


def interval(estimate: float | None, low: float | None, high: float | None) -> str:
    """Return `estimate [low, high]`, as much of it as there is."""
    if low is None or high is None:
        return number(estimate)
    return f"{number(estimate)} [{number(low)}, {number(high)}]"


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    lines += ["| " + " | ".join(map(markdown_cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def markdown_cell(text: str) -> str:
    """Return text of others on one line, so that it cannot break out of its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def paragraphs(text: str, width: int, indent: str = "") -> list[str]:
    """Wrap text that may have several lines; no line of it can start at the margin."""
    lines = clip(text).split("\n")
    room = max(width - len(indent), 16)
    wrapped = (_wrap(visible(line), room) or [""] for line in lines)
    return [f"{indent}{line}".rstrip() for block in wrapped for line in block]


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> str:
    """Set rows in columns, the last one wrapped, or under the others where there is no room."""
    cells = [[visible(cell) for cell in row] for row in [headers, *rows]]
    sizes = [max(map(len, column)) for column in zip(*cells, strict=True)]
    room = width - sum(sizes[:-1]) - 2 * (len(sizes) - 1)
    below = room < min(24, sizes[-1])
    return "\n".join(line for row in cells for line in _row(row, sizes, width, below))


def _row(row: Sequence[str], sizes: Sequence[int], width: int, below: bool) -> list[str]:
    *fixed, last = row
    start = "".join(f"{cell:<{size + 2}}" for cell, size in zip(fixed, sizes, strict=False))
    if below:
        under = [f"  {piece}" for piece in _wrap(last, width - 2)]
        return [*textwrap.wrap(start.rstrip(), width, subsequent_indent="  "), *under]
    wrapped = _wrap(last, width - len(start)) or [""]
    return [
        f"{start if i == 0 else ' ' * len(start)}{piece}".rstrip()
        for i, piece in enumerate(wrapped)
    ]


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)
