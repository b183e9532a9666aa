"""How good is the policy of one turn? Grades that were paid for, with the panel's help.

The grade of the answer that the policy gives most often is read, on the prompts that the turn
audited: they were drawn at random, no judge chose them, and no judge was fitted on them. Prompts
with two rival answers and all others are two strata, each with grades of its own: a policy that
learns leaves the first one, and what stays there is what is hard for it. What the panel says of
rivals that were not graded only narrows the estimate (PPI++): its error is measured on the graded
ones and taken off. To score everything higher moves nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agent.auditing import Graded, duel, most_frequent
from agent.groups import Group
from tools.instruments.reliability.ppi import Labelled, ppi
from tools.pairs import probability_first

FEWEST = 6
"""Graded prompts below which the panel's help cannot be told: a weight is fitted on them."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Share of right answers on audited prompts, in [0, 1]."""

    share: float
    variance: float
    """Of that estimate; above 0, also where all grades are the same."""
    n: int
    """Graded prompts."""


def quality_of(
    rows: Sequence[Graded], groups: Sequence[Group], known: Collection[str] = ()
) -> Quality | None:
    """The quality of the policy that gave these answers; None where it cannot be told.

        share = w q + (1 - w) q'       w the share of audit prompts with rival answers

    q and q' are the shares of right answers on graded prompts with rivals and without. Where there
    are prompts of a stratum, and no grade of any, nothing is told.

    Args:
        rows: what the turn's audit graded; only rows of random prompts, with `ends` or `most`, are
            read.
        groups: the answers to all audit prompts of the turn, with the panel's scores.
        known: prompts that were graded before: judges may have been fitted on them.
    """
    by_prompt = {g.prompt: g for g in groups}
    graded = {
        row["prompt"]: _right(row, by_prompt[row["prompt"]])
        for row in rows
        if "ends" in row and row["prompt"] in by_prompt
    }
    duels = {p: d for p, g in by_prompt.items() if (d := duel(g)) is not None}
    spared = {*known, *graded}
    alone = [_claim(by_prompt[p], d) for p, d in duels.items() if p not in spared]
    right = [float(r) for r, _ in graded.values()]
    others = [float(row["grades"][str(row["most"])]) for row in rows if "most" in row]
    weight = len(duels) / len(by_prompt) if by_prompt else 1.0
    if (weight > 0 and not right) or (weight < 1 and not others):
        return None
    strata = []
    if right:
        told = _estimated(right, [claim for _, claim in graded.values()], alone)
        strata.append((weight, told))
    if weight < 1:
        strata.append((1 - weight, _estimated(others, [], ())))
    return Quality(
        sum(w * q.share for w, q in strata),
        sum(w**2 * q.variance for w, q in strata),
        sum(q.n for _, q in strata),
    )


def _right(row: Graded, group: Group) -> tuple[bool, float]:
    """Whether the most frequent answer is right, and what the panel claims of it."""
    best, other = row["ends"]
    right = row["grades"][str(best if most_frequent(group) == group.texts[best] else other)]
    return bool(right), _claim(group, (best, other))


def _claim(group: Group, ends: tuple[int, int]) -> float:
    """The panel's P(the most frequent answer beats the other one): a share, on any scale."""
    best, other = ends
    first = probability_first(group.judged, best, other)
    return first if most_frequent(group) == group.texts[best] else 1 - first


def _estimated(right: Sequence[float], claims: Sequence[float], alone: Sequence[float]) -> Quality:
    """PPI++, with a variance that small samples make neither vanish nor look smaller than it is.

    The variance of the grades is p(1 - p)/n at p = (k + 1)/(n + 2). The panel narrows it by what
    it narrows the usual one, widened by (n - 1)/(n - 3) since its weight is fitted on the same n
    grades (one degree of freedom, and the weight's own error: regression estimators in Cochran
    1977, "Sampling Techniques", chapter 7), and by no more than a perfect panel could.
    """
    n, k = len(right), sum(right)
    smoothed = (k + 1) / (n + 2)
    variance = smoothed * (1 - smoothed) / n
    if n < FEWEST or len(alone) < 2:
        return Quality(k / n, variance, n)
    found = ppi(Labelled(gold=right, judge=claims, alone=alone), "quality")
    if found.gold_se == 0:
        return Quality(k / n, variance, n)
    narrowed = (found.se / found.gold_se) ** 2 * (n - 1) / (n - 3)
    most = n / (n + len(alone))
    share = min(1.0, max(0.0, found.estimate))
    return Quality(share, variance * min(1.0, max(most, narrowed)), n)
