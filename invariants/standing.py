"""What no policy file can switch off: the proposal is what it says, and says all it does."""

from collections.abc import Iterator, Mapping, Sequence

from invariants.approvals import Tally
from invariants.diff import diff
from invariants.evaluate import evaluate
from invariants.explain import reasons
from invariants.facts import Case, Facts
from invariants.measures import metric_faults
from invariants.policy import Policy
from invariants.roles import Role
from invariants.seals import enough, standing
from invariants.tiers import TierRuling
from invariants.values import number
from logs.canonical import digest_of
from logs.vocabulary import Commit, Digest, Outcome, Ruling, Tier

SAYINGS: Mapping[str, str] = {
    "law-head": "The proposal was made for another HEAD.",
    "law-evidence": "The evidence belongs to another proposal.",
    "law-facts": "A fact that the law needs is not an exact number, or is given twice.",
    "law-diff": "The proposal does not list exactly what it changes.",
    "law-rollback": "A rollback brings back an ancestor exactly, and one that meets every goal.",
    "law-tier": "The change is forbidden to the agent.",
    "law-signatures": "The policy is signed by as many of its keys as it demands.",
    "law-approvals": "A change of high tier is approved by as many keys as the policy demands.",
}


def standing_rulings(
    policy: Policy,
    case: Case,
    facts: Facts,
    tier: TierRuling,
    *,
    head: Digest,
    restored: Commit | None,
) -> tuple[Ruling, ...]:
    """Rule on the proposal as a document; its states were found fit before."""
    return (
        _head(case, head),
        _evidence(case),
        _facts(case, facts),
        _diff(case),
        _rollback(policy, case, facts, restored),
        _tier(tier),
    )


def seal_rulings(policy: Policy, tier: Tier, tally: Tally) -> Iterator[Ruling]:
    """Rule on the signatures: those of the policy always, approvals where they are needed."""
    signed = enough(policy.charter.policy, policy.seal)
    yield _told("law-signatures", (standing(policy),), holds=signed)
    role = policy.charter.approve
    if role is None:
        return
    who = [f"{role.name_of(key)} {key.fingerprint}" for key in tally.approve]
    no = [f"rejected by {role.name_of(key)}" for key in tally.reject]
    against = (*no, *map(str, tally.faults))
    yield from approval_rulings(role, tier, tally.approvals, who, against)


def approval_rulings(
    role: Role | None,
    tier: Tier,
    approvals: int,
    who: Sequence[str] = (),
    against: Sequence[str] = (),
) -> Iterator[Ruling]:
    """Rule on a number of distinct keys, where the policy names approvers and the tier is high."""
    if role is None or tier is not Tier.HIGH:
        return
    said = f"change.approvals = {approvals}"
    if approvals >= role.threshold:
        names = f"{said}: {', '.join(who)}" if who else said
        yield _told("law-approvals", (names,), holds=True)
        return
    why = "; ".join([f"{said}, but must be >= {role.threshold}", *against])
    yield _told("law-approvals", (why,), holds=False)


def _told(name: str, values: tuple[str, ...], *, holds: bool) -> Ruling:
    """A ruling that shows its values whether it holds or not."""
    outcome = Outcome.HOLDS if holds else Outcome.BROKEN
    return Ruling(invariant=name, outcome=outcome, say=SAYINGS[name], values=values)


def rolls_back(case_new: object, restores: Digest | None, restored: Commit | None) -> bool:
    """Whether the candidate equals the state of the commit that the proposal names."""
    if restores is None or restored is None:
        return False
    return digest_of(restored) == restores and case_new == restored.state


def ruling(name: str, faults: tuple[str, ...], *, bad: Outcome = Outcome.BROKEN) -> Ruling:
    """The ruling of a standing rule: it holds when there is no fault."""
    outcome = bad if faults else Outcome.HOLDS
    return Ruling(invariant=name, outcome=outcome, say=SAYINGS[name], values=faults)


def _head(case: Case, head: Digest) -> Ruling:
    base = case.proposal.base
    faults = () if base == head else (f"made for {base[:12]}, but HEAD is {head[:12]}",)
    return ruling("law-head", faults)


def _evidence(case: Case) -> Ruling:
    name, claimed = digest_of(case.proposal), case.evidence.proposal
    same = name == claimed
    faults = () if same else (f"evidence for {claimed[:12]}, but this is {name[:12]}",)
    return ruling("law-evidence", faults)


def _facts(case: Case, facts: Facts) -> Ruling:
    faults = (
        *metric_faults(case.evidence, facts.roots["evidence"]),
        *_ledger_faults(case),
    )
    return ruling("law-facts", faults, bad=Outcome.MISSING)


def _ledger_faults(case: Case) -> list[str]:
    faults = []
    for field in type(case.ledgers).model_fields:
        value = getattr(case.ledgers, field)
        exact = number(value)
        if exact is None or exact < 0:
            faults.append(f"ledger {field} is {value!r}")
    approvals: object = case.approvals
    if type(approvals) is not int or approvals < 0:
        faults.append(f"approvals is {approvals!r}")
    return faults


def _diff(case: Case) -> Ruling:
    true = {(c.path, c.old, c.new) for c in diff(case.old, case.proposal.new)}
    told = {(c.path, c.old, c.new) for c in case.proposal.changes}
    hidden = tuple(f"not listed: {path}" for path, _, _ in sorted(true - told, key=str))
    invented = tuple(f"listed, but not so: {path}" for path, _, _ in sorted(told - true, key=str))
    return ruling("law-diff", hidden + invented)


def _rollback(policy: Policy, case: Case, facts: Facts, restored: Commit | None) -> Ruling:
    restores = case.proposal.restores
    if restores is None:
        return ruling("law-rollback", ())
    if not case.rolls_back:
        known = "another state" if restored is not None else "a commit that was not found"
        return ruling("law-rollback", (f"it names {restores[:12]}, which is {known}",))
    unmet = tuple(
        f"{goal.id}: {line}"
        for goal in policy.goals
        if evaluate(goal.expr, facts) is not True
        for line in reasons(goal.expr, goal.need, facts)
    )
    return ruling("law-rollback", unmet)


def _tier(tier: TierRuling) -> Ruling:
    forbidden = tuple(line for line in tier.because if line.endswith(f": {Tier.FORBIDDEN}"))
    return ruling("law-tier", forbidden)
