"""Keys that sign checkpoints, in the encodings of C2SP signed-note.

A public key is one line, `NAME+ID+KEY`; a private one is `PRIVATE+KEY+NAME+ID+SEED`, as Go's
`sumdb/note` writes it. The id is the beginning of SHA-256(name, newline, type, public key):
https://github.com/C2SP/C2SP/blob/main/signed-note.md
"""

import base64
import hashlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

from logs.errors import UsageError

PRIVATE = "PRIVATE+KEY+"
ID_BYTES, KEY_BYTES = 4, 32


class Signs(IntEnum):
    """What a key is for; the type byte of its signatures."""

    NOTE = 0x01
    """The log itself: Ed25519 over the text of a note (RFC 8032)."""
    COSIGNATURE = 0x04
    """A witness: Ed25519 over a checkpoint and the time (C2SP tlog-cosignature)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Who may have signed a note, and how to tell."""

    name: str
    signs: Signs
    raw: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that stand in front of each signature; a hint, not a proof."""
        said = self.name.encode() + b"\n" + bytes([self.signs]) + self.raw
        return hashlib.sha256(said).digest()[:ID_BYTES]

    def text(self) -> str:
        """The line that is handed to whoever verifies."""
        return f"{self.name}+{self.id.hex()}+{_encoded(bytes([self.signs]) + self.raw)}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made this signature of this message."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; it belongs where neither the workspace nor the agent is."""

    name: str
    signs: Signs
    seed: bytes

    @property
    def public(self) -> PublicKey:
        """Its other half."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        raw = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return PublicKey(self.name, self.signs, raw)

    def text(self) -> str:
        """The line that is kept secret."""
        return f"{PRIVATE}{self.name}+{self.public.id.hex()}+" + _encoded(
            bytes([self.signs]) + self.seed
        )

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of a signature."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def new_key(name: str, signs: Signs) -> SigningKey:
    """A key that nobody had before.

    Raises:
        UsageError: a name with spaces, control characters or a plus.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not is_name(name):
        raise UsageError(
            "A key cannot have this name.",
            saw=repr(name[:80]),
            wanted="a name without spaces, control characters and '+'; best like a URL",
            try_this="plimsoll log key example.org/my-log --out FILE",
        )
    return SigningKey(name, signs, Ed25519PrivateKey.generate().private_bytes_raw())


def is_name(name: str) -> bool:
    """Whether signed notes allow this as the name of a key."""
    return bool(name) and "+" not in name and name.isprintable() and not _has_space(name)


def public_key(line: str) -> PublicKey:
    """Read one line `NAME+ID+KEY`.

    Raises:
        UsageError: it is none, or its id is not that of its key.
    """
    name, signs, raw, said = _parts(line, "a public key NAME+ID+KEY, one line")
    key = PublicKey(name, signs, raw)
    return key if key.id == said else _refused(line, "a key whose id is that of its bytes")


def signing_key(line: str) -> SigningKey:
    """Read one line `PRIVATE+KEY+NAME+ID+SEED`; it is never quoted in what is said of it.

    Raises:
        UsageError: it is none, or its id is not that of its key.
    """
    wanted = f"a private key, one line that begins with {PRIVATE}"
    if not line.startswith(PRIVATE):
        _refused("other text" if "+" not in line else line.partition("+")[0], wanted)
    name, signs, seed, said = _parts(line.removeprefix(PRIVATE), wanted, secret=True)
    key = SigningKey(name, signs, seed)
    return key if key.public.id == said else _refused("a key with another id", wanted)


def public_keys(path: Path) -> tuple[PublicKey, ...]:
    """The keys of a file: one a line; empty lines and lines that begin with # are passed over.

    Raises:
        UsageError: it cannot be read, or has a line that is no public key, or none that is.
    """
    lines = (line.strip() for line in _text(path).splitlines())
    found = tuple(public_key(line) for line in lines if line and not line.startswith("#"))
    return found or _refused(f"{path}: no key in it", "at least one public key")


def read_signing_key(path: Path, signs: Signs) -> SigningKey:
    """The private key of a file, if it is for this purpose.

    Raises:
        UsageError: it cannot be read, is none, or is for the other purpose.
    """
    key = signing_key(_text(path).strip())
    if key.signs is signs:
        return key
    kinds = {Signs.NOTE: "plimsoll log key NAME", Signs.COSIGNATURE: "plimsoll log key --witness"}
    raise UsageError(
        "This key is for another purpose: a log and its witnesses never share one.",
        saw=f"{path}: a key of type {int(key.signs):#04x}",
        wanted=f"type {int(signs):#04x}",
        try_this=f"{kinds[signs]} --out FILE makes one",
    )


def _parts(line: str, wanted: str, *, secret: bool = False) -> tuple[str, Signs, bytes, bytes]:
    shown = "a line that does not parse" if secret else line
    name, _, rest = line.partition("+")
    said, _, encoded = rest.partition("+")
    try:
        data = base64.b64decode(encoded, validate=True)
        signs, raw, given = Signs(data[0]), data[1:], bytes.fromhex(said)
    except (ValueError, IndexError):
        _refused(shown, wanted)
    sound = len(raw) == KEY_BYTES and len(given) == ID_BYTES and said == given.hex()
    return (name, signs, raw, given) if sound and is_name(name) else _refused(shown, wanted)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        saw = f"{path}: {getattr(error, 'strerror', None) or 'not text'}"
        _refused(saw, "a file that plimsoll log key wrote")


def _has_space(name: str) -> bool:
    return any(character.isspace() for character in name)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _refused(saw: str, wanted: str) -> NoReturn:
    raise UsageError(
        "This is not a key for checkpoints.",
        saw=saw[:120],
        wanted=wanted,
        try_this="plimsoll log key NAME --out FILE writes FILE and FILE.pub",
    )
