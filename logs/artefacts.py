"""The files that the log names, under WORKSPACE/objects/ab/<sha256>.

An artefact is one file, or a manifest `{"files": {relative path: digest}}` whose files are
artefacts themselves, as an adapter folder is.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from logs.vocabulary import Digest, EntryKind, LogEntry, State

MANIFEST_BYTES = 16 * 1024 * 1024
"""A larger file is never a manifest."""

NAMING = frozenset(
    {
        EntryKind.PROPOSED,
        EntryKind.OBSERVED,
        EntryKind.RESCORED,
        EntryKind.TRIED,
        EntryKind.MEASURED,
    }
)
"""Entries that name what their step read or counted; see `inputs_of`."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def path_of(workspace: Path, digest: Digest) -> Path:
    """Return where an artefact lies."""
    return workspace / "objects" / digest[:2] / digest


def artefacts_of(state: State) -> tuple[Digest, ...]:
    """Return the artefacts without which this state could not be brought back."""
    judges = (judge.artefact for judge in state.panel.judges)
    return tuple(d for d in (state.base, state.adapter, state.replay, *judges) if d)


def inputs_of(entry: LogEntry) -> tuple[Digest, ...]:
    """Return what an entry names that its step read or counted: it may be cleared away later.

    Raises:
        KeyError: the body lacks a field of its word.
    """
    body = entry.body
    match entry.kind:
        case EntryKind.PROPOSED:
            return tuple(body["inputs"].values())
        case EntryKind.OBSERVED:
            return (body["samples"], body["verdicts"])
        case EntryKind.RESCORED:
            return (body["new_verdicts"],) if body["new_verdicts"] else ()
        case EntryKind.TRIED:
            return tuple(body["data"].values())
        case EntryKind.MEASURED if audit := body.get("judge_audit"):
            return tuple(audit[part] for part in ("card", "verdicts", "calls"))
        case _:
            return ()


def faults(workspace: Path, digests: Iterable[Digest]) -> tuple[list[str], list[str]]:
    """Return what is missing and what has the wrong bytes, each by name."""
    missing, changed, seen = [], [], set()
    waiting = list(digests)
    while waiting:
        digest = waiting.pop()
        if digest in seen:
            continue
        seen.add(digest)
        path = path_of(workspace, digest)
        if not path.is_file():
            missing.append(digest)
        elif _sha256_of(path) != digest:
            changed.append(digest)
        else:
            waiting.extend(_listed(path))
    return missing, changed


def _sha256_of(path: Path) -> Digest:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listed(data: bytes) -> Iterator[Digest]:
    """Yield the digests that a manifest lists; nothing if these bytes are not a manifest."""
    if len(data) > MANIFEST_BYTES or not data.lstrip().startswith(b"{"):
        return
    try:
        files = json.loads(data).get("files")
    except (ValueError, RecursionError):
        return
    if isinstance(files, dict):
        yield from (d for d in files.values() if isinstance(d, str) and _DIGEST.fullmatch(d))


def _listed(path: Path) -> Iterator[Digest]:
    if path.stat().st_size <= MANIFEST_BYTES:
        yield from listed(path.read_bytes())
