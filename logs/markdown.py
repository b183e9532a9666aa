"""Markdown that keeps its shape whatever stands in its cells, and YAML that is also JSON.

The same values give the same bytes: nothing here asks for the time, the locale or the machine.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from logs.text import visible

_PLAIN = re.compile(r"[a-z]{4,}[a-z_-]*(?<!false)(?<!true)(?<!null)")
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>|#"})


def cell(text: object) -> str:
    """Text as text: no markup, no line break, no character that acts."""
    return visible(" ".join(str(text).split())).translate(_SPECIAL)


def code(text: object) -> str:
    """A name or a digest in code type; what could end the code is written as an escape."""
    return f"`{visible(' '.join(str(text).split())).replace('`', '<U+0060>')}`"


def grid(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; its cells may hold Markdown that `cell` or `code` made."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(str(c) for c in line)} |" for line in lines)


def front_matter(fields: Mapping[str, Any]) -> str:
    """Metadata between `---` lines: each value is JSON in ASCII, which YAML reads as it is."""
    lines = (
        f"{_key(name)}: {json.dumps(value, allow_nan=False)}" for name, value in fields.items()
    )
    return "\n".join(["---", *lines, "---"])


def _key(name: str) -> str:
    """A name that every YAML reads as a name: without quotes `no` would be false."""
    return name if _PLAIN.fullmatch(name) else json.dumps(name)
