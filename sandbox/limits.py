"""What a job may use: time, memory, disk, processes, threads."""

import math
import resource
import signal
from dataclasses import dataclass

from logs.errors import WallError

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one job; each is enforced, and a breach names the one it broke."""

    wall_seconds: float = 600.0
    """Kept by the parent, which no job can stop."""
    memory_bytes: int = 4096 * MEBIBYTE
    """What a job may add to the preloaded modules: address space per process, resident in all."""
    file_bytes: int = 1024 * MEBIBYTE
    """Size of the largest single file."""
    processes: int = 64
    """Alive at once, the job itself included; threads count too where the kernel counts tasks."""
    cpu_threads: int = 2

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise WallError(
                    "A limit must be a positive, finite number.",
                    saw=f"{name} = {value}",
                    wanted=f"{name} > 0",
                    try_this="leave the limit out to get its default",
                )


def apply(limits: Limits, *, preloaded_bytes: int | None, count_tasks: bool) -> None:
    """Bind this process, and all that it starts, to the limits; there is no way back.

    The address space is limited, not the data segment: RLIMIT_DATA does not see shared
    anonymous maps. `preloaded_bytes` is the address space in use already; None leaves it without
    a limit, as a GPU needs, whose driver maps all its memory and more: then what is resident
    counts alone, which the parent looks at. `count_tasks`
    is false where the kernel would count every process of the user, not only the job's.
    """
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_NOFILE, 1024)
    if preloaded_bytes is not None:
        _set(resource.RLIMIT_AS, preloaded_bytes + limits.memory_bytes)
    _set(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set(resource.RLIMIT_CPU, math.ceil(limits.wall_seconds * (limits.cpu_threads + 1)) + 1)
    if count_tasks:
        # One for the fork server, which lives in the same namespace.
        _set(resource.RLIMIT_NPROC, limits.processes + 1)
    # Python ignores SIGXFSZ; its default ends the job at the write that broke the limit,
    # whichever library wrote, so that the parent can name the limit.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def _set(which: int, value: int) -> None:
    """Lower a limit; a hard limit of the machine that is lower still stays in force."""
    hard = resource.getrlimit(which)[1]
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (allowed, allowed))
