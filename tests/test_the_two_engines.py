"""The gate and z3 read the same tree over the same facts, and agree."""

import random
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from invariants.ast import Expr
from invariants.evaluate import evaluate
from invariants.facts import Case, Facts, facts_of
from invariants.parser import parse
from invariants.schema import roots
from invariants.solver import second_opinion
from invariants.typecheck import check
from invariants.values import Missing
from logs.vocabulary import Ledgers, Metric, Outcome, State
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
        assert compared == 1150
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
