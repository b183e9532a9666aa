"""The verifier of multiple choice: the one letter that an answer settles on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.verifiers.texts import plain

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTER = r"""[*_"'$]*(\(?[A-Za-z]\)?)(?![\w'])"""
_ANSWER = re.compile(
    r"(?i:answer|choice)(?i:\s+is)?\s*:?\s*(?:(?i:option|choice)\s+)?" + _LETTER, re.ASCII
)
_OPTION = re.compile(r"(?i:option)(?i:\s+is)?\s*:?\s*" + _LETTER, re.ASCII)
_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{)?\(?([A-Z])\)?", re.ASCII)
_FIRST = re.compile(
    r"\s*[*_]*(?:\(?([A-Z])\)?[*_]*(?:[.):]|[ \t]*\n|\s*$|[ \t]+[-\u2013\u2014][ \t])"
    r"|(\([a-z]\)|[a-z]\))|([a-z])[*_]*(?:[.:](?=\s|$)|[ \t]*\n|\s*$))",
    re.ASCII,
)
_ALONE = re.compile(r"\s*(?:[*_.,;:)]|$)", re.ASCII)
_BRACKETS = re.compile(r"\(([A-Z])\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """Right is the reference's letter, said once and for all; two different ones are none."""

    column = "answer"

    def reference(self, given: Any, row: Mapping[str, Any]) -> dict[str, Any]:
        """{letter, texts}: from a letter, a number from 0 into `choices`, or a choice's words."""
        texts = _offered(row.get("choices"))
        if isinstance(given, int) and not isinstance(given, bool):
            if not 0 <= given < (len(texts) or len(LETTERS)):
                raise ValueError(f"there is no choice number {given}, counted from 0")
            return {"letter": LETTERS[given], "texts": texts}
        said = str(given).strip()
        if len(said) == 1 and said.upper() in LETTERS[: len(texts) or None]:
            return {"letter": said.upper(), "texts": texts}
        alike = [i for i, text in enumerate(texts) if plain(text) == plain(said)]
        if len(alike) != 1:
            raise ValueError(f"{said[:40]!r} is neither a letter nor one of the row's choices")
        return {"letter": LETTERS[alike[0]], "texts": texts}

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether the answer settles on the reference's letter, or says that choice's words."""
        return bool(chosen(answer, reference["texts"]) == reference["letter"])

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether it settles on any."""
        return chosen(answer, reference["texts"]) is not None


def chosen(answer: str, texts: list[str]) -> str | None:
    """The letter that an answer settles on: as `answer: B`, at its beginning, or alone in brackets.

    Words are read where they are those of exactly one choice. None where nothing settles it.
    """
    offered = LETTERS[: len(texts) or None]
    for found in (_BOXED.findall(answer), _meant(_ANSWER, answer, offered)):
        if found:
            return str(found[-1])
    if len(options := set(_meant(_OPTION, answer, offered))) == 1:
        return options.pop()
    if (first := _FIRST.match(answer)) and (said := _bare(first[first.lastindex or 0])) in offered:
        return said
    if len(marked := set(_BRACKETS.findall(answer))) == 1:
        return str(marked.pop())
    alike = [i for i, text in enumerate(texts) if plain(text) == plain(answer)]
    return LETTERS[alike[0]] if len(alike) == 1 else None


def _meant(pattern: re.Pattern[str], answer: str, offered: str) -> list[str]:
    """The letters that are named: one of those offered, and no word of a sentence.

    A small letter counts in brackets or where nothing follows, `I` where it is no pronoun.
    """
    found = []
    for match in pattern.finditer(answer):
        letter, behind = match[1], answer[match.end() : match.end() + 40]
        is_word = (letter.islower() and ")" not in letter and not _ALONE.match(behind)) or (
            letter == "I" and re.match(r"\s+[a-z]", behind) is not None
        )
        if not is_word and _bare(letter) in offered:
            found.append(_bare(letter))
    return found


def _bare(letter: str) -> str:
    return letter.strip("()").upper()


def _offered(choices: Any) -> list[str]:
    """The words of each choice: a list, or its column `text` as in ARC."""
    told = choices.get("text") if isinstance(choices, Mapping) else choices
    if told is None:
        return []
    if not isinstance(told, (list, tuple)) or len(told) > len(LETTERS):
        raise ValueError(f"choices is no list of at most {len(LETTERS)}")
    return [str(text) for text in told]
