"""One JSON value in what a model answered, read without trust."""

import json
import re
from typing import Any

_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = "```"


def value_in(text: str) -> Any:
    """The one JSON value of a text, with nothing beside it but thoughts before and a fence around.

    Raises:
        ValueError: it is none, names a key twice, or holds NaN or an infinity.
    """
    plain = _unfenced(_THOUGHTS.sub("", text).strip())
    try:
        return json.loads(plain, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unfenced(plain: str) -> str:
    """What stands between two fences; split, since an expression may try for days."""
    head, _, rest = plain.partition("\n")
    inside, _, foot = rest.rpartition("\n")
    fenced = head.rstrip() in (_FENCE, f"{_FENCE}json") and foot.strip() == _FENCE
    return inside if fenced else plain


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that is given twice would mean two things."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")
