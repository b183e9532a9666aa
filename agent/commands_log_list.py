"""`plimsoll log list`: asked most often, so it reads and imports only what it shows."""

import difflib
from argparse import Namespace
from contextlib import closing

from agent.envelope import Answer
from agent.finding import root_of
from logs.errors import UsageError
from logs.reading import Reader
from logs.show import list_entries as table_of
from logs.show import list_json, terminal_width
from logs.vocabulary import EntryKind, LogEntry

LATEST = 50
"""Entries listed unless another number is asked for."""
LOG = "plimsoll.sqlite"


def list_entries(options: Namespace) -> Answer:
    """Entries, one line each; the latest ones unless `--since`, `--limit` or `--all` say else."""
    with closing(Reader(root_of(options) / LOG)) as log:
        found, total = _selected(log, options)
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


def _selected(log: Reader, options: Namespace) -> tuple[list[LogEntry], int]:
    """The entries to show, and how many there are of that kind."""
    kind, session, since = _kind(options.kind), options.session, options.since or 0
    if session is not None and not log.count(session):
        raise UsageError(
            "This log has no such session.",
            saw=repr(session[:80]),
            wanted="the name of a session",
            try_this="plimsoll session list",
        )
    total = log.count(session, kind, since)
    if options.all:
        return list(log.entries(session, kind, since=since)), total
    limit = options.limit or LATEST
    if options.since is not None:
        return list(log.entries(session, kind, since=since, limit=limit)), total
    return log.latest(session, (kind,) if kind else (), limit=limit), total


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
