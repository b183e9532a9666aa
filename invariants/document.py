"""Bytes to a TOML document; what would make a reader slow, or mean two things, is refused first."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from logs.errors import UsageError

MAX_BYTES = 200_000
MAX_KEY_PARTS = 8
"""Parts of a dotted key; TOML readers take quadratic time in them."""

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}")
_LONGEST_QUOTE = 300


def bytes_of(path: Path, what: str, *, wanted: str, try_this: str) -> bytes:
    """The bytes of a file that people named.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The {what} cannot be read.",
            saw=f"{path}: {error.strerror}",
            wanted=wanted,
            try_this=try_this,
        ) from error


def document(data: bytes, what: str = "policy file") -> tuple[str, dict[str, Any]]:
    """The text of a file and the TOML in it; its bare numbers are exact.

    Raises:
        UsageError: not UTF-8, not TOML, a key given twice, or too large; says where.
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"{len(data)} bytes, at most {MAX_BYTES} are read")
        text = data.decode("utf-8")
        if long := _LONG_KEY.search(text):
            line = text.count("\n", 0, long.start()) + 1
            raise ValueError(f"a name of more than {MAX_KEY_PARTS} parts (at line {line})")
        return text, tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UsageError(
            f"The {what} is not well-formed TOML.",
            saw=str(error)[:_LONGEST_QUOTE],
            wanted="UTF-8 text in TOML 1.0, every key once",
            try_this='mend the place that is named; numbers are quoted strings, such as "1/20"',
        ) from error
