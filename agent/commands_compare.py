"""`plimsoll session compare`: two sessions of one or two workspaces, and what differs between them.

What each ended with is compared as independent: the sessions drew their own prompts and answers.
"""

import json
from argparse import Namespace
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.commands_constitution import texts_of_people
from agent.commands_diff import by_chance, measurements
from agent.envelope import Answer
from agent.finding import MARK, workspace_of
from agent.fitting import fitted, named
from agent.overview import session_of
from agent.replaying import SETTINGS
from agent.word_diff import differences, rendered
from agent.workspace import Workspace
from logs.content import hidden, is_token
from logs.differences import (
    Changed,
    Compared,
    Name,
    changed,
    compared,
    flat,
    measured_of,
    of_interest,
)
from logs.errors import UsageError
from logs.gain import sentence
from logs.journal import Journal
from logs.show import terminal_width
from logs.text import short, visible
from logs.turns import Turn, turns
from logs.vocabulary import Constitution, Digest, EntryKind, Measurement


@dataclass(frozen=True, slots=True)
class Side:
    """One session, as it ended."""

    name: str
    where: str
    facts: dict[str, str | None]
    """Settings, state and counts by path."""
    constitution: Constitution | None
    texts: set[str]
    """Texts that people wrote."""
    measured: dict[Name, Measurement]
    says: str
    """Whether its model got better, in its own sentence."""


@dataclass(frozen=True, slots=True)
class Between:
    """What differs between two sessions."""

    old: Side
    new: Side
    facts: tuple[Changed, ...]
    words: list[dict[str, Any]]
    shown: list[Compared]
    found: list[Compared]
    """All that either measured, also what is not shown."""

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "a": _data(self.old),
            "b": _data(self.new),
            "facts": [fact._asdict() for fact in self.facts],
            "constitution": self.words,
            "measurements": [one.data() for one in self.shown],
        }


def compare(options: Namespace) -> Answer:
    """Only what differs, unless all is asked for."""
    old, new = _side(options, options.old), _side(options, options.new)
    found = between(old, new, every=options.all, content=options.content)
    lines = [fitted(f"A {old.where}\nB {new.where}", terminal_width())]
    if found.facts:
        rows = [(visible(f.path), f"{_said(f.old)} → {_said(f.new)}") for f in found.facts]
        lines.append(named(rows, terminal_width()))
    lines += [fitted(line, terminal_width()) for change in found.words for line in rendered(change)]
    lines += measurements(found.shown)
    lines += ["", fitted(f"A: {old.says}\nB: {new.says}", terminal_width())]
    return Answer(data=found.data(), text="\n".join(lines), warnings=by_chance(found.found))


def between(old: Side, new: Side, *, every: bool, content: bool) -> Between:
    """What differs; of the measurements those that differ, or every one.

    Args:
        content: Also show text that a model or a person wrote.
    """
    found = compared(old.measured, new.measured)
    facts = tuple(_gated(f, content=content) for f in changed(old.facts, new.facts))
    words = _words(old, new, content=content)
    return Between(old, new, facts, words, found if every else of_interest(found), found)


def _side(options: Namespace, named_as: str) -> Side:
    """The session that is meant: a name here, a folder, or FOLDER#SESSION."""
    folder, _, session = named_as.rpartition("#")
    if not folder and (Path(named_as) / MARK).is_file():
        folder, session = named_as, ""
    if folder and not (Path(folder) / MARK).is_file():
        raise UsageError(
            "There is no workspace of that name.",
            saw=f"no {MARK} in {folder}",
            wanted="a session of this workspace, FOLDER, or FOLDER#SESSION",
            try_this="plimsoll session list",
        )
    workspace = Workspace(Path(folder).resolve()) if folder else workspace_of(options)
    with closing(workspace.journal()) as journal:
        name = session_of(workspace, journal, session or None)
        return side_of(workspace, journal, name, turns(journal, name))


def side_of(workspace: Workspace, journal: Journal, name: str, told: tuple[Turn, ...]) -> Side:
    """A session of this workspace, from its turns."""
    head = _last_commit(journal, name, told)
    state = journal.commit_of(head).state if head else None
    return Side(
        name=name,
        where=f"{name} of {workspace.root}",
        facts=_counts(told)
        | {f"policy.{k}": v for k, v in _policy(journal).items()}
        | {f"settings.{k}": v for k, v in _settings(workspace, name).items()}
        | (flat(state) if state else {}),
        constitution=state.constitution if state else None,
        texts=texts_of_people(workspace, journal) if state else set(),
        measured=_measured(journal, head, told),
        says=sentence(told),
    )


def _last_commit(journal: Journal, name: str, told: tuple[Turn, ...]) -> Digest | None:
    """What was in force when the session ended, though an earlier one may have committed it."""
    last = next((t for t in reversed(told) if t.digest or t.observation), None)
    if last is None:
        return None
    return last.digest or (last.observation.head if last.observation else None)


def _measured(
    journal: Journal, head: Digest | None, told: tuple[Turn, ...]
) -> dict[Name, Measurement]:
    """The last value of everything that the session measured, that of its end before others."""
    found: dict[Name, Measurement] = {}
    for turn in told:
        seen = turn.observation.measurements if turn.observation else ()
        found |= {(m.instrument, m.of): m for m in (*seen, *turn.gold, *turn.claim)}
    return found | (measured_of(journal, head) if head else {})


def _counts(told: tuple[Turn, ...]) -> dict[str, str | None]:
    """How many turns there were, of which kind, and how they ended."""
    kinds = Counter(f"turns.{t.intervention}" for t in told if t.intervention)
    ends = Counter(f"ended.{t.ending}" for t in told if t.decision)
    found: dict[str, str | None] = {"turns": str(sum(kinds.values()))}
    return found | {kind: str(count) for kind, count in (kinds + ends).items()}


def _policy(journal: Journal) -> dict[str, str | None]:
    founded = next(journal.entries(kind=EntryKind.FOUNDED, limit=1), None)
    digest = founded.body.get("policy") if founded else None
    return {"founded": str(digest) if digest else None}


def _settings(workspace: Workspace, name: str) -> dict[str, str | None]:
    """What the session was run with, as its folder keeps it; nothing where it does not."""
    try:
        read = json.loads((workspace.session(name) / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(_leaves(read, "")) if isinstance(read, dict) else {}


def _leaves(value: Any, path: str) -> list[tuple[str, str | None]]:
    if isinstance(value, dict):
        return [
            leaf
            for key, inner in value.items()
            for leaf in _leaves(inner, f"{path}.{key}" if path else str(key))
        ]
    return [(path, None if value is None else str(value))]


def _words(old: Side, new: Side, *, content: bool) -> list[dict[str, Any]]:
    if old.constitution is None or new.constitution is None:
        return []
    known = old.texts | new.texts
    return differences(old.constitution, new.constitution, known=known, content=content)


def _gated(pair: Changed, *, content: bool) -> Changed:
    if content:
        return pair
    values = (v if v is None or is_token(v) else hidden(v) for v in (pair.old, pair.new))
    return Changed(pair.path if is_token(pair.path) else hidden(pair.path), *values)


def _said(value: str | None) -> str:
    if value is None:
        return "nothing"
    return short(value) if len(value) == 64 else visible(value)


def _data(side: Side) -> dict[str, Any]:
    return {"session": side.name, "where": side.where, "says": side.says}
