"""A log to hand out: tiles, entries, checkpoint, and what its entries name; verified offline.

checkpoint                   the signed note (C2SP tlog-checkpoint)
tile/...                     hashes and entries (C2SP tlog-tiles)
plimsoll/artefacts.json      which artefacts the entries name, and which of them came along
objects/ab/<sha256>          those artefacts
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from logs.artefacts import artefacts_of, inputs_of, listed, path_of
from logs.canonical import canonical
from logs.checkpoint import origin_of
from logs.checkpoint import parse as checkpoint_of
from logs.errors import IntegrityError
from logs.merkle import leaf_hash
from logs.reading import Reader
from logs.transparency import tiles
from logs.transparency.files import File, Files
from logs.transparency.notes import Note, parse
from logs.vocabulary import Commit, Digest, EntryKind, LogEntry

CHECKPOINT, ARTEFACTS = "checkpoint", "plimsoll/artefacts.json"
FORMAT = "plimsoll/bundle/1"


def files_of(journal: Reader, note: Note, workspace: Path, *, artefacts: bool) -> Iterator[File]:
    """Every file of the bundle under this checkpoint.

    Args:
        artefacts: Also the artefacts that are in the store.
    """
    size = checkpoint_of(note.text).size
    leaves, named = list[bytes](), dict[Digest, list[int]]()
    yield CHECKPOINT, note.render().encode()
    rows = journal.leaves(size)
    index = 0
    while page := list(islice(rows, tiles.WIDTH)):
        kind, data = tiles.entry_bundle(page)
        yield tiles.bundle_path(kind, index, len(page)), data
        for leaf in page:
            name(named, LogEntry.model_validate(json.loads(leaf)))
            leaves.append(leaf_hash(leaf))
        index += 1
    yield from tiles.hash_tiles(leaves)
    held = sorted(with_listed(workspace, named)) if artefacts else []
    yield ARTEFACTS, manifest(named, held)
    for digest in held:
        yield object_path(digest), path_of(workspace, digest).read_bytes()


def name(named: dict[Digest, list[int]], entry: LogEntry) -> None:
    """Add what an entry names."""
    found = inputs_of(entry)
    if entry.kind is EntryKind.COMMITTED:
        found = artefacts_of(Commit.model_validate(entry.body).state)
    for digest in dict.fromkeys(found):
        named.setdefault(digest, []).append(entry.seq)


def with_listed(workspace: Path, named: Iterable[Digest]) -> set[Digest]:
    """What is in the store of these artefacts, with the files that a manifest among them lists."""
    found, waiting = set[Digest](), list(named)
    while waiting:
        digest = waiting.pop()
        if digest not in found and (path := path_of(workspace, digest)).is_file():
            found.add(digest)
            waiting += listed(path.read_bytes())
    return found


def manifest(named: dict[Digest, list[int]], included: Sequence[Digest]) -> bytes:
    """The artefacts as a file: nothing in it that the entries do not say, but what came along."""
    return canonical({"format": FORMAT, "included": list(included), "named": dict(named)}) + b"\n"


def object_path(digest: Digest) -> str:
    """Where an artefact lies."""
    return f"objects/{digest[:2]}/{digest}"


def note_of(files: Files) -> Note:
    """The checkpoint of a bundle.

    Raises:
        IntegrityError: it is not there.
        UsageError: it is no checkpoint.
    """
    note = parse(files.get(CHECKPOINT).decode("utf-8", "replace"))
    checkpoint_of(note.text)
    return note


def leaves_of(files: Files, size: int) -> Iterator[bytes]:
    """The entries of a bundle, in order.

    Raises:
        IntegrityError: a bundle of entries is absent, doubled, or holds another number of them.
    """
    names = files.names()
    for index, width in tiles.widths(size):
        paths = {k: tiles.bundle_path(k, index, width) for k in (tiles.SHORT, tiles.LONG)}
        here = [(kind, path) for kind, path in paths.items() if path in names]
        if len(here) != 1:
            raise _unlike(f"{len(here)} files {' and '.join(paths.values())}", "one of them")
        kind, path = here[0]
        found = tiles.entries_of(kind, files.get(path))
        if len(found) != width or tiles.entry_bundle(found)[0] != kind:
            raise _unlike(f"{len(found)} entries in {path}", f"{width}, in the shortest form")
        yield from found


def origin_in(leaves: Sequence[bytes]) -> str:
    """The origin of the log that these leaf hashes begin."""
    return origin_of(leaves[0].hex() if leaves else None)


def _unlike(saw: str, wanted: str) -> IntegrityError:
    return IntegrityError(
        "The entries of the bundle are not as they must be.",
        saw=saw,
        wanted=wanted,
        try_this="get the bundle again from whoever exported it",
    )
