"""What the answers themselves show: how long, how varied, how certain.

Groups are the rows of `samples.jsonl`: {"prompt", "answers": [[text, log p under the base,
log p under the policy, finished, ...], ...]}. The siblings of one prompt are one cluster.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from logs.vocabulary import Measurement
from tools.instruments.estimates import mean, measured, refuse_impossible
from tools.instruments.intervals import Interval, Thresholds, student

Groups = Sequence[Mapping[str, Any]]
Floats = NDArray[np.float64]
BUDGET = 200
"""Bigrams per draw: the number of distinct ones depends on how many are looked at."""


def lengths(groups: Groups) -> Measurement:
    """Words per answer."""
    values, prompts = _flat(groups, lambda answer: float(len(answer[0].split())))
    return mean("length", values, units="words", clusters=prompts, lower=0.0)


def entropy(groups: Groups) -> Measurement:
    """How uncertain the policy is: -log p per token of the answers it drew.

    A token is a word, or the end of an answer that was finished; an answer of no tokens says
    nothing and is left out.

    Raises:
        UndefinedMeasurement: a log-probability is NaN, infinite or above 0.
    """
    rows = [
        (i, -logp, len(text.split()) + bool(finished))
        for i, group in enumerate(groups)
        for text, _, logp, finished, *_ in group["answers"]
    ]
    refuse_impossible("entropy", [nats for _, nats, _ in rows], lower=-1e-4)
    told = [(i, max(0.0, nats) / tokens) for i, nats, tokens in rows if tokens]
    return mean(
        "entropy",
        [value for _, value in told],
        units="nats/token",
        clusters=[i for i, _ in told],
        lower=0.0,
        assumptions=("Monte Carlo on answers drawn at temperature 1", "a token is a word"),
    )


def distinct_2(groups: Groups, *, budget: int = BUDGET) -> Measurement:
    """Share of distinct pairs of neighbouring words among `budget` pairs.

    Only the first answer of each prompt is read: siblings that agree are a policy that knows
    the answer, not one that lost its words. The raw share falls with the number of answers and
    their length; its expectation over random draws of a fixed number of pairs (rarefaction,
    Hurlbert 1971, eq. 16) does not. The interval is a jackknife over prompts. Fewer pairs than
    the budget are insufficient.
    """
    counts = [_bigrams(group) for group in groups]
    counts = [c for c in counts if c]
    totals = [c.total() for c in counts]
    enough = len(counts) > 1 and sum(totals) - max(totals) >= budget
    estimate, interval = _jackknife(counts, budget) if enough else (None, None)
    return measured(
        "distinct_2",
        estimate,
        interval,
        Thresholds(),
        units=f"share of {budget} pairs",
        n=len(counts),
        clusters=len(counts),
        assumptions=("first answer of each prompt", f"rarefied to {budget} pairs"),
    )


def _jackknife(counts: Sequence[Counter[tuple[str, str]]], budget: int) -> tuple[float, Interval]:
    """The estimate, and the t interval of its pseudo-values (Tukey 1958)."""
    kinds = {pair: i for i, pair in enumerate(dict.fromkeys(p for c in counts for p in c))}
    table = np.zeros((len(counts), len(kinds)))
    for row, count in zip(table, counts, strict=True):
        for pair, n in count.items():
            row[kinds[pair]] = n
    total, groups = table.sum(0), len(counts)
    whole = rarefied(total, budget)
    without = np.array([rarefied(total - row, budget) for row in table])
    pseudo = groups * whole - (groups - 1) * without
    low, high = student(pseudo.tolist())
    half = (high - low) / 2
    return whole, (max(0.0, whole - half), min(1.0, whole + half))


def rarefied(counts: Floats, budget: int) -> float:
    """E[kinds seen in `budget` of N] / budget = sum over kinds (1 - C(N-n, m) / C(N, m)) / m.

    Args:
        counts: how often each kind occurs; they add up to N, at least `budget` = m.
    """
    # Kinds that occur equally often are missed equally often, and many do.
    kinds = np.bincount(counts.astype(np.intp))
    times = np.flatnonzero(kinds)
    kinds, total = kinds[times], counts.sum()
    others = total - times
    with np.errstate(invalid="ignore", divide="ignore"):
        log_missed = (
            gammaln(others + 1)
            - gammaln(others - budget + 1)
            - gammaln(total + 1)
            + gammaln(total - budget + 1)
        )
    missed = np.where(others >= budget, np.exp(np.where(others >= budget, log_missed, 0.0)), 0.0)
    return float(((1 - missed) * kinds).sum() / budget)


def _bigrams(group: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    return Counter(pair for answer in group["answers"][:1] for pair in pairwise(answer[0].split()))


def _flat(groups: Groups, value: Any) -> tuple[list[float], list[int]]:
    """Values of all answers, and the group each comes from."""
    rows = [(value(answer), i) for i, group in enumerate(groups) for answer in group["answers"]]
    return [v for v, _ in rows], [i for _, i in rows]
