"""The command line: words in, one answer out, and an exit code that a script can act on.

Data goes to stdout, all else to stderr. No fault ends in a traceback: what was not foreseen
is said like every refusal, with what, saw, wanted and try.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from agent.commands import Command
from agent.envelope import (
    ERROR_SCHEMA,
    Answer,
    dumped,
    envelope,
    error_data,
    interrupted,
    put,
    said,
    schema,
    unforeseen,
)
from agent.fitting import fitted, width_of
from agent.grammar import Wanted, understand
from logs.errors import PlimsollError, UsageError

TRACEBACK = "PLIMSOLL_TRACEBACK"
"""Environment variable that lets an unforeseen fault through, for whoever mends it."""

Run = Callable[[Namespace], Answer]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without `argv`, that of the shell."""
    words = list(sys.argv[1:] if argv is None else argv)
    _survive_any_text()
    as_json = bool({"--json", "--jsonl"} & set(words))
    command: Command | None = None
    try:
        wanted = understand(words)
        command = wanted.command
        return _answered(wanted)
    except PlimsollError as error:
        return _refused(error, as_json)
    except KeyboardInterrupt:
        name, session = (command.name, command.moves) if command else ("", False)
        return _refused(interrupted(name, session=session), as_json)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        return _refused(unforeseen(error), as_json)


def _answered(wanted: Wanted) -> int:
    if wanted.command is None:
        put(wanted.help, sys.stdout)
        return 0
    options, name = wanted.options, wanted.command.name
    _demand_one_form(options)
    module, _, function = wanted.command.run.partition(":")
    answer = cast(Run, getattr(import_module(module), function))(options)
    if getattr(options, "jsonl", False):
        for line in answer.lines or ():
            put(dumped(envelope(schema(f"{name} line"), line), one_line=True), sys.stdout)
        put(_enveloped(name, answer, one_line=True), sys.stdout)
    elif options.json:
        put(_enveloped(name, answer, one_line=False), sys.stdout)
    else:
        put(answer.text.rstrip("\n"), sys.stdout)
    if not options.quiet and not options.json:
        for warning in answer.warnings:
            put(fitted(f"note: {warning}", width_of(sys.stderr)), sys.stderr)
    return answer.exit_code


def _enveloped(name: str, answer: Answer, *, one_line: bool) -> str:
    return dumped(envelope(schema(name), answer.data, answer.warnings), one_line=one_line)


def _refused(error: PlimsollError, as_json: bool) -> int:
    text = dumped(envelope(ERROR_SCHEMA, error_data(error))) if as_json else said(error)
    put(text, sys.stderr)
    return error.exit_code


def _demand_one_form(options: Namespace) -> None:
    if options.json and getattr(options, "jsonl", False):
        raise UsageError(
            "An answer has one form.",
            saw="--json and --jsonl",
            wanted="one envelope, or one object a line",
            try_this="leave one of them out",
        )


def _survive_any_text() -> None:
    """A character that the output cannot carry is written as an escape, not as a fault."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
