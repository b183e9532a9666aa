"""A paper: the exact bytes that somebody signed, and the signature; JSON without surprises."""

import json
from collections.abc import Mapping
from typing import Any

from invariants.sshsig import BadPaper, Flaw
from logs.vocabulary import Word

MAX_CHARACTERS = 20_000


class Paper(Word):
    """A signed statement as it was handed in; kept byte for byte, so that it stays verifiable."""

    statement: str
    signature: str


def written(fields: Mapping[str, Any]) -> str:
    """A statement as a person reads it and signs it."""
    return json.dumps(fields, indent=2, ensure_ascii=True) + "\n"


def document(text: str) -> dict[str, Any]:
    """The fields of a statement; a key that is given twice is refused, as are NaN and infinity.

    Raises:
        BadPaper: not one JSON object.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"{len(text)} characters, at most {MAX_CHARACTERS} are read")
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BadPaper(Flaw.MALFORMED, str(error)) from error
    if not isinstance(found, dict):
        raise BadPaper(Flaw.MALFORMED, "not an object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key!r} is given twice")
    return dict(pairs)


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number")
