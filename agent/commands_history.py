"""`plimsoll log graph`: the commits of a log, what was rolled back in lanes of its own."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from agent.commands_log_list import LOG
from agent.envelope import Answer
from agent.finding import root_of
from logs.errors import UsageError
from logs.gain import said
from logs.lanes import Drawn, draw
from logs.reading import Reader
from logs.show import terminal_width
from logs.text import short, visible
from logs.turns import Turn, turn_of
from logs.vocabulary import Commit, Digest, EntryKind


def graph(options: Namespace) -> Answer:
    """One line for each commit, the newest first."""
    with closing(Reader(root_of(options) / LOG)) as log:
        commits = [
            (entry.session, digest_and(entry.body))
            for entry in log.latest(options.session, (EntryKind.COMMITTED,), limit=_all(log))
        ]
        if options.session is not None and not commits:
            raise UsageError(
                "No commit is of this session.",
                saw=repr(options.session[:80]),
                wanted="the name of a session that committed something",
                try_this="plimsoll session list",
            )
        drawn = list(draw(pair for _, pair in reversed(commits)))
        total, head = len(drawn), log.head()
        rows = [_row(log, one, head) for one in drawn[: options.limit or total]]
    cut = len(rows) < total
    return Answer(
        data={"commits": rows, "total": total, "truncated": cut},
        text="\n".join(_lines(rows, terminal_width())) or "nothing was committed yet",
        warnings=(f"{len(rows)} of {total} commits",) if cut else (),
    )


def digest_and(body: dict[str, Any]) -> tuple[Digest, Commit]:
    """The name of a commit, and the commit."""
    from logs.canonical import digest_of

    return digest_of(body), Commit.model_validate(body)


def _all(log: Reader) -> int:
    return log.count(kind=EntryKind.COMMITTED)


def _row(log: Reader, one: Drawn, head: Digest | None) -> dict[str, Any]:
    commit = one.commit
    turn = turn_of(log.entries_of(commit.session, commit.iteration))
    return {
        "commit": one.digest,
        "parent": commit.parent,
        "restores": commit.restores,
        "session": commit.session,
        "iteration": commit.iteration,
        "lane": one.lane,
        "picture": one.picture,
        "head": one.digest == head,
        "did": _did(turn, commit),
        "gold": said(turn),
    }


def _did(turn: Turn, commit: Commit) -> str:
    if commit.parent is None:
        return "founding"
    return str(turn.intervention) if turn.intervention else "by hand"


def _lines(rows: list[dict[str, Any]], width: int) -> Iterator[str]:
    """One line each, cut where there is no room."""
    column = max((len(row["picture"]) for row in rows), default=0) + 2
    several = len({row["session"] for row in rows}) > 1
    for row in rows:
        parts = [f"{short(row['commit'])[:8]}", f"iter {row['iteration']:<3}", row["did"]]
        if several:
            parts.insert(1, row["session"])
        parts += [f"← {short(row['restores'])[:8]}"] if row["restores"] else []
        parts += [f"gold {row['gold']}"] if row["gold"] != "-" else []
        parts += ["(HEAD)"] if row["head"] else []
        line = row["picture"].ljust(column) + visible("  ".join(parts))
        yield line if len(line) <= width else f"{line[: width - 1]}…"
