"""The meta-reward: who watches how the agent trains. It gates and ranks, and is never a gradient.

Components come from bounds that are against the agent, gates hold or void, claims are filed before
their outcome. What the agent could learn to please is rotated, hidden or drawn by chance.
"""

from tools.instruments.meta.claims import (
    MENU,
    Claim,
    Filed,
    base_rate,
    honest_claims,
    verdict,
    verdicts_by_bets,
)
from tools.instruments.meta.components import Judged, Planted, data_quality, judge_quality
from tools.instruments.meta.definition import DEFAULT, Definition
from tools.instruments.meta.gates import (
    REQUIRED,
    Gate,
    LedgerMark,
    at_least,
    budget,
    contamination,
    integrity,
    ledger,
    mark_of,
    rescored,
    sabotage,
    sabotage_control,
    throughout,
)
from tools.instruments.meta.protection import (
    Plan,
    active_items,
    after,
    commitment,
    deep_audit_due,
    gap_detector,
    hidden_metrics,
    revealed,
    shown_minus_hidden,
)
from tools.instruments.meta.reward import Components, Spending, broken, meta_reward
from tools.instruments.meta.stability import Drift, grad_norm_outliers, stability

__all__ = [
    "DEFAULT",
    "MENU",
    "REQUIRED",
    "Claim",
    "Components",
    "Definition",
    "Drift",
    "Filed",
    "Gate",
    "Judged",
    "LedgerMark",
    "Plan",
    "Planted",
    "Spending",
    "active_items",
    "after",
    "at_least",
    "base_rate",
    "broken",
    "budget",
    "commitment",
    "contamination",
    "data_quality",
    "deep_audit_due",
    "gap_detector",
    "grad_norm_outliers",
    "hidden_metrics",
    "honest_claims",
    "integrity",
    "judge_quality",
    "ledger",
    "mark_of",
    "meta_reward",
    "rescored",
    "revealed",
    "sabotage",
    "sabotage_control",
    "shown_minus_hidden",
    "stability",
    "throughout",
    "verdict",
    "verdicts_by_bets",
]
