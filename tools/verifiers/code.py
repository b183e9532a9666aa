"""The verifier of programs: an answer's Python is run on the row's tests, behind a wall of its own.

What a program does wrong, takes too long for, or dies of, is a wrong answer. Where no wall can be
built nothing is run, and that is an error, never a grade. A job that asks from behind a wall runs
the program there: it has a fence of its own, and may write to its own folder alone.
"""

import ast
import atexit
import os
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from logs.errors import JobFailed, Undecided, WallError
from sandbox import landlock
from sandbox.limits import MEBIBYTE, Limits
from sandbox.plan import MARK
from sandbox.probe import level
from sandbox.worker import Worker

LONGEST = 50_000
"""Characters of an answer that are read."""
LIMITS = Limits(wall_seconds=60, memory_bytes=768 * MEBIBYTE, file_bytes=8 * MEBIBYTE, processes=32)
ROOT = Path(__file__).resolve().parents[2]
_FENCED = re.compile(r"```(?:python|py|python3)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


@dataclass(slots=True)
class Code:
    """Right is a program that passes all its tests."""

    column = "tests"
    _place: "_Place | None" = field(default=None, repr=False)
    _busy: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reference(self, given: Any, row: Mapping[str, Any]) -> dict[str, Any]:
        """{asserts} or {pairs}: from Python, a list of lines, or a list of {input, output}."""
        if isinstance(given, list) and given and all(isinstance(x, dict) for x in given):
            pairs = [[x["input"], x["output"]] for x in given]
            if not all(isinstance(text, str) for pair in pairs for text in pair):
                raise ValueError("an input or an output is no text")
            return {"pairs": pairs}
        tests = "\n".join(given) if isinstance(given, list) else given
        if not isinstance(tests, str) or not tests.strip():
            raise ValueError("there are no tests")
        if entry := row.get("entry_point"):
            tests = f"{tests}\ncheck({entry})"
        setup = row.get("test_setup_code") or ""
        whole = f"{setup}\n{tests}"
        try:
            told = ast.parse(whole, "tests")
        except SyntaxError as error:
            raise ValueError(f"the tests are no Python: {error}") from error
        if not any(isinstance(node, (ast.Assert, ast.Call, ast.Raise)) for node in ast.walk(told)):
            raise ValueError("the tests assert nothing; every program would pass")
        return {"asserts": whole}

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether the program of an answer passes.

        Raises:
            Undecided: no wall can be built here.
        """
        program = program_of(answer)
        if not program:
            return False
        with self._busy:
            if self._place is None:
                self._place = _Behind() if MARK in os.environ else _Wall()
            return self._place.passes({"program": program} | dict(reference))

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether the answer is Python."""
        try:
            compile(program_of(answer), "answer", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return bool(program_of(answer))


def program_of(answer: str) -> str:
    """The fenced Python of an answer, one block after the other; without a fence all of it."""
    blocks = _FENCED.findall(answer[:LONGEST])
    return "\n".join(blocks) if blocks else answer[:LONGEST].strip()


class _Place(Protocol):
    def passes(self, args: dict[str, Any]) -> bool: ...


class _Behind:
    """A folder in the scratch of a job that is behind a wall already; walls do not nest."""

    def __init__(self) -> None:
        if not landlock.version():
            raise _no_wall("behind a wall, on a kernel without Landlock")
        self._folder = Path(tempfile.mkdtemp(prefix="code-")).resolve()

    def passes(self, args: dict[str, Any]) -> bool:
        from tools.verifiers.code_job import run

        return run(args, self._folder, lambda done, of, what: None)["passed"] is True


class _Wall:
    """A folder and a wall for programs, as long as this process lives."""

    def __init__(self) -> None:
        if not level().number:
            raise _no_wall(level().how)
        self._folder = tempfile.TemporaryDirectory(prefix="plimsoll-code-")
        root = Path(self._folder.name).resolve()
        self._scratch = root / "answer"
        self._worker = Worker(
            ROOT, scratch_root=root, preload=("tools.verifiers.code_job",), limits=LIMITS
        )
        atexit.register(self._close)

    def passes(self, args: dict[str, Any]) -> bool:
        self._worker.stand()  # a wall that cannot be built raises here, and is no wrong answer
        try:
            job = "tools.verifiers.code_job:run"
            return self._worker.call(job, args, scratch=self._scratch).value["passed"] is True
        except (JobFailed, WallError):
            return False

    def _close(self) -> None:
        self._worker.close()
        self._folder.cleanup()


def _no_wall(saw: str) -> Undecided:
    return Undecided(
        "Programs are run behind a wall, and none can be built here.",
        saw=saw,
        wanted="at least a process with limits",
        try_this="plimsoll doctor",
    )
