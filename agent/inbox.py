"""What waits for people: proposals of high tier, read from the log, and the papers about them.

A proposal waits under its own digest until enough distinct keys approved it, anybody entitled
said no, HEAD moved, or its time is over; the default is no. The session that made it applies
it when it is resumed, once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.adoption import PERSON
from invariants.approvals import Ballot, Binding, Choice, Tally, count, examined
from invariants.papers import Paper
from invariants.roles import Role
from invariants.sshsig import BadPaper, Flaw
from logs.canonical import digest_of
from logs.errors import PlimsollError, Refused, Stale, UsageError
from logs.journal import Journal
from logs.reading import Reader
from logs.vocabulary import Digest, EntryKind, Evidence, LogEntry, Proposal, Verdict

ASK, ANSWER, PAPER = "ask", "answer", "paper-"
SHORTEST = 4
"""Hex digits by which a proposal may be named; a person types what was read."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A proposal that waits, or waited, for people."""

    asked: LogEntry
    proposal: Proposal
    evidence: Evidence
    verdict: Verdict
    binding: Binding
    expires: datetime
    papers: tuple[Paper, ...]
    answer: LogEntry | None

    @property
    def digest(self) -> Digest:
        """Its name."""
        return self.binding.proposal

    @property
    def open(self) -> bool:
        """Whether it still waits."""
        return self.answer is None


def pending_in(journal: Reader) -> Iterator[Pending]:
    """Every proposal that was put before people, oldest first."""
    for asked in journal.entries(kind=EntryKind.ASKED):
        found = pending_at(journal, asked.session, asked.iteration)
        if found and found.asked.seq == asked.seq:
            yield found


def pending_at(journal: Reader, session: str, iteration: int) -> Pending | None:
    """The proposal that this turn put before people; None if it put none."""
    asked = journal.find(session, iteration, ASK)
    if asked is None or "expires" not in asked.body:
        return None
    steps = [journal.find(session, iteration, step) for step in ("act", "trial", "gate")]
    proposal, evidence, verdict = (entry.body if entry else {} for entry in steps)
    return Pending(
        asked=asked,
        proposal=Proposal.model_validate(proposal),
        evidence=Evidence.model_validate(evidence),
        verdict=Verdict.model_validate(verdict),
        binding=Binding.model_validate({k: asked.body[k] for k in Binding.model_fields}),
        expires=datetime.fromisoformat(asked.body["expires"]),
        papers=tuple(Paper.model_validate(e.body["paper"]) for e in filed(journal, asked.seq)),
        answer=journal.find(session, iteration, ANSWER),
    )


def named(journal: Reader, ref: str) -> Pending:
    """The proposal whose digest begins with `ref`.

    Raises:
        UsageError: none, or several; names those that wait.
    """
    known = list(pending_in(journal))
    found = [p for p in known if len(ref) >= SHORTEST and p.digest.startswith(ref.lower())]
    if len(found) == 1:
        return found[0]
    waiting = ", ".join(p.digest[:12] for p in known if p.open)
    raise UsageError(
        "This names several proposals." if found else "No proposal has this name.",
        saw=repr(ref[:80]),
        wanted=f"{SHORTEST} or more digits of one that waits: {waiting or 'none does'}",
        try_this="plimsoll inbox list",
    )


def tally_of(journal: Reader, pending: Pending, role: Role | None, now: datetime) -> Tally:
    """How the papers of a proposal count at this time."""
    return count(role, pending.binding, ballot_of(journal, pending, now))


def ballot_of(journal: Reader, pending: Pending, now: datetime) -> Ballot:
    """The papers of a proposal, with the nonces that others used."""
    spent = frozenset(
        str(e.body["nonce"])
        for e in journal.entries(session=PERSON, kind=EntryKind.ANSWERED)
        if "nonce" in e.body and e.iteration != pending.asked.seq
    )
    return Ballot(pending.papers, now, spent)


def hand_in(
    journal: Journal, pending: Pending, paper: Paper, role: Role | None, now: datetime
) -> LogEntry:
    """Take in one signed statement about a proposal that waits.

    Raises:
        Stale: the proposal was answered, its time is over, or HEAD moved.
        Refused: the paper does not count, by name.
    """
    demand_waiting(journal, pending, now)
    try:
        key, statement = examined(paper, role, pending.binding, now)
        ballot = ballot_of(journal, pending, now)
        already = count(role, pending.binding, ballot)
        side = already.approve if statement.decision is Choice.APPROVE else already.reject
        nonces = {s.nonce for s in (*already.approve.values(), *already.reject.values())}
        if statement.nonce in ballot.spent | nonces:
            raise BadPaper(Flaw.REPLAYED, f"the nonce {statement.nonce[:8]} was used before")
        if key in side:
            raise BadPaper(Flaw.SAME_KEY_TWICE, f"{key.fingerprint} has voted")
    except BadPaper as error:
        raise refusal(error) from error
    body = {
        "proposal": pending.digest,
        "decision": statement.decision.value,
        "by": role.name_of(key) if role else key.fingerprint,
        "key": key.fingerprint,
        "reason": statement.reason,
        "nonce": statement.nonce,
        "paper": paper.model_dump(),
    }
    return journal.append(
        EntryKind.ANSWERED,
        session=PERSON,
        iteration=pending.asked.seq,
        step=f"{PAPER}{digest_of(paper)[:16]}",
        body=body,
    )


def refusal(error: BadPaper) -> PlimsollError:
    """What is said of a paper that does not count."""
    kind = {Flaw.STALE_HEAD: Stale, Flaw.MALFORMED: UsageError}.get(error.flaw, Refused)
    return kind(
        f"This signed statement does not count: {error.flaw}.",
        saw=str(error),
        wanted="a statement about this very proposal, signed by a key of [roles.approve]",
        try_this="plimsoll approve PROPOSAL --statement writes one to sign",
    )


def demand_waiting(journal: Reader, pending: Pending, now: datetime) -> None:
    """Refuse to sign or to take in what can no longer be answered.

    Raises:
        Stale: the proposal was answered, its time is over, or HEAD moved.
    """
    closed = ""
    if pending.answer:
        closed = f"it was answered: {pending.answer.body['decision']}"
    elif now >= pending.expires:
        closed = f"expired: its time was over at {pending.expires.isoformat()}"
    elif journal.head() != pending.binding.head:
        closed = f"stale HEAD: made for {pending.binding.head[:12]}, HEAD is {journal.head()}"
    if closed:
        raise Stale(
            "This proposal no longer waits.",
            saw=closed,
            wanted="a proposal that waits for people",
            try_this="plimsoll inbox list",
        )


def filed(journal: Reader, seq: int) -> list[LogEntry]:
    """The papers about the question of this entry, in the order in which they came."""
    entries = journal.entries_of(PERSON, seq)
    return [e for e in entries if e.kind is EntryKind.ANSWERED and "paper" in e.body]
