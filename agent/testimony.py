"""What people said of a proposal, as the log keeps it: every signature is verified again.

Nothing is taken from what an entry tells about a paper. Who signed, what and why is read from
the signed bytes alone, and held to the keys of the policy under which people were asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent.adoption import PERSON, as_kept
from agent.inbox import Pending, filed, pending_at
from invariants.approvals import Binding, Statement, examined
from invariants.keys import PublicKey
from invariants.papers import Paper
from invariants.policy import Policy
from invariants.roles import Role
from invariants.sshsig import BadPaper, Flaw
from logs.reading import Reader
from logs.turns import Turn
from logs.vocabulary import Digest, EntryKind, LogEntry
from logs.why import Said


@dataclass(frozen=True, slots=True)
class Heard:
    """One paper of the log: who said what, or why it does not count."""

    entry: LogEntry
    said: tuple[PublicKey, Statement] | None
    flaw: str = ""


def said_of(journal: Reader, turn: Turn) -> tuple[Said, ...]:
    """What was handed in about the proposal of this turn, in order; also what does not count."""
    pending = pending_at(journal, turn.session, turn.iteration)
    if pending is None:
        return ()
    role = approvers(kept(journal), pending)
    return tuple(_told(one, role) for one in heard(journal, pending, role))


def kept(journal: Reader) -> Mapping[Digest, Policy]:
    """Every policy that was in force, by digest, with the keys that signed it.

    Raises:
        IntegrityError: a text that the log keeps is not the policy that it names.
    """
    adopted = journal.entries(session=PERSON, kind=EntryKind.ADOPTED)
    return {entry.body["digest"]: as_kept(entry) for entry in adopted}


def approvers(policies: Mapping[Digest, Policy], pending: Pending) -> Role | None:
    """Who could approve when this was asked."""
    policy = policies.get(pending.binding.policy)
    return policy.charter.approve if policy else None


def heard(journal: Reader, pending: Pending, role: Role | None) -> list[Heard]:
    """Each paper about one proposal, examined as of the time when the log took it in."""
    voted, nonces = dict[object, datetime](), set[str]()
    found = []
    for entry in filed(journal, pending.asked.seq):
        try:
            paper = Paper.model_validate(entry.body["paper"])
            at = datetime.fromisoformat(entry.at)
            key, statement = examined(paper, role, pending.binding, at)
            vote = (key, statement.decision)
            if statement.nonce in nonces:
                raise BadPaper(Flaw.REPLAYED, f"the nonce {statement.nonce[:8]} was used before")
            if vote in voted and at < voted[vote]:  # who said it anew after it ran out may
                raise BadPaper(Flaw.SAME_KEY_TWICE, f"{key.fingerprint} has voted")
            voted[vote] = statement.expires
            nonces.add(statement.nonce)
            found.append(Heard(entry, (key, statement)))
        except BadPaper as error:
            found.append(Heard(entry, None, str(error)))
    return found


def _told(one: Heard, role: Role | None) -> Said:
    entry = one.entry
    if one.said is None:
        return Said(entry=entry.seq, at=entry.at, does_not_count=one.flaw)
    key, statement = one.said
    return Said(
        entry=entry.seq,
        at=entry.at,
        by=role.name_of(key) if role else "",
        key=key.fingerprint,
        decision=statement.decision,
        over={name: getattr(statement, name) for name in Binding.model_fields},
        expires=statement.expires.isoformat(),
        reason=statement.reason,
    )
