"""Changes told from different prompts on either side: what audits of fresh prompts allow.

An audit never grades a prompt twice, so its grades of two policies cannot be paired by item. The
sides are then independent samples, and the intervals are wider than those of paired items.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from logs.vocabulary import Measurement, Status
from tools.instruments.audit.paired import wilson
from tools.instruments.drift.changes import FEWEST, Change, reported, status
from tools.instruments.drift.gap import GAP
from tools.instruments.drift.retention import LOSS
from tools.instruments.drift.shares import POINTS
from tools.instruments.estimates import refuse_impossible
from tools.instruments.intervals import LEVEL, Interval

UNPAIRED = "different prompts on both sides, chosen by one rule"
Counts = tuple[int, int]
"""(yes, asked)"""


def newcombe_between(now: Counts, then: Counts, *, level: float = LEVEL) -> Interval:
    """Score interval of a difference of two independent proportions, now minus then.

        [d - sqrt((p1 - l1)^2 + (u2 - p2)^2),  d + sqrt((u1 - p1)^2 + (p2 - l2)^2)]

    where (l, u) are the Wilson intervals, 1 is now and 2 is then.

    Source:
        Newcombe (1998), Statistics in Medicine 17:873-890, method 10.
    """
    (k1, n1), (k2, n2) = now, then
    p1, p2 = k1 / n1, k2 / n2
    (l1, u1), (l2, u2) = wilson(k1, n1, level=level), wilson(k2, n2, level=level)
    down, up = math.hypot(p1 - l1, u2 - p2), math.hypot(u1 - p1, p2 - l2)
    return max(-1.0, p1 - p2 - down), min(1.0, p1 - p2 + up)


def retention_between(
    now: Counts, then: Counts, *, of: str = "", level: float = LEVEL
) -> Measurement:
    """Share of audited prompts answered rightly now minus at the anchor; red when 2 points may
    be lost and either a loss is established or the interval could have excluded one.

    Args:
        now: (right, graded) of the policy; so `then`, of the anchor.
        of: the skill; empty for all.
    """
    return _share("retention", now, then, of, level, loses=True)


def checks_between(now: Counts, then: Counts, *, level: float = LEVEL) -> Measurement:
    """Share of audited prompts answered rightly, now minus at the last probed checkpoint.

    What `checks_change` says of paired items, for audits of fresh prompts.
    """
    return _share("held_out_checks", now, then, "", level, loses=False)


def _share(
    name: str, now: Counts, then: Counts, of: str, level: float, *, loses: bool
) -> Measurement:
    n = now[1] + then[1]
    if not now[1] or not then[1]:
        return reported(
            name,
            None,
            -LOSS,
            units=POINTS,
            n=n,
            of=of,
            level=level,
            assumptions=(f"{now[1]} graded now, {then[1]} then",),
            paired=UNPAIRED,
        )
    low, high = newcombe_between(now, then, level=level)
    change = Change(now[0] / now[1] - then[0] / then[1], (low, high), n)
    telling = high < 0 or (high - low) / 2 <= LOSS
    lost = Status.RED if telling else Status.INSUFFICIENT
    retained = Status.GREEN if low >= -LOSS else lost
    return reported(
        name,
        change,
        -LOSS,
        units=POINTS,
        n=n,
        of=of,
        level=level,
        verdict=retained if loses else status(change.estimate, change.interval, -LOSS),
        assumptions=(f"{now[0]} of {now[1]} now, {then[0]} of {then[1]} then",),
        paired=UNPAIRED,
    )


def gap_between(
    now: Sequence[float], then: Sequence[float], *, level: float = LEVEL
) -> Measurement:
    """How much more the judge claims over what labels confirm, now than at the anchor.

        mean(now) - mean(then), Welch's t interval

    Red: the lower bound is above .05. Green: the upper one is not. What `proxy_gold_gap` says of
    paired items, for audits of fresh prompts.

    Args:
        now: per audited prompt, the judge's claim minus what the labels say, in [-1, 1].
        then: the same for the anchor's answers, by the same judge.

    Raises:
        UndefinedMeasurement: a value is not in [-1, 1].
    """
    for side in (now, then):
        refuse_impossible("proxy_gold_gap", side, lower=-1.0, upper=1.0)
    change = _welch(now, then, level) if min(len(now), len(then)) >= FEWEST else None
    return reported(
        "proxy_gold_gap",
        change,
        GAP,
        units="probability",
        n=len(now) + len(then),
        level=level,
        assumptions=(f"{len(now)} audited now, {len(then)} at the anchor",),
        paired=UNPAIRED,
    )


def _welch(now: Sequence[float], then: Sequence[float], level: float) -> Change | None:
    """Welch 1947: unequal variances, the degrees of freedom by Satterthwaite."""
    if max(len(set(side)) for side in (now, then)) == 1:
        return None  # constant on both sides: no spread to tell an interval from
    shares = [float(np.var(side, ddof=1)) / len(side) for side in (now, then)]
    total = sum(shares)
    df = total**2 / sum(s**2 / (len(side) - 1) for s, side in zip(shares, (now, then), strict=True))
    half = float(stats.t.ppf((1 + level) / 2, df)) * math.sqrt(total)
    centre = float(np.mean(now) - np.mean(then))
    return Change(centre, (centre - half, centre + half), len(now) + len(then))
