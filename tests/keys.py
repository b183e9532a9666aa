"""Keys of people for tests, and signatures made without ssh-keygen, its oracle made with it."""

import hashlib
import os
import struct
import subprocess
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from invariants.keys import PublicKey, parse
from invariants.sshsig import MAGIC, armoured


def string(data: bytes) -> bytes:
    """A string of RFC 4251."""
    return struct.pack(">I", len(data)) + data


class Person:
    """Somebody with an ed25519 key that follows from the name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())

    @cached_property
    def line(self) -> str:
        """The line of the `.pub` file."""
        public = self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return f"{public.decode()} {self.name}"

    @property
    def key(self) -> PublicKey:
        """The public key."""
        return parse(self.line)[0]

    def sign(self, message: bytes, namespace: str, digest: str = "sha512") -> str:
        """As `ssh-keygen -Y sign` would."""
        hashed = hashlib.new(digest, message).digest()
        parts = (namespace.encode(), b"", digest.encode())
        signed = MAGIC + b"".join(map(string, (*parts, hashed)))
        made = string(b"ssh-ed25519") + string(self.private.sign(signed))
        body = MAGIC + struct.pack(">I", 1) + string(self.key.blob) + b"".join(map(string, parts))
        return armoured(body + string(made))

    def file(self, folder: Path) -> Path:
        """The private key as a file that ssh-keygen reads; the public one lies beside it."""
        path = folder / self.name
        path.write_bytes(
            self.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        )
        path.chmod(0o600)
        path.with_suffix(".pub").write_text(self.line + "\n")
        return path


ANA, BEN, CAT, EVE = map(Person, ("ana", "ben", "cat", "eve"))
"""Ana, Ben and Cat may sign in these tests; Eve may not."""


def ssh_keygen(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the oracle."""
    return subprocess.run(
        ["ssh-keygen", *map(str, words)],
        input=stdin,
        capture_output=True,
        env=os.environ | {"SSH_AUTH_SOCK": ""},
        timeout=60,
    )


def oracle_signs(private: Path, message: bytes, namespace: str, *options: str) -> str:
    """The signature that ssh-keygen makes."""
    done = ssh_keygen("-Y", "sign", *options, "-n", namespace, "-f", private, stdin=message)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def oracle_accepts(folder: Path, line: str, message: bytes, signature: str, namespace: str) -> bool:
    """Whether ssh-keygen verifies the signature by that public key."""
    (folder / "allowed").write_text(f"somebody {line}\n")
    (folder / "sig").write_text(signature)
    options = ("-f", folder / "allowed", "-I", "somebody", "-n", namespace, "-s", folder / "sig")
    return ssh_keygen("-Y", "verify", *options, stdin=message).returncode == 0
