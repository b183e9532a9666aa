"""What a rule may speak of: every root, field and type, and nothing else.

founding, old, new   a state: principles, judges, facts, ledger (not founding), base, adapter
change               what this proposal does, computed from the two states
evidence             the metrics that the policy declares, with bounds computed by the gate
param                the exact numbers that the policy declares
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from logs.vocabulary import Intervention, JudgeKind, PrincipleTier

MetricKind = Literal["proportion", "mean", "exact"]
MetricGuarantee = Literal["fixed_n", "anytime"]
GUARANTEES: tuple[MetricGuarantee, ...] = ("fixed_n", "anytime")
"""Whether a bound holds at a size fixed beforehand, or at every size at once."""

NUMERIC = ("int", "real")

ENUMS: Mapping[str, tuple[str, ...]] = {
    "tier": tuple(t.value for t in PrincipleTier),
    "intervention": tuple(i.value for i in Intervention),
    "judge_kind": tuple(k.value for k in JudgeKind),
}
"""Scalar types whose words are listed; a literal outside the list is refused."""

WORDS = ("string", "family", "hash", *ENUMS)
"""Scalar types that can be compared with a quoted word."""


@dataclass(frozen=True, slots=True)
class Record:
    """A fixed set of typed fields."""

    name: str
    fields: Mapping[str, "Type"]


@dataclass(frozen=True, slots=True)
class Map:
    """Records by id; an id that is not there has weight 0 and `present` false."""

    element: Record


Type = str | Record | Map
"""A scalar by its name, a record, or a map of records."""

PRINCIPLE = Record(
    "Principle",
    {
        "id": "string",
        "text": "string",
        "contexts": "string",
        "weight": "real",
        "tier": "tier",
        "present": "bool",
    },
)
JUDGE = Record(
    "Judge",
    {
        "id": "string",
        "kind": "judge_kind",
        "family": "family",
        "version": "int",
        "artefact": "hash",
        "weight": "real",
        "present": "bool",
    },
)
COUNTS = Record(
    "Facts",
    {
        "principles": "int",
        "judges": "int",
        "judge_families": "int",
        "judge_updates": "int",
        "policy_updates": "int",
    },
)
LEDGER = Record(
    "Ledger",
    {
        "weight_path": "real",
        "audit_labels": "int",
        "gold_queries": "int",
        "alpha": "real",
        "seconds": "real",
    },
)
FOUNDING = Record(
    "founding State",
    {
        "principles": Map(PRINCIPLE),
        "judges": Map(JUDGE),
        "facts": COUNTS,
        "base": "hash",
        "adapter": "hash",
    },
)
STATE = Record("State", {**FOUNDING.fields, "ledger": LEDGER})
CHANGE = Record(
    "Change",
    {
        "kind": "intervention",
        "rolls_back": "bool",
        "touches_adapter": "bool",
        "touches_judge": "bool",
        "touches_panel": "bool",
        "touches_constitution": "bool",
        "touches_recipe": "bool",
        "touches_prompts": "bool",
        "touches_replay": "bool",
        "rollback_stored": "bool",
        "rollback_tested": "bool",
        "weight_step": "real",
        "approvals": "int",
    },
)
METRICS: Mapping[MetricKind, Record] = {
    "proportion": Record(
        "proportion", {"lo": "real", "hi": "real", "mean": "real", "n": "int", "k": "int"}
    ),
    "mean": Record("mean", {"lo": "real", "hi": "real", "mean": "real", "n": "int"}),
    "exact": Record("exact quantity", {"lo": "real", "hi": "real"}),
}

SANDBOX_LEVEL = "sandbox_level"
"""A field of every evidence, read by rules as an exact metric; need not be declared."""


def roots(params: Mapping[str, str], metrics: Mapping[str, MetricKind]) -> Mapping[str, Record]:
    """The roots of a policy that declares these parameters and metrics."""
    declared = {name: METRICS[kind] for name, kind in metrics.items()}
    return {
        "founding": FOUNDING,
        "old": STATE,
        "new": STATE,
        "change": CHANGE,
        "evidence": Record("evidence", {**declared, SANDBOX_LEVEL: METRICS["exact"]}),
        "param": Record("param", dict(params)),
    }
