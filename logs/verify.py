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
from logs.errors import PlimsollError, UsageError
from logs.storage import open_for_reading
from logs.vocabulary import Word

LOG = "plimsoll.sqlite"


class Check(Word):
    """One question to the log; `ok` is None where it could not be asked."""

    name: str
    ok: bool | None
    detail: str


def verify(workspace: Path, *, pinned: str | None = None) -> tuple[Check, ...]:
    """Ask every question; a fault in one does not hide the others.

    Args:
        workspace: The folder that holds the log and the artefacts.
        pinned: The text of `Journal.checkpoint()`, kept where the agent cannot reach it.

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
            ask("every entry has its hash", lambda: checks.entries_have_their_hash(db)),
            ask("every stored tree head is right", lambda: checks.tree_heads_are_right(db)),
            ask("the pinned checkpoint is kept", lambda: checks.pin_is_kept(db, pin)),
            ask("HEAD is the last commit", lambda: checks.head_is_the_last_commit(db)),
            ask("commits lead back to the founding", lambda: checks.history_is_whole(db)),
            ask("every commit has its reasons", lambda: checks.commits_have_reasons(db)),
            ask("ledgers are the sum of entries", lambda: checks.ledgers_add_up(db)),
            ask("artefacts are whole", lambda: checks.artefacts_are_whole(db, workspace)),
            ask("data behind them is whole", lambda: checks.inputs_are_whole(db, workspace)),
            ask("time stamps", lambda: (None, "not checked: no time authority is configured")),
        )


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
    except PlimsollError as error:
        ok, detail = False, f"{error.what} {error.saw}"
    except (sqlite3.Error, ValueError, TypeError, OverflowError, OSError) as error:
        ok, detail = False, f"{type(error).__name__}: {error}"
    return Check(name=name, ok=ok, detail=detail)
