"""What was found out about a policy, as words for the log, and which findings refuse it."""

from logs.errors import Refused, Undecided
from logs.vocabulary import Digest, Outcome, Tier, Word

__all__ = [
    "GoalReport",
    "PolicyReport",
    "RuleReport",
    "TierReport",
    "TraceReport",
    "WayReport",
    "require_sound",
]


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


class TraceReport(Word):
    """A sequence of permitted steps from the start that leaves a goal."""

    story: str
    steps: tuple[str, ...]
    """What each step edits."""
    shortest: Outcome
    """HOLDS: proved that no sequence of fewer steps leaves it."""


class GoalReport(Word):
    """Whether a goal is inductive under the rules of one tier."""

    goal: str
    tier: Tier
    proved: Outcome
    start: Outcome | None
    """Whether the founding state meets it; None when none was given."""
    alone: bool = False
    """Whether it is inductive without leaning on the other goals."""
    witness: tuple[str, ...] = ()
    """A permitted step that leaves the goal; it need not be reachable from the founding state."""
    trace: TraceReport | None = None
    """The shortest attack from the start, where one was found."""


class WayReport(Word):
    """Whether a way out is open from every state that meets the goals, whatever is measured."""

    way: str
    tier: Tier
    open: Outcome
    blocked_by: tuple[str, ...] = ()
    """Rules that can forbid it."""


class PolicyReport(Word):
    """What z3 says of a policy."""

    policy: Digest
    founding: bool
    """Whether the proof is about a given founding state, or about a generic one."""
    tiers: tuple[TierReport, ...]
    rules: tuple[RuleReport, ...]
    goals: tuple[GoalReport, ...]
    ways: tuple[WayReport, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the policy may be activated."""
        return (
            all(t.satisfiable is Outcome.HOLDS for t in self.tiers)
            and all(r.violable is Outcome.HOLDS for r in self.rules)
            and all(r.needed is not Outcome.UNDECIDED for r in self.rules)
            and all(g.proved is Outcome.HOLDS for g in self.goals)
            and all(g.start in (None, Outcome.HOLDS) for g in self.goals)
            and all(w.open is Outcome.HOLDS for w in self.ways)
        )


def require_sound(report: PolicyReport) -> None:
    """Refuse a policy that contradicts itself, protects nothing, or locks the agent in.

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
    for way in report.ways:
        _require_way(way)
    if not report.sound:
        raise Undecided(
            "z3 gave up on a question about the policy.",
            saw="an answer `undecided`, see plimsoll policy prove",
            wanted="every question answered",
            try_this="simplify the rule that is named, or allow more time",
        )


def _require_goal(goal: GoalReport) -> None:
    if goal.proved is Outcome.BROKEN:
        step = "; ".join(goal.witness) or "a step that changes nothing the goal shows"
        raise Refused(
            f"Goal {goal.goal} is not protected: a {goal.tier}-tier step can leave it.",
            saw=goal.trace.story if goal.trace else step,
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


def _require_way(way: WayReport) -> None:
    if way.open is Outcome.BROKEN:
        raise Refused(
            f"The policy can lock the agent in: {way.way} is not always possible.",
            saw="it can be forbidden by " + ", ".join(way.blocked_by),
            wanted="a way back from every state that the agent can reach, whatever is measured",
            try_this="begin the rule with `change.rolls_back or`; budgets and evidence run out",
        )
