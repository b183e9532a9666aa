"""What a person does by hand: a rollback, through the same gate and into the same log."""

from dataclasses import dataclass

from agent.adoption import require_in_force
from agent.harness import harness_digest
from agent.workspace import Workspace
from invariants import gate as law
from invariants.diff import diff
from logs.canonical import digest_of
from logs.errors import Refused, UsageError
from logs.journal import Journal
from logs.lock import lock_workspace
from logs.refs import resolve
from logs.vocabulary import (
    Change,
    Commit,
    Decision,
    Digest,
    EntryKind,
    Evidence,
    Intervention,
    Outcome,
    Proposal,
    State,
    Verdict,
)

PERSON = "person"
"""Session name under which deeds of people are logged."""


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What a rollback would do, or did."""

    head: Digest
    target: Digest
    changes: tuple[Change, ...]
    verdict: Verdict | None
    commit: Digest | None


def rollback(workspace: Workspace, ref: str, *, reason: str, dry_run: bool) -> RollbackPlan:
    """Bring an earlier commit back as a new one.

    Raises:
        UsageError: the reference is no ancestor of HEAD, or nothing would change.
        Refused: an invariant says no.
    """
    if dry_run:
        with workspace.journal() as journal:
            return _plan(workspace, journal, ref, reason)[0]
    with lock_workspace(workspace.root), workspace.journal(read_only=False) as journal:
        plan, decision, proposal, evidence = _plan(workspace, journal, ref, reason)
        return _carry_out(journal, plan, decision, proposal, evidence)


def _plan(
    workspace: Workspace, journal: Journal, ref: str, reason: str
) -> tuple[RollbackPlan, Decision, Proposal, Evidence]:
    require_in_force(workspace.policy, journal)
    head, target = resolve(journal, "HEAD"), resolve(journal, ref)
    restored = _ancestor(journal, head, target)
    now = journal.commit_of(head).state
    number = _next(journal)
    decision = Decision(
        iteration=number,
        intervention=Intervention.ROLL_BACK,
        rule="person",
        because=reason,
        evidence=(),
        alternatives=(),
        predicted=None,
    )
    proposal = Proposal(
        iteration=number,
        base=head,
        intervention=Intervention.ROLL_BACK,
        new=restored.state,
        changes=diff(now, restored.state),
        restores=target,
        undo=f"plimsoll rollback {head[:8]}",
    )
    evidence = Evidence(
        proposal=digest_of(proposal), metrics=(), harness=harness_digest(), sandbox_level=0
    )
    verdict = law.rule(
        workspace.policy,
        _founding(journal),
        now,
        head,
        proposal,
        evidence,
        journal.ledgers(),
        restored=restored,
    )
    plan = RollbackPlan(head, target, proposal.changes, verdict, None)
    return plan, decision, proposal, evidence


def _carry_out(
    journal: Journal, plan: RollbackPlan, decision: Decision, proposal: Proposal, evidence: Evidence
) -> RollbackPlan:
    verdict = plan.verdict
    assert verdict is not None
    number = decision.iteration
    for step, kind, body in (
        ("decide", EntryKind.DECIDED, decision),
        ("act", EntryKind.PROPOSED, proposal),
        ("trial", EntryKind.TRIED, evidence),
        ("gate", EntryKind.RULED, verdict),
    ):
        journal.append(kind, session=PERSON, iteration=number, step=step, body=body)
    if not verdict.holds:
        broken = [r for r in verdict.rulings if r.outcome is not Outcome.HOLDS]
        raise Refused(
            "The law refuses this rollback.",
            saw="; ".join(f"{r.invariant}: {', '.join(r.values)}" for r in broken)
            or f"second opinion: {verdict.second_opinion}",
            wanted="every invariant to hold",
            try_this="choose another commit: plimsoll log list",
        )
    made = Commit(
        parent=plan.head,
        restores=plan.target,
        session=PERSON,
        iteration=number,
        state=proposal.new,
        proposal=digest_of(proposal),
        evidence=digest_of(evidence),
        verdict=digest_of(verdict),
    )
    journal.commit(made, expected_head=plan.head)
    return RollbackPlan(plan.head, plan.target, plan.changes, verdict, digest_of(made))


def _founding(journal: Journal) -> State:
    first = next(journal.entries(kind=EntryKind.COMMITTED))
    return Commit.model_validate(first.body).state


def _next(journal: Journal) -> int:
    return 1 + sum(e.kind is EntryKind.DECIDED for e in journal.entries(session=PERSON))


def _ancestor(journal: Journal, head: Digest, target: Digest) -> Commit:
    at: Digest | None = journal.commit_of(head).parent
    while at is not None:
        commit = journal.commit_of(at)
        if at == target:
            return commit
        at = commit.parent
    raise UsageError(
        "A rollback brings back a commit that lies before HEAD.",
        saw=f"{target[:8]}" + (", which is HEAD" if target == head else ""),
        wanted="an ancestor of HEAD",
        try_this="plimsoll log list",
    )
