"""Do the answers still use different words? Counted on equal budgets, against the anchor."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from logs.vocabulary import Measurement
from tools.instruments.answers import rarefied
from tools.instruments.drift.changes import (
    FEW,
    FEWEST,
    Change,
    Prompts,
    clustered,
    difference,
    from_log,
    reported,
    spread,
)
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL

Floats = NDArray[np.float64]
Texts = Sequence[str]
Gram = tuple[str, ...]
DISTINCT, SELF_BLEU = -0.15, 0.05
SMOOTH = 0.1
"""Matches counted where there are none (Chen & Cherry 2014, method 1)."""
ORDERS = range(1, 5)


def distinct_change(
    now: Texts,
    then: Texts,
    *,
    prompts: Prompts = None,
    order: int = 2,
    budget: int | None = None,
    level: float = LEVEL,
) -> Measurement:
    """Relative change of distinct-n, the share of different n-grams; alarms at -15 %.

    Raw shares fall with the number of words, so both sides are rarefied: the expected number
    of different n-grams in `budget` of them drawn at random (Hurlbert 1971, eq. 16). The
    interval is a jackknife over prompts.

    Args:
        budget: n-grams per side; None takes half of the poorer side's.

    Raises:
        UndefinedMeasurement: the sides differ in length, or the budget is below 1.
    """
    refuse_unequal("distinct", {"answers now": len(now), "answers at the anchor": len(then)})
    tables = [_table([_grams(text, order) for text in side]) for side in (now, then)]
    poorer = min(int(table.sum()) for table in tables)
    drawn = poorer // 2 if budget is None else budget
    refuse_impossible("distinct", [drawn], lower=0 if budget is None else 1)
    enough = len(now) >= FEWEST and 0 < drawn < poorer
    return reported(
        f"distinct_{order}",
        _distinct_change(tables, drawn, prompts, level) if enough else None,
        DISTINCT,
        units="relative change",
        n=len(now),
        assumptions=(
            f"{drawn} of the poorer side's {poorer} {order}-grams",
            *(() if enough else (FEW,)),
        ),
        level=level,
    )


def _distinct_change(
    tables: Sequence[csr_array], budget: int, prompts: Prompts, level: float
) -> Change | None:
    """The log ratio with its jackknife over prompts (Tukey 1958).

    Its derivative in the weight of each prompt would be cheaper, but is too narrow by a third at
    half the n-grams: what only one prompt says is lost as a whole, not by a small weight.
    """
    now, then = (_by_prompt(table, prompts) for table in tables)
    if len(now) < FEWEST or min(_rest(side).min() for side in (now, then)) < budget:
        return None
    whole = float(np.log(rarefied(now.sum(axis=0), budget) / rarefied(then.sum(axis=0), budget)))
    left = np.log(_without_each(now, budget) / _without_each(then, budget))
    pseudo = len(now) * whole - (len(now) - 1) * left
    return from_log(whole, spread(pseudo, level), len(now))


def _by_prompt(table: csr_array, prompts: Prompts) -> Floats:
    """Counts of each n-gram in all answers to one prompt, shape (prompts, n-grams)."""
    return clustered("distinct", table.toarray(), prompts)[0]


def _rest(counts: Floats) -> Floats:
    """N-grams that are left without each prompt."""
    out: Floats = counts.sum() - counts.sum(axis=1)
    return out


def _without_each(counts: Floats, budget: int) -> Floats:
    """The rarefied share without each prompt, shape (prompts,)."""
    total = counts.sum(axis=0)
    return np.array([rarefied(total - row, budget) for row in counts])


def _table(counts: Sequence[Counter[Gram]]) -> csr_array:
    kinds: dict[Gram, int] = {}
    rows = [i for i, count in enumerate(counts) for _ in count]
    columns = [kinds.setdefault(gram, len(kinds)) for count in counts for gram in count]
    values = [float(n) for count in counts for n in count.values()]
    return csr_array((values, (rows, columns)), shape=(len(counts), max(1, len(kinds))))


def _grams(text: str, order: int) -> Counter[Gram]:
    words = text.split()
    return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))


def self_bleu(texts: Texts) -> Floats:
    """BLEU of each answer with all others as references, shape (n,); NaN for an empty answer.

    Clipped precisions up to 4-grams, or up to the answer's length where it is shorter, with
    epsilon smoothing and the brevity penalty of the closest reference. High is repetitive. It
    grows with n. The two largest counts of each n-gram give every answer its references at
    once, so the cost is linear in the words.

    Source:
        Zhu et al. 2018, arXiv:1802.01886, section 2.1.3; Papineni et al. 2002 (BLEU).
    """
    return _self_bleu(tuple(texts)).copy()


@lru_cache(maxsize=4)
def _self_bleu(texts: tuple[str, ...]) -> Floats:
    """Kept, as the anchor's answers and the last policy's are compared again at every look."""
    logs, used = np.zeros(len(texts)), np.zeros(len(texts))
    sizes = np.array([len(text.split()) for text in texts])
    if len(texts) < 2:
        return np.full(len(texts), np.nan)
    for order in ORDERS:
        matches = _matches([_grams(text, order) for text in texts])
        possible = sizes - order + 1
        told = possible > 0
        share = np.maximum(matches, 0.0 if order == 1 else SMOOTH) / np.maximum(possible, 1)
        with np.errstate(divide="ignore"):
            logs += np.where(told, np.log(share), 0.0)
        # BLEU without a single shared word is 0, whatever smoothing says.
        logs[(order == 1) & told & (matches == 0)] = -np.inf
        used += told
    with np.errstate(invalid="ignore", divide="ignore"):
        closest = _closest(sizes)
        brevity = np.minimum(0.0, 1 - closest / np.where(sizes > 0, sizes, 1))
        found: Floats = np.exp(brevity + logs / used)
    return np.where(sizes > 0, found, np.nan)


def _matches(counts: Sequence[Counter[Gram]]) -> Floats:
    """Per answer, its n-grams that some other answer has as often (clipped counts)."""
    best: dict[Gram, tuple[int, int, int]] = {}
    for i, count in enumerate(counts):
        for gram, n in count.items():
            most, who, second = best.get(gram, (0, -1, 0))
            if n > most:
                best[gram] = (n, i, most)
            else:
                best[gram] = (most, who, max(second, n))
    return np.array(
        [
            sum(min(n, best[g][2] if best[g][1] == i else best[g][0]) for g, n in count.items())
            for i, count in enumerate(counts)
        ],
        dtype=np.float64,
    )


def _closest(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Length of the other answer that is closest in length; of two, the shorter."""
    lengths, number = np.unique(sizes, return_counts=True)
    out = np.empty_like(sizes)
    for length, n in zip(lengths, number, strict=True):
        others = lengths[(lengths != length) | (n > 1)]
        order = np.lexsort((others, np.abs(others - length)))
        out[sizes == length] = others[order[0]]
    return out


def self_bleu_change(
    now: Texts, then: Texts, *, prompts: Prompts = None, level: float = LEVEL
) -> Measurement:
    """Self-BLEU-4 now minus at the anchor, paired by answer; alarms at +.05.

    Prompts whose answer is empty on a side are left out of both.

    Raises:
        UndefinedMeasurement: the sides differ in length.
    """
    refuse_unequal("self_bleu", {"answers now": len(now), "answers at the anchor": len(then)})
    kept = [i for i in range(len(now)) if now[i].split() and then[i].split()]
    left = None if prompts is None else [prompts[i] for i in kept]
    scores, anchored = (self_bleu([side[i] for i in kept]) for side in (now, then))
    found = difference("self_bleu", scores, anchored, left, level=level)
    change = found if len(kept) >= FEWEST else None
    return reported(
        "self_bleu",
        change,
        SELF_BLEU,
        units="BLEU",
        n=len(kept),
        assumptions=(
            f"{len(now) - len(kept)} pairs with an empty answer left out",
            "the interval takes the references as given",
            *(() if change else (FEW,)),
        ),
        level=level,
    )
