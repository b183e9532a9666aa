"""Split text into words and sentences, by rules alone; no model, no list to download."""

import re

_STOPS = re.compile(
    r"(?<=[.!?])(?:[\"'\u201d\u2019)\]*_]*)\s+|\n{2,}|(?<=[\u3002\uff01\uff1f\u0964])\s*"
)
_SHORT = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Co|vs|etc|No|Fig|approx|a\.m|p\.m|e\.g|i\.e)"
    r"|\b[A-Z]|\b[A-Za-z]\.[A-Za-z])\.$"
)
_LISTED = re.compile(r"^\W*\d{1,3}\.$")
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+(?:['\u2019.-]\w+)*")


def sentences(text: str) -> list[str]:
    """Sentences: what ends in a full stop, a question or an exclamation mark, or in a blank line.

    Initials, usual abbreviations and the numbers of a list end none. An approximation of Punkt
    (Kiss & Strunk 2006), which learns its abbreviations from text.
    """
    found: list[str] = []
    for part in (p.strip() for p in _STOPS.split(text)):
        if not part:
            continue
        if found and (_SHORT.search(found[-1]) or _LISTED.match(found[-1])):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores."""
    return len(_WORD.findall(text))


def tokens(text: str) -> list[str]:
    """Words with their inner hyphens, points and apostrophes."""
    return _TOKEN.findall(text)
