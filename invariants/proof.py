"""What z3 can say of a policy before it is in force.

Satisfiable at each tier; no rule vacuous, none redundant; every goal inductive: if it
holds before a low or medium step that the rules permit, it holds after it, so no sequence
of automatic steps of any length leaves it. Undecided is never a yes.
"""

from collections.abc import Iterator
from fractions import Fraction

from invariants import solver
from invariants.evaluate import evaluate
from invariants.facts import Facts, state_facts
from invariants.policy import Goal, Policy, Rule
from invariants.solver import Term
from invariants.worlds import World, world
from logs.errors import Refused, Undecided
from logs.vocabulary import Digest, Outcome, State, Tier, Word

TIERS = (Tier.LOW, Tier.MEDIUM, Tier.HIGH)
AUTOMATIC = (Tier.LOW, Tier.MEDIUM)
"""Tiers at which no person is asked; goals are proved for these."""


class TierReport(Word):
    """Whether some change of this tier can satisfy all rules."""

    tier: Tier
    satisfiable: Outcome
    core: tuple[str, ...] = ()
    """A smallest set of rules that contradict each other."""


class RuleReport(Word):
    """Whether a rule can be broken at all, and whether the others leave it anything to forbid."""

    invariant: str
    violable: Outcome
    needed: Outcome
    """At some tier it forbids a change that all other rules permit."""


class GoalReport(Word):
    """Whether a goal is inductive under the rules of one tier."""

    goal: str
    tier: Tier
    proved: Outcome
    start: Outcome | None
    """Whether the founding state meets it; None when none was given."""
    witness: tuple[str, ...] = ()
    """A permitted step that leaves the goal; it need not be reachable from the founding state."""


class PolicyReport(Word):
    """What z3 says of a policy."""

    policy: Digest
    founding: bool
    """Whether the proof is about a given founding state, or about a generic one."""
    tiers: tuple[TierReport, ...]
    rules: tuple[RuleReport, ...]
    goals: tuple[GoalReport, ...]

    @property
    def sound(self) -> bool:
        """Whether the policy may be activated."""
        return (
            all(t.satisfiable is Outcome.HOLDS for t in self.tiers)
            and all(r.violable is Outcome.HOLDS for r in self.rules)
            and all(g.proved is Outcome.HOLDS for g in self.goals)
            and all(g.start in (None, Outcome.HOLDS) for g in self.goals)
        )


def check_policy(
    policy: Policy, founding: State | None = None, *, timeout_ms: int = solver.TIMEOUT_MS
) -> PolicyReport:
    """Ask z3 everything about a policy; `founding` makes it about that founding state."""
    step = _step(policy, founding)
    return PolicyReport(
        policy=policy.digest,
        founding=founding is not None,
        tiers=tuple(_tier_report(policy, step, tier, timeout_ms) for tier in TIERS),
        rules=tuple(_rule_report(policy, step, rule, timeout_ms) for rule in policy.rules),
        goals=prove_goals(policy, founding, timeout_ms=timeout_ms),
    )


def prove_goals(
    policy: Policy, founding: State | None = None, *, timeout_ms: int = solver.TIMEOUT_MS
) -> tuple[GoalReport, ...]:
    """Ask z3 whether each goal is inductive under the rules of each automatic tier."""
    step = _step(policy, founding)
    return tuple(
        report
        for tier in AUTOMATIC
        for report in _goal_reports(policy, step, tier, founding, timeout_ms)
    )


def _step(policy: Policy, founding: State | None) -> World:
    exprs = [rule.expr for rule in policy.rules] + [goal.expr for goal in policy.goals]
    return world(policy.metrics, policy.values, exprs, founding)


def require_sound(report: PolicyReport) -> None:
    """Refuse a policy that contradicts itself, holds a vacuous rule, or does not prove its goals.

    Raises:
        Refused: z3 found a contradiction or a counterexample.
        Undecided: z3 gave up on some question.
    """
    for tier in report.tiers:
        if tier.satisfiable is Outcome.BROKEN:
            raise Refused(
                f"The policy contradicts itself: it permits no change of tier {tier.tier}.",
                saw="these rules exclude each other: " + ", ".join(tier.core),
                wanted="at least one change that satisfies all rules",
                try_this="loosen or remove one of them",
            )
    for rule in report.rules:
        if rule.violable is Outcome.BROKEN:
            raise Refused(
                f"Rule {rule.invariant} can never be broken, so it protects nothing.",
                saw="z3: no change breaks it",
                wanted="a rule that forbids something",
                try_this="check its `where` and the direction of its comparison",
            )
    for goal in report.goals:
        _require_goal(goal)
    if not report.sound:
        raise Undecided(
            "z3 gave up on a question about the policy.",
            saw="an answer `undecided`, see plimsoll policy check",
            wanted="every question answered",
            try_this="simplify the rule that is named, or allow more time",
        )


def _require_goal(goal: GoalReport) -> None:
    if goal.proved is Outcome.BROKEN:
        raise Refused(
            f"Goal {goal.goal} is not protected: a {goal.tier}-tier step can leave it.",
            saw="; ".join(goal.witness) or "a step that changes nothing the goal shows",
            wanted="every permitted step keeps the goal",
            try_this="add an invariant that forbids this step",
        )
    if goal.start not in (None, Outcome.HOLDS):
        raise Refused(
            f"Goal {goal.goal} does not hold in the founding state.",
            saw=f"{goal.start} at the start",
            wanted="a founding state that meets every goal",
            try_this="change the founding constitution or the goal",
        )


def _tier_report(policy: Policy, step: World, tier: Tier, timeout_ms: int) -> TierReport:
    named = {rule.id: step.of(rule.expr) for rule in policy.rules_for(tier)}
    # A rollback is exempt from much; a policy that permits nothing else is contradictory.
    premises = [*step.premises, solver.negation(step.roots["change"]["rolls_back"])]
    answer = solver.satisfiable(premises, named, timeout_ms=timeout_ms)
    return TierReport(tier=tier, satisfiable=answer.outcome, core=answer.core)


def _rule_report(policy: Policy, step: World, rule: Rule, timeout_ms: int) -> RuleReport:
    formula = step.of(rule.expr)
    vacuous = solver.prove(step.premises, formula, timeout_ms=timeout_ms).outcome
    needed = Outcome.BROKEN
    for tier in (tier for tier in TIERS if rule.applies_to(tier)):
        others = [step.of(r.expr) for r in policy.rules_for(tier) if r is not rule]
        implied = solver.prove([*step.premises, *others], formula, timeout_ms=timeout_ms).outcome
        if implied is not Outcome.HOLDS:
            needed = _opposite(implied)
            break
    return RuleReport(invariant=rule.id, violable=_opposite(vacuous), needed=needed)


def _goal_reports(
    policy: Policy, step: World, tier: Tier, founding: State | None, timeout_ms: int
) -> Iterator[GoalReport]:
    after = [step.of(goal.expr) for goal in policy.goals]
    premises: list[Term] = [
        *step.premises,
        *(step.of(rule.expr) for rule in policy.rules_for(tier)),
        *(step.before(goal.expr) for goal in policy.goals),
        # The gate evaluates every goal on the state that a rollback brings back.
        solver.implies(step.roots["change"]["rolls_back"], solver.all_of(after)),
    ]
    for goal, formula in zip(policy.goals, after, strict=True):
        answer = solver.prove(premises, formula, timeout_ms=timeout_ms)
        yield GoalReport(
            goal=goal.id,
            tier=tier,
            proved=answer.outcome,
            start=None if founding is None else _at_start(policy, goal, founding),
            witness=() if answer.value_of is None else tuple(_witness(step, answer.value_of)),
        )


def _at_start(policy: Policy, goal: Goal, founding: State) -> Outcome:
    first = state_facts(founding, "founding")
    ledger = {"weight_path": Fraction(0), "audit_labels": Fraction(0), "gold_queries": Fraction(0)}
    roots = {"founding": first, "new": {**first, "ledger": ledger}, "param": policy.values}
    return Outcome.HOLDS if evaluate(goal.expr, Facts(roots)) is True else Outcome.BROKEN


def _witness(step: World, value_of: solver.Reader) -> Iterator[str]:
    """The step of a counterexample, principle by principle, where something changed."""
    before, after = step.roots["old"]["principles"].items, step.roots["new"]["principles"].items
    for key in after:
        was, now = (_seen(step, record[key], value_of) for record in (before, after))
        if was != now:
            yield f"{key}: {was} -> {now}"


def _seen(step: World, record: dict[str, Term], value_of: solver.Reader) -> str:
    if not value_of(record["present"]):
        return "absent"
    tier = step.formulas.spelled(value_of(record["tier"]))
    words, contexts = value_of(record["text"]), value_of(record["contexts"])
    return f"{tier}, weight {value_of(record['weight'])}, text {words}, contexts {contexts}"


def _opposite(outcome: Outcome) -> Outcome:
    swapped = {Outcome.HOLDS: Outcome.BROKEN, Outcome.BROKEN: Outcome.HOLDS}
    return swapped.get(outcome, outcome)
