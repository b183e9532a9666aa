"""The bias audit of judges as pure statistics: verdicts in, one Measurement each out.

`shift` is the one design for all biases: the same item with and without a treatment that
should not matter. What is special to a bias stands in the other files.
"""

from tools.instruments.audit.attacks import attack_success, attacks_needed, rule_of_three
from tools.instruments.audit.flips import excess_flip, flip_rate, noise_floor
from tools.instruments.audit.groups import holm, stereotype_told, stereotype_untold, worst_group
from tools.instruments.audit.length import (
    LengthReading,
    length_controlled_win_rate,
    length_reading,
    length_slope,
)
from tools.instruments.audit.paired import Paired, cross, mcnemar, newcombe, wilson
from tools.instruments.audit.planning import (
    Plan,
    n_for_scores,
    n_per_arm,
    n_to_certify,
    n_to_detect,
    plan,
)
from tools.instruments.audit.position import (
    both_orders_accuracy,
    consistency,
    order_averaged_accuracy,
    order_locked,
    position_bias,
)
from tools.instruments.audit.preference import equal_opportunity_gap, familiarity_slope
from tools.instruments.audit.scores import (
    effective_levels,
    gold_auc,
    pair_ties,
    retest_icc,
    retest_kappa,
)
from tools.instruments.audit.shift import Answer, Shift, certify, detect, net_shift, shift_of

__all__ = [
    "Answer",
    "LengthReading",
    "Paired",
    "Plan",
    "Shift",
    "attack_success",
    "attacks_needed",
    "both_orders_accuracy",
    "certify",
    "consistency",
    "cross",
    "detect",
    "effective_levels",
    "equal_opportunity_gap",
    "excess_flip",
    "familiarity_slope",
    "flip_rate",
    "gold_auc",
    "holm",
    "length_controlled_win_rate",
    "length_reading",
    "length_slope",
    "mcnemar",
    "n_for_scores",
    "n_per_arm",
    "n_to_certify",
    "n_to_detect",
    "net_shift",
    "newcombe",
    "noise_floor",
    "order_averaged_accuracy",
    "order_locked",
    "pair_ties",
    "plan",
    "position_bias",
    "retest_icc",
    "retest_kappa",
    "rule_of_three",
    "shift_of",
    "stereotype_told",
    "stereotype_untold",
    "wilson",
    "worst_group",
]
