"""Approvals: what one person says of one transition, signed; counted by distinct public key.

A statement binds the proposal, the HEAD it was made for, the policy and the evidence, so an
approval of one transition is worth nothing for another. It carries a reason, a nonce and an
expiry. The default is no: whatever does not count is named, and counts for nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from invariants.keys import PublicKey
from invariants.papers import Paper, document, written
from invariants.roles import Role
from invariants.sshsig import BadPaper, Flaw, Namespace, signer
from logs.vocabulary import Digest, Word

FORMAT: Literal["plimsoll-approval/1"] = "plimsoll-approval/1"
NONCE = r"^[0-9a-f]{32}$"
LONGEST_REASON = 2000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Choice(StrEnum):
    """What a person says of a proposal."""

    APPROVE = "approve"
    REJECT = "reject"


class Binding(Word):
    """The transition that is approved: nothing else."""

    proposal: Digest
    head: Digest
    policy: Digest
    evidence: Digest


class Statement(Binding):
    """What one person signs."""

    format: Literal["plimsoll-approval/1"]
    decision: Choice
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]
    nonce: Annotated[str, Field(pattern=NONCE)]
    expires: AwareDatetime


@dataclass(frozen=True, slots=True)
class Ballot:
    """The papers that were handed in for one proposal."""

    papers: tuple[Paper, ...] = ()
    now: datetime = EPOCH
    """Told by the caller; a paper that has expired by then does not count."""
    spent: frozenset[str] = frozenset()
    """Nonces that the log knows from other papers."""


NO_BALLOT = Ballot()


@dataclass(slots=True)
class Tally:
    """Which keys said yes and no, and which papers do not count."""

    approve: dict[PublicKey, Statement] = field(default_factory=dict)
    reject: dict[PublicKey, Statement] = field(default_factory=dict)
    faults: list[BadPaper] = field(default_factory=list)

    @property
    def approvals(self) -> int:
        """Distinct keys that approved; none, once anybody entitled said no."""
        return 0 if self.reject else len(self.approve)


_ABOUT: Mapping[str, Flaw] = {
    "policy": Flaw.OTHER_POLICY,
    "head": Flaw.STALE_HEAD,
    "proposal": Flaw.OTHER_PROPOSAL,
    "evidence": Flaw.OTHER_EVIDENCE,
}


def count(role: Role | None, binding: Binding, ballot: Ballot) -> Tally:
    """Count the papers of a ballot for this very transition."""
    tally, nonces = Tally(), set(ballot.spent)
    for paper in ballot.papers:
        try:
            key, statement = examined(paper, role, binding, ballot.now)
            if statement.nonce in nonces:
                raise BadPaper(Flaw.REPLAYED, f"the nonce {statement.nonce[:8]} was used before")
            nonces.add(statement.nonce)
            side = tally.approve if statement.decision is Choice.APPROVE else tally.reject
            if key in side:
                raise BadPaper(Flaw.SAME_KEY_TWICE, f"{key.fingerprint} has voted")
            side[key] = statement
        except BadPaper as error:
            tally.faults.append(error)
    return tally


def examined(
    paper: Paper, role: Role | None, binding: Binding, now: datetime
) -> tuple[PublicKey, Statement]:
    """Who signed this paper, and what it says, if it is about this transition.

    Raises:
        BadPaper: it does not count, by name.
    """
    key = signer(paper.statement.encode(), paper.signature, Namespace.APPROVAL)
    if role is None or key not in role.names:
        raise BadPaper(Flaw.UNKNOWN_KEY, f"{key.fingerprint} is not in [roles.approve]")
    statement = read_statement(paper.statement)
    for name, flaw in _ABOUT.items():
        told, true = getattr(statement, name), getattr(binding, name)
        if told != true:
            raise BadPaper(flaw, f"signed for {name} {told[:12]}, this is {true[:12]}")
    if statement.expires <= now:
        raise BadPaper(Flaw.EXPIRED, f"at {statement.expires.isoformat()}")
    return key, statement


def read_statement(text: str) -> Statement:
    """A statement from the bytes that were signed.

    Raises:
        BadPaper: it is none.
    """
    try:
        return Statement.model_validate(document(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadPaper(Flaw.MALFORMED, f"{where}: {first['msg']}") from error


def statement_for(
    binding: Binding, decision: Choice, reason: str, *, now: datetime, valid: timedelta
) -> str:
    """The text that a person signs; a fresh nonce makes every one different."""
    fields: dict[str, Any] = {
        "format": FORMAT,
        "decision": decision.value,
        **binding.model_dump(),
        "reason": reason,
        "nonce": secrets.token_hex(16),
        "expires": (now + valid).astimezone(UTC).isoformat(timespec="seconds"),
    }
    return written(fields)
