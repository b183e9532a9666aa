"""Each invariant of the default policy: it holds, it breaks, and it is missed by name."""

from dataclasses import replace

import pytest

from invariants.facts import Case, Facts, facts_of
from invariants.gate import judge as ask
from invariants.policy import Policy
from invariants.proof import prove_goals
from logs.vocabulary import Ledgers, Outcome, State, Tier, Verdict
from tests.law_attacks import ATTACKS, BEHIND_THE_TIERS, LAWFUL, PROTECTS, STEP, proportion
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
)


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

    @pytest.mark.parametrize("rule_id", ["P01-immutable-kept", "P06-shape-frozen", "P07-core-kept"])
    def test_of_the_core_sees_a_principle_narrowed_to_nothing(self, rule_id):
        narrowed = PRINCIPLES[0].model_copy(update={"contexts": ("never",)})
        (rule,) = (r for r in POLICY.rules if r.id == rule_id)
        found = ask(rule, facts_of_step(with_principles(FOUNDING, narrowed, *PRINCIPLES[1:])))
        assert found.outcome is Outcome.BROKEN
        assert any("for honest: new.principles[p].contexts" in value for value in found.values)

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
            PRINCIPLES[0],
            PRINCIPLES[1],
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
