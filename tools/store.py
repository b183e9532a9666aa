"""A content-addressed store: an artefact is complete under its hash, or absent.

A folder is stored as a manifest `{"files": {relative path: digest}}`, itself an object,
so a folder's name is the digest of its manifest and every file can be verified alone.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

from logs.canonical import canonical
from logs.errors import IntegrityError, PlimsollError


class Store:
    """Artefacts under `root/ab/<sha256>`; written to a temporary name, synced, renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.trees = root / "trees"

    def put(self, data: bytes) -> str:
        """Store bytes; return their digest.

        Raises:
            PlimsollError: the disk is full or not writable; nothing half-written stays.
        """
        digest = sha256(data).hexdigest()
        path = self._path(digest)
        if not path.exists():
            try:
                _write_whole(path, data)
            except OSError as error:
                raise _no_room(error, f"{len(data)} bytes under {self.root}") from error
        return digest

    def put_json(self, value: Any) -> str:
        """Store a JSON value in canonical form."""
        return self.put(canonical(value))

    def put_lines(self, rows: Iterable[Any]) -> str:
        """Store JSON lines."""
        return self.put(b"".join(canonical(row) + b"\n" for row in rows))

    def put_folder(self, folder: Path) -> str:
        """Store every regular file of a folder; return the digest of its manifest."""
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        return self.put_json(
            {"files": {p.relative_to(folder).as_posix(): self.put(p.read_bytes()) for p in files}}
        )

    def get(self, digest: str) -> bytes:
        """Read bytes back.

        Raises:
            IntegrityError: the artefact is absent, or is not what its name says.
        """
        path = self._path(digest)
        data = path.read_bytes() if path.is_file() else None
        if data is None or sha256(data).hexdigest() != digest:
            raise IntegrityError(
                "An artefact is missing or damaged.",
                saw="no such file" if data is None else "bytes with another SHA-256",
                wanted=f"objects/{digest[:2]}/{digest}",
                try_this="plimsoll log verify; then restore objects/ from a copy",
            )
        return data

    def get_json(self, digest: str) -> Any:
        """Read a JSON value back."""
        return from_json(self.get(digest))

    def get_lines(self, digest: str) -> list[Any]:
        """Read JSON lines back."""
        return [from_json(line) for line in self.get(digest).splitlines()]

    def has(self, digest: str) -> bool:
        """Whether an artefact of this name is stored; its bytes are checked on reading."""
        return self._path(digest).is_file()

    def checkout(self, digest: str) -> Path:
        """A folder with the files of a manifest, every byte verified; made once, then reused.

        Raises:
            IntegrityError: the manifest or a file of it is damaged.
            PlimsollError: the disk is full or not writable; no half-made folder stays.
        """
        folder = self.trees / digest
        if folder.is_dir():
            return folder
        files = self.get_json(digest)["files"]
        self.trees.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=self.trees))
        try:
            self._fill(part, files)
            part.rename(folder)
            _sync_folder(self.trees)
        except OSError as error:
            if not folder.is_dir():  # else another process was first, with the same bytes
                raise _no_room(error, f"{len(files)} files under {self.trees}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return folder

    def _fill(self, part: Path, files: dict[str, str]) -> None:
        for name, file_digest in files.items():
            target = part / name
            if not target.resolve().is_relative_to(part.resolve()):
                raise IntegrityError(
                    "A manifest names a file outside its own folder.",
                    saw=name,
                    wanted="a relative path that stays inside",
                    try_this="plimsoll log verify",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                _write_through(file, self.get(file_digest))
        part.chmod(0o755)

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest


def _no_room(error: OSError, wanted: str) -> PlimsollError:
    return PlimsollError(
        "The artefact could not be stored; the store is as it was before.",
        saw=str(error),
        wanted=wanted,
        try_this="free some disk space, then: plimsoll resume",
    )


def _write_through(file: BinaryIO, data: bytes) -> None:
    """Write down to the disk: a folder that is reused unread must not lose its bytes later."""
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _write_whole(path: Path, data: bytes) -> None:
    """Write so that a crash leaves the whole file or none: temporary, fsync, rename, fsync."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _write_through(file, data)
        os.chmod(part, 0o444)
        os.rename(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
