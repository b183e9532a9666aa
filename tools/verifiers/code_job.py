"""Run an answer's program on its tests: only ever behind the wall, and there in a child of its own.

The child is told a word that nobody could guess and writes it when all tests are over, so that a
program that merely ends, or prints, has passed nothing. Asserts run in the program's own process: a
program that searches its own memory could find that word. Tests of input and output cannot be
talked into anything.
"""

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox import watch
from sandbox.landlock import fence
from sandbox.limits import MEBIBYTE
from sandbox.seccomp import childless

SECONDS = 8.0
"""Of one program with all its asserts, or with one input."""
MOST_OUTPUT = MEBIBYTE
OF_PYTHON = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")
_SECRET = 4
"""PR_SET_DUMPABLE: with 0 no child can read this process, or write to what it has open."""
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER: orphans of a program become children of this process."""
HARNESS = """\
import json, sys
def main(told, run=exec, opened=open):
    tests, place, word = compile(told["tests"], "tests.py", "exec"), told["place"], told["word"]
    names = {"__name__": "__main__"}
    run(compile(told["program"], "answer.py", "exec"), names)
    run(tests, names)
    with opened(place, "x") as file:
        file.write(word)
main(json.loads(sys.stdin.readline()))
"""
"""What a program puts in the place of `exec`, `compile` or `open` changes nothing: they are taken,
and the tests are compiled, before it runs."""


def run(
    args: dict[str, Any], scratch: Path, progress: Callable[[int, int, str], None]
) -> dict[str, Any]:
    """{passed, why}: whether a program passes all its tests.

    Args:
        args: program, and asserts (a program too) or pairs of an input and the output it must give.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_SECRET, 0, 0, 0, 0)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        why = _why_not(args, scratch)
    finally:
        libc.prctl(_SUBREAPER, 0, 0, 0, 0)
        libc.prctl(_SECRET, 1, 0, 0, 0)  # whoever keeps the limits finds a job by reading of it
    return {"passed": not why, "why": why[:300]}


def _why_not(args: dict[str, Any], scratch: Path) -> str:
    if "asserts" in args:
        return _asserted(args["program"], args["asserts"], scratch)
    said = (_answered(args["program"], given, want, scratch) for given, want in args["pairs"])
    return next((x for x in said if x), "")


def _asserted(program: str, tests: str, scratch: Path) -> str:
    """Empty where every assert held, else why not."""
    word, place = secrets.token_hex(16), scratch / "own" / "word"
    told = {"program": program, "tests": tests, "word": word, "place": str(place)}
    said = _run(["-c", HARNESS], json.dumps(told) + "\n", scratch)
    if said is None:
        return "it took too long"
    wrote = place.read_bytes()[: len(word)] if place.is_file() and not place.is_symlink() else b""
    return "" if said[0] == 0 and wrote == word.encode() else _last_line(said)


def _answered(program: str, given: str, want: str, scratch: Path) -> str:
    """Empty where the program prints what is wanted, else why not."""
    # A file, since no argument of a command may be as long as an answer, or hold a zero byte.
    (scratch / "answer.py").write_bytes(program.encode(errors="replace"))
    said = _run([str(scratch / "answer.py")], given, scratch)
    if said is None:
        return "it took too long"
    if said[0]:
        return _last_line(said)
    return "" if _lines(said[1]) == _lines(want) else "it printed something else"


def _run(arguments: list[str], given: str, scratch: Path) -> tuple[int, str, str] | None:
    """(exit code, output, complaints) of Python in a folder of its own; None: it took too long.

    The child writes to that folder and nowhere else, reads it and Python alone, and starts no
    process: no program reaches what the job that asks about it reads or writes.
    """
    own = scratch / "own"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    others = {seen.pid for seen in watch.descendants(os.getpid())}
    out, err = scratch / "said", scratch / "complained"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", *arguments],
            stdin=subprocess.PIPE,
            stdout=to_out,
            stderr=to_err,
            cwd=own,
            start_new_session=True,
            preexec_fn=lambda: _bar(own, arguments),
        )
        try:
            child.communicate(given.encode(errors="replace"), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(child, others)
    return child.returncode, _read(out), _read(err)


def _bar(own: Path, arguments: list[str]) -> None:
    """What the program's own process does before it becomes Python."""
    script = [Path(word) for word in arguments[:1] if Path(word).is_file()]
    fence([own, Path("/dev/null")], readable=[*_pythons(), *script])
    childless()


def _pythons() -> list[Path]:
    """What Python and its libraries are read from."""
    places = {sys.prefix, sys.base_prefix, *OF_PYTHON}
    return [path for path in map(Path, sorted(places)) if path.exists()]


def _end(child: "subprocess.Popen[bytes]", others: set[int]) -> None:
    """Kill a program with all that it started, so that nothing is in the way of the next one.

    Its group goes in one step, which no fork can outrun; then what had left the group.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    until, ended = time.monotonic() + SECONDS, set[int]()
    while time.monotonic() < until:
        left = [s.pid for s in watch.descendants(os.getpid()) if s.pid not in others]
        if not left:
            break
        watch.end(left)
        ended.update(left)
        time.sleep(0.002)
    for pid in ended:  # by now children of this process, whoever had started them
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_OUTPUT).decode(errors="replace")


def _last_line(said: tuple[int, str, str]) -> str:
    lines = said[2].strip().splitlines()
    return lines[-1] if lines else f"it ended with {said[0]} before its tests were over"


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
