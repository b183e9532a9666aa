"""Refills: only people give the agent new budget, by a signed statement for this very log.

What was spent is never taken back from a ledger; a refill stands beside it. The law reads
`spent - refilled`, and counts a refill only if enough distinct keys of [roles.approve]
signed the same amount, for the same ledger, log and policy, under the same id.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from invariants.approvals import LONGEST_REASON, NONCE
from invariants.keys import PublicKey
from invariants.papers import Paper, document, written
from invariants.roles import Role
from invariants.sshsig import BadPaper, Flaw, Namespace, signer
from logs.vocabulary import Digest, Ledgers, Word

FORMAT: Literal["plimsoll-refill/1"] = "plimsoll-refill/1"


class Refillable(StrEnum):
    """The ledgers that people may refill."""

    WEIGHT_PATH = "weight_path"
    ALPHA = "alpha"


class Refill(Word):
    """What one person signs; several people sign the same `refill` id."""

    format: Literal["plimsoll-refill/1"]
    refill: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    ledger: Refillable
    amount: Annotated[Decimal, Field(gt=0, le=10**9, max_digits=24, allow_inf_nan=False)]
    log: Digest
    """The founding commit of the log; a refill of another workspace is worth nothing here."""
    policy: Digest
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]
    nonce: Annotated[str, Field(pattern=NONCE)]
    expires: AwareDatetime
    """Until when it may be handed in; what was handed in by then stays."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A paper and when the log took it in."""

    paper: Paper
    at: datetime


@dataclass(slots=True)
class Refilled:
    """What was given, and which papers do not count."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    signed: dict[str, set[PublicKey]] = field(default_factory=dict)
    """Refill id -> keys that signed it."""
    faults: list[BadPaper] = field(default_factory=list)


def count(
    role: Role | None, papers: Iterable[Filed], *, log: Digest, policies: frozenset[Digest]
) -> Refilled:
    """Add up the refills that enough distinct keys signed.

    Args:
        role: [roles.approve] of the policy in force.
        papers: In the order in which the log took them in.
        log: The founding commit of this log.
        policies: Policies that are or were in force here.
    """
    found, nonces = Refilled(), set[str]()
    first: dict[str, Refill] = {}
    for filed in papers:
        try:
            key, refill = examined(filed, role, log=log, policies=policies)
            if refill.nonce in nonces:
                raise BadPaper(Flaw.REPLAYED, f"the nonce {refill.nonce[:8]} was used before")
            nonces.add(refill.nonce)
            _same_refill(first.setdefault(refill.refill, refill), refill)
            keys = found.signed.setdefault(refill.refill, set())
            if key in keys:
                raise BadPaper(Flaw.SAME_KEY_TWICE, f"{key.fingerprint} has signed it")
            keys.add(key)
        except BadPaper as error:
            found.faults.append(error)
    for name, keys in found.signed.items():
        if role is not None and len(keys) >= role.threshold:
            ledger = first[name].ledger.value
            found.amounts[ledger] = found.amounts.get(ledger, Decimal(0)) + first[name].amount
    return found


def examined(
    filed: Filed, role: Role | None, *, log: Digest, policies: frozenset[Digest]
) -> tuple[PublicKey, Refill]:
    """Who signed this refill, and what it gives.

    Raises:
        BadPaper: it does not count, by name.
    """
    key = signer(filed.paper.statement.encode(), filed.paper.signature, Namespace.REFILL)
    if role is None or key not in role.names:
        raise BadPaper(Flaw.UNKNOWN_KEY, f"{key.fingerprint} is not in [roles.approve]")
    try:
        refill = Refill.model_validate(document(filed.paper.statement))
    except ValidationError as error:
        raise BadPaper(Flaw.MALFORMED, str(error.errors()[0]["msg"])) from error
    if refill.log != log:
        raise BadPaper(Flaw.OTHER_LOG, f"signed for {refill.log[:12]}, this is {log[:12]}")
    if refill.policy not in policies:
        raise BadPaper(Flaw.OTHER_POLICY, f"signed under {refill.policy[:12]}")
    if refill.expires <= filed.at:
        raise BadPaper(Flaw.EXPIRED, f"at {refill.expires.isoformat()}")
    return key, refill


def net(spent: Ledgers, refilled: Refilled) -> Ledgers:
    """What the law reads: spent less refilled, and never less than nothing."""
    left = {
        name: max(Decimal(0), getattr(spent, name) - amount)
        for name, amount in refilled.amounts.items()
    }
    return spent.model_copy(update=left)


def refill_for(
    ledger: Refillable,
    amount: Decimal,
    reason: str,
    *,
    log: Digest,
    policy: Digest,
    now: datetime,
    valid: timedelta,
    refill: str | None = None,
) -> str:
    """The text that a person signs; `refill` is the id that an earlier signer began with."""
    return written(
        {
            "format": FORMAT,
            "refill": refill or secrets.token_hex(8),
            "ledger": ledger.value,
            "amount": format(amount, "f"),
            "log": log,
            "policy": policy,
            "reason": reason,
            "nonce": secrets.token_hex(16),
            "expires": (now + valid).astimezone(UTC).isoformat(timespec="seconds"),
        }
    )


def _same_refill(first: Refill, again: Refill) -> None:
    for name in ("ledger", "amount", "policy"):
        if getattr(first, name) != getattr(again, name):
            says = f"refill {again.refill} was begun with another {name}"
            raise BadPaper(Flaw.ALTERED, says)
