"""Public keys of people as OpenSSH writes them, and what each kind of key signs.

Only what `ssh-keygen` makes today is read: ed25519, ecdsa, rsa of 2048 bits or more, and
the hardware forms of the first two, which must report that a person touched the key.
Wire formats: RFC 4251, RFC 5656, RFC 8332, RFC 8709, OpenSSH PROTOCOL.u2f.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

LEAST_RSA_BITS = 2048
TOUCHED = 0x01
"""Flag of a hardware key: a person was present."""

ED25519, RSA = "ssh-ed25519", "ssh-rsa"
SK_ED25519, SK_ECDSA = "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"
_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_RSA_HASHES: dict[str, hashes.HashAlgorithm] = {
    "rsa-sha2-256": hashes.SHA256(),
    "rsa-sha2-512": hashes.SHA512(),
}


class Wire:
    """Bytes in the encoding of RFC 4251, read once from front to back."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def take(self, count: int) -> bytes:
        """The next bytes; ValueError if there are fewer."""
        if count > len(self._left):
            raise ValueError(f"cut short: {count} bytes wanted, {len(self._left)} left")
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def number(self) -> int:
        """A uint32."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """A string with its length in front."""
        return self.take(self.number())

    def text(self) -> str:
        """A string in ASCII."""
        return self.string().decode("ascii")

    def big(self) -> int:
        """An mpint that is not negative."""
        value = int.from_bytes(self.string(), "big", signed=True)
        if value < 0:
            raise ValueError("a negative number")
        return value

    def done(self) -> None:
        """ValueError if anything is left."""
        if self._left:
            raise ValueError(f"{len(self._left)} bytes too many")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key; equal when the bytes of the key are equal, whatever it is called."""

    blob: bytes

    @property
    def kind(self) -> str:
        """What OpenSSH calls this kind of key."""
        return Wire(self.blob).text()

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether this key made the signature (RFC 4253, section 6.6) over the data."""
        try:
            wire = Wire(signature)
            return _checker(self.blob)(wire.text(), wire, data)
        except (InvalidSignature, ValueError):
            return False


def parse(line: str) -> tuple[PublicKey, str]:
    """A line of an OpenSSH `.pub` file: the key, and the comment behind it.

    Raises:
        ValueError: no such line, or a kind of key that is not read here; says why.
    """
    words = line.split(None, 2)
    if len(words) < 2:
        raise ValueError("not `KIND BASE64 [COMMENT]`, as in a .pub file")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error
    key = key_of(blob)
    if key.kind != words[0]:
        raise ValueError(f"it says {words[0]}, its bytes say {key.kind}")
    return key, words[2].strip() if len(words) > 2 else ""


def key_of(blob: bytes) -> PublicKey:
    """A key from its bytes on the wire.

    Raises:
        ValueError: not a key of a kind that is read here.
    """
    _checker(blob)
    return PublicKey(blob)


_Check = Callable[[str, Wire, bytes], bool]


def _checker(blob: bytes) -> _Check:
    """What verifies a signature by this key; ValueError for other kinds of keys."""
    wire = Wire(blob)
    kind = wire.text()
    if kind == ED25519:
        return _ed25519(wire, kind)
    if kind == SK_ED25519:
        return _touched(_raw_ed25519(wire), kind, wire)
    if kind.startswith("ecdsa-sha2-"):
        return _ecdsa(wire, kind)
    if kind == SK_ECDSA:
        return _touched(_raw_ecdsa(wire, "nistp256"), kind, wire)
    if kind == RSA:
        return _rsa(wire)
    raise ValueError(f"keys of the kind {kind[:40]!r} are not read")


def _ed25519(wire: Wire, kind: str) -> _Check:
    raw = _raw_ed25519(wire)
    wire.done()
    return lambda named, signature, data: named == kind and raw(_last(signature), data)


def _raw_ed25519(wire: Wire) -> Callable[[bytes, bytes], bool]:
    key = Ed25519PublicKey.from_public_bytes(wire.string())

    def verify(signature: bytes, data: bytes) -> bool:
        key.verify(signature, data)
        return True

    return verify


def _ecdsa(wire: Wire, kind: str) -> _Check:
    raw = _raw_ecdsa(wire, kind.removeprefix("ecdsa-sha2-"))
    wire.done()
    return lambda named, signature, data: named == kind and raw(_last(signature), data)


def _raw_ecdsa(wire: Wire, wanted: str) -> Callable[[bytes, bytes], bool]:
    curve = wire.text()
    if curve != wanted or curve not in _CURVES:
        raise ValueError(f"the curve {curve[:40]!r} is not read")
    group, digest = _CURVES[curve]
    key = ec.EllipticCurvePublicKey.from_encoded_point(group, wire.string())

    def verify(signature: bytes, data: bytes) -> bool:
        pair = Wire(signature)
        r, s = pair.big(), pair.big()
        pair.done()
        key.verify(encode_dss_signature(r, s), data, ec.ECDSA(digest))
        return True

    return verify


def _rsa(wire: Wire) -> _Check:
    exponent, modulus = wire.big(), wire.big()
    wire.done()
    if modulus.bit_length() < LEAST_RSA_BITS:
        raise ValueError(f"an rsa key of {modulus.bit_length()} bits, at least {LEAST_RSA_BITS}")
    key = RSAPublicNumbers(exponent, modulus).public_key()

    def verify(named: str, signature: Wire, data: bytes) -> bool:
        if named not in _RSA_HASHES:  # `ssh-rsa` as a signature means SHA-1
            return False
        key.verify(_last(signature), data, padding.PKCS1v15(), _RSA_HASHES[named])
        return True

    return verify


def _touched(raw: Callable[[bytes, bytes], bool], kind: str, wire: Wire) -> _Check:
    """A hardware key signs a digest, what it saw of a person, and a counter."""
    application = hashlib.sha256(wire.string()).digest()
    wire.done()

    def verify(named: str, signature: Wire, data: bytes) -> bool:
        inner, seen = signature.string(), signature.take(5)
        signature.done()
        if named != kind or not seen[0] & TOUCHED:
            return False
        return raw(inner, application + seen + hashlib.sha256(data).digest())

    return verify


def _last(wire: Wire) -> bytes:
    found = wire.string()
    wire.done()
    return found
