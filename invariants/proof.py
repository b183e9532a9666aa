"""What z3 can say of a policy before it is in force.

Satisfiable at each tier; no rule vacuous, none redundant; every goal inductive: if it
holds before a low or medium step that the rules permit, it holds after it, so no sequence
of automatic steps of any length leaves it; and a way back is open from every state that
meets the goals. Undecided is never a yes.
"""

import time
from collections.abc import Iterator
from fractions import Fraction

from invariants import solver
from invariants.evaluate import evaluate
from invariants.facts import Facts, state_facts
from invariants.grounded import grounded
from invariants.liveness import ways
from invariants.policy import Goal, Policy, Rule
from invariants.reports import (
    GoalReport,
    PolicyReport,
    RuleReport,
    TierReport,
    require_sound,
)
from invariants.schema import LEDGER
from invariants.schema import roots as types_of
from invariants.solver import Desk, Term
from invariants.traces import edits_of, shortest_attack
from invariants.worlds import World, world
from logs.vocabulary import Outcome, State, Tier

__all__ = ["GoalReport", "PolicyReport", "check_policy", "prove_goals", "require_sound"]

TIERS = (Tier.LOW, Tier.MEDIUM, Tier.HIGH)
WITNESS_SECONDS = 3.0
"""CPU seconds spent on making one counterexample plain."""
AUTOMATIC = (Tier.LOW, Tier.MEDIUM)
"""Tiers at which no person is asked; goals are proved for these."""


def check_policy(
    policy: Policy,
    founding: State | None = None,
    *,
    timeout_ms: int = solver.TIMEOUT_MS,
    desk: Desk | None = None,
) -> PolicyReport:
    """Ask z3 everything about a policy.

    Args:
        founding: Makes it about this founding state; None: about a generic one.
        timeout_ms: For one question.
        desk: Keeps every question word for word, for a record or a second solver.
    """
    desk = desk or Desk(timeout_ms)
    step = _step(policy, founding)
    return PolicyReport(
        policy=policy.digest,
        founding=founding is not None,
        tiers=tuple(_tier_report(policy, step, tier, desk) for tier in TIERS),
        rules=tuple(_rule_report(policy, step, rule, desk) for rule in policy.rules),
        goals=_attacked(policy, _goals(policy, step, founding, desk), founding, desk),
        ways=ways(policy, step, founding, desk),
    )


def prove_goals(
    policy: Policy, founding: State | None = None, *, timeout_ms: int = solver.TIMEOUT_MS
) -> tuple[GoalReport, ...]:
    """Ask z3 whether each goal is inductive under the rules of each automatic tier."""
    return _goals(policy, _step(policy, founding), founding, Desk(timeout_ms))


def _goals(
    policy: Policy, step: World, founding: State | None, desk: Desk
) -> tuple[GoalReport, ...]:
    return tuple(
        _goal_report(policy, step, tier, goal, founding, desk)
        for tier in AUTOMATIC
        for goal in policy.goals
    )


def _attacked(
    policy: Policy, goals: tuple[GoalReport, ...], founding: State | None, desk: Desk
) -> tuple[GoalReport, ...]:
    """Prove first; then, for each goal that is open, the shortest attack at its lowest tier."""
    told: list[GoalReport] = []
    known = {goal.id: goal for goal in policy.goals}
    for report in goals:
        before = any(other.goal == report.goal and other.trace for other in told)
        trace = None
        if report.proved is Outcome.BROKEN and not before:
            trace = shortest_attack(policy, known[report.goal], report.tier, founding, desk)
        told.append(report.model_copy(update={"trace": trace}) if trace else report)
    return tuple(told)


def _step(policy: Policy, founding: State | None) -> World:
    rules, goals = [rule.expr for rule in policy.rules], [goal.expr for goal in policy.goals]
    step = world(policy.metrics, policy.values, [*rules, *goals], founding)
    step.build(rules, goals)
    return step


def _tier_report(policy: Policy, step: World, tier: Tier, desk: Desk) -> TierReport:
    named = {rule.id: step.of(rule.expr) for rule in policy.rules_for(tier)}
    # A rollback is exempt from much; a policy that permits nothing else is contradictory.
    premises = [*step.premises, solver.negation(step.roots["change"]["rolls_back"])]
    law, guess = [*premises, *named.values()], step.plain()
    found, _ = desk.ask(f"satisfiable/{tier}", law, spare=step.spare, guess=guess)
    if found == "sat":
        return TierReport(tier=tier, satisfiable=Outcome.HOLDS)
    if found == "unknown":
        return TierReport(tier=tier, satisfiable=Outcome.UNDECIDED)
    answer = solver.satisfiable(premises, named, timeout_ms=desk.timeout_ms)
    return TierReport(tier=tier, satisfiable=Outcome.BROKEN, core=answer.core)


def _rule_report(policy: Policy, step: World, rule: Rule, desk: Desk) -> RuleReport:
    formula, spare, guess = step.of(rule.expr), step.spare, step.plain()
    needed = Outcome.BROKEN
    # From the tier with the fewest rules: there a witness is found soonest, and one is enough.
    for tier in (tier for tier in reversed(TIERS) if rule.applies_to(tier)):
        others = [step.of(r.expr) for r in policy.rules_for(tier) if r is not rule]
        name = f"needed/{rule.id}/{tier}"
        premises = [*step.premises, *others]
        implied = desk.prove(name, premises, formula, spare=spare, guess=guess).outcome
        if implied is not Outcome.HOLDS:
            needed = _opposite(implied)
            break
    if needed is Outcome.HOLDS:  # a change that only this rule forbids also breaks it
        return RuleReport(invariant=rule.id, violable=Outcome.HOLDS, needed=needed)
    name = f"violable/{rule.id}"
    vacuous = desk.prove(name, step.premises, formula, spare=spare, guess=guess).outcome
    return RuleReport(invariant=rule.id, violable=_opposite(vacuous), needed=needed)


def _goal_report(
    policy: Policy, step: World, tier: Tier, goal: Goal, founding: State | None, desk: Desk
) -> GoalReport:
    start = None if founding is None else _at_start(policy, goal, founding)
    name, claim, spare = f"inductive/{goal.id}/{tier}", step.of(goal.expr), step.spare
    alone = desk.prove(f"{name}/alone", _before(policy, step, tier, (goal,)), claim, spare=spare)
    answer, premises = alone, _before(policy, step, tier, policy.goals)
    if alone.outcome is not Outcome.HOLDS:
        answer = desk.prove(name, premises, claim, spare=spare)
    witness: tuple[str, ...] = ()
    if answer.value_of is not None:
        said = [*premises, solver.negation(claim)]
        witness = tuple(_witness(policy, step, said, answer.value_of, desk))
    return GoalReport(
        goal=goal.id,
        tier=tier,
        proved=answer.outcome,
        start=start,
        alone=alone.outcome is Outcome.HOLDS,
        witness=witness,
    )


def _before(policy: Policy, step: World, tier: Tier, leant_on: tuple[Goal, ...]) -> list[Term]:
    """A step that the rules of this tier permit, from a state that meets these goals."""
    after = solver.all_of(step.of(goal.expr) for goal in policy.goals)
    return [
        *step.premises,
        *(step.of(rule.expr) for rule in policy.rules_for(tier)),
        *(step.before(goal.expr) for goal in leant_on),
        # The gate evaluates every goal on the state that a rollback brings back.
        solver.implies(step.roots["change"]["rolls_back"], after),
    ]


def _at_start(policy: Policy, goal: Goal, founding: State) -> Outcome:
    first = state_facts(founding, "founding")
    ledger = dict.fromkeys(LEDGER.fields, Fraction(0))
    roots = {"founding": first, "new": {**first, "ledger": ledger}, "param": policy.values}
    return Outcome.HOLDS if evaluate(goal.expr, Facts(roots)) is True else Outcome.BROKEN


def _witness(
    policy: Policy, step: World, said: list[Term], value_of: solver.Reader, desk: Desk
) -> Iterator[str]:
    """The step of a counterexample as edits, from the founding principles if it can be."""
    until = time.process_time() + WITNESS_SECONDS
    best = value_of
    for assumed in (step.plain(), []):
        quiet = desk.quieter([*said, *assumed], step.stillness(), until=until, spare=step.spare)
        if quiet is not None:
            best = quiet
            break
    params = {name: param.kind for name, param in policy.params.items()}
    types = types_of(params, {name: metric.kind for name, metric in policy.metrics.items()})
    roots = grounded(step.roots, types, step.formulas, best)
    yield from edits_of(roots["old"], roots["new"])


def _opposite(outcome: Outcome) -> Outcome:
    swapped = {Outcome.HOLDS: Outcome.BROKEN, Outcome.BROKEN: Outcome.HOLDS}
    return swapped.get(outcome, outcome)
