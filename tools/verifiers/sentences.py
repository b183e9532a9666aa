"""Split text into words and sentences, by rules alone; no model, no list to download."""

import re
from itertools import zip_longest

from tools.verifiers.languages import COMMON

_WORD = re.compile(r"\w+")
_STOP = re.compile(r"[.!?](?=[)\]}({\[\"';:*@!?]|$)")
_INNER = re.compile(r"[)\]}({\[\"';:*@!?`&#,]|--")
_CLOSING = re.compile(r"[\"')\]}]+(?:\s+|$)")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*")
_USUAL = (
    "mr mrs ms dr prof st jr sr inc ltd co corp bros cos messrs gen col lt maj adm sen rep reps vs"
    " ave mg ct va pa ga fla jan feb aug sept oct nov dec ph.d a.m p.m u.s u.n d.c l.a n.y"
)
_FIRST = (
    "a after although among another before both during each here however its let many my now our"
    " once please remember since so some such their then these those through today under until us"
    " what where while who why would yes"
)
_SHORT = frozenset(_USUAL.split())
_STARTERS = frozenset(_FIRST.split()) | frozenset(COMMON["latin"]["en"].split())
_SPACED = re.compile(
    r"[;@#$%&*?!()\[\]{}<>\"`\u00ab\u00bb\u201c-\u201e]|[:,](?!\d)|--+|\.{2,}|\u2026"
)
_JOINED = re.compile(
    r"(?<=\w)(?=['\u2019](?:[sdm]|ll|re|ve)(?!\w)|n['\u2019]t(?!\w))", re.IGNORECASE
)
_TWO = re.compile(
    r"\b(can)(not)\b|\b(gim|lem)(me)\b|\b(gon|wan)(na)\b|\b(got)(ta)\b", re.IGNORECASE
)


def sentences(text: str) -> list[str]:
    """Sentences: what ends in a full stop, a question or an exclamation mark before another word.

    As in Punkt (Kiss & Strunk 2006), which the published check uses, a number of a list is a
    sentence, and neither a line's end nor a mark of another script ends one. An approximation: the
    abbreviations and the words that begin sentences, which Punkt learnt from text, are lists here.
    """
    found, begin = [], 0
    words = list(re.finditer(r"\S+", text))
    for word, following in zip_longest(words, words[1:]):
        stops = list(_STOP.finditer(word.group()))
        if not stops:
            continue
        end = word.start() + stops[-1].end()
        after = text[end : word.end()] or (following.group() if following else "")
        if after and _ends(text[word.start() : end], after):
            found.append(text[begin:end].strip())
            begin = end
    rest = _CLOSING.sub("", text[begin:].strip(), count=1) if found else text.strip()
    return [*found, rest] if rest else found


def _ends(word: str, following: str) -> bool:
    """Whether a word with its mark ends a sentence before what follows it."""
    if re.search(r"[!?]", word):
        return True
    last, starts = _INNER.split(word)[-1], _begins(following)
    if last.endswith(".."):
        return starts
    kind = last[:-1].lower()
    if _NUMBER.fullmatch(kind):
        return not following[0].islower()
    if len(kind) == 1 and kind.isalpha():
        return starts or not following[0].isalpha()
    if kind.split("-")[-1] in _SHORT:
        return starts
    return True


def _begins(word: str) -> bool:
    """Whether a word is a usual one that is written large here."""
    first = _WORD.match(word)
    return word[0].isupper() and first is not None and first.group().lower() in _STARTERS


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores."""
    return len(_WORD.findall(text))


def tokens(text: str) -> list[str]:
    """Words with their inner hyphens, points and slashes; `it's` and `cannot` are two each."""
    spaced = _TWO.sub(lambda m: " ".join(x for x in m.groups() if x), _SPACED.sub(" ", text))
    return _JOINED.sub(" ", spaced).split()
