"""A reader of signed notes, written from C2SP signed-note and tlog-cosignature alone.

It shares no line with `logs.transparency`: only `cryptography` for Ed25519. Another one is Go's
own, in `notes_in_go.go`.
"""

import hashlib
from base64 import b64decode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verified_by(vkey: str, note: str) -> int | None:
    """The time of a cosignature, 0 of a plain signature; None if the key did not sign."""
    name, said, encoded = vkey.strip().split("+", 2)
    kind, raw = b64decode(encoded)[0], b64decode(encoded)[1:]
    key_id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + raw).digest()[:4]
    assert said == key_id.hex()
    text, _, below = note.rpartition("\n\n")
    for line in below.splitlines():
        dash, signer, data = line.split(" ")
        assert dash == "\N{EM DASH}"
        signature = b64decode(data)
        if signer == name and signature[:4] == key_id:
            return _checked(kind, raw, signature[4:], f"{text}\n")
    return None


def _checked(kind: int, raw: bytes, signature: bytes, text: str) -> int | None:
    at, message = 0, text.encode()
    if kind == 4:
        at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        message = f"cosignature/v1\ntime {at}\n{text}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature:
        return None
    return at
