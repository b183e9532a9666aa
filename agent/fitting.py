"""Text set for the width that is there."""

import shutil
import textwrap
from collections.abc import Sequence
from typing import TextIO

from logs.text import paragraphs, visible

HANGING = 4
"""Columns by which the rest of a broken line is set in."""
UNBROKEN = 10_000
"""Columns where no terminal breaks lines."""


def width_of(stream: TextIO) -> int:
    """Columns of the terminal behind a stream; none breaks lines where there is no terminal."""
    return shutil.get_terminal_size().columns if stream.isatty() else UNBROKEN


def fitted(text: str, width: int) -> str:
    """Lines broken at words where they are too long; what cannot be broken stays whole."""
    return "\n".join(piece for line in text.split("\n") for piece in _line(visible(line), width))


def named(lines: Sequence[tuple[str, str]], width: int) -> str:
    """Names on the left, what is said of them beside it."""
    column = max(len(name) for name, _ in lines) + 2
    text = []
    for name, says in lines:
        first, *more = paragraphs(says, width - column)
        text += [f"{name:<{column}}{first}".rstrip(), *(" " * column + line for line in more)]
    return "\n".join(text)


def _line(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.strip(),
        max(width, 20),
        initial_indent=indent,
        subsequent_indent=" " * min(len(indent) + HANGING, width // 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
