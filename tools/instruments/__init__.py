"""Instruments: pure functions from counts and values to one Measurement each.

No clock, no disk, no network, no chance: the same numbers give the same measurement.
Impossible input (NaN, unequal lengths, more successes than trials) is refused; too little
data is `insufficient`, without an estimate, and never green.
"""

from tools.instruments.answers import distinct_2, entropy, lengths
from tools.instruments.estimates import mean, proportion
from tools.instruments.judges import (
    ceiling_mass,
    flaw_pays,
    judge_accuracy,
    judge_errors,
    judge_gap,
    tie_rate,
)
from tools.instruments.policy import divergence, gold, score

__all__ = [
    "ceiling_mass",
    "distinct_2",
    "divergence",
    "entropy",
    "flaw_pays",
    "gold",
    "judge_accuracy",
    "judge_errors",
    "judge_gap",
    "lengths",
    "mean",
    "proportion",
    "score",
    "tie_rate",
]
