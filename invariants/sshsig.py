"""Signatures of `ssh-keygen -Y sign`, verified without any program on PATH.

The signer signs "SSHSIG", the namespace and a digest of the raw bytes of a file, so that a
signature of one thing cannot be shown as the signature of another. Format:
https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from invariants.keys import PublicKey, Wire, key_of

MAGIC = b"SSHSIG"
VERSION = 1
MAX_BYTES = 20_000
"""More than the largest signature that ssh-keygen writes."""
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


class Namespace(StrEnum):
    """What a signature is good for; `ssh-keygen -Y sign -n NAMESPACE`."""

    POLICY = "plimsoll-policy"
    CONSTITUTION = "plimsoll-constitution"
    APPROVAL = "plimsoll-approval"
    REFILL = "plimsoll-refill"


class Flaw(StrEnum):
    """Why a signed paper does not count; the names that people are told."""

    MALFORMED = "malformed"
    WRONG_NAMESPACE = "wrong namespace"
    UNKNOWN_KEY = "unknown key"
    ALTERED = "altered statement"
    SAME_KEY_TWICE = "same key twice"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    STALE_HEAD = "stale HEAD"
    OTHER_PROPOSAL = "another proposal"
    OTHER_POLICY = "another policy"
    OTHER_EVIDENCE = "other evidence"
    OTHER_LOG = "another log"


class BadPaper(ValueError):
    """A signature or a statement that does not count, and by which name."""

    def __init__(self, flaw: Flaw, says: str) -> None:
        super().__init__(f"{flaw}: {says}")
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Signature:
    """What the armour of a signature holds; nothing is believed yet."""

    key: PublicKey
    namespace: str
    reserved: bytes
    digest: str
    made: bytes

    def verifies(self, message: bytes) -> bool:
        """Whether the key that it names made it, over exactly these bytes."""
        hashed = _HASHES[self.digest](message).digest()
        parts = (self.namespace.encode(), self.reserved, self.digest.encode(), hashed)
        return self.key.verifies(MAGIC + b"".join(map(_string, parts)), self.made)


def signer(message: bytes, armoured: str, namespace: Namespace) -> PublicKey:
    """The key that signed these bytes for this purpose.

    Raises:
        BadPaper: malformed, wrong namespace, or altered: by name.
    """
    signature = read(armoured)
    if signature.namespace != namespace:
        says = f"signed as {signature.namespace[:40]!r}, wanted {namespace.value!r}"
        raise BadPaper(Flaw.WRONG_NAMESPACE, says)
    if not signature.verifies(message):
        says = f"the signature by {signature.key.fingerprint} is over other bytes"
        raise BadPaper(Flaw.ALTERED, says)
    return signature.key


def read(armoured: str) -> Signature:
    """A signature out of its armour.

    Raises:
        BadPaper: it is none that ssh-keygen would write.
    """
    try:
        wire = Wire(_blob(armoured))
        if wire.take(len(MAGIC)) != MAGIC or wire.number() != VERSION:
            raise ValueError("not an SSHSIG of version 1")
        key = key_of(wire.string())
        found = Signature(key, wire.text(), wire.string(), wire.text(), wire.string())
        wire.done()
        if found.digest not in _HASHES:
            raise ValueError(f"the digest {found.digest[:40]!r} is not read")
        return found
    except ValueError as error:
        raise BadPaper(Flaw.MALFORMED, str(error)) from error


def armoured(blob: bytes) -> str:
    """Bytes of a signature as a text file holds them."""
    text = base64.b64encode(blob).decode()
    lines = re.findall(".{1,70}", text)
    return "\n".join([BEGIN, *lines, END, ""])


def _blob(text: str) -> bytes:
    if len(text) > MAX_BYTES:
        raise ValueError(f"{len(text)} characters, at most {MAX_BYTES} are read")
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 3 or (lines[0], lines[-1]) != (BEGIN, END):
        raise ValueError(f"no text between {BEGIN} and {END}")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
