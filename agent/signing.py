"""Signing with the key of a person, by the person's own ssh-keygen; keys are never read here."""

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from invariants.sshsig import Namespace
from logs.errors import PlimsollError, UsageError

TOOL = "ssh-keygen"


def command(key: Path, namespace: Namespace, file: Path | None = None) -> list[str]:
    """The words that sign a file, or what comes on stdin."""
    words = [TOOL, "-Y", "sign", "-n", namespace.value, "-f", str(key)]
    return [*words, str(file)] if file else words


def line(key: str, namespace: Namespace, file: str) -> str:
    """The same, as it is typed elsewhere."""
    return shlex.join(command(Path(key), namespace, Path(file)))


def sign(key: Path, data: bytes, namespace: Namespace) -> str:
    """The signature of these bytes; ssh-keygen may ask for a passphrase or a touch.

    Raises:
        UsageError: there is no ssh-keygen, or no such key.
        PlimsollError: it did not sign.
    """
    if shutil.which(TOOL) is None:
        raise UsageError(
            "Nothing here can sign.",
            saw=f"no {TOOL} on PATH",
            wanted="OpenSSH 8.2 or later; verifying needs none",
            try_this="install openssh-client, or sign elsewhere: --statement, then --signed FILE",
        )
    if not key.is_file():
        raise UsageError(
            "There is no such key.",
            saw=str(key),
            wanted="a private key, or the .pub file of one that an agent holds",
            try_this="ssh-keygen -t ed25519 -f KEY makes one",
        )
    # A file of its own: ssh-keygen may need stdin to ask for a passphrase.
    with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
        paper = Path(folder, "statement")
        paper.write_bytes(data)
        done = subprocess.run(command(key, namespace, paper), stderr=subprocess.PIPE)
        made = Path(f"{paper}.sig")
        if done.returncode == 0 and made.is_file():
            return made.read_text(encoding="ascii")
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    raise PlimsollError(
        "The key did not sign.",
        saw=said[-1][:200] if said else f"{TOOL} ended with {done.returncode}",
        wanted="a signature",
        try_this=line(str(key), namespace, "FILE"),
    )
