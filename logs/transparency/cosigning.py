"""A witness: it cosigns a checkpoint only if the log grew from the last one that it cosigned.

It needs its key, its state and the checkpoint with a proof, or a bundle; no workspace. The state
is written before the signature is handed out, so that no two checkpoints are cosigned that one
history cannot hold: https://github.com/C2SP/C2SP/blob/main/tlog-witness.md
"""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from logs import checkpoint
from logs.checkpoint import EMPTY_ROOT, Checkpoint
from logs.errors import IntegrityError, Refused, UsageError
from logs.files import write_whole
from logs.transparency.keys import PublicKey, SigningKey, public_key
from logs.transparency.notes import Note, parse, signed, signers
from logs.transparency.proofs import consistent

SCHEMA = "plimsoll/witness/1"


@dataclass
class Known:
    """What a witness remembers: by origin, the newest note and the keys that sign for the log."""

    notes: dict[str, str] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)

    def last(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint of a log that was cosigned."""
        note = self.notes.get(origin)
        return checkpoint.parse(parse(note).text) if note else None

    def keys_of(self, origin: str) -> tuple[PublicKey, ...]:
        """Who may sign for a log."""
        return tuple(map(public_key, self.keys.get(origin, ())))


@contextmanager
def held(path: Path) -> Iterator[Known]:
    """The state of a witness, while nobody else changes it.

    Raises:
        UsageError: the file is something else, or cannot be written.
    """
    try:
        lock = path.with_name(f"{path.name}.lock").open("a")
    except OSError as error:
        raise UsageError(
            "The state of the witness cannot be kept here.",
            saw=f"{path}: {error.strerror or error}",
            wanted="a file in a folder that exists and may be written",
            try_this="plimsoll log witness CHECKPOINT --key FILE --state witness.json",
        ) from error
    with lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield _known(path)


def keep(path: Path, known: Known) -> None:
    """Write the state, whole or not at all."""
    value = {"schema": SCHEMA, "keys": known.keys, "notes": known.notes}
    write_whole(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def examined(
    known: Known, note: Note, path: Sequence[bytes], old_size: int, given: Sequence[PublicKey]
) -> Checkpoint:
    """The checkpoint, if it may be cosigned.

    Args:
        given: keys of the log, where the witness meets it for the first time.

    Raises:
        UsageError: the log is unknown and no key of it was given.
        Refused: no key of the log signed it, or it was made for another state of this witness.
        IntegrityError: it does not hold what was cosigned before.
    """
    new = checkpoint.parse(note.text)
    keys = known.keys_of(new.origin) or tuple(given)
    if not keys:
        raise UsageError(
            "This witness does not know the log, so it cannot tell who signs for it.",
            saw=new.origin,
            wanted="the public key of the log, the first time",
            try_this="name it with --log-key FILE.pub; whoever runs the log hands it out",
        )
    if not any(signer.known and not signer.witness for signer in signers(note, keys)):
        raise Refused(
            "No key of this log signed the checkpoint; nothing was cosigned.",
            saw=", ".join(f"{s.name} {s.key_id.hex()}" for s in note.signatures) or "no signature",
            wanted=" or ".join(key.text() for key in keys),
            try_this="plimsoll log anchor --key FILE signs it, where the log is",
        )
    _demand_growth(known.last(new.origin), new, path, old_size)
    return new


def cosigned(
    known: Known,
    note: Note,
    key: SigningKey,
    given: Sequence[PublicKey] = (),
    at: datetime | None = None,
) -> Note:
    """The note with the cosignature; the state remembers it. Only after `examined`."""
    found, origin = signed(note, key, at), checkpoint.parse(note.text).origin
    known.notes[origin] = found.render()
    known.keys.setdefault(origin, [k.text() for k in given])
    return found


def _demand_growth(
    old: Checkpoint | None, new: Checkpoint, path: Sequence[bytes], old_size: int
) -> None:
    wanted = old.size if old else 0
    if old_size != wanted:
        raise Refused(
            "The proof begins at another size than the last checkpoint that was cosigned here.",
            saw=f"a proof from size {old_size}",
            wanted=f"one from size {wanted}",
            try_this=f"plimsoll log proof --from {wanted}, where the log is",
        )
    sound = new.size > 0 or new.root == EMPTY_ROOT
    if sound and (consistent(old, new, path) if old else not path):
        return
    raise IntegrityError(
        "The log does not hold what was cosigned before: it was cut, or written anew.",
        saw=f"size {new.size}, root {new.root.hex()[:16]}…",
        wanted=f"a log that begins with size {wanted}"
        + (f", root {old.root.hex()[:16]}…" if old else ""),
        try_this="keep both checkpoints: together they are evidence; cosign nothing of this log",
    )


def _known(path: Path) -> Known:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Known()
    try:
        read: dict[str, Any] = json.loads(text)
        known = Known(dict(read["notes"]), {o: list(k) for o, k in read["keys"].items()})
        for origin in {*known.notes, *known.keys}:
            known.last(origin), known.keys_of(origin)
        sound = read["schema"] == SCHEMA
    except (ValueError, KeyError, TypeError, AttributeError, UsageError):
        sound = False
    if sound:
        return known
    raise UsageError(
        "This file is not the state of a witness; nothing is written over it.",
        saw=str(path),
        wanted=f"{SCHEMA}, or no file yet",
        try_this="name the file of this witness, or a new one",
    )
