"""What `plimsoll log verify` asks of people's signatures, besides its questions to the log.

A log that somebody wrote anew as a whole has all its hashes; it cannot have signatures that
nobody made. Each policy, approval and refill is verified again from the bytes that the log
keeps, and the signed files of the workspace are held to those that the log knows.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime

from agent.adoption import PERSON, as_kept, last_adopted, policies_of
from agent.inbox import Pending, ballot_of, pending_at, pending_in
from agent.ruling import filed_refills
from agent.signed_files import constitution_faults, policy_faults
from agent.states import founding_of
from agent.testimony import approvers, heard, kept
from agent.workspace import CONSTITUTION, POLICY, Workspace
from invariants.approvals import Ballot, Binding, count
from invariants.papers import Paper, document
from invariants.refills import Refill, examined
from invariants.roles import Role
from invariants.seals import UNSIGNED, require_signed, require_successor, standing
from invariants.sshsig import Flaw
from logs.checkpoint import Checkpoint
from logs.checks import Answer
from logs.journal import Journal
from logs.turns import Turn, turn_of
from logs.verify import Check, ask, verify
from logs.vocabulary import Commit, EntryKind, LogEntry, Tier

Question = Callable[[Workspace, Journal], Answer]
FOUNDING = (EntryKind.FOUNDED, EntryKind.COMMITTED)
"""What is written before the policy is."""
NOTHING_ADOPTED: Answer = (None, "not checked: no policy was adopted yet")


def verify_all(
    workspace: Workspace, *, pinned: str | None = None, remembered: Checkpoint | None = None
) -> tuple[Check, ...]:
    """Ask every question to the log, then those to the signatures in it.

    Raises:
        UsageError: there is no log, or `pinned` is not a checkpoint.
    """
    answers = verify(workspace.root, pinned=pinned, remembered=remembered)
    whole = len(answers) > 1 and all(answer.ok for answer in answers[:2])
    return (*answers, *(asked(name, workspace, whole) for name in QUESTIONS))


def asked(name: str, workspace: Workspace, whole: bool) -> Check:
    """One question about signatures; it can only be asked of entries that are whole."""
    if not whole:
        return Check(name=name, ok=None, detail="not checked: the entries themselves are not whole")

    def question() -> Answer:
        with closing(workspace.journal()) as journal:
            return QUESTIONS[name](workspace, journal)

    return ask(name, question)


def policies_are_signed(workspace: Workspace, journal: Journal) -> Answer:
    """Each policy that was in force bears the signatures that it and the one before demand."""
    before, said = None, ""
    for entry in journal.entries(session=PERSON, kind=EntryKind.ADOPTED):
        policy = as_kept(entry)
        if before is None:
            require_signed(policy)
        else:
            require_successor(before, policy)
        before, said = policy, f"version {policy.version} is {standing(policy)}"
    if before is None:
        return NOTHING_ADOPTED
    if standing(before) == UNSIGNED:
        return None, f"{UNSIGNED.upper()}: nobody signed the policy in force"
    return True, said


def commits_obey_the_policy(workspace: Workspace, journal: Journal) -> Answer:
    """Each commit was ruled on under a policy in force, and approved where that is demanded."""
    known, policies, approved = policies_of(journal), kept(journal), 0
    if not policies:
        return NOTHING_ADOPTED
    for entry in journal.entries(kind=EntryKind.COMMITTED):
        commit = Commit.model_validate(entry.body)
        turn = turn_of(journal.entries_of(entry.session, entry.iteration))
        if commit.parent is None or turn.verdict is None:
            continue
        if turn.verdict.policy not in known:
            return False, f"entry {entry.seq}: its policy {turn.verdict.policy} was never in force"
        policy = policies.get(turn.verdict.policy)
        if turn.verdict.tier is Tier.HIGH and policy and policy.charter.approve:
            if fault := _unapproved(journal, turn, commit, policy.charter.approve):
                return False, f"entry {entry.seq}: {fault}"
            approved += 1
    return True, f"{approved} of high tier, each approved by enough keys"


def papers_are_signed(workspace: Workspace, journal: Journal) -> Answer:
    """Each paper that was handed in still counts, and each answer rests on those before it."""
    policies, papers = kept(journal), 0
    for pending in pending_in(journal):
        found = heard(journal, pending, approvers(policies, pending))
        for one in found:
            if one.said is None:
                return False, f"entry {one.entry.seq}: {one.flaw}"
        papers += len(found)
        if fault := _other_papers(pending, [one.entry for one in found]):
            return False, fault
    return True, f"{papers} signed statements about proposals"


def refills_are_signed(workspace: Workspace, journal: Journal) -> Answer:
    """Each refill was signed once by a key that its policy names, for this log."""
    policies, nonces = kept(journal), set[str]()
    for filed in filed_refills(journal):
        named = Refill.model_validate(document(filed.paper.statement))
        policy = policies.get(named.policy)
        role = policy.charter.approve if policy else None
        examined(filed, role, log=founding_of(journal).commit, policies=frozenset(policies))
        if named.nonce in nonces:
            return False, f"{Flaw.REPLAYED}: the nonce {named.nonce[:8]} was used before"
        nonces.add(named.nonce)
    return True, f"{len(nonces)} signed statements about budgets"


def files_are_kept(workspace: Workspace, journal: Journal) -> Answer:
    """Policy, constitution and signatures in the workspace are those that the log knows."""
    last = last_adopted(journal)
    if last is None:
        begun = any(e.kind not in FOUNDING for e in journal.entries())
        here = (workspace.root / POLICY).is_file()
        if begun and here and workspace.policy.charter.policy is not None:
            return False, "the policy names who signs it, but the log keeps no policy"
        return NOTHING_ADOPTED
    faults, note = policy_faults(workspace.root / POLICY, last)
    if (founded := _founding_policy(journal)) is not None:
        faults += constitution_faults(
            workspace.root / CONSTITUTION, founded, founding_of(journal).state
        )
    return (False, "; ".join(faults)) if faults else (None if note else True, note or "unchanged")


QUESTIONS: Mapping[str, Question] = {
    "policies are those people signed": policies_are_signed,
    "commits obey a policy in force": commits_obey_the_policy,
    "what people said is signed": papers_are_signed,
    "refills are signed": refills_are_signed,
    "signed files are as they were": files_are_kept,
}


def _unapproved(journal: Journal, turn: Turn, commit: Commit, role: Role) -> str:
    """Why a commit of high tier lacks its approvals; empty if it has them."""
    pending = pending_at(journal, turn.session, turn.iteration)
    if pending is None or pending.answer is None or turn.verdict is None:
        return "a change of high tier that nobody answered"
    made = Binding(
        proposal=commit.proposal or "",
        head=commit.parent or "",
        policy=turn.verdict.policy,
        evidence=commit.evidence or "",
    )
    if pending.binding != made:
        return "people were asked about another transition"
    said = pending.answer.body
    papers = tuple(Paper.model_validate(paper) for paper in said["papers"])
    spent = ballot_of(journal, pending, datetime.fromisoformat(said["at"])).spent
    tally = count(role, made, Ballot(papers, datetime.fromisoformat(said["at"]), spent))
    if tally.approvals >= role.threshold:
        return ""
    why = [f"approved by {tally.approvals} keys, {role.threshold} needed", *map(str, tally.faults)]
    return "; ".join(why)


def _other_papers(pending: Pending, filed: list[LogEntry]) -> str:
    """Where an answer was counted from other papers than were handed in before it."""
    if pending.answer is None:
        return ""
    before = [e.body["paper"] for e in filed if e.seq < pending.answer.seq]
    same = before == pending.answer.body["papers"]
    return "" if same else f"entry {pending.answer.seq}: it was counted from other papers"


def _founding_policy(journal: Journal) -> LogEntry | None:
    return next(journal.entries(session=PERSON, kind=EntryKind.ADOPTED, limit=1), None)
