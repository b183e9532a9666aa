"""The gate: a pure function from a proposal and its evidence to a verdict. Fail closed.

The exact evaluator decides; z3 reads the same tree over the same facts and must agree.
Nothing here reads a clock, a disk or the network, and no exception is ever a yes.
"""

from collections.abc import Callable, Mapping, Sequence

from invariants.approvals import NO_BALLOT, Ballot, Binding, Tally, count
from invariants.ast import Expr
from invariants.evaluate import evaluate
from invariants.explain import reasons
from invariants.facts import Case, Facts, facts_of, state_faults
from invariants.policy import Policy, Rule
from invariants.standing import rolls_back, ruling, seal_rulings, standing_rulings
from invariants.tiers import TierRuling, tier_of
from invariants.values import Tree
from logs.canonical import digest_of
from logs.vocabulary import (
    Commit,
    Digest,
    Evidence,
    Ledgers,
    Outcome,
    Proposal,
    Ruling,
    State,
    Tier,
    Verdict,
)

SECOND_OPINION_MS = 5_000
STEP_PARAM = "step_l1"
"""Parameter that tells how long a reweighting of principles is still low."""

_APPROVALS = "change.approvals = "
_NO_NAME = "0" * 64

Second = Callable[[Sequence[Expr], Mapping[str, Tree]], Outcome]
"""Another engine that judges the same rules on the same facts."""


def rule(
    policy: Policy,
    founding: State,
    old: State,
    head: Digest,
    proposal: Proposal,
    evidence: Evidence,
    ledgers: Ledgers,
    ballot: Ballot | None = None,
    *,
    restored: Commit | None = None,
    second: Second | None = None,
) -> Verdict:
    """Rule on one proposal.

    Args:
        policy: The policy in force.
        founding: The anchor; drift of the constitution is measured against it.
        old: State of the commit at HEAD.
        head: Digest of that commit.
        proposal: What the agent proposes.
        evidence: What the trial counted for this very proposal.
        ledgers: What was spent so far, this trial included.
        ballot: Signed papers about this very transition; the gate verifies and counts them.
        restored: For a rollback, the commit that `proposal.restores` names, taken by the
            caller from the ancestors of HEAD in the journal, never from the agent.
        second: Another engine than z3, for tests.
    """
    try:
        unfit = (
            *state_faults(founding, "founding"),
            *state_faults(old, "old"),
            *state_faults(proposal.new, "new"),
        )
        if unfit:
            return _unfit(policy, proposal, unfit)
        tally = _tally(policy, head, proposal, evidence, ballot or NO_BALLOT)
        case = Case(
            founding=founding,
            old=old,
            proposal=proposal,
            evidence=evidence,
            ledgers=ledgers,
            approvals=tally.approvals,
            rolls_back=rolls_back(proposal.new, proposal.restores, restored),
        )
        return _verdict(policy, case, head, restored, second or by_z3, tally)
    except Exception as fault:
        return _undecided(policy, proposal, fault)


def needs_person(verdict: Verdict) -> bool:
    """Whether a high-tier change lacks nothing but approvals, so that a person may decide."""
    failed = [r for r in verdict.rulings if r.outcome is not Outcome.HOLDS]
    return (
        verdict.tier is Tier.HIGH
        and bool(failed)
        and all(
            r.outcome is Outcome.BROKEN
            and r.values
            and all(v.startswith(_APPROVALS) for v in r.values)
            for r in failed
        )
    )


def _verdict(
    policy: Policy,
    case: Case,
    head: Digest,
    restored: Commit | None,
    second: Second,
    tally: Tally,
) -> Verdict:
    facts, tier, standing = before_rules(policy, case, head, restored)
    rules = policy.rules_for(tier.tier)
    sealed = seal_rulings(policy, tier.tier, tally)
    return Verdict(
        proposal=digest_of(case.proposal),
        policy=policy.digest,
        tier=tier.tier,
        rulings=(*standing, *sealed, *(judge(one, facts) for one in rules)),
        second_opinion=second([one.expr for one in rules], facts.roots),
    )


def before_rules(
    policy: Policy, case: Case, head: Digest, restored: Commit | None
) -> tuple[Facts, TierRuling, tuple[Ruling, ...]]:
    """The facts of a case, its tier, and what the standing law says, before any rule of a file."""
    tier = tier_of(
        case.old,
        case.proposal.new,
        step_l1=policy.values.get(STEP_PARAM),
        restored=case.proposal.new if case.rolls_back else None,
        raises=policy.raises,
    )
    facts = facts_of(case, policy.metrics, policy.values)
    standing = standing_rulings(policy, case, facts, tier, head=head, restored=restored)
    return facts, tier, standing


def _tally(
    policy: Policy, head: Digest, proposal: Proposal, evidence: Evidence, ballot: Ballot
) -> Tally:
    """INVARIANT: `change.approvals` comes from here alone, from signatures verified here."""
    return count(policy.charter.approve, binding_of(policy, head, proposal, evidence), ballot)


def binding_of(policy: Policy, head: Digest, proposal: Proposal, evidence: Evidence) -> Binding:
    """What an approval must name to count for this transition."""
    return Binding(
        proposal=digest_of(proposal),
        head=head,
        policy=policy.digest,
        evidence=digest_of(evidence),
    )


def judge(one: Rule, facts: Facts) -> Ruling:
    """What one rule says on these facts, with the numbers that decided it."""
    match evaluate(one.expr, facts):
        case True:
            outcome = Outcome.HOLDS
        case False:
            outcome = Outcome.BROKEN
        case _:
            outcome = Outcome.MISSING
    values = reasons(one.expr, one.need, facts)
    return Ruling(invariant=one.id, outcome=outcome, say=one.say, values=values)


def by_z3(rules: Sequence[Expr], roots: Mapping[str, Tree]) -> Outcome:
    """What z3 says of the same rules on the same facts; imports it."""
    from invariants.solver import second_opinion

    return second_opinion(rules, roots, timeout_ms=SECOND_OPINION_MS)


def _unfit(policy: Policy, proposal: Proposal, faults: tuple[str, ...]) -> Verdict:
    """The verdict on states that no rule can read: the faults by name, and no number."""
    because = ("a state is not fit to be judged, see law-facts",)
    return Verdict(
        proposal=_name(proposal),
        policy=policy.digest,
        tier=Tier.FORBIDDEN,
        rulings=(
            ruling("law-facts", faults, bad=Outcome.MISSING),
            *(_without_facts(one, Outcome.MISSING, because) for one in policy.rules),
        ),
        second_opinion=Outcome.MISSING,
    )


def _undecided(policy: Policy, proposal: Proposal, fault: Exception) -> Verdict:
    """The verdict of a gate that failed: every rule undecided, by name."""
    because = (f"the gate failed: {type(fault).__name__}: {str(fault).partition(chr(10))[0]}",)
    return Verdict(
        proposal=_name(proposal),
        policy=policy.digest,
        tier=Tier.FORBIDDEN,
        rulings=tuple(_without_facts(one, Outcome.UNDECIDED, because) for one in policy.rules),
        second_opinion=Outcome.UNDECIDED,
    )


def _without_facts(one: Rule, outcome: Outcome, because: tuple[str, ...]) -> Ruling:
    return Ruling(invariant=one.id, outcome=outcome, say=one.say, values=because)


def _name(proposal: Proposal) -> Digest:
    try:
        return digest_of(proposal)
    except Exception:
        return _NO_NAME
