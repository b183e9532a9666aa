"""Signatures over the policy and the founding constitution: one detached file per person.

    ssh-keygen -Y sign -n plimsoll-policy -f KEY policy.toml      writes policy.toml.sig

Files beside the policy count: `policy.toml.sig` and `policy.toml.NAME.sig`. The raw bytes
are signed, never a parsed form. A policy that names no [roles.policy] is unsigned: it works
for a first try, and every verdict says so.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from invariants import policy as policies
from invariants.policy import Policy
from invariants.roles import Role, Seal
from invariants.sshsig import MAX_BYTES, BadPaper, Flaw, Namespace, signer
from logs.errors import Refused

MAX_FILES = 64
UNSIGNED = "unsigned"


def read_sealed(path: Path, *, now: datetime | None = None) -> Policy:
    """Load a policy file with the signatures that lie beside it; too few of them is no error here.

    Raises:
        UsageError: the file cannot be read, or does not load.
        Refused: it has expired at `now`.
    """
    data = policies.raw(path)  # read once: what is signed is what is loaded
    return sealed(policies.load(data, now=now), data, signatures_beside(path))


def sealed(policy: Policy, data: bytes, signatures: Iterable[str]) -> Policy:
    """The policy with the keys that signed its bytes."""
    return replace(policy, seal=seal_of(data, signatures, Namespace.POLICY))


def signatures_beside(path: Path) -> tuple[str, ...]:
    """The texts of the signature files of a file, in the order of their names."""
    found = sorted({*path.parent.glob(f"{path.name}.sig"), *path.parent.glob(f"{path.name}.*.sig")})
    texts = []
    for file in found[:MAX_FILES]:
        with file.open("rb") as stream:
            texts.append(stream.read(MAX_BYTES + 1).decode("utf-8", "replace"))
    return tuple(texts)


def seal_of(data: bytes, signatures: Iterable[str], namespace: Namespace) -> Seal:
    """Whose signatures these are, each key once, and why others do not count."""
    keys, faults = set(), []
    for text in signatures:
        try:
            key = signer(data, text, namespace)
        except BadPaper as error:
            faults.append(str(error))
            continue
        if key in keys:
            faults.append(f"{Flaw.SAME_KEY_TWICE}: {key.fingerprint}")
        keys.add(key)
    return Seal(frozenset(keys), tuple(faults))


def standing(policy: Policy) -> str:
    """`unsigned`, or by how many of its own keys the policy is signed."""
    role = policy.charter.policy
    return UNSIGNED if role is None else counted(role, policy.seal)


def counted(role: Role, seal: Seal) -> str:
    """By whom something is signed, and how many are needed."""
    names = sorted(role.name_of(key) for key in seal.keys & role.names.keys())
    said = f"signed by {len(names)} of {len(role.names)}, {role.threshold} needed"
    return f"{said}: {', '.join(names)}" if names else said


def enough(role: Role | None, seal: Seal) -> bool:
    """Whether the role is satisfied: no role, or its threshold of distinct keys."""
    return role is None or len(seal.keys & role.names.keys()) >= role.threshold


def faults_of(role: Role | None, seal: Seal) -> tuple[str, ...]:
    """Signatures that do not count, with those of keys that the role does not name."""
    known = role.names.keys() if role else ()
    strangers = sorted(k.fingerprint for k in seal.keys if k not in known)
    return (*seal.faults, *(f"{Flaw.UNKNOWN_KEY}: {fingerprint}" for fingerprint in strangers))


def require_signed(policy: Policy) -> None:
    """Refuse a policy that names its signers and is not signed by enough of them.

    Raises:
        Refused: too few distinct keys, or an altered signature beside it.
    """
    _require(policy.charter.policy, policy.seal, "policy", "plimsoll policy sign --key FILE")


def require_signed_constitution(path: Path, role: Role | None) -> Seal:
    """Refuse a founding constitution that too few of the policy's keys signed.

    Raises:
        Refused: too few distinct keys, or an altered signature beside it.
    """
    seal = seal_of(path.read_bytes(), signatures_beside(path), Namespace.CONSTITUTION)
    _require(role, seal, "constitution", "plimsoll policy sign --constitution --key FILE")
    return seal


def require_successor(old: Policy, new: Policy) -> None:
    """Refuse a policy that does not follow the one in force.

    Raises:
        Refused: nobody may sign one; not version + 1; another `previous`; too few keys of
            the old policy or of the new one.
    """
    if old.charter.policy is None:
        raise _no_successor(
            "An unsigned policy names nobody who could sign the next one.",
            saw=f"{old.id} version {old.version}, {UNSIGNED}",
            wanted="the policy that this workspace was founded under",
        )
    if new.version != old.version + 1:
        older = "; an older policy is never taken back" if new.version <= old.version else ""
        raise _no_successor(
            "The policy is not the next version of the one in force.",
            saw=f"version {new.version}{older}",
            wanted=f"version {old.version + 1}",
        )
    if new.charter.previous != old.digest:
        raise _no_successor(
            "The policy does not name the one in force as its `previous`.",
            saw=f"previous = {new.charter.previous}",
            wanted=f'previous = "sha256:{old.digest}"',
        )
    if not enough(old.charter.policy, new.seal):
        raise _no_successor(
            "Too few of the people who signed the policy in force signed the next one.",
            saw=counted(old.charter.policy, new.seal),
            wanted="the old threshold and the new one",
        )
    if new.charter.policy is None:
        raise _no_successor(
            "A signed policy is not followed by an unsigned one.",
            saw="no [roles.policy]",
            wanted="keys and a threshold",
        )
    require_signed(new)


def _require(role: Role | None, seal: Seal, what: str, how: str) -> None:
    if role is None:
        return
    altered = [fault for fault in seal.faults if fault.startswith(Flaw.ALTERED)]
    if altered and any(key.fingerprint in fault for key in role.names for fault in altered):
        raise Refused(
            f"A signature of the {what} by one of its keys is over other bytes.",
            saw="; ".join(altered),
            wanted="signatures of the file as it is now",
            try_this=f"remove that .sig file, or sign again: {how}",
        )
    if not enough(role, seal):
        raise Refused(
            f"The {what} is not signed by enough of its keys.",
            saw="; ".join((counted(role, seal), *faults_of(role, seal))),
            wanted=f"{role.threshold} distinct keys of [roles.policy]",
            try_this=how,
        )


def _no_successor(what: str, *, saw: str, wanted: str) -> Refused:
    return Refused(
        what,
        saw=saw,
        wanted=wanted,
        try_this="restore policy.toml, sign the next version, or found a new workspace:"
        " plimsoll init DIR",
    )
