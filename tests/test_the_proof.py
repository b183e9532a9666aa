"""z3 reads the same tree: it agrees with the gate, and finds the holes that people leave."""

import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from invariants import solver
from invariants.ast import Expr
from invariants.evaluate import evaluate
from invariants.facts import Case, Facts, facts_of
from invariants.parser import parse
from invariants.policy import Policy, default_bytes, load
from invariants.proof import GoalReport, check_policy, prove_goals, require_sound
from invariants.render import checked
from invariants.schema import roots
from invariants.solver import negation, satisfiable, second_opinion
from invariants.typecheck import check
from invariants.values import Missing
from invariants.worlds import world
from logs.errors import Refused, Undecided, UsageError
from logs.vocabulary import Ledgers, Metric, Outcome, State, Tier
from tests.law_cases import (
    FOUNDING,
    LAWFUL_METRICS,
    POLICY,
    PRINCIPLES,
    evidence,
    judge,
    principle,
    proposal,
    trained,
    with_judges,
    with_principles,
)


def policy_of(rules: Mapping[str, tuple[str, str]], goals: Mapping[str, str]) -> Policy:
    """A small policy: id -> (on, need), and id -> need."""
    text = 'format = "plimsoll-policy/1"\nid = "small"\nversion = 1\n'
    for name, value in (("floor", "0.05"), ("step", "0.04"), ("ball", "0.30"), ("share", "0.60")):
        text += f'[param.{name}]\ntype = "real"\nvalue = "{value}"\n'
    for key, (on, need) in rules.items():
        text += f"[[invariant]]\nid = \"{key}\"\non = \"{on}\"\nneed = '''{need}'''\nsay = \"s\"\n"
    for key, need in goals.items():
        text += f"[[goal]]\nid = \"{key}\"\nneed = '''{need}'''\nsay = \"s\"\n"
    return load(text.encode())


CORE = 'p in founding.principles where p.tier != "adaptive"'
SAME = "new.principles[p].text == p.text and new.principles[p].tier == p.tier"
BALL = (
    "(sum p in founding.principles: abs(new.principles[p].weight - p.weight))"
    " + (sum p in new.principles where not founding.principles[p].present: p.weight) <= param.ball"
)
BALL_OVER_NEW = (
    "(sum p in new.principles: abs(p.weight - founding.principles[p].weight)) <= param.ball"
)
SHAPE = f"all {CORE}: new.principles[p].present and {SAME}"
SHARE = (
    f"(sum {CORE}: new.principles[p].weight) >= param.share * (sum p in new.principles: p.weight)"
)
SHARE_BY_LABEL = (
    '(sum p in new.principles where p.tier != "adaptive": p.weight)'
    " >= param.share * (sum p in new.principles: p.weight)"
)
FLOOR = f"all {CORE}: new.principles[p].weight >= param.floor"
STEP_OVER_NEW = "(sum p in new.principles: abs(p.weight - old.principles[p].weight)) <= param.step"
OLD_CORE = 'all p in old.principles where p.tier != "adaptive": new.principles[p].present'


def proved(policy: Policy, tier: Tier = Tier.LOW) -> GoalReport:
    (report,) = (g for g in prove_goals(policy) if g.tier is tier)
    return report


class TestTheFiveHolesOfAFirstDraft:
    def test_1_a_sum_over_new_does_not_count_the_principle_that_is_gone(self):
        draft = policy_of(
            {"step": ("low", STEP_OVER_NEW), "ball": ("always", BALL_OVER_NEW)},
            {"kept": f"all {CORE}: new.principles[p].present"},
        )
        report = proved(draft)
        assert report.proved is Outcome.BROKEN
        assert any(line.endswith("-> absent") for line in report.witness)

    def test_2_a_share_counted_by_label_is_laundered_by_relabelling(self):
        by_label = policy_of({"share": ("always", SHARE_BY_LABEL)}, {"goal": SHARE})
        assert proved(by_label).proved is Outcome.BROKEN
        by_id = policy_of({"share": ("always", SHARE)}, {"goal": SHARE})
        assert proved(by_id).proved is Outcome.HOLDS

    def test_3_a_ball_over_new_alone_is_not_inductive(self):
        over_new = policy_of({"ball": ("always", BALL_OVER_NEW)}, {"goal": BALL})
        assert proved(over_new).proved is Outcome.BROKEN
        over_both = policy_of({"ball": ("always", BALL)}, {"goal": BALL})
        assert proved(over_both).proved is Outcome.HOLDS

    def test_4_presence_alone_still_lets_the_medium_tier_reword_the_core(self):
        rules = {
            "none": "true or change.rolls_back",
            "present": OLD_CORE,
            "whole": f"{OLD_CORE} and {SAME}",
        }
        found = {
            name: proved(policy_of({"kept": ("medium", need)}, {"g": SHAPE}), Tier.MEDIUM).proved
            for name, need in rules.items()
        }
        assert found == {
            "none": Outcome.BROKEN,
            "present": Outcome.BROKEN,
            "whole": Outcome.HOLDS,
        }

    def test_5_a_bound_relative_to_the_last_state_is_eaten_slice_by_slice(self):
        relative = "all p in old.principles: new.principles[p].weight >= p.weight - 0.005"
        salami = policy_of({"relative": ("always", relative)}, {"floor": FLOOR})
        assert proved(salami).proved is Outcome.BROKEN
        anchored = policy_of({"anchored": ("always", FLOOR)}, {"floor": FLOOR})
        assert proved(anchored).proved is Outcome.HOLDS

    def test_5_and_of_evidence_it_cannot_even_be_written(self):
        known = roots({}, {"safety_pass": "proportion"})
        source = "evidence.safety_pass.lo >= old.evidence.safety_pass.lo - 0.005"
        with pytest.raises(UsageError, match="no field `evidence`"):
            check(parse(source), source, known)


@pytest.fixture(scope="module")
def report():
    return check_policy(POLICY, FOUNDING)


class TestTheDefaultPolicy:
    def test_permits_some_change_at_every_tier(self, report):
        assert {t.tier: t.satisfiable for t in report.tiers} == {
            Tier.LOW: Outcome.HOLDS,
            Tier.MEDIUM: Outcome.HOLDS,
            Tier.HIGH: Outcome.HOLDS,
        }

    def test_has_no_rule_that_protects_nothing(self, report):
        assert {r.invariant for r in report.rules if r.violable is not Outcome.HOLDS} == set()

    def test_proves_every_goal_for_every_automatic_step_from_this_founding_state(self, report):
        assert len(report.goals) == 8
        assert {g.proved for g in report.goals} == {Outcome.HOLDS}
        assert {g.start for g in report.goals} == {Outcome.HOLDS}

    def test_proves_every_goal_from_any_founding_state_of_five_principles(self):
        assert {g.proved for g in prove_goals(POLICY)} == {Outcome.HOLDS}

    def test_may_be_activated(self, report):
        assert report.sound
        require_sound(report)
        text = checked(POLICY, report)
        assert "May be activated: yes" in text
        assert "G2-core-shape  medium  proved" in text

    def test_is_not_proved_from_nothing_a_real_change_is_permitted(self):
        step = world(POLICY.metrics, POLICY.values, [r.expr for r in POLICY.rules], FOUNDING)
        change = step.roots["change"]
        named = {r.id: step.of(r.expr) for r in POLICY.rules_for(Tier.LOW)}
        named |= {g.id: step.before(g.expr) for g in POLICY.goals}
        moves = [change["weight_step"] > 0, negation(change["rolls_back"])]
        assert satisfiable([*step.premises, *moves], named).outcome is Outcome.HOLDS

    def test_needs_each_rule_from_some_founding_state(self):
        loose = replace(POLICY, goals=())
        assert {r.invariant: r.needed for r in check_policy(loose).rules} == {
            r.id: Outcome.HOLDS for r in POLICY.rules
        }


def amended(old: str, new: str) -> Policy:
    text = default_bytes().decode()
    assert old in text
    return load(text.replace(old, new, 1).encode())


class TestABadPolicy:
    def test_that_contradicts_itself_is_refused_with_a_smallest_set_of_culprits(self):
        bad = check_policy(amended('value = "0.05"', 'value = "0.30"'), FOUNDING)
        assert {t.satisfiable for t in bad.tiers} == {Outcome.BROKEN}
        assert {t.core for t in bad.tiers} == {("P02-core-floor", "P04-total-ball")}
        with pytest.raises(Refused, match="contradicts itself") as refusal:
            require_sound(bad)
        assert "P02-core-floor, P04-total-ball" in refusal.value.saw

    def test_with_a_rule_that_nothing_can_break_is_refused(self):
        idle = "all p in new.principles where p.weight < 0: p.present"
        bad = check_policy(policy_of({"idle": ("always", idle)}, {}))
        with pytest.raises(Refused, match="idle can never be broken"):
            require_sound(bad)

    def test_with_a_goal_that_a_step_can_leave_is_refused_with_the_step(self):
        rule = {"step": ("low", STEP_OVER_NEW)}
        with pytest.raises(Refused, match="shape is not protected") as refusal:
            require_sound(check_policy(policy_of(rule, {"shape": SHAPE}), FOUNDING))
        assert "->" in refusal.value.saw

    def test_with_a_goal_that_the_start_does_not_meet_is_refused(self):
        faded = with_principles(FOUNDING, *PRINCIPLES[:4], principle("late", "core", "0.01"))
        policy = policy_of({"floor": ("always", FLOOR)}, {"floor-goal": FLOOR})
        found = prove_goals(policy, faded)
        assert {g.start for g in found} == {Outcome.BROKEN}

    def test_that_z3_does_not_finish_is_undecided_and_never_activated(self, monkeypatch):
        unhurried = solver._solver

        def hurried(timeout_ms: int) -> object:
            engine = unhurried(timeout_ms)
            engine.set("rlimit", 1)
            return engine

        monkeypatch.setattr(solver, "_solver", hurried)
        report = check_policy(POLICY)
        unsure = {g.goal for g in report.goals if g.proved is Outcome.UNDECIDED}
        assert "G2-core-shape" in unsure
        assert not report.sound
        with pytest.raises(Undecided, match="gave up"):
            require_sound(report)


# --- the two evaluators agree ------------------------------------------------------


def random_state(rng: random.Random) -> State:
    kept = [p for p in PRINCIPLES if rng.random() < 0.9]
    some = [
        p.model_copy(
            update={
                "weight": p.weight + Decimal(rng.choice((0, 0, 1, -1, 5, -12))) / 100,
                "text": rng.choice((p.text, p.text, p.text, "Be agreeable.")),
                "tier": rng.choice((p.tier, p.tier, p.tier, PRINCIPLES[4].tier)),
            }
        )
        for p in kept
    ]
    new = [principle("late", "adaptive", "0.03")] if rng.random() < 0.3 else []
    judges = [judge(n, rng.choice("xy"), rng.choice("1239")) for n in "abc" if rng.random() < 0.7]
    state = with_principles(FOUNDING, *some, *new)
    state = with_judges(state, *judges, updates=rng.randrange(5))
    return trained(state) if rng.random() < 0.5 else state


def random_facts(rng: random.Random) -> Facts:
    metrics: dict[str, Metric | None] = {
        name: None if rng.random() < 0.15 else metric for name, metric in LAWFUL_METRICS.items()
    }
    metrics["kl_to_anchor"] = None
    metrics["selfserving_gain"] = None
    if rng.random() < 0.7:
        k = rng.randrange(128)
        metrics["safety_pass"] = Metric(name="safety_pass", k=k, n=rng.randrange(k or 1, 129))
    of = proposal(random_state(rng), base="0" * 64, changes=())
    case = Case(
        founding=FOUNDING,
        old=random_state(rng),
        proposal=of,
        evidence=evidence(of, rng.randrange(3), **metrics),
        ledgers=Ledgers(weight_path=Decimal(rng.randrange(70)) / 100),
        approvals=rng.randrange(3),
        rolls_back=rng.random() < 0.2,
    )
    return facts_of(case, POLICY.metrics, POLICY.values)


KNOWN = roots(
    {name: param.kind for name, param in POLICY.params.items()},
    {name: metric.kind for name, metric in POLICY.metrics.items()},
)


def random_number(rng: random.Random, depth: int, variables: str) -> str:
    leaves = [
        str(Fraction(rng.randrange(20), rng.randrange(1, 20))),
        "param.step_l1",
        "new.facts.judges",
        "change.approvals",
        "evidence.safety_pass.lo",
        "new.ledger.weight_path",
        *(f"{v}.weight" for v in variables),
        *(f"old.principles[{v}].weight" for v in variables),
    ]
    if depth == 0 or rng.random() < 0.25:
        return rng.choice(leaves)
    a, b = (random_number(rng, depth - 1, variables) for _ in range(2))
    choices = [f"({a} + {b})", f"({a} - {b})", f"(-{a})", f"abs({a})", f"(1/3 * {a})"]
    if len(variables) < 2:
        body = random_number(rng, depth - 1, variables + "pq"[len(variables)])
        source = rng.choice(("founding", "old", "new"))
        choices.append(f"(sum {'pq'[len(variables)]} in {source}.principles: {body})")
        choices.append(f"(count {'pq'[len(variables)]} in {source}.principles)")
    return rng.choice(choices)


def random_rule(rng: random.Random, depth: int, variables: str = "") -> str:
    if depth == 0 or rng.random() < 0.2:
        words = [f'{v}.tier == "core"' for v in variables]
        words += [f"new.principles[{v}].text == {v}.text" for v in variables]
        words += ["change.rolls_back", "change.rollback_tested", "new.adapter == founding.base"]
        op = rng.choice(("<=", "<", ">=", ">", "==", "!="))
        a, b = (random_number(rng, 1, variables) for _ in range(2))
        return rng.choice([*words, f"{a} {op} {b}"])
    a, b = (random_rule(rng, depth - 1, variables) for _ in range(2))
    choices = [f"({a} and {b})", f"({a} or {b})", f"({a} => {b})", f"(not {a})"]
    if len(variables) < 2:
        variable = "pq"[len(variables)]
        body = random_rule(rng, depth - 1, variables + variable)
        where = rng.choice(("", f" where {variable}.weight > 0.15"))
        quantifier = rng.choice(("all", "any"))
        choices.append(f"({quantifier} {variable} in new.principles{where}: {body})")
    return rng.choice(choices)


def typed(source: str) -> Expr:
    return check(parse(source), source, KNOWN)


def filled(name: str, tree: object) -> object:
    """The same facts with some value for each that is missing, by the name of its field."""
    match tree:
        case Missing():
            words = {"adapter": "x", "rollback_stored": True, "rollback_tested": False}
            return words.get(name, Fraction(3, 10))
        case Mapping():
            return {key: filled(key, value) for key, value in tree.items()}
        case _:
            return tree


def agree(expr: Expr, facts: Facts) -> bool:
    """Exact agreement where the gate decides; where a fact is missing, z3 may know better.

    z3 sees that `x or not x` holds for every x; strong Kleene logic says missing, which is
    stricter. What z3 then says must be true for any value of the missing fact.
    """
    here = evaluate(expr, facts)
    there = second_opinion([expr], facts.roots, timeout_ms=10_000)
    if isinstance(here, bool):
        return there is (Outcome.HOLDS if here else Outcome.BROKEN)
    complete = evaluate(expr, Facts(filled("", facts.roots)))
    if isinstance(complete, bool) and there is not Outcome.MISSING:
        return there is (Outcome.HOLDS if complete else Outcome.BROKEN)
    return there is not Outcome.UNDECIDED


class TestTheTwoEvaluators:
    def test_agree_on_every_rule_over_random_facts(self):
        rng = random.Random(11)
        compared = 0
        seen = set()
        for _ in range(50):
            facts = random_facts(rng)
            for rule in POLICY.rules:
                assert agree(rule.expr, facts), (rule.id, facts)
                seen.add(type(evaluate(rule.expr, facts)))
                compared += 1
        assert compared == 1100
        assert len(seen) == 2

    def test_agree_on_random_rules_over_random_facts(self):
        rng = random.Random(12)
        outcomes = {True: 0, False: 0, None: 0}
        for _ in range(500):
            source, facts = random_rule(rng, 3), random_facts(rng)
            expr = typed(source)
            assert agree(expr, facts), source
            found = evaluate(expr, facts)
            outcomes[found if isinstance(found, bool) else None] += 1
        assert min(outcomes.values()) >= 10

    def test_would_be_told_apart_if_one_of_them_were_wrong(self):
        facts = random_facts(random.Random(13))
        strict, loose = typed("change.approvals < 0"), typed("change.approvals >= 0")
        assert evaluate(strict, facts) is False
        assert second_opinion([loose], facts.roots, timeout_ms=1000) is Outcome.HOLDS

    def test_a_missing_fact_satisfies_z3_but_never_passes(self):
        facts = random_facts(random.Random(14))
        rule = typed("evidence.kl_to_anchor.hi <= param.kl_max")
        assert second_opinion([rule], facts.roots, timeout_ms=1000) is Outcome.MISSING
