"""Any program as a judge: calls as JSON lines on its stdin, verdicts as JSON lines on its stdout.

    {"id": "7f0c…-0", "kind": "pair", "prompt": "…", "first": "…", "second": "…"}
    {"id": "7f0c…-0", "verdict": "first"}            or "second", "tie"; or "p_first": 0.73
    {"id": "91aa…-0", "kind": "question", "context": "…", "question": "…", "options": ["…", …]}
    {"id": "91aa…-0", "choice": 2}                   the place of an option
    {"id": "…", "error": "refused"}                  no verdict, and why

Verdicts may come in any order. What cannot be read, is late or never comes is a missing
verdict, never a number. The program runs as whoever asked; it is not behind the wall.
"""

import json
import os
import selectors
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from logs.errors import JudgeError, UsageError

Progress = Callable[[int, int, str], None]
Request = Mapping[str, Any]
SILENCE = 60.0
"""Seconds without a new verdict after which a program is taken to hang."""
MOST_FAULTS = 1000
"""Lines beyond the number of calls that may say nothing, before the program is ended."""
LONGEST_LINE = 1 << 20
CHUNK = 1 << 16
LAST_WORDS = 400
"""Characters of its stderr that are shown when it fails."""


@dataclass
class Replies:
    """What came back, and what was wrong with the rest."""

    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    """Kind of fault -> lines."""
    ended: str = ""
    """Why nothing more was read, where that was not the end of the program's output."""
    stderr: str = ""

    def take(self, line: bytes, wanted: Mapping[str, Request]) -> None:
        """Read one line; the first readable one about a call counts."""
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            self.faults["not JSON"] += 1
            return
        name = said.get("id") if isinstance(said, dict) else None
        if not isinstance(name, str) or name not in wanted:
            self.faults["about no call that was made"] += 1
        elif name in self.by_id:
            self.faults["a second verdict on one call"] += 1
        else:
            self.by_id[name] = said

    def notes(self, asked: int) -> tuple[str, ...]:
        """What a reader of the card must know."""
        bad = [f"{n} lines {what}" for what, n in sorted(self.faults.items())]
        told = [f"{len(self.by_id)} of {asked} calls had an answer", *bad]
        return ("judge program: " + "; ".join([*told, *([self.ended] if self.ended else [])]),)


def request_id(content: Mapping[str, Any], repeat: int) -> str:
    """The name of a call: a digest of what is asked, and which of the repeats it is."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return f"{sha256(text.encode()).hexdigest()[:16]}-{repeat}"


def version_of(command: str) -> str:
    """A digest of the command and of every file that it names: another program is another judge."""
    digest = sha256(command.encode())
    for word in words_of(command):
        if Path(word).is_file():
            digest.update(sha256(Path(word).read_bytes()).digest())
    return digest.hexdigest()


def words_of(command: str) -> list[str]:
    """The command as words; no shell reads it.

    Raises:
        UsageError: nothing is named, or a quote is left open.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _unreadable(command, str(error)) from None
    if not words:
        raise _unreadable(command, "no word")
    return words


def ask(
    command: str,
    requests: Sequence[Request],
    *,
    silence: float = SILENCE,
    progress: Progress = lambda done, of, what: None,
) -> Replies:
    """Give a program every call and read what it says of them.

    Args:
        silence: seconds without a new verdict after which it is ended.

    Raises:
        UsageError: the program cannot be started.
        JudgeError: it gave no verdict at all.
    """
    wanted = {str(r["id"]): r for r in requests}
    replies = Replies()
    with tempfile.TemporaryFile() as errors, _started(command, errors) as process:
        feeder = threading.Thread(target=_feed, args=(process, requests), daemon=True)
        feeder.start()
        for line in _lines(process, replies, silence):
            replies.take(line, wanted)
            if replies.faults.total() > MOST_FAULTS + len(wanted):
                replies.ended = f"ended after {replies.faults.total()} lines that say nothing"
                break
            progress(len(replies.by_id), len(wanted), "asking the judge program")
            if len(replies.by_id) == len(wanted):
                break
        _end(process)
        feeder.join(timeout=1)
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - LAST_WORDS))
        replies.stderr = errors.read().decode("utf-8", "replace")
    progress(len(wanted), len(wanted), "asking the judge program")
    if not replies.by_id:
        raise JudgeError(
            "The judge program gave no verdict at all.",
            saw="; ".join([_how(process, replies), *replies.notes(len(wanted))])
            + (f"; its last words: {replies.stderr.strip()}" if replies.stderr.strip() else ""),
            wanted='lines like {"id": "…", "verdict": "first"} on its stdout, flushed',
            try_this=f"try it by hand: head -1 CALLS | {command}; docs/guides/judges.md",
        )
    return replies


@contextmanager
def _started(command: str, errors: Any) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            words_of(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(
            "The judge program cannot be started.",
            saw=f"{command}: {error.strerror}",
            wanted="a program, with its arguments; no shell reads the line",
            try_this="name it by its path, for example: --judge-command 'python judge.py'",
        ) from None
    try:
        yield process
    finally:
        _end(process)


def _feed(process: subprocess.Popen[bytes], requests: Sequence[Request]) -> None:
    """Write every call; a program that does not read on is no fault of the others."""
    assert process.stdin is not None
    try:
        with suppress(OSError, ValueError):
            for request in requests:
                process.stdin.write(json.dumps(request).encode() + b"\n")
    finally:
        with suppress(OSError, ValueError):
            process.stdin.close()


def _lines(process: subprocess.Popen[bytes], replies: Replies, silence: float) -> Iterator[bytes]:
    """Lines as they come, until the output ends, one is too long, or no verdict comes any more."""
    assert process.stdout is not None
    out: BinaryIO = process.stdout  # type: ignore[assignment]
    rest, heard, known = b"", time.monotonic(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        while True:
            left = heard + silence - time.monotonic()
            if left <= 0 or not selector.select(left):
                replies.ended = f"ended after {silence:g} s without a verdict"
                return
            chunk = os.read(out.fileno(), CHUNK)
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            if len(replies.by_id) > known:
                heard, known = time.monotonic(), len(replies.by_id)
            if not chunk:
                if rest:
                    yield rest
                return
            if len(rest) > LONGEST_LINE:
                replies.ended = f"ended at a line of more than {LONGEST_LINE} bytes"
                return


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it started."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.2)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _how(process: subprocess.Popen[bytes], replies: Replies) -> str:
    if replies.ended:
        return "it was ended"
    code = process.returncode
    return f"signal {-code}" if code and code < 0 else f"exit code {code}"


def _unreadable(command: str, why: str) -> UsageError:
    return UsageError(
        "The judge program is a command line.",
        saw=f"{command!r}: {why}",
        wanted="a program and its arguments, quoted as for a shell",
        try_this="--judge-command 'python judge.py'",
    )
