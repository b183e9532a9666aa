"""`plimsoll log`: list, show, why, verify, anchor. Reads only; needs neither torch nor z3."""

import difflib
from argparse import Namespace
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.testimony import said_of
from agent.witness import verify_all
from logs import verify as verification
from logs import why as causes
from logs import why_text
from logs.content import hidden
from logs.errors import IntegrityError, UsageError
from logs.journal import Journal
from logs.refs import find_entry
from logs.show import list_entries as table_of
from logs.show import list_json, show_json, terminal_width
from logs.show import show as shown
from logs.turns import Ending
from logs.vocabulary import EntryKind, LogEntry

LATEST = 50
"""Entries listed unless another number is asked for."""


def list_entries(options: Namespace) -> Answer:
    """Entries, one line each; the latest ones unless `--since`, `--limit` or `--all` say else."""
    with closing(workspace_of(options).journal()) as journal:
        found, total = _selected(journal, options)
    rows = list_json(found)
    cut = len(found) < total
    following = found[-1].seq + 1 if cut and found and options.since is not None else None
    note = f"{len(found)} of {total} entries; --all shows every one, --limit N and --since N a part"
    return Answer(
        data={"entries": rows, "total": total, "truncated": cut, "next": following},
        text=table_of(found, width=terminal_width()) if found else "no such entries",
        warnings=(note,) if cut else (),
        lines=rows,
    )


def show(options: Namespace) -> Answer:
    """One entry, whole; text that a model or a person wrote only with `--content`."""
    with closing(workspace_of(options).journal()) as journal:
        entry = find_entry(journal, options.ref)
    text = shown(entry, content=options.content, width=terminal_width())
    return Answer(data=show_json(entry, content=options.content), text=text)


def why(options: Namespace) -> Answer:
    """From a commit or an entry back to everything that it rests on."""
    with closing(workspace_of(options).journal()) as journal:
        found = causes.why(journal, options.ref)
        said = said_of(journal, found.turn)
        entries = journal.entries_of(found.turn.session, found.turn.iteration)
    found = found.model_copy(update={"people": said})
    text = why_text.render(found, content=options.content, width=terminal_width())
    return Answer(data=_why_data(found, entries, content=options.content), text=text)


def verify(options: Namespace) -> Answer:
    """Whether this is the history that was written; exit code 4 if it is not."""
    pinned = _pinned(options.pin) if options.pin else None
    answers = verify_all(workspace_of(options), pinned=pinned)
    good = verification.verified(answers)
    return Answer(
        data={"verified": good, "checks": [check.model_dump(mode="json") for check in answers]},
        text=fitted(verification.render(answers), terminal_width()),
        exit_code=0 if good else IntegrityError.exit_code,
        warnings=() if pinned else ("without --pin FILE, a log cut at its end looks whole",),
    )


def anchor(options: Namespace) -> Answer:
    """The checkpoint that pins the log at its present size."""
    with closing(workspace_of(options).journal()) as journal:
        text = journal.checkpoint()
    note = "keep it where the agent cannot reach it; then: plimsoll log verify --pin FILE"
    return Answer(data={"checkpoint": text}, text=text, warnings=(note,))


def _selected(journal: Journal, options: Namespace) -> tuple[list[LogEntry], int]:
    """The entries to show, and how many there are of that kind."""
    kind = _kind(options.kind)
    known = {entry.session for entry in journal.entries(options.session, limit=1)}
    if options.session is not None and not known:
        raise UsageError(
            "This log has no such session.",
            saw=repr(options.session[:80]),
            wanted="the name of a session",
            try_this="plimsoll session list",
        )
    found = journal.entries(options.session, kind, since=options.since or 0)
    if options.all:
        entries = list(found)
        return entries, len(entries)
    return _part(found, options)


def _part(found: Iterator[LogEntry], options: Namespace) -> tuple[list[LogEntry], int]:
    """The first ones from `--since` on, else the last ones."""
    limit = options.limit or LATEST
    latest = deque[LogEntry](maxlen=limit)
    first: list[LogEntry] = []
    total = 0
    for entry in found:
        total += 1
        latest.append(entry)
        if len(first) < limit:
            first.append(entry)
    return (list(latest) if options.since is None else first), total


def _kind(name: str | None) -> EntryKind | None:
    if name is None or name in list(EntryKind):
        return EntryKind(name) if name else None
    near = difflib.get_close_matches(name, list(EntryKind), n=1)
    raise UsageError(
        "There is no such kind of entry.",
        saw=repr(name[:80]),
        wanted=f"one of: {', '.join(EntryKind)}",
        try_this=f"did you mean {near[0]}?" if near else "plimsoll log list",
    )


def _pinned(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "The pinned checkpoint cannot be read.",
            saw=f"{name}: {getattr(error, 'strerror', None) or 'not text'}",
            wanted="a file that plimsoll log anchor once wrote",
            try_this="give its path: plimsoll log verify --pin FILE",
        ) from error


def _why_data(found: causes.Why, entries: list[LogEntry], *, content: bool) -> dict[str, Any]:
    """The causes as data: the entries of the turn, and what links them to others."""
    ending: Ending = found.ending
    return {
        "seq": found.seq,
        "kind": str(found.kind),
        "word": found.word,
        "leaf": found.leaf,
        "session": found.turn.session,
        "iteration": found.turn.iteration,
        "ending": str(ending),
        "commit": found.turn.digest,
        "in_force": found.state_of,
        "entries": [show_json(entry, content=content) for entry in entries],
        "comparison": found.comparison.model_dump(mode="json") if found.comparison else None,
        "effect": found.effect.model_dump(mode="json"),
        "people": [_said(said, content=content) for said in found.people],
        "lineage": [ancestor.model_dump(mode="json") for ancestor in found.lineage],
    }


def _said(said: causes.Said, *, content: bool) -> dict[str, Any]:
    told = said.model_dump(mode="json")
    return told if content or not said.reason else told | {"reason": hidden(said.reason)}
