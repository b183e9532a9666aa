"""What drift does to the judges: on the policy's answers, do they still tell good from better?

The share of prompts whose answers tie is `tools.instruments.judges.tie_rate`.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from scipy import stats

from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.drift.changes import FEWEST, Change, Prompts, difference, reported
from tools.instruments.estimates import refuse_impossible
from tools.instruments.intervals import LEVEL

CEILING = 0.10


def ceiling_growth(
    now: Sequence[float],
    then: Sequence[float],
    *,
    top: float,
    prompts: Prompts = None,
    judge: str = "panel",
    level: float = LEVEL,
) -> Measurement:
    """Share of answers at the top score, now minus at the anchor; alarms at +.10.

    Args:
        now: the judge's scores of the policy's answers; row i of both sides is one prompt.
        top: the top of the judge's scale, the same on both sides.

    Raises:
        UndefinedMeasurement: a score is not finite or above `top`, or the rows do not match.
    """
    for side in (now, then):
        refuse_impossible("ceiling_growth", side, upper=top)
    sides = [(np.asarray(side, dtype=np.float64) >= top).astype(float) for side in (now, then)]
    change = difference("ceiling_growth", sides[0], sides[1], prompts, level=level)
    if change is not None and (
        change.clusters < FEWEST or change.interval[0] == change.interval[1]
    ):
        change = _all_agree(change, level)
    return reported(
        "ceiling_growth",
        change,
        CEILING,
        units="share of answers",
        n=len(now),
        of=judge,
        level=level,
    )


def _all_agree(change: Change, level: float) -> Change | None:
    """No spread to estimate from: what n equal draws cannot rule out, at most 1 - .025^(1/n)."""
    if change.clusters < FEWEST:
        return None
    room = 1 - ((1 - level) / 2) ** (1 / change.clusters)
    low, high = max(-1.0, change.estimate - room), min(1.0, change.estimate + room)
    return Change(change.estimate, (low, high), change.clusters)


def verdict_entropy(verdicts: Sequence[Hashable], *, judge: str = "panel") -> Measurement:
    """Entropy of the judge's verdicts, nats, corrected for the bias of small samples.

        H = -sum p log p + (K - 1) / (2n);   var = (sum p log^2 p - H^2) / n

    0 is a judge that always says the same. A report, without a threshold.

    Source:
        Miller 1955 (correction), Basharin 1959 (variance).
    """
    n = len(verdicts)
    if n < FEWEST:
        return _entropy(None, None, n, judge, ())
    p = np.array(list(Counter(verdicts).values())) / n
    plain = -float((p * np.log(p)).sum())
    estimate = plain + (len(p) - 1) / (2 * n)
    variance = max(0.0, float((p * np.log(p) ** 2).sum()) - plain**2) / n
    half = float(stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance))
    even = ("verdicts are even or all alike: the interval is a point",) if half < 1e-9 else ()
    return _entropy(estimate, (max(0.0, estimate - half), estimate + half), n, judge, even)


def _entropy(
    estimate: float | None,
    interval: tuple[float, float] | None,
    n: int,
    judge: str,
    more: tuple[str, ...],
) -> Measurement:
    return Measurement(
        instrument="verdict_entropy",
        estimate=estimate,
        units="nats",
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n,
        status=Status.INSUFFICIENT if estimate is None else Status.GREEN,
        assumptions=("one verdict per prompt; Miller's correction", *more),
        of=judge,
    )
