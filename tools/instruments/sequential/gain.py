"""Is the gain real? Fresh gold, helped by many judged answers, at any look.

    U_t = (Y_t - l f_t + l) / (1 + l) in [0, 1],  Y truth and f judge on gold items, l fixed before
    E[Y] <= m  becomes  E[U] <= (m - l F + l) / (1 + l)

F is a lower bound, at alpha / 5, of the judge's mean over N judged items that are disjoint from
gold and were sealed before gold was opened; the bet on U runs at 4 alpha / 5, so that its wealth
must reach 5 / (4 alpha). Whatever the judge does, the bound holds: a hacked judge costs power.
With few judged items or a weak judge l = 0, and gold is bet on alone at the whole alpha.

Source: prediction-powered inference, Angelopoulos et al. (2023), doi:10.1126/science.adi6000,
with betting (Waudby-Smith & Ramdas 2024) in place of its normal limit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from logs.errors import Refused, UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.sequential.betting import (
    FRESH,
    Floats,
    log_wealth,
    refuse_alpha,
    refuse_null,
)
from tools.instruments.sequential.confidence import bernstein_lower
from tools.instruments.sequential.freshness import Seen
from tools.instruments.sequential.spending import alpha_of_iteration

FEWEST_JUDGED = 4000
WEAKEST = 0.5
"""Correlation of judge and truth below which the judge is left out."""
GAP = 0.05
"""Largest lower bound of the gap between judge and gold with which a gain may be claimed."""
JUDGE_SHARE = 0.2
"""Share of alpha for the judge's mean."""
_POINTS = 400
_TOO_LITTLE = "too little gold for any outcome to show a gain"


class Claim(StrEnum):
    """The only words there are."""

    GAIN = "gain"
    NO_CLEAR_CHANGE = "no clear change"
    INCONCLUSIVE = "inconclusive"
    """Something that the claim needs is missing, or speaks against it."""


_STATUS = {
    Claim.GAIN: Status.GREEN,
    Claim.NO_CLEAR_CHANGE: Status.YELLOW,
    Claim.INCONCLUSIVE: Status.INSUFFICIENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """One gold item, opened: a prompt of the current policy, drawn at random."""

    item: str
    truth: float
    """1 better, 0 worse, 1/2 a tie; or any score in [0, 1]."""
    judged: float
    """What the judge had said, in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is fixed before the first gold item is opened."""

    level: float
    """alpha of this iteration."""
    null: float = 0.5
    """m: the mean that is no gain."""
    weight: float = 0.0
    """lambda: how much the judge counts; 0 leaves it out."""

    def __post_init__(self) -> None:
        refuse_alpha("gain", self.level)
        refuse_null("gain", self.null)
        refuse_impossible("gain", [self.weight], lower=0.0, upper=1.0)

    @property
    def needed(self) -> float:
        """Log wealth at which the null falls."""
        return -math.log(self.level * (1 - JUDGE_SHARE if self.weight else 1.0))


def plan_gain(
    truth: Sequence[float],
    judged: Sequence[float],
    *,
    iteration: int,
    gold_items: int,
    judged_items: int,
    null: float = 0.5,
    alpha: float = 0.05,
) -> Plan:
    """The plan of one iteration, from gold of earlier ones: lambda tuned, the judge in or out.

    lambda = clip(cov(Y, f) / ((1 + n / N) var f), 0, 1); 0 when N < 4000 or their correlation
    is below 1/2, and when nothing is known of it.

    Args:
        truth: of earlier gold items; none of them may be bet on again.
        judged: what the judge said of the same items.

    Source: Angelopoulos, Duchi & Zrnic (2023), arXiv 2311.01453, example 6.1.
    """
    refuse_unequal("gain", {"truths": len(truth), "judgements": len(judged)})
    refuse_impossible("gain", [*truth, *judged], lower=0.0, upper=1.0)
    refuse_impossible("gain", [gold_items, judged_items], lower=0)
    level = alpha_of_iteration(iteration, alpha=alpha)
    y, f = np.asarray(truth, dtype=np.float64), np.asarray(judged, dtype=np.float64)
    known = len(y) > 1 and y.std() > 0 and f.std() > 0 and judged_items >= FEWEST_JUDGED
    if not known or float(np.corrcoef(y, f)[0, 1]) < WEAKEST:
        return Plan(level=level, null=null)
    slope = float(np.cov(y, f, ddof=1)[0, 1] / np.var(f, ddof=1))
    weight = min(max(slope / (1 + gold_items / judged_items), 0.0), 1.0)
    return Plan(level=level, null=null, weight=weight)


def rectified(plan: Plan, truth: Floats, judged: Floats) -> Floats:
    """U: truth less the judge's share of it, in [0, 1]; for many paths along the last axis."""
    return (truth - plan.weight * judged + plan.weight) / (1 + plan.weight)


def rectified_null(plan: Plan, judge_mean_low: float) -> float:
    """What E[U] is at most when E[Y] is at most m and the judge's mean at least this."""
    return (plan.null - plan.weight * judge_mean_low + plan.weight) / (1 + plan.weight)


def judge_mean_low(plan: Plan, scores: Sequence[float]) -> float:
    """F: lower bound of the judge's mean, wrong with probability alpha / 5 at most."""
    if not plan.weight:
        return 0.0
    values = np.asarray(scores, dtype=np.float64)
    return bernstein_lower(values, delta=plan.level * JUDGE_SHARE)


def is_the_gain_real(
    plan: Plan,
    gold: Sequence[Gold],
    *,
    judged: Mapping[str, float],
    sealed_at: int,
    opened_at: int,
    judge_win_rate: float | None,
    gap: Measurement | None,
    capability: Status | None,
    seen: Seen | None = None,
) -> Measurement:
    """Whether the truth about the policy is above the null; `claim` has the word for it.

    Green (gain) when the bet was won, the judge's length-controlled win rate is on the same side,
    the gap between judge and gold is not surely above 0.05, and capability is green; insufficient
    (inconclusive) when one of these is missing or denies it, or too little gold could have won.

    Args:
        gold: in the order it was opened; may stop, or go on, at any time.
        judged: item -> score of the judged items; unused when the plan leaves the judge out.
        sealed_at: log entry that fixed the judge's scores; `opened_at`, that of the first gold.
        judge_win_rate: length-controlled, in [0, 1].
        gap: judge minus gold, by its own instrument.
        seen: gold items of earlier iterations.

    Raises:
        Refused: an item was used before, is both gold and judged, or was judged too late.
        UndefinedMeasurement: a value is not in [0, 1], or the plan needs judged items.
    """
    _refuse_impossible(plan, gold, judged, judge_win_rate)
    _refuse_leaks(plan, gold, judged, sealed_at=sealed_at, opened_at=opened_at, seen=seen)
    values = rectified(plan, *np.array([(g.truth, g.judged) for g in gold]).reshape(-1, 2).T)
    low = judge_mean_low(plan, list(judged.values()))
    null = rectified_null(plan, low)
    won, possible = _won(plan, values, null), _won(plan, np.ones(len(gold)), null)
    against = _against(plan, judge_win_rate, gap, capability, enough=possible)
    word = Claim.INCONCLUSIVE if against else Claim.GAIN if won else Claim.NO_CLEAR_CHANGE
    return Measurement(
        instrument="gain",
        estimate=_estimate(plan, values, judged) if possible else None,
        units="win rate",
        low=_lowest(plan, values, low) if gold else None,
        level=1 - plan.level,
        guarantee=Guarantee.ANYTIME,
        n=len(gold),
        null=plan.null,
        status=_STATUS[word],
        assumptions=(*against, *_told(plan, len(judged))),
    )


def claim(measurement: Measurement) -> Claim:
    """The word that a measurement of gain has earned."""
    words = {status: word for word, status in _STATUS.items()}
    return words.get(measurement.status, Claim.INCONCLUSIVE)


def _won(plan: Plan, values: Floats, null: float) -> bool:
    return bool(len(values)) and float(log_wealth(values, null).max()) >= plan.needed


def _estimate(plan: Plan, values: Floats, judged: Mapping[str, float]) -> float:
    """PPI: mean(Y - l f) on gold + l mean(f) on the judged items."""
    gold = (1 + plan.weight) * float(values.mean()) - plan.weight
    return gold + (plan.weight * float(np.mean(list(judged.values()))) if plan.weight else 0.0)


def _lowest(plan: Plan, values: Floats, judge_low: float) -> float:
    """The least mean of the truth that was never refuted: a one-sided confidence sequence."""
    grid = (np.arange(_POINTS) + 0.5) / _POINTS
    alive = log_wealth(values[None, :], grid[:, None]).max(axis=-1) < plan.needed
    least = float(grid[alive.argmax()]) - 1 / _POINTS if alive.any() else 1.0
    return max(0.0, (1 + plan.weight) * least - plan.weight + plan.weight * judge_low)


def _against(
    plan: Plan,
    win_rate: float | None,
    gap: Measurement | None,
    capability: Status | None,
    *,
    enough: bool,
) -> tuple[str, ...]:
    """Why no gain may be claimed even if the bet is won; nothing, when nothing speaks against."""
    told = [] if enough else [_TOO_LITTLE]
    if win_rate is None:
        told.append("the judge's length-controlled win rate is missing")
    elif win_rate <= plan.null:
        told.append(f"the judge's length-controlled win rate, {win_rate:.3f}, denies it")
    if gap is None or gap.low is None:
        told.append("the gap between judge and gold is missing")
    elif gap.low > GAP:
        told.append(f"the judge runs ahead of gold by {gap.low:.3f} at least")
    if capability is not Status.GREEN:
        told.append(f"capability is {capability or 'missing'}, not green")
    return tuple(told)


def _told(plan: Plan, judged: int) -> tuple[str, ...]:
    share = f"lower bound one-sided at level {1 - plan.level:.4g}"
    if not plan.weight:
        return (*FRESH, "gold alone", share)
    return (*FRESH, f"judge weighted {plan.weight:.3f}, mean over {judged} sealed items", share)


def _refuse_impossible(
    plan: Plan, gold: Sequence[Gold], judged: Mapping[str, float], win_rate: float | None
) -> None:
    values = [x for g in gold for x in (g.truth, g.judged)]
    rates = [] if win_rate is None else [win_rate]
    refuse_impossible("gain", [*values, *judged.values(), *rates], lower=0.0, upper=1.0)
    if plan.weight and not judged:
        raise UndefinedMeasurement(
            "This plan counts on judged items, and there are none.",
            saw="0 judged items",
            wanted=f"at least {FEWEST_JUDGED}, apart from gold",
            try_this="judge answers to other prompts, or plan without the judge: weight 0",
        )


def _refuse_leaks(
    plan: Plan,
    gold: Sequence[Gold],
    judged: Mapping[str, float],
    *,
    sealed_at: int,
    opened_at: int,
    seen: Seen | None,
) -> None:
    memory = seen or Seen.of(max(1, len(gold)))
    for one in gold:
        memory = memory.after(one.item)
    both = [g.item for g in gold if g.item in judged]
    if plan.weight and (both or sealed_at >= opened_at):
        raise Refused(
            "The judged items must be apart from gold, and sealed before gold is opened.",
            saw=f"{len(both)} items in both; sealed at entry {sealed_at}, gold at {opened_at}",
            wanted="none in both, and the scores in the log before the first gold item",
            try_this="split the prompts first, judge, seal, and only then open gold",
        )
