"""Has gold leaked into the training data? Near-duplicates of vault items block training.

A training text leaks a gold item of 13 words or more when they share a run of 13, or when the
words of both, counted, agree to 9 in 10:

    |A and B| / |A or B| >= 9/10, as multisets of normalised words

An item of 8 to 12 words leaks where it occurs whole, a shorter one only as the same text: in short
items the order of the words is the question (3 minus 5, 5 minus 3), and parts of them are common.

Words are runs of letters and digits after Unicode folding (NFKC, no case), so that spacing,
punctuation and spelling in capitals hide nothing. Compared in whole numbers.

What a user's prompts have in common tells none of them from another: where a task names runs that
many of its prompts share (an instruction before each question), they are cut out on both sides
first, and an item of which fewer than 8 words are left leaks only as the same text.

Source: runs of 13 words, of 8 at least: Brown et al. (2020), arXiv 2005.14165, appendix C.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from logs.errors import Refused, Undecided

RUN = 13
ALIKE = Fraction(9, 10)
FEWEST_WORDS = 8
"""Items of fewer words occur in honest data too; only the same text leaks them."""
COMMON = Fraction(1, 20)
"""Share of a file's prompts from which on a run of 13 words is the file's, and no prompt's own."""
FEWEST_SHARING = 10
"""Prompts that must share it at least."""
MOST_KNOWN = 1 << 15
"""Texts whose answer is kept."""
_WORD = re.compile(r"\w+")

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leak:
    """One training text that holds a gold item; it does not say which, gold stays secret."""

    text: int
    """Index of the training text."""
    by: str
    """`run`, `whole` or `words`."""


def words(text: str) -> Words:
    """The words of a text, as they are compared."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return tuple(_WORD.findall(plain.casefold()))


def common_runs(prompts: Iterable[str]) -> frozenset[Words]:
    """The runs of 13 words that so many of these prompts share that they tell none of them."""
    told = [set(_runs(words(prompt), RUN)) for prompt in prompts]
    count = Counter(run for runs in told for run in runs)
    least = max(FEWEST_SHARING, -(-len(told) * COMMON.numerator // COMMON.denominator))
    return frozenset(run for run, n in count.items() if n >= least)


def leaks(
    gold: Iterable[str], training: Iterable[str], common: frozenset[Words] = frozenset()
) -> tuple[Leak, ...]:
    """Training texts that hold a gold item, in their order.

    Args:
        common: runs of 13 words that tell no item from another, see `common_runs`.

    Raises:
        Undecided: a gold item has no words, so that nothing could be recognised.
    """
    canaries = _indexed(tuple(gold), common)
    found = ((i, canaries.in_text(text)) for i, text in enumerate(training))
    return tuple(Leak(i, by) for i, by in found if by)


@lru_cache(maxsize=4)
def _indexed(gold: tuple[str, ...], common: frozenset[Words]) -> "_Canaries":
    return _Canaries([words(item) for item in gold], common)


def refuse_contaminated(
    gold: Sequence[str], training: Sequence[str], common: frozenset[Words] = frozenset()
) -> None:
    """Let training go on only with data that holds no gold item.

    Raises:
        Refused: with the number of texts and the first of them, never with the gold item.
    """
    found = leaks(gold, training, common)
    if found:
        kinds = ", ".join(f"{n} by {by}" for by, n in sorted(Counter(x.by for x in found).items()))
        raise Refused(
            "The training data holds items of the gold vault; training on them is blocked.",
            saw=f"{len(found)} of {len(training)} texts ({kinds}), first text {found[0].text}",
            wanted="no shared run of 13 words and no near-duplicate",
            try_this="drop these texts and find where they came from; gold may have been read",
        )


class _Canaries:
    """Gold items, indexed so that a text is compared with the few that could be alike."""

    def __init__(self, items: Sequence[Words], common: frozenset[Words]) -> None:
        if empty := sum(not item for item in items):
            raise Undecided(
                "A gold item without words cannot be recognised.",
                saw=f"{empty} of {len(items)} items without letters or digits",
                wanted="at least one word in each",
                try_this="leave such items out of the vault",
            )
        self._common = common
        own = {item: _own(item, common) for item in items}
        self._runs = {run for item in own.values() for run in _runs(item, RUN)}
        self._exact = {item for item, left in own.items() if len(left) < FEWEST_WORDS}
        self._whole = {left for left in own.values() if FEWEST_WORDS <= len(left) < RUN}
        self._lengths = sorted({len(item) for item in self._whole})
        self._items = [Counter(item) for item in own.values() if len(item) >= RUN]
        self._by_word = self._index()
        self._known: dict[str, str] = {}

    def in_text(self, text: str) -> str:
        """How a text holds an item; the same texts come before training and before the gate."""
        if text not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[text] = self.found_in(words(text))
        return self._known[text]

    def found_in(self, text: Words) -> str:
        """How the text holds an item; empty if it does not."""
        own = _own(text, self._common)
        if any(run in self._runs for run in _runs(own, RUN)):
            return "run"
        whole = any(part in self._whole for n in self._lengths for part in _runs(own, n))
        if whole or text in self._exact:
            return "whole"
        return "words" if self._alike(own) else ""

    def _index(self) -> dict[tuple[str, int], list[int]]:
        """Item numbers by their rarest words: alike texts share at least one of those."""
        seen = Counter(mark for item in self._items for mark in _marks(item))
        index: dict[tuple[str, int], list[int]] = {}
        for number, item in enumerate(self._items):
            marks = sorted(_marks(item), key=lambda mark: (seen[mark], mark))
            may_miss = len(marks) - -(-len(marks) * ALIKE.numerator // ALIKE.denominator)
            for mark in marks[: may_miss + 1]:
                index.setdefault(mark, []).append(number)
        return index

    def _alike(self, text: Words) -> bool:
        counted = Counter(text)
        near = {n for mark in _marks(counted) for n in self._by_word.get(mark, ())}
        return any(_alike(self._items[n], counted, len(text)) for n in near)


def _alike(one: Counter[str], other: Counter[str], length: int) -> bool:
    """Whether the words of both agree; `length` is the number of words of the other."""
    shared = sum(min(n, other[word]) for word, n in one.items() if word in other)
    union = one.total() + length - shared
    return shared * ALIKE.denominator >= ALIKE.numerator * union


def _marks(counted: Counter[str]) -> Iterator[tuple[str, int]]:
    """Each word with its number, so that a multiset becomes a set."""
    return ((word, i) for word, n in counted.items() for i in range(n))


def _own(text: Words, common: frozenset[Words]) -> Words:
    """The words of a text that lie in no common run."""
    if not common:
        return text
    starts = (i for i, run in enumerate(_runs(text, RUN)) if run in common)
    shared = {i + step for i in starts for step in range(RUN)}
    return tuple(word for i, word in enumerate(text) if i not in shared)


def _runs(text: Words, length: int) -> Iterator[Words]:
    return (text[i : i + length] for i in range(len(text) - length + 1))
