"""The kernel's filter of system calls: a process that may have threads, but no children.

A limit on processes counts those of a user, and none of root's; this counts nothing and holds for
both. Source: Linux, Documentation/userspace-api/seccomp_filter.rst; clone(2).
"""

import ctypes
import errno
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Where they lie in what a filter is shown; of an argument, the lower half."""
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_CLONE_THREAD = 0x10000
_CLONE3 = 435
_X32 = 0x40000000
_CALLS = {"x86_64": (0xC000003E, 56, (57, 58)), "aarch64": (0xC00000B7, 220, ())}
"""Machine -> its name in the kernel's audit, clone, and the calls that only make processes."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


_libc = ctypes.CDLL(None, use_errno=True)


def childless() -> bool:
    """Refuse this process, for ever and through exec, to start another; threads are left to it.

    `clone3` is answered as a kernel without it would, since its flags cannot be seen; libraries
    then use `clone`.

    Returns:
        Whether the filter stands; False for a machine or kernel that has none.
    """
    known = _CALLS.get(platform.machine())
    if known is None or sys.byteorder != "little":
        return False
    rules = _filter(*known)
    program = _Program(len(rules) // 8, rules)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return int(_libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)) == 0


def _filter(architecture: int, clone: int, makers: tuple[int, ...]) -> bytes:
    """The rules, eight bytes each: code, jump if so, jump if not, operand. Jumps are forwards."""
    refused, lacking = _REFUSE | errno.EPERM, _REFUSE | errno.ENOSYS
    rules = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, refused),
        (_LOAD, 0, 0, _NUMBER),
        # Numbers from here on are another interface of the same machine, with a fork of its own.
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, refused),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, lacking),
    ]
    for maker in makers:
        rules += [(_EQUAL, 0, 1, maker), (_RETURN, 0, 0, refused)]
    rules += [
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, refused),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *rule) for rule in rules)
