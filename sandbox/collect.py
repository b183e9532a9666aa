"""Taking files out of a scratch folder without trusting whoever wrote there."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from logs.errors import WallError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a named pipe would wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def collect(scratch: Path, names: Iterable[str], max_bytes: int) -> dict[str, bytes]:
    """Read plain files that a job left behind.

    Args:
        scratch: The job's folder.
        names: Paths below it, as `adapter/model.safetensors`.
        max_bytes: Of all of them together.

    Raises:
        WallError: a name leads out of `scratch`, is missing, is not a plain file with one
            name (a symlink anywhere on the way counts), or the sum is too large.
    """
    found: dict[str, bytes] = {}
    left = max_bytes
    for name in names:
        try:
            data = _read(scratch, PurePosixPath(name), left)
        except OSError as error:
            raise _refused(name, f"{type(error).__name__}: {error.strerror}") from error
        left -= len(data)
        found[name] = data
    return found


def _read(scratch: Path, name: PurePosixPath, most: int) -> bytes:
    if name.is_absolute() or not name.parts or ".." in name.parts:
        raise _refused(str(name), "a path that leads elsewhere")
    folder = os.open(scratch, _FOLDER)
    try:
        for part in name.parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        file = os.open(name.parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)
    with os.fdopen(file, "rb") as opened:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            raise _refused(str(name), f"{stat.filemode(about.st_mode)}, {about.st_nlink} links")
        data = opened.read(most + 1)
    if len(data) > most:
        raise _refused(str(name), f"more than the {most} bytes that are left")
    return data


def _refused(name: str, saw: str) -> WallError:
    return WallError(
        f"{name} cannot be taken out of the scratch folder.",
        saw=saw,
        wanted="a plain file with one name, inside, within max_bytes in all",
        try_this="let the job write it so, or raise max_bytes",
    )
