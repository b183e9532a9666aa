"""`/s/ID/lineage`: commits, roll-backs, and the difference between any two."""

from typing import Any

from agent.states import state_of
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.pages.story import numbers_of
from agent.view.place import Place
from invariants.diff import diff
from logs.canonical import digest_of
from logs.lineage import Node, figure
from logs.story import change as changed
from logs.text import interval
from logs.turns import Turn
from logs.vocabulary import Commit, EntryKind, Measurement

SHOWN = 200
"""Commits on a page; of a longer history the latest."""


def lineage(place: Place, asked: Asked) -> Page:
    """The history as a graph, and what differs between `a` and `b`."""
    name = asked.parts["session"]
    told = {turn.iteration: turn for turn in place.turns(name)}
    found = place.journal.latest(name, (EntryKind.COMMITTED,), None, SHOWN)
    commits = [(e.seq, Commit.model_validate(e.body), digest_of(e.body)) for e in found]
    nodes = [
        _node(seq, commit, digest, told.get(commit.iteration)) for seq, commit, digest in commits
    ]
    drawn = figure(nodes)
    figures = [drawn] if drawn else []
    data: dict[str, Any] = {
        "session": name,
        "head": place.journal.head(),
        "commits": [node.data() for node in reversed(nodes)],
        "figures": numbers_of(figures),
        "diff": _diff(place, asked),
    }
    command = "plimsoll log list --kind committed"
    return Page("lineage", f"Lineage of {name}", command, data, {"figures": figures}, session=name)


def _node(seq: int, commit: Commit, digest: str, turn: Turn | None) -> Node:
    gold: Measurement | None = turn.measured("gold") if turn else None
    return Node(
        digest=digest,
        seq=turn.entries.get(EntryKind.DECIDED, seq) if turn else seq,
        iteration=commit.iteration,
        parent=commit.parent,
        restores=commit.restores,
        what=str(turn.intervention) if turn and turn.intervention else "founding",
        gold=gold.estimate if gold else None,
        says=interval(gold.estimate, gold.low, gold.high) + f" n={gold.n}"
        if gold
        else "not measured",
    )


def _diff(place: Place, asked: Asked) -> dict[str, Any] | None:
    """What differs from `a` to `b`; None unless both are named."""
    a, b = asked.query.get("a"), asked.query.get("b")
    if not a or not b:
        return None
    old, new = state_of(place.journal, a), state_of(place.journal, b)
    return {
        "a": old.commit,
        "b": new.commit,
        "from": old.iteration,
        "to": new.iteration,
        "changes": [changed(c, asked.content) for c in diff(old.state, new.state)],
    }
