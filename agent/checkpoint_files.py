"""Checkpoints, keys and proofs as files that people name: read, held to the log, written."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.finding import MARK, nearest
from logs import checkpoint
from logs.checkpoint import Checkpoint
from logs.errors import IntegrityError, UsageError
from logs.files import write_whole
from logs.reading import Reader
from logs.transparency import notes
from logs.transparency.keys import PublicKey, SigningKey, Signs, public_keys, read_signing_key
from logs.transparency.memory import memory, remembered
from logs.transparency.notes import Note, Signer
from logs.transparency.paths import consistency, root_at
from logs.transparency.proofs import consistent

MOST_BYTES = 1 << 22


def text_of(name: str, wanted: str) -> str:
    """The text of a file that somebody named.

    Raises:
        UsageError: it cannot be read as text.
    """
    return bytes_of(name, wanted).decode("utf-8")


def bytes_of(name: str, wanted: str) -> bytes:
    """The bytes of a file that somebody named, if they are text.

    Raises:
        UsageError: it cannot be read, is no text, or is far too long.
    """
    try:
        with Path(name).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        saw = getattr(error, "strerror", None) or "not text"
    else:
        if len(data) <= MOST_BYTES:
            return data
        saw = f"more than {MOST_BYTES} bytes"
    raise UsageError(
        "This file cannot be read.",
        saw=f"{name}: {saw}",
        wanted=wanted,
        try_this="check the path",
    )


def note_in(name: str) -> Note:
    """A checkpoint that somebody kept, signed or not.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    text = text_of(name, "a file that plimsoll log anchor once wrote")
    note = notes.parse(text if text.endswith("\n") else f"{text}\n")
    checkpoint.parse(note.text)
    return note


def keys_in(names: Sequence[str]) -> tuple[PublicKey, ...]:
    """The public keys of files that somebody named."""
    return tuple(key for name in names for key in public_keys(Path(name)))


def key_in(name: str, signs: Signs) -> SigningKey:
    """A private key, if it does not lie in a workspace.

    Raises:
        UsageError: it cannot be read, is none, or lies where the agent works.
    """
    demand_outside(Path(name))
    return read_signing_key(Path(name), signs)


def demand_outside(path: Path) -> None:
    """Refuse a place for a key that belongs to a workspace.

    Raises:
        UsageError: it does.
    """
    root = nearest(path.absolute().parent) or nearest(path.resolve().parent)
    if root is not None:
        raise UsageError(
            "A key that signs the log does not lie where the agent works.",
            saw=f"{path}, in the workspace {root} (it has a {MARK})",
            wanted="a file outside of every workspace, best of another account",
            try_this="plimsoll log key NAME --out ~/keys/my-log",
        )


def note_for(journal: Reader, options: Namespace) -> Note:
    """The checkpoint that an export or a proof leads to, held to the log.

    Raises:
        UsageError: a checkpoint and a key are both given.
        IntegrityError: the checkpoint is not of this log.
    """
    if options.checkpoint and options.key:
        raise UsageError(
            "A checkpoint is given, or made and signed; not both.",
            saw="--checkpoint and --key",
            wanted="one of them",
            try_this="leave out --key to lead to the checkpoint of the file",
        )
    if options.checkpoint:
        note = note_in(options.checkpoint)
        demand_of(journal, checkpoint.parse(note.text))
        return note
    return anchored(journal, options.key)


def anchored(journal: Reader, key: str | None) -> Note:
    """The checkpoint of now; signed only if the log holds what was verified of it before.

    Raises:
        IntegrityError: it does not, so two histories would bear one signature.
    """
    note = Note(journal.checkpoint())
    if key is None:
        return note
    signing = key_in(key, Signs.NOTE)
    old, new = remembered(memory(), journal.origin()), checkpoint.parse(note.text)
    if old is not None:
        demand_of(journal, old)
        path = consistency(journal.subtree, old.size, new.size)
        if not consistent(old, new, path):
            raise _other_log(f"root {new.root.hex()[:16]}…", "one that begins with what was pinned")
    return notes.signed(note, signing)


def demand_of(journal: Reader, pin: Checkpoint) -> None:
    """Refuse a checkpoint that this log does not hold.

    Raises:
        IntegrityError: the log is shorter, another one, or was changed.
    """
    if pin.origin != journal.origin() or pin.size > journal.size():
        raise _other_log(f"{pin.origin}, size {pin.size}", f"{journal.origin()}, {journal.size()}")
    if (root := root_at(journal.subtree, pin.size)) != pin.root:
        raise _other_log(f"root {root.hex()[:16]}… at {pin.size}", f"{pin.root.hex()[:16]}…")


def written(out: str | None, text: str, *, dry_run: bool) -> str:
    """Write a small file where somebody asked for it; say what is shown instead.

    Raises:
        UsageError: it is there already.
    """
    if out is None:
        return text
    demand_new(Path(out))
    if not dry_run:
        write_whole(Path(out), text.encode())
    return f"{'would write' if dry_run else 'wrote'} {out}"


def demand_new(path: Path) -> None:
    """Refuse to write over a file, or where there is no folder.

    Raises:
        UsageError: there is something, or nowhere to put it.
    """
    if not path.exists() and not path.is_symlink() and path.absolute().parent.is_dir():
        return
    raise UsageError(
        "Nothing is written over a file, and no folder is made.",
        saw=f"{path} is there" if path.exists() else f"no folder {path.absolute().parent}",
        wanted="a new file in a folder that exists",
        try_this="give another name to --out",
    )


def signer_rows(found: Sequence[Signer]) -> list[dict[str, Any]]:
    """Who signed, as data."""
    return [
        {
            "name": signer.name,
            "key_id": signer.key_id,
            "verified": signer.known,
            "cosigned_at": signer.cosigned_at.isoformat() if signer.cosigned_at else None,
        }
        for signer in found
    ]


def _other_log(saw: str, wanted: str) -> IntegrityError:
    return IntegrityError(
        "The checkpoint is not of this log.",
        saw=saw,
        wanted=wanted,
        try_this="plimsoll log verify --pin FILE tells what differs",
    )
