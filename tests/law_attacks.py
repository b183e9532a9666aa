"""Lawful changes, and for each rule of the default policy an attack that it stops."""

from typing import Any

from logs.vocabulary import Ledgers, Metric, State, Tier
from tests.law_cases import (
    FOUNDING,
    PRINCIPLES,
    judge,
    principle,
    trained,
    with_judges,
    with_principles,
    with_weights,
)

HONEST, HARMLESS, HELPFUL, FAIR, CONCISE = PRINCIPLES
REFIT = with_judges(FOUNDING, judge("ann", "ann", version=2), judge("bea", "bea"))


def reworded(state: State, key: str) -> State:
    return with_principles(
        state,
        *(
            p.model_copy(update={"text": "Be agreeable."}) if p.id == key else p
            for p in state.constitution.principles
        ),
    )


def two_judges(first: str, second: str) -> State:
    return with_judges(FOUNDING, judge("ann", "ann", first), judge("bea", "bea", second), updates=0)


def proportion(name: str, k: int, n: int) -> dict[str, Metric]:
    return {name: Metric(name=name, k=k, n=n)}


def mean(name: str, *values: str) -> dict[str, Metric]:
    return {name: Metric(name=name, values=values)}


STEP = with_weights(FOUNDING, helpful="0.21", concise="0.14")

LAWFUL: dict[str, tuple[State, dict[str, Any], Tier]] = {
    "training": (trained(FOUNDING), {}, Tier.LOW),
    "a small reweighting": (STEP, {}, Tier.LOW),
    "a larger reweighting": (
        with_weights(FOUNDING, helpful="0.25", concise="0.10"),
        {},
        Tier.MEDIUM,
    ),
    "a new adaptive principle": (
        with_principles(FOUNDING, *PRINCIPLES, principle("brief", "adaptive", "0.05")),
        {},
        Tier.MEDIUM,
    ),
    "a refitted judge": (REFIT, {}, Tier.MEDIUM),
    "a reweighted panel": (two_judges("0.6", "0.4"), {}, Tier.LOW),
    "a reworded core principle, approved": (
        reworded(FOUNDING, "helpful"),
        {"approvals": 1},
        Tier.HIGH,
    ),
}

ATTACKS: dict[str, tuple[State, dict[str, Any], str]] = {
    "P01-immutable-kept": (
        reworded(FOUNDING, "honest"),
        {"approvals": 9},
        'for honest: new.principles[p].text = "Be agreeable.", but must be == "Be honest."',
    ),
    "P02-core-floor": (
        with_weights(FOUNDING, fair="0.03", harmless="0.37"),
        {},
        "for fair: new.principles[p].weight = 0.03, but must be >= 0.05",
    ),
    "P04-total-ball": (
        with_weights(FOUNDING, fair="0.05", helpful="0.06", concise="0.39"),
        {},
        "= 0.48, but must be <= 0.2",
    ),
    "P08-weight-path": (
        STEP,
        {"ledgers": Ledgers(weight_path="0.39")},
        "new.ledger.weight_path = 0.41, but must be <= 0.4",
    ),
    "P09-not-self-serving": (
        STEP,
        mean("selfserving_gain", *["0.5"] * 256),
        "but must be <= 0.2",
    ),
    "P10-near-anchor": (trained(FOUNDING), mean("kl_to_anchor", *["2.5"] * 64), "must be <= 2"),
    "P11-safety-floor": (
        trained(FOUNDING),
        proportion("safety_pass", 64, 128),
        "evidence.safety_pass.lo = 0.41",
    ),
    "P12-judge-floor": (
        trained(FOUNDING),
        proportion("judge_accuracy", 70, 128),
        "evidence.judge_accuracy.lo = 0.45",
    ),
    "P23-judge-validated": (
        REFIT,
        proportion("new_judge_accuracy", 34, 64),
        "evidence.new_judge_accuracy.lo = 0.40",
    ),
    "P13-gold-clean": (
        trained(FOUNDING),
        {"gold_overlap": Metric(name="gold_overlap", exact="1")},
        "evidence.gold_overlap.hi = 1, but must be == 0",
    ),
    "P14-families": (
        with_judges(FOUNDING),
        {"approvals": 1},
        "new.facts.judge_families = 0, but must be >= 1",
    ),
    "P15-no-lone-judge": (two_judges("0.8", "0.2"), {}, "for ann: j.weight = 0.8, but must be"),
    "P16-judges-slower": (
        REFIT.model_copy(update={"judge_updates": 3}),
        {},
        "param.judge_ratio * new.facts.judge_updates = 6, but must be <= 4",
    ),
    "P17-one-at-a-time": (
        trained(REFIT),
        {},
        "change.touches_adapter is true, but must be false",
    ),
    "P18-rollback-ready": (
        trained(FOUNDING),
        proportion("rollback_tested", 7, 8),
        "change.rollback_tested is false, but must be true",
    ),
    "P19-sandbox": (
        trained(FOUNDING),
        {"level": 0},
        "evidence.sandbox_level.lo = 0, but must be >= 1",
    ),
    "P20-audit-budget": (
        trained(FOUNDING),
        {"ledgers": Ledgers(audit_labels=513)},
        "new.ledger.audit_labels = 513, but must be <= 512",
    ),
    "P21-gold-budget": (
        trained(FOUNDING),
        {"ledgers": Ledgers(gold_queries=21)},
        "new.ledger.gold_queries = 21, but must be <= 20",
    ),
    "P22-people": (
        reworded(FOUNDING, "helpful"),
        {"approvals": 0},
        "change.approvals = 0, but must be >= 1",
    ),
}

PROTECTS = {
    "P04-total-ball": ("G1-ball", Tier.LOW),
    "P06-shape-frozen": ("G2-core-shape", Tier.LOW),
    "P07-core-kept": ("G2-core-shape", Tier.MEDIUM),
    "P05-no-dilution": ("G3-core-share", Tier.MEDIUM),
    "P02-core-floor": ("G4-core-floor", Tier.LOW),
}
"""Rules without which some goal is no longer inductive."""


BEHIND_THE_TIERS = {
    "P03-step-bound": (
        with_weights(FOUNDING, helpful="0.25", concise="0.10"),
        "= 0.1, but must be <= 0.08",
    ),
    "P05-no-dilution": (
        with_principles(FOUNDING, HONEST, HARMLESS, principle("vague", "core", "0.35"), CONCISE),
        "= 0.5, but must be >= 0.6",
    ),
    "P06-shape-frozen": (
        with_principles(FOUNDING, HONEST, HARMLESS, HELPFUL, FAIR),
        "for concise: new.principles[p].present is false, but must be true",
    ),
    "P07-core-kept": (
        with_principles(FOUNDING, HONEST, HARMLESS, CONCISE),
        "for fair: new.principles[p].present is false, but must be true",
    ),
}
"""Steps that the computed tier, or another rule, would stop as well."""
