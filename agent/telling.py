"""What would tell two rival hypotheses apart, what it costs, and whether it is worth that.

    worth = min(L_miss p, L_false (1 - p)) - E[the same after n more pairs]      (in turns of gain)

with p the support of a wrong panel: the expected value of sample information of a two-action
decision (Raiffa & Schlaifer 1961), by exact enumeration of what n pairs may say.

Where the law would refuse to train for want of pairs, they are worth the turn that would be lost,
times the chance that they bring the bound above its floor.
"""

from collections.abc import Sequence

from agent.hypotheses import RIGHT, WRONG
from agent.likelihood import Beta, chance
from agent.seen import Seen
from logs.vocabulary import Finding, Hypothesis, Telling
from tools.instruments.intervals import LEVEL, clopper_pearson

L_MISS = 1.0
"""What training under a wrong panel costs, in turns of gain."""
L_FALSE = 0.5
"""What repairing a panel that was right costs: the turn, and the labels of a refit."""
LABEL = 0.002
"""What one label costs, in turns of gain."""
PAIRS = 12
"""Pairs that are audited in addition where it pays."""
INFORMATIVE = 0.6
"""Share of audited pairs that come with different grades, and so say something."""
DOUBT = (0.15, 0.85)
"""Supports between which a hypothesis has a rival."""

AUDIT_MORE = "judge_accuracy[panel] on further audited pairs"
_PANEL = (Hypothesis.JUDGE_STALE, Hypothesis.JUDGE_OVEROPTIMISED)
_MEASURES: dict[frozenset[Hypothesis], str] = {
    frozenset({Hypothesis.PROMPT_SATURATION, Hypothesis.DISTRIBUTION_COLLAPSE}): (
        "tie_rate on prompts that nobody practises: they tie too if answers collapsed"
    ),
    frozenset({Hypothesis.PROMPT_SATURATION, Hypothesis.DATA_DEFECT}): (
        "distinct_prompts: prompts that repeat are a defect, prompts that are mastered are not"
    ),
    frozenset({Hypothesis.DRIFT, Hypothesis.DISTRIBUTION_COLLAPSE}): (
        "vendi_change against the previous policy: a policy that is far away may be as varied"
    ),
    frozenset({Hypothesis.JUDGE_BIASED, Hypothesis.HEALTHY}): (
        "flaw_pays on more counterfactual answers, which cost no label"
    ),
    frozenset({Hypothesis.CO_ADAPTATION, Hypothesis.HEALTHY}): AUDIT_MORE,
    frozenset({Hypothesis.HACKING_GENERALISES, Hypothesis.HEALTHY}): (
        "misalignment probes of the checkpoint before: was it so already?"
    ),
}


def telling(findings: Sequence[Finding], seen: Seen) -> Telling | None:
    """The measurement that would tell the two strongest apart, if they are rivals."""
    wanting = _wanting(findings, seen)
    if wanting is not None or len(findings) < 2:
        return wanting
    first, second = findings[:2]
    rivals = (first.hypothesis, second.hypothesis)
    if not DOUBT[0] <= second.support <= DOUBT[1] or Hypothesis.NOISE in rivals:
        blamed = next((f for f in findings if f.hypothesis in _PANEL), None)
        if blamed is None or not DOUBT[0] <= blamed.support <= DOUBT[1]:
            return None
        rivals = (blamed.hypothesis, Hypothesis.HEALTHY)
    blamed = next((f for f in findings if f.hypothesis in rivals and f.hypothesis in _PANEL), None)
    if blamed is not None:
        labels = 2 * PAIRS
        worth = worth_of_pairs(blamed.support, round(INFORMATIVE * PAIRS)) - LABEL * labels
        return Telling(rivals=rivals, measurement=AUDIT_MORE, labels=labels, worth=worth)
    measurement = _MEASURES.get(frozenset(rivals))
    return Telling(rivals=rivals, measurement=measurement) if measurement else None


def _wanting(findings: Sequence[Finding], seen: Seen) -> Telling | None:
    """Further pairs where the panel is believed, but the law would want to see more of it."""
    accuracy = seen.accuracy
    wrong = max((f.support for f in findings if f.hypothesis in _PANEL), default=0.0)
    if accuracy is None or accuracy.low is None or wrong >= BELIEVED:
        return None
    if accuracy.low >= seen.judge_floor and accuracy.n >= seen.judge_n:
        return None
    labels = 2 * PAIRS
    k, n, more = accuracy.count or 0, accuracy.n, round(INFORMATIVE * PAIRS)
    passes = sum(
        chance(j, more, Beta(RIGHT.a + k, RIGHT.b + n - k))
        for j in range(more + 1)
        if clopper_pearson(k + j, n + more, level=LEVEL)[0] >= seen.judge_floor
    )
    enough = passes if n + more >= seen.judge_n else 0.0
    worth = (1 - wrong) * enough * L_MISS - LABEL * labels
    if worth <= 0:
        return None
    rivals = (Hypothesis.JUDGE_STALE, Hypothesis.HEALTHY)
    return Telling(rivals=rivals, measurement=AUDIT_MORE, labels=labels, worth=worth)


BELIEVED = 0.5
"""Support of a wrong panel below which it is trained under, if the law lets it."""


def worth_of_pairs(p: float, n: int) -> float:
    """Expected value of n more informative pairs, where the panel is wrong with probability p."""
    after = 0.0
    for k in range(n + 1):
        wrong, right = p * chance(k, n, WRONG), (1 - p) * chance(k, n, RIGHT)
        after += min(L_MISS * wrong, L_FALSE * right)
    return max(0.0, min(L_MISS * p, L_FALSE * (1 - p)) - after)
