"""The verifier of multiple choice: the one letter that an answer settles on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.verifiers.texts import plain

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SAID = re.compile(
    r"(?i:answer|option|choice)(?i:\s+is|\s*:)?\s*[*_]*\(?([A-Z])\)?(?![\w'])", re.ASCII
)
_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{)?\(?([A-Z])\)?", re.ASCII)
_FIRST = re.compile(r"\s*[*_]*\(?([A-Z])\)?[*_]*(?:[.):]|\s*$)", re.ASCII)
_BRACKETS = re.compile(r"\(([A-Z])\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """Right is the reference's letter, said once and for all; two different ones are none."""

    column = "answer"

    def reference(self, given: Any, row: Mapping[str, Any]) -> dict[str, Any]:
        """{letter, texts}: from a letter, a number from 0 into `choices`, or a choice's words."""
        texts = [str(t) for t in row.get("choices") or ()]
        if isinstance(given, int) and not isinstance(given, bool):
            if not 0 <= given < (len(texts) or len(LETTERS)):
                raise ValueError(f"there is no choice number {given}, counted from 0")
            return {"letter": LETTERS[given], "texts": texts}
        said = str(given).strip()
        if len(said) == 1 and said.upper() in LETTERS:
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
    for pattern in (_BOXED, _SAID):
        if found := pattern.findall(answer):
            return str(found[-1])
    if first := _FIRST.match(answer):
        return first.group(1)
    if len(marked := set(_BRACKETS.findall(answer))) == 1:
        return str(marked.pop())
    alike = [i for i, text in enumerate(texts) if plain(text) == plain(answer)]
    return LETTERS[alike[0]] if len(alike) == 1 else None
