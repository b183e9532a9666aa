"""Who may sign what: public keys and thresholds, written into the policy that they sign.

    [roles.policy]       the next policy, and the founding constitution
    keys = ["ssh-ed25519 AAAA... ana", "ssh-ed25519 AAAA... ben", "ssh-ed25519 AAAA... cat"]
    threshold = 2

    [roles.approve]      changes of high tier, and refills of ledgers
    keys = [...]
    threshold = 2
    wait_hours = 72

People are counted by distinct public keys; one key under two names is refused at load.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from invariants.keys import PublicKey, parse
from invariants.table import Table
from logs.vocabulary import Digest

WAIT_HOURS = 72
"""How long a proposal waits for people when the policy does not say."""
MOST_WAIT_HOURS = 24 * 366
"""A year; a proposal that is older is about another model."""
ROLES = ("policy", "approve")
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Role:
    """Some keys, and how many of them must sign."""

    names: Mapping[PublicKey, str]
    threshold: int
    wait_hours: int = WAIT_HOURS

    def name_of(self, key: PublicKey) -> str:
        """Whose key it is, as the policy says; the fingerprint if nobody's."""
        return self.names.get(key) or key.fingerprint


@dataclass(frozen=True, slots=True)
class Charter:
    """What a policy file says of those who sign it, and of the version before it."""

    policy: Role | None = None
    approve: Role | None = None
    previous: Digest | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """The keys whose signatures over the bytes of a policy were verified."""

    keys: frozenset[PublicKey] = field(default_factory=frozenset)
    faults: tuple[str, ...] = ()
    """Signatures that do not count, each by name."""


NOBODY, NO_SEAL = Charter(), Seal()


def charter_of(top: Table) -> Charter:
    """Read `[roles]` and `previous`.

    Raises:
        UsageError: an unknown role, a key that is none, one key twice, a threshold out of reach.
    """
    table = top.sub("roles")
    found = {name: _role(table.sub(name), name) for name in table.given() if name in ROLES}
    for name in table.given():
        if name not in ROLES:
            raise table.unknown(name, ROLES)
    return Charter(found.get("policy"), found.get("approve"), _previous(top))


def _previous(top: Table) -> Digest | None:
    if "previous" not in top.given():
        return None
    given = top.text("previous")
    digest = given.removeprefix("sha256:")
    if len(digest) != 64 or not set(digest) <= _HEX:
        raise top.error("previous", "`previous` names the version before this one.", '"sha256:..."')
    return digest


def _role(table: Table, name: str) -> Role:
    lines = table.texts("keys")
    names: dict[PublicKey, str] = {}
    for line in lines:
        key, comment = _key(table, line)
        if key in names:
            raise table.error(
                "keys", f"One key is listed twice in [roles.{name}].", "distinct keys"
            )
        names[key] = comment
    threshold = table.whole("threshold")
    if not 1 <= threshold <= len(names):
        wanted = f"a number from 1 to {len(names)}, the number of keys"
        raise table.error("threshold", f"The threshold of [roles.{name}] is out of reach.", wanted)
    extra: dict[str, Any] = {}
    if name == "approve" and "wait_hours" in table.given():
        extra["wait_hours"] = _wait(table)
    table.done()
    return Role(names, threshold, **extra)


def _wait(table: Table) -> int:
    hours = table.whole("wait_hours")
    if hours > MOST_WAIT_HOURS:
        wanted = f"1 to {MOST_WAIT_HOURS}"
        raise table.error("wait_hours", "No proposal waits longer than a year.", wanted)
    return hours


def _key(table: Table, line: str) -> tuple[PublicKey, str]:
    try:
        return parse(line)
    except ValueError as error:
        raise table.error(
            "keys",
            f"This is no public key: {error}.",
            'lines of .pub files, "ssh-ed25519 AAAA... ana"',
        ) from error
