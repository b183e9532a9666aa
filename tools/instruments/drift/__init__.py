"""Policy drift: how far the policy went from its anchor, and in which respect.

One protocol: the same prompts for both sides, answers at the training temperature, against the
anchor and against the previous commit. Drift is not harm: these set off audits (yellow); red is
kept for budgets, collapse, a judge that was fooled and capability that was lost.
"""

from tools.instruments.drift.changes import joined
from tools.instruments.drift.diversity import (
    certain_tokens,
    entropy_change,
    siblings_change,
    token_entropy,
    vendi,
    vendi_change,
)
from tools.instruments.drift.embedding import Embedding, HashedNgrams
from tools.instruments.drift.gap import proxy_gold_gap
from tools.instruments.drift.judges_side import ceiling_growth, verdict_entropy
from tools.instruments.drift.kl import (
    exact_kl,
    kl_per_answer,
    kl_per_token,
    kl_profile,
    sampled_kl,
)
from tools.instruments.drift.lexical import distinct_change, self_bleu, self_bleu_change
from tools.instruments.drift.overoptimisation import fit, gold_peak, gold_slope
from tools.instruments.drift.retention import retention, tasks_needed
from tools.instruments.drift.surface import (
    length_change,
    markdown_change,
    markdown_density,
    refusal_change,
    refuses,
)
from tools.instruments.drift.tripwires import (
    Probing,
    cheat_onset,
    checks_change,
    context_gap,
    covert,
    misalignment,
    probes_due,
    reward_jump,
)
from tools.instruments.drift.two_samples import c2st, classifier_drift, kernel_drift, mmd

__all__ = [
    "Embedding",
    "HashedNgrams",
    "Probing",
    "c2st",
    "ceiling_growth",
    "certain_tokens",
    "cheat_onset",
    "checks_change",
    "classifier_drift",
    "context_gap",
    "covert",
    "distinct_change",
    "entropy_change",
    "exact_kl",
    "fit",
    "gold_peak",
    "gold_slope",
    "joined",
    "kernel_drift",
    "kl_per_answer",
    "kl_per_token",
    "kl_profile",
    "length_change",
    "markdown_change",
    "markdown_density",
    "misalignment",
    "mmd",
    "probes_due",
    "proxy_gold_gap",
    "refusal_change",
    "refuses",
    "retention",
    "reward_jump",
    "sampled_kl",
    "self_bleu",
    "self_bleu_change",
    "siblings_change",
    "tasks_needed",
    "token_entropy",
    "vendi",
    "vendi_change",
    "verdict_entropy",
]
