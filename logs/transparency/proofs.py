"""Proofs as files that can be checked offline, by this program or any other.

Inclusion is a C2SP tlog-proof: index, path and checkpoint, with the entry itself as `extra` data.
Consistency is what C2SP tlog-witness takes: the older size, the path and the newer checkpoint.
https://github.com/C2SP/C2SP/blob/main/tlog-proof.md and tlog-witness.md
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from logs import checkpoint
from logs.checkpoint import Checkpoint
from logs.errors import UsageError
from logs.merkle import leaf_hash, verify_consistency, verify_inclusion
from logs.transparency.notes import Note, parse

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63
HASH_BYTES = 32

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That an entry is in a log, at its place, under a checkpoint."""

    index: int
    path: tuple[bytes, ...]
    note: Note
    leaf: bytes | None = None
    """The entry; without it, whoever checks must bring it."""

    @property
    def checkpoint(self) -> Checkpoint:
        """What it leads to."""
        return checkpoint.parse(self.note.text)

    def text(self) -> str:
        """The file."""
        extra = [f"extra {_encoded(self.leaf)}"] if self.leaf is not None else []
        lines = [HEADER, *extra, f"index {self.index}", *map(_encoded, self.path)]
        return "\n".join(lines) + f"\n\n{self.note.render()}"

    def holds(self, leaf: bytes) -> bool:
        """Whether this entry is what the proof is about; signatures are another question."""
        to = self.checkpoint
        return verify_inclusion(self.index, to.size, leaf_hash(leaf), self.path, to.root)


@dataclass(frozen=True, slots=True)
class Consistency:
    """That a log only grew, from an older size to a checkpoint."""

    old_size: int
    path: tuple[bytes, ...]
    note: Note

    @property
    def checkpoint(self) -> Checkpoint:
        """The newer one."""
        return checkpoint.parse(self.note.text)

    def text(self) -> str:
        """The file; a witness that speaks HTTP takes it as the body of `add-checkpoint`."""
        lines = [f"old {self.old_size}", *map(_encoded, self.path)]
        return "\n".join(lines) + f"\n\n{self.note.render()}"

    def holds(self, old: Checkpoint) -> bool:
        """Whether the older checkpoint is the beginning of the newer one."""
        return old.size == self.old_size and consistent(old, self.checkpoint, self.path)


def consistent(old: Checkpoint, new: Checkpoint, path: Sequence[bytes]) -> bool:
    """Whether a path shows that one log grew from one checkpoint to the other.

    Anything begins with the empty log, so from it there is no path and no origin to compare.
    """
    if old.size == 0:
        return not path and old.root == checkpoint.EMPTY_ROOT
    same = old.origin == new.origin
    return same and verify_consistency(old.size, new.size, old.root, new.root, path)


def read(text: str) -> Inclusion | Consistency:
    """Read either kind of proof.

    Raises:
        UsageError: it is neither.
    """
    head, gap, below = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or len(lines) > MOST_HASHES + 3:
        _malformed("no empty line before a checkpoint, or too many lines")
    note = parse(below)
    checkpoint.parse(note.text)
    found = _inclusion(lines, note) if lines[0] == HEADER else _consistency(lines, note)
    return found if found.text() == text else _malformed("it is not written as it must be")


def _inclusion(lines: list[str], note: Note) -> Inclusion:
    rest, leaf = lines[1:], None
    if rest and rest[0].startswith("extra "):
        leaf, rest = _decoded(rest[0].removeprefix("extra ")), rest[1:]
    index = _number(rest[0] if rest else "", "index ")
    return Inclusion(index, tuple(map(_hash, rest[1:])), note, leaf)


def _consistency(lines: list[str], note: Note) -> Consistency:
    return Consistency(_number(lines[0], "old "), tuple(map(_hash, lines[1:])), note)


def _number(line: str, before: str) -> int:
    said = line.removeprefix(before)
    if not line.startswith(before) or not _NUMBER.fullmatch(said):
        _malformed(repr(line[:80]))
    return int(said)


def _hash(line: str) -> bytes:
    found = _decoded(line)
    return found if len(found) == HASH_BYTES else _malformed(repr(line[:80]))


def _decoded(said: str) -> bytes:
    try:
        return base64.b64decode(said, validate=True)
    except ValueError:
        _malformed(repr(said[:80]))


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _malformed(saw: str) -> NoReturn:
    raise UsageError(
        "This is not a proof about a log.",
        saw=saw,
        wanted=f"{HEADER}, or `old SIZE`; hashes in base64; an empty line; a checkpoint",
        try_this="plimsoll log proof REF, or plimsoll log proof --from SIZE, writes one",
    )
