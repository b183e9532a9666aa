"""Small changes to an answer that may turn a check of IFEval: a sentence, a mark, a word."""

import random
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tools.verifiers.ifeval_checks import CHECKS

Change = Callable[[str, Mapping[str, Any], random.Random], str]

MOST, FEW = 5_000, 60
"""No number that a check compares is looked for beyond: where it is a bound, where it is exact."""
COUNTED = {
    "length_constraints:number_sentences": "num_sentences",
    "length_constraints:number_words": "num_words",
    "length_constraints:number_paragraphs": "num_paragraphs",
    "length_constraints:nth_paragraph_first_word": "num_paragraphs",
    "keywords:frequency": "frequency",
    "keywords:letter_frequency": "let_frequency",
    "detectable_content:number_placeholders": "num_placeholders",
    "detectable_format:number_bullet_lists": "num_bullets",
    "detectable_format:number_highlighted_sections": "num_highlights",
    "detectable_format:multiple_sections": "num_sections",
    "change_case:capital_word_frequency": "capital_frequency",
}
"""The argument of each check that a count of the answer is compared with."""
AT_LEAST = ("num_placeholders", "num_highlights", "num_sections")
SNIPPETS = (
    *(
        "* ",
        "- ",
        "*",
        "**",
        "***",
        "******",
        "*a b*",
        "**a b**",
        "* * *",
        "---",
        "\n* a\n",
        "\n*\n",
    ),
    *("\n\n", "\n", "\n***\n", "\n\n***\n\n", "\n******\n", "****** ", " ", "\t", "\r\n", "\u00a0"),
    *(
        ",",
        ".",
        "!",
        "?",
        "...",
        "\u2026",
        ";",
        ":",
        '"',
        "'",
        "\u2019",
        "\u201c",
        "\u201d",
        "-",
        "\u2014",
        "/",
    ),
    *(
        "[a]",
        "[a b]",
        "[",
        "]",
        "[[a]]",
        "<<a>>",
        "<< >>",
        "<<a",
        "<a>",
        "\n<<a\nb>>\n",
        "`",
        "```",
    ),
    *("P.S.", "P. S. ", "p.s. a", "P.P.S", "P. P. S. a", "PS: a", "P.S"),
    *("Section 1", "SECTION 2", "Section2", "Day 3", "Section", "\nSection 9:\n"),
    *(
        "NASA",
        "I",
        "I'M",
        "DON'T",
        "A-B",
        "THE U.S.",
        "A/B",
        "R&D",
        "B2B",
        "\u00c9T\u00c9",
        "iPhone",
        "(USA)",
    ),
    *(
        "Mr. Lee",
        "e.g. this",
        "3.5",
        "a.m.",
        "No. 5",
        "J. Kim",
        "1. One",
        "2) Two",
        "etc. And",
        "U.S. It",
    ),
    *(
        "My answer is yes.",
        "My answer is maybe",
        "my answer is no.",
        "It ends. ",
        "He did! ",
        "Why? ",
    ),
    *('{"a": 1}', "{", "}", "null", "El perro no es de la casa. ", "Das ist gut. ", "12345 "),
)


def _put(text: str, words: str, draw: random.Random) -> str:
    """Words at the start, at the end, or between two words."""
    gaps = [0, len(text), *(m.end() for m in re.finditer(r"\s+", text))]
    at = draw.choice([0, len(text), *draw.sample(gaps, min(3, len(gaps)))])
    return text[:at] + words + draw.choice(["", " "]) + text[at:]


def _snippet(text: str, told: Mapping[str, Any], draw: random.Random) -> str:
    return _put(text, draw.choice(SNIPPETS), draw)


def _asked(text: str, told: Mapping[str, Any], draw: random.Random) -> str:
    """A word of the instruction, put in or taken out."""
    words = [w for v in told.values() for w in (v if isinstance(v, list) else [v])]
    words = [w for w in words if isinstance(w, str) and w]
    if not words:
        return _snippet(text, told, draw)
    word = draw.choice(words)
    cased = draw.choice([word, word.upper(), word.lower(), f"{word}s", f"{word}.", f"_{word}"])
    if draw.random() < 0.5:
        return re.sub(re.escape(word), "", text, count=draw.choice([0, 1]), flags=re.IGNORECASE)
    at = draw.choice([f"{cased} {text}", f"{text} {cased}", _put(text, cased, draw)])
    return at if draw.random() < 0.9 else cased


def _pieces(text: str, told: Mapping[str, Any], draw: random.Random) -> str:
    """A sentence, a line or a paragraph dropped or said again."""
    parts = re.split(draw.choice([r"(?<=[.!?])\s", r"\n", r"\n\n", r"\*\*\*", r"\s"]), text)
    joint = draw.choice([" ", "\n", "\n\n"]) if draw.random() < 0.5 else " "
    i = draw.randrange(len(parts))
    parts = parts[:i] + parts[i + 1 :] if draw.random() < 0.6 else [*parts[: i + 1], *parts[i:]]
    return joint.join(parts)


def _cut(text: str, told: Mapping[str, Any], draw: random.Random) -> str:
    """Its beginning or its end alone."""
    at = draw.randrange(1, len(text)) if len(text) > 1 else 0
    return text[:at] if draw.random() < 0.7 else text[at:]


def _cased(text: str, told: Mapping[str, Any], draw: random.Random) -> str:
    whole = draw.choice([str.upper, str.lower, None, None])
    if whole:
        return whole(text)
    word = draw.choice(text.split() or ["a"])
    return text.replace(word, draw.choice([word.upper(), word.lower(), word.title()]), 1)


def _wrapped(text: str, told: Mapping[str, Any], draw: random.Random) -> str:
    ends = [
        ('"', '"'),
        ("```json\n", "\n```"),
        ("```\n", "```"),
        ("", "```"),
        ("'", "'"),
        ("", '"'),
    ]
    first, last = draw.choice([*ends, ("```JSON ", "```"), ("*", "*"), ("<<", ">>"), ("[", "]")])
    return f"{first}{text}{last}"


def _plain(text: str, told: Mapping[str, Any], draw: random.Random) -> str:
    """One kind of mark taken out."""
    return text.replace(draw.choice([",", "*", "\n\n", '"', "-", ".", "[", "<<", "```"]), "")


CHANGES: tuple[Change, ...] = (_snippet, _snippet, _asked, _pieces, _cut, _cased, _wrapped, _plain)
FITTING: Mapping[str, tuple[Change, ...]] = {
    "keywords": (_asked,),
    "startend": (_asked, _wrapped),
    "combination": (_asked, _snippet),
    "change_case": (_cased,),
    "length_constraints": (_pieces, _asked),
    "language": (_cut, _pieces),
    "detectable_format": (_wrapped, _snippet),
}


def changed(text: str, name: str, told: Mapping[str, Any], draw: random.Random) -> str:
    """The text after one to three changes, half of them of a kind that fits the instruction."""
    for _ in range(draw.randint(1, 3)):
        fitting = FITTING.get(name.split(":")[0], CHANGES)
        text = draw.choice(fitting if draw.random() < 0.5 else CHANGES)(text, told, draw)
    return text


def at_its_count(text: str, name: str, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The instruction with the number that this text has by our check, and the two beside it."""
    key, check = COUNTED.get(name), CHECKS[name][0]
    if key is None or not text.strip():
        return

    def fits(n: int) -> bool:
        return check(text, {**told, key: n})

    if any("relation" in word for word in told) or key in AT_LEAST:
        end = fits(MOST)
        turn = 1 + bisect_left(range(1, MOST), True, key=lambda n: fits(n) is end)
    else:
        turn = next((n for n in range(1, FEW) if fits(n)), 1)
    yield from ({**told, key: n} for n in (turn - 1, turn, turn + 1) if n >= 1)
