"""Which prompts are worth practising more: numbers by skill or level, from what the agent may see.

Nothing here reads gold: panel scores, calibrated beliefs and grades that were bought for audits.

    learnable   the variance, between the siblings of one prompt, of P(right)
    weak        wrong audited answers, favourites that the bench disputes, open groups doubted
    bounded     weights in [0.25, 3] under which the shares of prompts still add up to 1
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from agent.groups import Group, p_right
from logs.vocabulary import Panel
from tools.judges import Calibration

LEAST, MOST = 0.25, 3.0
"""What is mastered keeps a quarter of its prompts, so that it is not forgotten; what is practised
more takes at most three times its own."""
DOUBTED = 0.5
"""Below this P(right) a favourite is believed to be wrong."""
PRIOR = 4.0
"""Weight of the mean over all, in observations: a level of three prompts says little alone."""
EVERYBODY = 0.2
"""Need that everything has, as a share of the mean need."""
HALVINGS = 60
"""Of the interval in which the scale of the weights lies: down to the last bit."""

Known = Mapping[str, Calibration]
Named = Iterable[tuple[str, float]]


def learnable(group: Group, panel: Panel, known: Known) -> float | None:
    """How much the siblings of one prompt differ in being right; None without two scored ones.

        Var_i(p_i)                 p_i the calibrated P(right) of sibling i
        f (1 - f)                  f the share of siblings that tie with the best, uncalibrated

    Both are p (1 - p) where the panel is certain: largest at a success rate of one half, 0 where
    all are right, where none is, and where the panel cannot tell the siblings apart.

    Units:
        variance of a probability, in [0, 0.25].

    Source:
        Foster et al. 2025, arXiv:2502.12272: training on questions of high variance of success.
    """
    scored = [i for i, score in enumerate(group.panel) if score is not None]
    if len(scored) < 2:
        return None
    beliefs = [p_right(group, i, known, panel) for i in scored]
    told = [p for p in beliefs if p is not None]
    if len(told) == len(scored):
        return _variance(told)
    scores = [group.panel[i] for i in scored]
    best = max(s for s in scores if s is not None)
    share = sum(s == best for s in scores) / len(scores)
    return share * (1 - share)


def _variance(values: Sequence[float]) -> float:
    middle = fmean(values)
    return fmean((x - middle) ** 2 for x in values)


def disputed(group: Group, panel: Panel) -> bool | None:
    """Whether a judge of the bench likes another answer best; None where nobody can say.

    A judge that sees no best answer has no favourite, and disputes nothing.
    """
    seated = {j.id for j in panel.judges}
    others = [s for j, s in group.by_judge.items() if j not in seated and None not in s]
    if not group.panel or None in group.panel or not others:
        return None
    ours = _favourite(group, group.panel)
    theirs = {_favourite(group, s) for s in others} - {None}
    return ours is not None and bool(theirs - {ours})


def doubted(group: Group, panel: Panel, known: Known) -> bool | None:
    """Whether siblings differ and the best is believed wrong; None where nothing is believed."""
    ends = group.ends()
    best = max((s for s in group.panel if s is not None), default=None)
    if best is None:
        return None
    belief = p_right(group, group.panel.index(best), known, panel)
    return None if belief is None else ends is not None and belief < DOUBTED


def right(row: Mapping[str, Any]) -> bool | None:
    """Whether the answer that a policy gives most often was graded right; None if not graded."""
    if "ends" not in row:
        return None
    most = Counter(a[0] for a in row["answers"]).most_common(1)[0][0]
    best, other = row["ends"]
    graded = best if row["answers"][best][0] == most else other
    return bool(row["grades"][str(graded)])


def weak(
    groups: Sequence[tuple[str, Group]],
    audited: Sequence[tuple[str, Mapping[str, Any]]],
    panel: Panel,
    known: Known,
) -> dict[str, float]:
    """Need of practice by skill: the mean of what speaks of it, each relative to its own mean.

    Args:
        groups: judged answers, each with its skill.
        audited: graded rows, each with its skill.
    """
    told = (
        [(s, 1.0 - r) for s, row in audited if (r := right(row)) is not None],
        [(s, float(d)) for s, g in groups if (d := disputed(g, panel)) is not None],
        [(s, float(d)) for s, g in groups if (d := doubted(g, panel, known)) is not None],
    )
    parts = [relative(part) for part in told]
    names = {name for part in parts for name in part}
    return {n: fmean(part.get(n, 1.0) for part in parts if part) for n in sorted(names)}


def relative(values: Named) -> dict[str, float]:
    """Means by name as multiples of the mean over all, drawn towards 1 where there are few.

    Empty where there are no values, or all are 0: nothing then speaks for one more than another.
    """
    by_name: dict[str, list[float]] = defaultdict(list)
    for name, value in values:
        by_name[name].append(value)
    flat = [v for row in by_name.values() for v in row]
    overall = fmean(flat) if flat else 0.0
    if overall <= 0:
        return {}
    return {
        name: (sum(row) + PRIOR * overall) / (len(row) + PRIOR) / overall
        for name, row in sorted(by_name.items())
    }


def bounded(need: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    """Sampling weights relative to 1, in proportion to need as far as the bounds allow.

        w_k = clip(c (need_k + 0.2 mean need), 0.25, 3),   c such that sum_k share_k w_k = 1

    so that a share of prompts is its natural share times its weight, and never less than a
    quarter of it. Names without a need are left at the mean need.

    Args:
        need: at least 0, by name; empty or all 0: no emphasis at all.
        shares: natural share of each name; they add up to 1.
    """
    given = {name: x for name, x in need.items() if name in shares}
    largest = max(given.values(), default=0.0)
    if largest <= 0:
        return {}
    mean = fmean(x / largest for x in given.values())
    wants = {n: (given[n] / largest if n in given else mean) + EVERYBODY * mean for n in shares}
    low, high = 0.0, MOST / min(wants.values())
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        total = sum(shares[name] * _clipped(middle * x) for name, x in wants.items())
        low, high = (middle, high) if total < 1 else (low, middle)
    return {name: round(_clipped(high * x), 3) for name, x in sorted(wants.items())}


def _clipped(weight: float) -> float:
    return min(MOST, max(LEAST, weight))


def _favourite(group: Group, scores: Sequence[float | None]) -> str | None:
    """The words of the answer that a judge likes best; None where it sees no best."""
    told = [s for s in scores if s is not None]
    if max(told) == min(told):
        return None
    return group.texts[list(scores).index(max(told))]
