"""The ways out: from no state that the agent can reach may the law bar the way back.

A rollback brings back an earlier state as it was. That state met every goal, and every
rule that reads nothing but a state, when it was committed (the founding state: checked
here). What is measured, and what was spent, may by then be anything; so a rule that hangs
a rollback on evidence or on a budget can lock the agent in. To stop needs no proposal, so
no rule is asked.
"""

from collections.abc import Iterator
from fractions import Fraction

from invariants.ast import Path, paths
from invariants.evaluate import evaluate
from invariants.facts import Facts, state_facts
from invariants.policy import Policy, Rule
from invariants.reports import WayReport
from invariants.solver import Desk, Term, all_of, constant, implies, negation
from invariants.tiers import FLOOR, ORDER, Kind
from invariants.worlds import World
from logs.vocabulary import Intervention, Outcome, PrincipleTier, State, Tier

BACK, STOP = "roll back", "stop"
_MANY = Fraction(10**6)
"""Approvals that people could give; a rollback that needs them still is possible."""


def ways(policy: Policy, step: World, founding: State | None, desk: Desk) -> tuple[WayReport, ...]:
    """Whether rollback and stop stay possible from every state that meets the goals."""
    stop = WayReport(way=STOP, tier=Tier.LOW, open=Outcome.HOLDS)
    return (_back(policy, step, founding, desk), stop)


def _back(policy: Policy, step: World, founding: State | None, desk: Desk) -> WayReport:
    tier = max(FLOOR[Kind.ROLLBACK], policy.raises.get(Kind.ROLLBACK, Tier.LOW), key=ORDER.index)
    if tier is Tier.FORBIDDEN:
        barred = (f"[tier] {Kind.ROLLBACK}",)
        return WayReport(way=BACK, tier=tier, open=Outcome.BROKEN, blocked_by=barred)
    kept = [rule for rule in policy.rules if _kept_by_ancestors(policy, rule, founding)]
    premises = [*step.premises, *_a_rollback(policy, step, kept)]
    asked = [rule for rule in policy.rules_for(tier) if rule not in kept]
    spare = step.spare
    law = all_of(step.of(rule.expr) for rule in asked)
    whole = desk.prove(f"open/{BACK}", premises, law, spare=spare).outcome
    if whole is not Outcome.BROKEN:
        return WayReport(way=BACK, tier=tier, open=whole)
    blocking = tuple(
        rule.id
        for rule in asked
        if desk.prove(f"open/{BACK}/{rule.id}", premises, step.of(rule.expr), spare=spare).outcome
        is not Outcome.HOLDS
    )
    return WayReport(way=BACK, tier=tier, open=Outcome.BROKEN, blocked_by=blocking)


def _a_rollback(policy: Policy, step: World, kept: list[Rule]) -> Iterator[Term]:
    """What is known of every rollback that is not itself of high tier."""
    change, kind = step.roots["change"], Intervention.ROLL_BACK.value
    yield change["rolls_back"]
    yield change["kind"] == step.formulas.word(kind)
    yield change["approvals"] >= constant(_MANY)
    for goal in policy.goals:
        yield step.before(goal.expr)
        yield step.of(goal.expr)
    for rule in kept:
        yield step.of(rule.expr)
    # One that touches a core principle is of high tier: only people undo what people did.
    adaptive = step.formulas.word(PrincipleTier.ADAPTIVE.value)
    before, after = step.roots["old"]["principles"].items, step.roots["new"]["principles"].items
    for key in before:
        was, now = before[key], after[key]
        same = all_of(was[part] == now[part] for part in ("present", "text", "contexts", "tier"))
        for one in (was, now):
            core = all_of([one["present"], negation(one["tier"] == adaptive)])
            yield implies(core, same)


def _kept_by_ancestors(policy: Policy, rule: Rule, founding: State | None) -> bool:
    """Whether the rule held of every commit's state, and must so hold when it comes back."""
    if rule.on != "always" or not all(map(_of_a_state, paths(rule.expr))):
        return False
    if founding is None:
        return True
    first = state_facts(founding, "founding")
    facts = Facts({"founding": first, "new": first, "param": policy.values})
    return evaluate(rule.expr, facts) is True


def _of_a_state(path: Path) -> bool:
    """Whether a path reads nothing that a rollback does not restore; variables are bound."""
    if path.root in ("old", "change", "evidence"):
        return False
    return not (path.root == "new" and path.steps and path.steps[0].name == "ledger")
