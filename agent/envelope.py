"""What a command answers: the same content for people and, in one envelope, for programs."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from logs.errors import PlimsollError, UsageError
from logs.text import visible

NAME = "plimsoll"
FORMAT = 1
"""Raised when a program that reads the envelope would break."""
ERROR_SCHEMA = f"{NAME}/error/{FORMAT}"
INTERRUPTED = 130
"""What a shell reports of a command that was ended by an interrupt."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found out or did."""

    data: Any
    """For programs; plain JSON."""
    text: str
    """For people."""
    exit_code: int = 0
    warnings: tuple[str, ...] = ()
    lines: Sequence[Any] | None = None
    """The items of a list, where `--jsonl` prints one a line."""


def schema(command: str) -> str:
    """The name of what `command` prints: `log list` is `plimsoll/log.list/1`."""
    return f"{NAME}/{command.replace(' ', '.')}/{FORMAT}"


def envelope(name: str, data: Any, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """One answer as JSON, under the name of its schema."""
    return {"schema": name, "data": data, "warnings": list(warnings)}


def dumped(value: Mapping[str, Any], *, one_line: bool = False) -> str:
    """JSON in ASCII: no character of a hostile text reaches a terminal as itself."""
    return json.dumps(value, indent=None if one_line else 2, allow_nan=False)


def put(text: str, stream: TextIO) -> None:
    """Write a line; a reader that went away is no fault, a disk that is full is one."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        # What is still in the buffer would be tried again, and complained about, at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


def error_data(error: PlimsollError) -> dict[str, Any]:
    """A refusal as data: its code, its exit code, and what, saw, wanted, try."""
    return {
        "code": code_of(error),
        "exit": error.exit_code,
        "what": error.what,
        "saw": error.saw,
        "wanted": error.wanted,
        "try": error.try_this,
    }


def code_of(error: PlimsollError) -> str:
    """The class of an error as programs compare it: `IntegrityError` is `integrity-error`."""
    name = type(error).__name__
    return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def said(error: PlimsollError) -> str:
    """A refusal for people; what it quotes cannot act on the terminal."""
    return "\n".join(visible(line) for line in str(error).split("\n"))


def unforeseen(error: Exception) -> PlimsollError:
    """A fault that no command foresaw, said like every other."""
    if isinstance(error, OSError):
        return PlimsollError(
            "The machine did not do what was asked of it.",
            saw=str(error),
            wanted="a folder that can be read and written, and room on the disk",
            try_this="mend what is named, then the same command again; see also: plimsoll doctor",
        )
    return PlimsollError(
        "Plimsoll failed in a way that nobody foresaw; what is in the log is safe.",
        saw=f"{type(error).__name__}: {error}",
        wanted="an answer",
        try_this="set PLIMSOLL_TRACEBACK=1 and run the same again, to see where it failed",
    )


class Interrupted(UsageError):
    """A person ended the command; for a session, nothing acknowledged is lost."""

    exit_code = INTERRUPTED


def interrupted(command: str, *, session: bool) -> Interrupted:
    """What is said after Ctrl-C."""
    if session:
        return Interrupted(
            "Interrupted; the state is saved.",
            saw="Ctrl-C",
            wanted="a session that ends by itself",
            try_this="plimsoll resume works: it goes on to the same history",
        )
    return Interrupted(
        "Interrupted.",
        saw=f"Ctrl-C during plimsoll {command}",
        wanted="the end of the command",
        try_this="the same command again",
    )
