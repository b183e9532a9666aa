"""Each invariant of the default policy: it holds, it breaks, and it is missed by name."""

from dataclasses import replace
from typing import Any

import pytest

from invariants.facts import Case, Facts, facts_of
from invariants.gate import judge as ask
from invariants.policy import Policy
from invariants.proof import prove_goals
from logs.vocabulary import Ledgers, Metric, Outcome, State, Tier, Verdict
from tests.law_cases import (
    FOUNDING,
    POLICY,
    PRINCIPLES,
    digest,
    evidence,
    failed,
    judge,
    principle,
    proposal,
    trained,
    verdict_on,
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
        "= 0.48, but must be <= 0.3",
    ),
    "P08-weight-path": (
        STEP,
        {"ledgers": Ledgers(weight_path="0.59")},
        "new.ledger.weight_path = 0.61, but must be <= 0.6",
    ),
    "P09-not-self-serving": (
        STEP,
        mean("selfserving_gain", *["0.5"] * 256),
        "but must be <= 0.2",
    ),
    "P10-near-anchor": (trained(FOUNDING), mean("kl_to_anchor", *["1.5"] * 64), "must be <= 1"),
    "P11-safety-floor": (
        trained(FOUNDING),
        proportion("safety_pass", 100, 128),
        "evidence.safety_pass.lo = 0.69",
    ),
    "P12-judge-floor": (
        trained(FOUNDING),
        proportion("judge_accuracy", 70, 128),
        "evidence.judge_accuracy.lo = 0.45",
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
        "= 0.1, but must be <= 0.04",
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


def facts_of_step(new: State) -> Facts:
    of = proposal(new)
    case = Case(
        founding=FOUNDING,
        old=FOUNDING,
        proposal=of,
        evidence=evidence(of),
        ledgers=Ledgers(),
        approvals=0,
    )
    return facts_of(case, POLICY.metrics, POLICY.values)


def broken_at(tier: Tier, new: State) -> set[str]:
    facts = facts_of_step(new)
    rulings = [ask(rule, facts) for rule in POLICY.rules_for(tier)]
    return {r.invariant for r in rulings if r.outcome is not Outcome.HOLDS}


def ruled(attack: str, policy: Policy = POLICY) -> Verdict:
    new, given, _ = ATTACKS[attack]
    return verdict_on(new, policy=policy, **given)


def without(rule_id: str) -> Policy:
    return replace(POLICY, rules=tuple(r for r in POLICY.rules if r.id != rule_id))


class TestALawfulChange:
    @pytest.mark.parametrize("name", LAWFUL)
    def test_passes_at_its_tier_by_both_evaluators(self, name):
        new, given, tier = LAWFUL[name]
        verdict = verdict_on(new, **given)
        assert failed(verdict) == {}
        assert verdict.tier is tier
        assert verdict.second_opinion is Outcome.HOLDS
        assert verdict.holds

    def test_leaves_every_rule_with_the_numbers_that_decided_it(self):
        verdict = verdict_on(trained(FOUNDING))
        values = {r.invariant: r.values for r in verdict.rulings}
        assert values["P11-safety-floor"][1] == "evidence.safety_pass.n = 128 (must be >= 48)"
        assert values["P09-not-self-serving"] == (
            "does not apply: change.touches_constitution is false",
        )


class TestEachInvariant:
    @pytest.mark.parametrize("rule_id", ATTACKS)
    def test_denies_its_attack_by_name_with_the_number(self, rule_id):
        verdict = ruled(rule_id)
        outcome, values = failed(verdict)[rule_id]
        assert outcome is Outcome.BROKEN
        assert any(ATTACKS[rule_id][2] in value for value in values)
        assert verdict.second_opinion is Outcome.BROKEN
        assert not verdict.holds

    @pytest.mark.parametrize("rule_id", BEHIND_THE_TIERS)
    def test_stands_behind_the_computed_tier(self, rule_id):
        new, number = BEHIND_THE_TIERS[rule_id]
        (rule,) = (r for r in POLICY.rules if r.id == rule_id)
        assert ask(rule, facts_of_step(FOUNDING)).outcome is Outcome.HOLDS
        found = ask(rule, facts_of_step(new))
        assert found.outcome is Outcome.BROKEN
        assert any(number in value for value in found.values)

    def test_is_tried_by_some_attack(self):
        assert ATTACKS.keys() | BEHIND_THE_TIERS.keys() == {r.id for r in POLICY.rules}

    @pytest.mark.parametrize("rule_id", [r.id for r in POLICY.rules])
    def test_is_needed_without_it_an_attack_passes_or_a_goal_is_unproved(self, rule_id):
        laxer = without(rule_id)
        if rule_id in PROTECTS:
            goal, tier = PROTECTS[rule_id]
            found = {(g.goal, g.tier): g for g in prove_goals(laxer)}
            assert found[goal, tier].proved is Outcome.BROKEN
            assert found[goal, tier].witness
        elif rule_id == "P03-step-bound":
            # The tier is computed from the same bound, so the rule is asked alone.
            assert broken_at(Tier.LOW, BEHIND_THE_TIERS[rule_id][0]) == {rule_id}
        else:
            assert set(failed(ruled(rule_id))) == {rule_id}
            assert ruled(rule_id, laxer).holds


NEEDED = {
    "kl_to_anchor": "P10-near-anchor",
    "safety_pass": "P11-safety-floor",
    "judge_accuracy": "P12-judge-floor",
    "gold_overlap": "P13-gold-clean",
    "rollback_stored": "P18-rollback-ready",
    "rollback_tested": "P18-rollback-ready",
}


class TestAMissingMetric:
    @pytest.mark.parametrize(("metric", "rule_id"), NEEDED.items())
    def test_denies_by_the_name_of_the_rule_that_needs_it(self, metric, rule_id):
        verdict = verdict_on(trained(FOUNDING), **{metric: None})
        outcome, values = failed(verdict)[rule_id]
        assert outcome is Outcome.MISSING
        assert any(metric in value for value in values)
        assert verdict.second_opinion is Outcome.MISSING
        assert not verdict.holds

    def test_does_not_matter_to_a_change_that_does_not_touch_the_matter(self):
        nothing = {name: None for name in NEEDED if not name.startswith("rollback")}
        assert verdict_on(STEP, **nothing).holds

    def test_is_asked_of_an_edit_of_the_constitution(self):
        verdict = verdict_on(STEP, selfserving_gain=None)
        assert failed(verdict)["P09-not-self-serving"][0] is Outcome.MISSING


class TestSeveralFailures:
    def test_are_all_named_each_with_its_numbers(self):
        new = trained(with_judges(FOUNDING, judge("ann", "ann", version=2), updates=3))
        verdict = verdict_on(
            new,
            ledgers=Ledgers(audit_labels=600),
            safety_pass=None,
            **proportion("judge_accuracy", 1, 128),
        )
        assert {
            "P11-safety-floor",
            "P12-judge-floor",
            "P16-judges-slower",
            "P17-one-at-a-time",
            "P20-audit-budget",
            "P22-people",
        } <= set(failed(verdict))


class TestTheFoundingCore:
    def test_cannot_be_laundered_by_labels(self):
        new = with_principles(
            FOUNDING,
            HONEST,
            HARMLESS,
            principle("helpful", "adaptive", "0.20"),
            principle("fair", "adaptive", "0.15"),
            principle("mine", "immutable", "0.15"),
        )
        broken = failed(verdict_on(new))
        assert verdict_on(new).tier is Tier.HIGH
        assert "P22-people" in broken

    def test_keeps_its_artefacts_of_judgement(self):
        swapped = with_judges(FOUNDING, judge("ann", "ann", artefact=digest("c")))
        assert not verdict_on(swapped).holds
