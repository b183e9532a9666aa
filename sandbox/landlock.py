"""The kernel's own fence: a job writes to its scratch folder and nowhere else.

Works without namespaces and without root, so it also keeps one job from the files of
the next, and from signalling the fork server. It does not cover chmod and chown.
Source: Linux, Documentation/userspace-api/landlock.rst.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_FOLDER = 1 << 3
_TRUNCATE = 1 << 14
_REFER = 1 << 13
_REMOVE_AND_MAKE = sum(1 << bit for bit in (4, 5, 6, 7, 8, 9, 10, 11, 12))
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of the kernel's Landlock interface; 0 when there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)))


def fence(writable: Iterable[Path], readable: Iterable[Path] | None = None) -> bool:
    """Refuse this process, for ever, all writes but beneath `writable`, and all TCP.

    Args:
        writable: folders and files that may be written, and read.
        readable: what else may be read; everything if it is not told.

    Returns:
        Whether the fence stands; False where the kernel has none.

    Raises:
        OSError: the kernel has Landlock but refused a rule.
    """
    abi = version()
    if abi == 0:
        return False
    on_files = _WRITE_FILE | (_TRUNCATE if abi >= 3 else 0)
    on_folders = on_files | _REMOVE_AND_MAKE | (_REFER if abi >= 2 else 0)
    reads = 0 if readable is None else _READ_FILE | _READ_FOLDER
    attributes = struct.pack("Q", on_folders | reads)
    if abi >= 4:
        attributes += struct.pack("Q", _BIND_AND_CONNECT_TCP)
    if abi >= 6:
        attributes += struct.pack("Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = _syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path in writable:
            _allow(ruleset, path, on_files=on_files | reads, on_folders=on_folders | reads)
        for path in readable or ():
            _allow(ruleset, path, on_files=reads, on_folders=reads)
        _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: Path, *, on_files: int, on_folders: int) -> None:
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        is_folder = stat.S_ISDIR(os.fstat(beneath).st_mode)
        # The right to list a folder may not be asked for a file.
        access = on_folders if is_folder else on_files & ~_READ_FOLDER
        rule = struct.pack("=Qi", access, beneath)
        _syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(beneath)


def _syscall(number: int, *arguments: int | bytes) -> int:
    return _check(int(_libc.syscall(number, *arguments)))


def _check(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
