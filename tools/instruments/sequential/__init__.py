"""Sequential instruments: looking at them early, late or often costs nothing.

What they promise rests on two things that no function can see: each item is fresh, its
expectation given the past what the null says; and nothing is chosen by looking ahead. Items that
the agent has seen results of are not fresh; those go through the vault.
"""

from tools.instruments.sequential.betting import Bet, betting_test
from tools.instruments.sequential.confidence import mean_over_time
from tools.instruments.sequential.detectors import Baseline, Detector, baseline, change
from tools.instruments.sequential.freshness import Seen
from tools.instruments.sequential.gain import (
    Claim,
    Gold,
    Plan,
    claim,
    is_the_gain_real,
    plan_gain,
)
from tools.instruments.sequential.mixture import proportion_over_time
from tools.instruments.sequential.multiplicity import (
    adjusted,
    e_bh,
    e_holm,
    p_to_e,
    red_metrics,
)
from tools.instruments.sequential.spending import (
    Standing,
    alpha_of_claim,
    alpha_of_iteration,
    standing_claim,
)

__all__ = [
    "Baseline",
    "Bet",
    "Claim",
    "Detector",
    "Gold",
    "Plan",
    "Seen",
    "Standing",
    "adjusted",
    "alpha_of_claim",
    "alpha_of_iteration",
    "baseline",
    "betting_test",
    "change",
    "claim",
    "e_bh",
    "e_holm",
    "is_the_gain_real",
    "mean_over_time",
    "p_to_e",
    "plan_gain",
    "proportion_over_time",
    "red_metrics",
    "standing_claim",
]
