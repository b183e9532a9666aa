"""The verifiers of words: the same text, and a pattern that must be found."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import regex

SECONDS = 1.0
"""A pattern may take so long on one answer; an answer on which it takes longer is not right."""
LONGEST = 20_000
"""Characters of an answer that are read."""
_EDGES = " \t\r\n.,;:!?\"'`*_()[]"


def plain(text: str) -> str:
    """A text without what is no part of an answer: case, spacing, punctuation at its ends."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).strip(_EDGES)


@dataclass(frozen=True, slots=True)
class Exact:
    """Right is the reference, or one of several, word for word."""

    column = "answer"

    def reference(self, given: Any, row: Mapping[str, Any]) -> list[str]:
        """The accepted answers: one text, or a list of them."""
        accepted = given if isinstance(given, list) else [given]
        if not all(isinstance(x, (str, bool, int, float)) and x == x for x in accepted):
            raise ValueError("an accepted answer is neither a text nor a number")
        texts = [x if isinstance(x, str) else str(x) for x in accepted]
        if not texts or not all(plain(x) for x in texts):
            raise ValueError("an accepted answer without words")
        return texts

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether the answer is one of the accepted ones."""
        said = plain(answer[:LONGEST])
        return any(said == plain(one) for one in reference)

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether anything is said."""
        return bool(plain(answer[:LONGEST]))


@dataclass(frozen=True, slots=True)
class Pattern:
    """Right is where a regular expression is found; one with `^` and `$` describes all of it."""

    column = "answer"

    def reference(self, given: Any, row: Mapping[str, Any]) -> str:
        """The pattern, as Python's `re` writes them."""
        if not isinstance(given, str) or not given:
            raise ValueError("it is no regular expression")
        try:
            regex.compile(given)
        except regex.error as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        return given

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether the pattern is found in the answer within its time."""
        try:
            return regex.search(reference, answer[:LONGEST], timeout=SECONDS) is not None
        except TimeoutError:
            return False

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether anything is said."""
        return bool(answer.strip())
