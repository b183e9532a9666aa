"""The files of a bundle, in a folder or in a tar; read by name, written whole or not at all."""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from logs.errors import IntegrityError, UsageError

File = tuple[str, bytes]


class Files(Protocol):
    """Something that holds files by relative name."""

    def names(self) -> frozenset[str]:
        """Every file."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes of one of them.

        Raises:
            IntegrityError: it is not there, or cannot be read.
        """
        ...


class Folder:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> frozenset[str]:
        """Every file; a link counts as one, and cannot be read."""
        found = (path for path in self.root.rglob("*") if path.is_symlink() or not path.is_dir())
        return frozenset(path.relative_to(self.root).as_posix() for path in found)

    def get(self, name: str) -> bytes:
        """The bytes of one of them."""
        path = self.root / name
        try:
            if path.is_symlink() or not path.is_file():
                raise OSError("no plain file")
            return path.read_bytes()
        except (OSError, ValueError) as error:
            raise _absent(name, str(error)) from error


class Tar:
    """Files of a tar."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._members = {m.name: m for m in tar.getmembers() if not m.isdir()}
        self._doubled = len(self._members) < sum(not m.isdir() for m in tar.getmembers())

    def names(self) -> frozenset[str]:
        """Every file.

        Raises:
            IntegrityError: two files have one name, so it depends on the reader which is meant.
        """
        if self._doubled:
            raise _absent("the tar", "two files of one name")
        return frozenset(self._members)

    def get(self, name: str) -> bytes:
        """The bytes of one of them."""
        member = self._members.get(name)
        try:
            if member is None or not member.isreg():
                raise OSError("no plain file")
            held = self._tar.extractfile(member)
            data = held.read() if held else b""
        except (OSError, tarfile.TarError) as error:
            raise _absent(name, str(error)) from error
        if len(data) == member.size:
            return data
        raise _absent(name, "the tar ends in the midst of it")


@contextmanager
def opened(path: Path) -> Iterator[Files]:
    """A folder or a tar, for reading.

    Raises:
        UsageError: it is neither.
    """
    if path.is_dir():
        yield Folder(path)
        return
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115  closed below
        found = Tar(tar)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UsageError(
            "This is not a bundle of a log.",
            saw=f"{path}: {getattr(error, 'strerror', None) or error}",
            wanted="a folder or a tar that plimsoll log export wrote",
            try_this="plimsoll log export --out DIR, or --out FILE.tar",
        ) from error
    with tar:
        yield found


def demand_room(out: Path) -> None:
    """Refuse to write over anything.

    Raises:
        UsageError: something is there, or no folder to put it in.
    """
    empty = out.is_dir() and not out.is_symlink() and not any(out.iterdir())
    if (not out.exists() or (empty and not is_tar(out))) and out.absolute().parent.is_dir():
        return
    raise UsageError(
        "An export is never written over anything.",
        saw=f"{out}" if out.exists() else f"no folder {out.absolute().parent}",
        wanted="a new or empty folder, or a new file that ends in .tar",
        try_this="give another name: --out DIR, or --out FILE.tar",
    )


def is_tar(out: Path) -> bool:
    """Whether a tar is asked for."""
    return out.suffix == ".tar"


def write(out: Path, files: Iterable[File]) -> int:
    """Write files under a temporary name, then give it the right one; return how many bytes.

    The same files make the same tar: no time, no owner, in the order in which they come.
    """
    demand_room(out)
    parent = out.absolute().parent
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{out.name}.") as place:
        made = Path(place, "made")
        count = _to_tar(made, files) if is_tar(out) else _to_folder(made, files)
        made.chmod(0o644 if is_tar(out) else 0o755)
        if out.is_dir():
            out.rmdir()
        os.replace(made, out)
    return count


def _to_folder(root: Path, files: Iterable[File]) -> int:
    root.mkdir()
    count = 0
    for name, data in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        count += len(data)
    return count


def _to_tar(path: Path, files: Iterable[File]) -> int:
    count = 0
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
            count += len(data)
    return count


def copied(source: Path, target: Path) -> None:
    """Copy a file or a folder as it is; links stay links."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _absent(name: str, saw: str) -> IntegrityError:
    return IntegrityError(
        "A file of the bundle is not there, or cannot be read.",
        saw=f"{name}: {saw}"[:200],
        wanted="every file that plimsoll log export wrote",
        try_this="get the bundle again from whoever exported it",
    )
