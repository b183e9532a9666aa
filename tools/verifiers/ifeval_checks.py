"""The twenty-five checks of IFEval (Zhou et al. 2023, arXiv 2311.07911), one function each.

Written anew from the paper and the published checks' behaviour; docs/verifiers.md tells how often
both say the same. Approximations, where those use learnt models: `number_sentences` and
`capital_word_frequency` go by lists of usual words, `response_language` and the two of English case
recognise languages by script, common words and endings. Where the language of a text is undecided,
the English ones go by case alone, as published. Keywords and section names are read as the words
that they are, never as patterns.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tools.verifiers.languages import language
from tools.verifiers.sentences import count_words, sentences, tokens

Wants = Mapping[str, Any]
Check = Callable[[str, Wants], bool]

CONSTRAINED = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCE = re.compile(r"^(?:```(?:json)?)?(.*?)(?:```)?$", re.IGNORECASE | re.DOTALL)
_STARRED = re.compile(r"^[^\S\n]*\*(?!\*)(?:\n.*|.+)", re.MULTILINE)
"""A line that begins with one star; a star that is alone on its line takes the next line to it."""


def _compared(n: int, wants: Wants, key: str, relation: str = "relation") -> bool:
    wanted: int = wants[key]
    return n < wanted if wants[relation] == "less than" else n >= wanted


def _keywords(text: str, wants: Wants) -> bool:
    folded = text.lower()
    return all(word.lower() in folded for word in wants["keywords"])


def _frequency(text: str, wants: Wants) -> bool:
    found = text.lower().count(wants["keyword"].strip().lower())
    return _compared(found, wants, "frequency")


def _forbidden(text: str, wants: Wants) -> bool:
    return not any(
        re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
        for word in wants["forbidden_words"]
    )


def _letters(text: str, wants: Wants) -> bool:
    found = text.lower().count(wants["letter"].strip().lower())
    return _compared(found, wants, "let_frequency", "let_relation")


def _language(text: str, wants: Wants) -> bool:
    return bool(language(text) == wants["language"])


def _sentences(text: str, wants: Wants) -> bool:
    return _compared(len(sentences(text)), wants, "num_sentences")


def _paragraphs(text: str, wants: Wants) -> bool:
    """Divided by `***`; only the first and the last part may be empty, and do not count then."""
    parts = [bool(part.strip()) for part in re.split(r"\s?\*\*\*\s?", text)]
    return all(parts[1:-1]) and bool(sum(parts) == wants["num_paragraphs"])


def _words(text: str, wants: Wants) -> bool:
    return _compared(count_words(text), wants, "num_words")


def _first_word(text: str, wants: Wants) -> bool:
    """Paragraphs are divided by one blank line; the count leaves out empty ones, as published."""
    parts, nth = text.split("\n\n"), wants["nth_paragraph"]
    count = sum(bool(part.strip()) for part in parts)
    if count != wants["num_paragraphs"] or nth > count or not parts[nth - 1].strip():
        return False
    first = parts[nth - 1].split()[0].lstrip("'").lstrip('"')
    return bool(re.split(r"[.,?!'\"]", first)[0].lower() == wants["first_word"].lower())


def _placeholders(text: str, wants: Wants) -> bool:
    return bool(len(re.findall(r"\[[^\]\n]*\]", text)) >= wants["num_placeholders"])


def _postscript(text: str, wants: Wants) -> bool:
    marker = wants["postscript_marker"].strip()
    known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    return bool(re.search(known.get(marker, re.escape(marker.lower())), text.lower()))


def _bullets(text: str, wants: Wants) -> bool:
    dashed = sum(line.lstrip().startswith("-") for line in text.split("\n"))
    return bool(len(_STARRED.findall(text)) + dashed == wants["num_bullets"])


def _constrained(text: str, wants: Wants) -> bool:
    return any(option in text for option in CONSTRAINED)


def _highlights(text: str, wants: Wants) -> bool:
    """`*one*` counts once, `**two**` too, as published: an empty pair of stars counts nothing."""
    once = re.findall(r"\*[^\n*]*\*", text)
    twice = re.findall(r"\*\*[^\n*]*\*\*", text)
    found = sum(bool(x.strip("*").strip()) for x in [*once, *twice])
    return bool(found >= wants["num_highlights"])


def _sections(text: str, wants: Wants) -> bool:
    found = re.findall(rf"{re.escape(wants['section_spliter'].strip())}\s?\d+", text)
    return bool(len(found) >= wants["num_sections"])


def _json(text: str, wants: Wants) -> bool:
    """One fence at either end is no part of it, and each may be there alone, as published."""
    try:
        json.loads(_FENCE.sub(r"\1", text.strip(), count=1))
    except (ValueError, RecursionError):
        return False
    return True


def _title(text: str, wants: Wants) -> bool:
    found = re.findall(r"<<[^\n]+>>", text)
    return any(title.lstrip("<").rstrip(">").strip() for title in found)


def _two(text: str, wants: Wants) -> bool:
    parts = [part.strip() for part in text.split("******")]
    said = [part for part in parts if part]
    return all(parts[1:-1]) and len(said) == 2 and said[0] != said[1]


def _repeated(text: str, wants: Wants) -> bool:
    return text.strip().lower().startswith(wants["prompt_to_repeat"].strip().lower())


def _ended(text: str, wants: Wants) -> bool:
    return text.strip().strip('"').lower().endswith(wants["end_phrase"].strip().lower())


def _quoted(text: str, wants: Wants) -> bool:
    said = text.strip()
    return len(said) > 1 and said[0] == said[-1] == '"'


def _capital_words(text: str, wants: Wants) -> bool:
    found = sum(word.isupper() for word in tokens(text))
    return _compared(found, wants, "capital_frequency", "capital_relation")


def _upper(text: str, wants: Wants) -> bool:
    return text.isupper() and language(text) in ("en", None)


def _lower(text: str, wants: Wants) -> bool:
    return text.islower() and language(text) in ("en", None)


def _no_comma(text: str, wants: Wants) -> bool:
    return "," not in text


CHECKS: Mapping[str, tuple[Check, Mapping[str, type[Any]]]] = {
    "keywords:existence": (_keywords, {"keywords": list}),
    "keywords:frequency": (_frequency, {"keyword": str, "frequency": int, "relation": str}),
    "keywords:forbidden_words": (_forbidden, {"forbidden_words": list}),
    "keywords:letter_frequency": (
        _letters,
        {"letter": str, "let_frequency": int, "let_relation": str},
    ),
    "language:response_language": (_language, {"language": str}),
    "length_constraints:number_sentences": (_sentences, {"num_sentences": int, "relation": str}),
    "length_constraints:number_paragraphs": (_paragraphs, {"num_paragraphs": int}),
    "length_constraints:number_words": (_words, {"num_words": int, "relation": str}),
    "length_constraints:nth_paragraph_first_word": (
        _first_word,
        {"num_paragraphs": int, "nth_paragraph": int, "first_word": str},
    ),
    "detectable_content:number_placeholders": (_placeholders, {"num_placeholders": int}),
    "detectable_content:postscript": (_postscript, {"postscript_marker": str}),
    "detectable_format:number_bullet_lists": (_bullets, {"num_bullets": int}),
    "detectable_format:constrained_response": (_constrained, {}),
    "detectable_format:number_highlighted_sections": (_highlights, {"num_highlights": int}),
    "detectable_format:multiple_sections": (
        _sections,
        {"section_spliter": str, "num_sections": int},
    ),
    "detectable_format:json_format": (_json, {}),
    "detectable_format:title": (_title, {}),
    "combination:two_responses": (_two, {}),
    "combination:repeat_prompt": (_repeated, {"prompt_to_repeat": str}),
    "startend:end_checker": (_ended, {"end_phrase": str}),
    "startend:quotation": (_quoted, {}),
    "change_case:capital_word_frequency": (
        _capital_words,
        {"capital_frequency": int, "capital_relation": str},
    ),
    "change_case:english_capital": (_upper, {}),
    "change_case:english_lowercase": (_lower, {}),
    "punctuation:no_comma": (_no_comma, {}),
}
"""Each check by its published id, and the arguments that it reads."""
