"""The job's own process: bound to its limits, it runs one function and reports JSON."""

import contextlib
import errno
import faulthandler
import importlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from logs.errors import PlimsollError, WallError
from sandbox import landlock
from sandbox.limits import Limits, apply
from sandbox.wire import encode

Progress: TypeAlias = Callable[[int, int, str], None]
"""Told how many of how many are done, and what in words."""

Job: TypeAlias = Callable[[dict[str, Any], Path, Progress], dict[str, Any]]
"""What runs behind the wall: arguments, its scratch folder, progress; all JSON."""

NOTE_CHARACTERS = 500
TEXT_CHARACTERS = 20_000
"""Longest progress note, and longest piece of an error; the rest is cut."""

OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
    "bad_alloc",
)
"""How libraries that do not raise MemoryError say that the limit was reached."""


def run(request: Mapping[str, Any], limits: Limits, *, report: int, output: int) -> NoReturn:
    """Run the requested job and end this process; never returns to the fork server."""
    code = 1
    try:
        scratch = Path(request["scratch"])
        _settle(scratch, output)
        with os.fdopen(report, "wb") as to_parent:

            def say(message: Mapping[str, object]) -> None:
                to_parent.write(encode(message) + b"\n")
                to_parent.flush()

            def progress(done: int, total: int, note: str = "") -> None:
                say({"progress": [int(done), int(total), str(note)[:NOTE_CHARACTERS]]})

            try:
                _confine(request, scratch, limits)
                value = _resolve(request["job"])(request["args"], scratch, progress)
                say({"value": _a_dict(value)})
                code = 0
            except BaseException as error:
                say(_told(error))
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle(scratch: Path, output: int) -> None:
    """Leave everything of the fork server behind that a job should not share."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, errors="replace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="replace", closefd=False)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ["HOME"] = os.environ["TMPDIR"] = str(scratch)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    tempfile.tempdir = None
    os.chdir(scratch)


def _confine(request: Mapping[str, Any], scratch: Path, limits: Limits) -> None:
    writable = [scratch, Path(os.devnull), *map(Path, request["writable"])]
    landlock.fence(writable)
    os.environ["OMP_NUM_THREADS"] = str(limits.cpu_threads)
    if torch := sys.modules.get("torch"):
        # OpenMP read its variable when it was preloaded.
        torch.set_num_threads(limits.cpu_threads)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    in_use = pages * os.sysconf("SC_PAGESIZE")
    apply(
        limits,
        preloaded_bytes=in_use if request["address_space"] else None,
        count_tasks=request["count_tasks"],
    )


def _resolve(job: str) -> Job:
    """Find `package.module:function`."""
    module, _, name = job.partition(":")
    function: Job | None = getattr(importlib.import_module(module), name, None) if name else None
    if not callable(function):
        raise WallError(
            "There is no such job.",
            saw=job,
            wanted="module:function, importable behind the wall",
            try_this="check the spelling, and that the module lies in the code of the project",
        )
    return function


def _a_dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WallError(
            "A job returns a dict.",
            saw=type(value).__name__,
            wanted="dict with text keys and JSON values",
            try_this='return {"value": ...}',
        )
    return value


def _told(error: BaseException) -> dict[str, object]:
    if isinstance(error, PlimsollError):
        fields = (error.what, error.saw, error.wanted, error.try_this)
        return {"refused": [type(error).__name__, *(_cut(field) for field in fields)]}
    message = _cut(str(error))
    if _out_of_memory(error):
        return {"out_of_memory": f"{type(error).__name__}: {message}"}
    if _out_of_processes(error):
        return {"out_of_processes": f"{type(error).__name__}: {message}"}
    frames = "".join(traceback.format_exception(error))
    return {"raised": [type(error).__name__, message, frames[-TEXT_CHARACTERS:]]}


def _cut(text: str) -> str:
    return text[:TEXT_CHARACTERS]


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)


def _out_of_processes(error: BaseException) -> bool:
    """Whether the kernel refuses this process one more, which it now tries."""
    if not (isinstance(error, BlockingIOError) or "can't start new thread" in str(error)):
        return False
    try:
        pid = os.fork()
    except BlockingIOError:
        return True
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return False
