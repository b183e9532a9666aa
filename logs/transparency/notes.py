"""Signed notes: a text, and who signed it; checkpoints are kept and exchanged in this form.

https://github.com/C2SP/C2SP/blob/main/signed-note.md and tlog-cosignature.md. A note is read
strictly: whatever is read can be written again to the very same bytes.
"""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from logs.errors import IntegrityError, UsageError
from logs.transparency.keys import ID_BYTES, PublicKey, SigningKey, Signs, is_name

DASH = "\u2014"
MOST_BYTES = 1 << 20
MOST_SIGNATURES = 64
"""At least 16 must be taken; more than this is an attack on patience."""
LAST_SECOND = (1 << 63) - 1
SIGNATURE_BYTES, TIME_BYTES = 64, 8


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note."""

    name: str
    key_id: bytes
    data: bytes

    def line(self) -> str:
        """As it stands in the note."""
        encoded = base64.b64encode(self.key_id + self.data).decode()
        return f"{DASH} {self.name} {encoded}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures; without any it is only a text."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def render(self) -> str:
        """The whole note."""
        below = "".join(signature.line() for signature in self.signatures)
        return f"{self.text}\n{below}" if below else self.text


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose signature a note bears, and whether it is known to be theirs."""

    name: str
    key_id: str
    known: bool
    """Whether one of the given keys verified it; else nothing is known of it."""
    cosigned_at: datetime | None = None
    """When a witness saw the checkpoint; None for the log's own signature."""

    @property
    def witness(self) -> bool:
        """Whether this is a witness that is known."""
        return self.cosigned_at is not None


def parse(data: str) -> Note:
    """Read a note, or a text without signatures.

    Raises:
        UsageError: it is neither.
    """
    if len(data) > MOST_BYTES or any(c < " " and c != "\n" for c in data) or data[-1:] != "\n":
        _malformed("control characters, no newline at the end, or too much text")
    text, gap, below = data.rpartition("\n\n")
    if not gap:
        return Note(data)
    lines = below.removesuffix("\n").split("\n")
    if len(lines) > MOST_SIGNATURES:
        _malformed(f"{len(lines)} signatures")
    return Note(text + "\n", tuple(_signature(line) for line in lines))


def signed(note: Note, key: SigningKey, at: datetime | None = None) -> Note:
    """The note with one more signature: the log's own, or a witness' with its time."""
    if key.signs is Signs.NOTE:
        data = key.sign(note.text.encode())
    else:
        seconds = int((at or datetime.now(UTC)).timestamp())
        data = struct.pack(">Q", seconds) + key.sign(_cosigned(note.text, seconds))
    return Note(note.text, (*note.signatures, Signature(key.name, key.public.id, data)))


def signers(note: Note, keys: Sequence[PublicKey]) -> tuple[Signer, ...]:
    """Whose signatures stand below the note; those of keys that were not given are unknown.

    Raises:
        IntegrityError: a signature by the name and id of a given key is not by that key.
    """
    known = {(key.name, key.id): key for key in keys}
    return tuple(_signer(note, one, known.get((one.name, one.key_id))) for one in note.signatures)


def _signer(note: Note, one: Signature, key: PublicKey | None) -> Signer:
    if key is None:
        return Signer(one.name, one.key_id.hex(), known=False)
    if key.signs is Signs.NOTE:
        if key.verifies(one.data, note.text.encode()):
            return Signer(one.name, one.key_id.hex(), known=True)
    elif len(one.data) == TIME_BYTES + SIGNATURE_BYTES:
        (seconds,) = struct.unpack_from(">Q", one.data)
        message = _cosigned(note.text, seconds)
        if seconds <= LAST_SECOND and key.verifies(one.data[TIME_BYTES:], message):
            return Signer(one.name, one.key_id.hex(), known=True, cosigned_at=_time(seconds))
    raise IntegrityError(
        "A signature under this note is not by the key that it names.",
        saw=f"{one.name}, key {one.key_id.hex()}",
        wanted="a signature that the given public key verifies",
        try_this="ask whoever signed it for the checkpoint again; trust nothing in this one",
    )


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _time(seconds: int) -> datetime:
    last = 253_402_300_799  # 9999-12-31: what a calendar of people can say
    return datetime.fromtimestamp(min(seconds, last), UTC)


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:
        data = b""
    found = Signature(name, data[:ID_BYTES], data[ID_BYTES:])
    if dash != DASH or not is_name(name) or not found.data or found.line() != f"{line}\n":
        _malformed(repr(line[:80]))
    return found


def _malformed(saw: str) -> NoReturn:
    raise UsageError(
        "This is not a signed note.",
        saw=saw,
        wanted=f"a text, an empty line, and lines `{DASH} NAME SIGNATURE`",
        try_this="plimsoll log anchor --key FILE writes one",
    )
