"""Can a judge be trusted: calibration, agreement, transitivity, panels, gold with help.

Underlying statistics (`corp`, `kappa`, `ppi`, `dawid_skene`, ...) are in the modules; here are
the instruments, each of which returns one Measurement, and what they need to be called.
"""

from tools.instruments.reliability.agreement import cohen_kappa, kappa_gap
from tools.instruments.reliability.alpha import krippendorff_alpha
from tools.instruments.reliability.bradley_terry import bradley_terry, position_bias, sharpness
from tools.instruments.reliability.brier import (
    ReliabilityCurve,
    brier,
    discrimination,
    miscalibration,
    reliability_curve,
)
from tools.instruments.reliability.calibration import (
    calibration_error,
    calibration_test,
    spiegelhalter_z,
)
from tools.instruments.reliability.calibration_over_time import calibration_e_process
from tools.instruments.reliability.comparisons import Comparison
from tools.instruments.reliability.dawid_skene import dawid_skene, judge_rate
from tools.instruments.reliability.exchange import (
    exchange,
    exchange_correlation,
    exchange_intercept,
    exchange_rate,
)
from tools.instruments.reliability.grouping import Claim, Mode, by_facet, split, worst
from tools.instruments.reliability.overlaps import (
    Overlap,
    exchange_shift,
    favourite_changes,
    overlap,
    overlap_errors,
    shifts_by,
)
from tools.instruments.reliability.panels import (
    errors_on_gold,
    n_eff,
    n_eff_rise,
    panel_overclaim,
)
from tools.instruments.reliability.ppi import (
    Labelled,
    gold_multiplier,
    ppi_difference,
    ppi_mean,
    ppi_win_rate,
)
from tools.instruments.reliability.prevalence import Counts, rogan_gladen
from tools.instruments.reliability.recalibration import (
    Recalibrator,
    recalibrated,
    recalibration_gain,
)
from tools.instruments.reliability.transitivity import (
    cyclic_triads,
    gold_auc,
    kendall_zeta,
    rank_agreement,
)

__all__ = [
    "Claim",
    "Comparison",
    "Counts",
    "Labelled",
    "Mode",
    "Overlap",
    "Recalibrator",
    "ReliabilityCurve",
    "bradley_terry",
    "brier",
    "by_facet",
    "calibration_e_process",
    "calibration_error",
    "calibration_test",
    "cohen_kappa",
    "cyclic_triads",
    "dawid_skene",
    "discrimination",
    "errors_on_gold",
    "exchange",
    "exchange_correlation",
    "exchange_intercept",
    "exchange_rate",
    "exchange_shift",
    "favourite_changes",
    "gold_auc",
    "gold_multiplier",
    "judge_rate",
    "kappa_gap",
    "kendall_zeta",
    "krippendorff_alpha",
    "miscalibration",
    "n_eff",
    "n_eff_rise",
    "overlap",
    "overlap_errors",
    "panel_overclaim",
    "position_bias",
    "ppi_difference",
    "ppi_mean",
    "ppi_win_rate",
    "rank_agreement",
    "recalibrated",
    "recalibration_gain",
    "reliability_curve",
    "rogan_gladen",
    "sharpness",
    "shifts_by",
    "spiegelhalter_z",
    "split",
    "worst",
]
