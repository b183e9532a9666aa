"""One value, one sequence of bytes, one name.

Everything that is hashed in this project is hashed in the form of RFC 8785 (JSON
Canonicalization Scheme). A `Decimal` is written as a string, so that it stays exact.
"""

import hashlib
import json
import re
from typing import Any

import orjson
import rfc8785
from pydantic_core import to_jsonable_python

from logs.errors import PlimsollError
from logs.vocabulary import Digest, Word

_EXPONENT = re.compile(rb"(?:^|[:,\[])-?[0-9][0-9.]*e[-+]?[0-9]")
_WHOLE = re.compile(rb"\.0(?:[],}]|$)")
"""A float without a fraction."""
_LARGE = re.compile(rb"(?<![0-9.])[0-9]{16}")
_NOT_ASCII = re.compile(rb"[\xf0-\xff]")

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None


def canonical(value: Word | JSON) -> bytes:
    """Return the RFC 8785 bytes of a word or of plain JSON.

    Raises:
        PlimsollError: NaN, an infinity, an integer beyond 2^53 - 1 or a lone surrogate.
    """
    try:
        read = to_jsonable_python(value)
        return _surely(read) or rfc8785.dumps(read)
    except (ValueError, RecursionError) as error:
        raise PlimsollError(
            "This value has no canonical form, so it cannot be named or logged.",
            saw=f"{type(value).__name__}: {error}",
            wanted="finite numbers, integers up to 2^53 - 1, valid Unicode, moderate nesting",
            try_this="record an undefined number as null, and a large integer as a string",
        ) from error


def is_canonical(data: bytes, read: JSON) -> bool:
    """Return whether these bytes, which read as `read`, are the canonical ones of it."""
    return _quick(read) == data or canonical(read) == data


def fast_digest(value: JSON) -> Digest:
    """Return `digest_of(value)`, sooner where a writer in native code is known to agree."""
    data = _quick(value)
    return digest_of(value) if data is None else sha256(data)


def _quick(value: JSON) -> bytes | None:
    """Return the canonical bytes by a writer in native code, or None where the two may differ.

    They do in the form of floats with an exponent or without a fraction, and in the order of keys
    beyond U+FFFF; text that looks like it makes it None too.
    """
    try:
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a whole number beyond 64 bits, or too many brackets
        return None
    if _WHOLE.search(data) or _EXPONENT.search(data):
        return None
    return data if data.isascii() or not _NOT_ASCII.search(data) else None


def _surely(value: JSON) -> bytes | None:
    """Return `_quick(value)` where nothing is in it that has no canonical form at all.

    The writer in native code makes null of NaN, and writes whole numbers beyond 2^53.
    """
    data = _quick(value)
    return None if data is None or b"null" in data or _LARGE.search(data) else data


def plain(value: Word | JSON) -> Any:
    """Return the value as it will be read back from the log."""
    return json.loads(canonical(value))


def sha256(data: bytes) -> Digest:
    """Return the SHA-256 of the bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Word | JSON) -> Digest:
    """Return the name of a value: the SHA-256 of its canonical bytes."""
    return sha256(canonical(value))
