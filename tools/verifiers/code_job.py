"""Run an answer's program on its tests: only ever behind the wall, and there in a child of its own.

The child is told a word that nobody could guess and writes it when all tests are over, so that a
program that merely ends, or prints, has passed nothing. Asserts run in the program's own process: a
program that searches its own memory could find that word. Tests of input and output cannot be
talked into anything.
"""

import ctypes
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.landlock import fence
from sandbox.limits import MEBIBYTE

SECONDS = 8.0
"""Of one program with all its asserts, or with one input."""
MOST_OUTPUT = MEBIBYTE
_SECRET = 4
"""PR_SET_DUMPABLE: with 0 no child can read this process, or write to what it has open."""
HARNESS = """\
import json, sys
def main(told):
    names = {"__name__": "__main__"}
    exec(compile(told["program"], "answer.py", "exec"), names)
    exec(compile(told["tests"], "tests.py", "exec"), names)
    with open(told["place"], "x") as file:
        file.write(told["word"])
main(json.loads(sys.stdin.readline()))
"""


def run(
    args: dict[str, Any], scratch: Path, progress: Callable[[int, int, str], None]
) -> dict[str, Any]:
    """{passed, why}: whether a program passes all its tests.

    Args:
        args: program, and asserts (a program too) or pairs of an input and the output it must give.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_SECRET, 0, 0, 0, 0)
    try:
        why = _why_not(args, scratch)
    finally:
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
    said = _run(["-c", program], given, scratch)
    if said is None:
        return "it took too long"
    if said[0]:
        return _last_line(said)
    return "" if _lines(said[1]) == _lines(want) else "it printed something else"


def _run(arguments: list[str], given: str, scratch: Path) -> tuple[int, str, str] | None:
    """(exit code, output, complaints) of Python in a folder of its own; None: it took too long.

    The child writes to that folder and nowhere else, so that no program reaches what the job that
    asks about it writes.
    """
    own = scratch / "own"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    out, err = scratch / "said", scratch / "complained"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-B", *arguments],
                input=given.encode(errors="replace"),
                stdout=to_out,
                stderr=to_err,
                cwd=own,
                timeout=SECONDS,
                preexec_fn=lambda: fence([own, Path("/dev/null")]),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    return done.returncode, _read(out), _read(err)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_OUTPUT).decode(errors="replace")


def _last_line(said: tuple[int, str, str]) -> str:
    lines = said[2].strip().splitlines()
    return lines[-1] if lines else f"it ended with {said[0]} before its tests were over"


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
