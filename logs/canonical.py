"""One value, one sequence of bytes, one name.

Everything that is hashed in this project is hashed in the form of RFC 8785 (JSON
Canonicalization Scheme). A `Decimal` is written as a string, so that it stays exact.
"""

import hashlib
import json
import re
from typing import Any

import rfc8785
from pydantic_core import to_jsonable_python

from logs.errors import PlimsollError
from logs.vocabulary import Digest, Word

_EXOTIC = re.compile(rb"[:,\[]-?[0-9.]+[eE]|\.0[,\]}]|[\xf0-\xff]")
"""Numbers, or what looks like one within a text, that two writers may write differently."""

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None


def canonical(value: Word | JSON) -> bytes:
    """Return the RFC 8785 bytes of a word or of plain JSON.

    Raises:
        PlimsollError: NaN, an infinity, an integer beyond 2^53 - 1 or a lone surrogate.
    """
    try:
        return rfc8785.dumps(to_jsonable_python(value))
    except (ValueError, RecursionError) as error:
        raise PlimsollError(
            "This value has no canonical form, so it cannot be named or logged.",
            saw=f"{type(value).__name__}: {error}",
            wanted="finite numbers, integers up to 2^53 - 1, valid Unicode, moderate nesting",
            try_this="record an undefined number as null, and a large integer as a string",
        ) from error


def is_canonical(data: bytes, read: JSON) -> bool:
    """Return whether these bytes, which read as `read`, are the canonical ones of it.

    Python's own writer agrees with RFC 8785 but for the form of floats with an exponent or without
    a fraction, and for the order of keys beyond U+FFFF; where those may occur, it is not asked.
    """
    if _EXOTIC.search(data) is None:
        text = json.dumps(read, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if text.encode("utf-8", "surrogatepass") == data:
            return True
    return canonical(read) == data


def fast_digest(value: JSON) -> Digest:
    """Return `digest_of(value)`, sooner where Python's own writer is known to agree."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = text.encode("utf-8", "surrogatepass")
    return digest_of(value) if _EXOTIC.search(data) else sha256(data)


def plain(value: Word | JSON) -> Any:
    """Return the value as it will be read back from the log."""
    return json.loads(canonical(value))


def sha256(data: bytes) -> Digest:
    """Return the SHA-256 of the bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Word | JSON) -> Digest:
    """Return the name of a value: the SHA-256 of its canonical bytes."""
    return sha256(canonical(value))
