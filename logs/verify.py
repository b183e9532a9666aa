"""`plimsoll log verify`: is this the history that was written? Needs no network, changes nothing.

An entry that was changed alone differs from its own hash; changed together with its hash it
differs from the tree; changed together with the whole tree, or cut at the end, it differs
from a checkpoint that was pinned elsewhere. Only the last needs something from outside.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from logs import checkpoint, checks
from logs.checkpoint import Checkpoint
from logs.errors import PlimsollError, UsageError
from logs.rows import leaves
from logs.storage import open_for_reading
from logs.vocabulary import Word
from logs.walking import FAULTS, Question, said_of, walk

LOG = "plimsoll.sqlite"
BEFORE = "what was verified before is kept"


class Check(Word):
    """One question to the log; `ok` is None where it could not be asked."""

    name: str
    ok: bool | None
    detail: str


def verify(
    workspace: Path, *, pinned: str | None = None, remembered: Checkpoint | None = None
) -> tuple[Check, ...]:
    """Ask every question; a fault in one does not hide the others.

    Args:
        workspace: The folder that holds the log and the artefacts.
        pinned: The text of `Journal.checkpoint()`, kept where the agent cannot reach it.
        remembered: What this person verified of the log before; asked only where there is one.

    Raises:
        UsageError: there is no log, or `pinned` is not a checkpoint.
    """
    path = workspace / LOG
    pin = checkpoint.parse(pinned) if pinned is not None else None
    try:
        database = open_for_reading(path)
    except UsageError:
        raise
    except PlimsollError as error:
        return (Check(name="the file is a log", ok=False, detail=error.saw),)
    with closing(database) as db:
        return (
            ask("the file is a log", lambda: checks.file_is_a_log(db, path)),
            *_walked(db, pin, remembered, workspace),
            ask("time stamps", lambda: (None, "not checked: no time authority is configured")),
        )


def _walked(
    database: sqlite3.Connection,
    pin: Checkpoint | None,
    remembered: Checkpoint | None,
    workspace: Path,
) -> list[Check]:
    """What is asked of every entry; a table that cannot be read at all is a no to everything."""
    try:
        questions: dict[str, Question] = {
            "every entry has its hash": checks.EntriesHaveTheirHash(),
            "every stored tree head is right": checks.TreeHeadsAreRight(database),
            "the pinned checkpoint is kept": checks.PinIsKept(pin),
            **({BEFORE: checks.PinIsKept(remembered)} if remembered else {}),
            "HEAD is the last commit": checks.HeadIsTheLastCommit(database),
            "commits lead back to the founding": checks.HistoryIsWhole(),
            "every commit has its reasons": checks.CommitsHaveReasons(),
            "ledgers are the sum of entries": checks.LedgersAddUp(database),
            "artefacts are whole": checks.ArtefactsAreWhole(workspace),
            "data behind them is whole": checks.InputsAreWhole(workspace),
        }
    except (PlimsollError, *FAULTS) as error:
        return [Check(name="the tables can be read", ok=False, detail=said_of(error))]
    answers = walk(leaves(database), list(questions.values()))
    return [
        Check(name=name, ok=ok, detail=detail)
        for name, (ok, detail) in zip(questions, answers, strict=True)
    ]


def verified(answers: tuple[Check, ...]) -> bool:
    """Return whether questions were asked and none was answered with no."""
    return bool(answers) and all(check.ok is not False for check in answers)


def render(answers: tuple[Check, ...]) -> str:
    """Return the answers as text, the conclusion last."""
    mark = {True: "ok ", False: "BAD", None: "-- "}
    lines = [f"  {mark[check.ok]}  {check.name}: {check.detail}" for check in answers]
    if verified(answers):
        return "\n".join([*lines, "VERIFIED"])
    return "\n".join([*lines, "NOT VERIFIED: do not resume; keep this file as it is"])


def ask(name: str, question: Callable[[], checks.Answer]) -> Check:
    """Ask one question; a fault in asking is a no."""
    try:
        ok, detail = question()
    except (PlimsollError, *FAULTS) as error:
        ok, detail = False, said_of(error)
    return Check(name=name, ok=ok, detail=detail)
