"""`/constitution`: the text, what changed word by word, who changed it, what an edit did."""

from collections.abc import Iterator
from typing import Any

from agent import commands_constitution
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.pages.decision import options
from agent.view.pages.story import numbers_of
from agent.view.place import Place
from agent.view.replay import Matrix, matrices
from logs.canonical import digest_of
from logs.charts import Figure
from logs.vocabulary import Commit, EntryKind, LogEntry


def constitution(place: Place, asked: Asked) -> Page:
    """From the founding commit to HEAD, or between `a` and `b`."""
    old, new = asked.query.get("a") or None, asked.query.get("b") or None
    now = commands_constitution.show(options(place, asked, ref=new)).data
    if place.log is None or place.log.head() is None:
        data = now | {"diff": None, "blame": {}, "replays": []}
        more: dict[str, Any] = {"figures": []}
        return Page("constitution", "Constitution", "plimsoll constitution show", data, more)
    found = commands_constitution.diff(options(place, asked, old=old, new=new)).data
    commits = list(_commits(place))
    replays = list(matrices(place, asked.content))
    figures = [_figure(m) for m in replays]
    data = now | {
        "diff": found,
        "blame": {k: v | {"entry": _decided(place, v)} for k, v in blame(commits).items()},
        "replays": numbers_of(figures),
        "commits": [{"digest": digest_of(e.body), "iteration": e.iteration} for e in commits],
    }
    command = " ".join(filter(None, ["plimsoll constitution diff", old, new]))
    return Page("constitution", "Constitution", command, data, {"figures": figures})


def blame(commits: list[LogEntry]) -> dict[str, dict[str, Any]]:
    """Per principle the commit that last touched it, and its entry."""
    found: dict[str, dict[str, Any]] = {}
    before: dict[str, object] = {}
    for entry in commits:
        principles = Commit.model_validate(entry.body).state.constitution.principles
        for p in principles:
            if before.get(p.id) != p:
                found[p.id] = {
                    "commit": digest_of(entry.body),
                    "entry": entry.seq,
                    "iteration": entry.iteration,
                    "session": entry.session,
                }
        before = {p.id: p for p in principles}
    return {name: who for name, who in found.items() if name in before}


def _decided(place: Place, who: dict[str, Any]) -> int:
    """The entry of the decision behind a commit; the commit itself, where people made it."""
    found = place.journal.find(str(who["session"]), int(who["iteration"]), "decide")
    return found.seq if found else int(who["entry"])


def _commits(place: Place) -> Iterator[LogEntry]:
    """Every commit whose constitution differs from the one before it."""
    last = None
    for entry in place.journal.entries(kind=EntryKind.COMMITTED):
        text = entry.body["state"]["constitution"]
        if text != last:
            yield entry
        last = text


def _figure(matrix: Matrix) -> Figure:
    return matrix.figure()
