"""`plimsoll log show` and `log why`. Reads only; needs neither torch nor z3."""

from argparse import Namespace
from contextlib import closing
from typing import Any

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.replaying import replay
from agent.testimony import said_of
from logs import why as causes
from logs import why_text
from logs.content import hidden
from logs.refs import find_entry
from logs.show import show as shown
from logs.show import show_json, terminal_width
from logs.turns import Ending
from logs.vocabulary import EntryKind, LogEntry


def show(options: Namespace) -> Answer:
    """One entry, whole; text that a model or a person wrote only with `--content`."""
    with closing(workspace_of(options).journal()) as journal:
        entry = find_entry(journal, options.ref)
    text = shown(entry, content=options.content, width=terminal_width())
    return Answer(data=show_json(entry, content=options.content), text=text)


def why(options: Namespace) -> Answer:
    """From a commit or an entry back to everything that it rests on."""
    workspace = workspace_of(options)
    with closing(workspace.journal()) as journal:
        found = causes.why(journal, options.ref)
        said = said_of(journal, found.turn)
        entries = journal.entries_of(found.turn.session, found.turn.iteration)
    again = next((replay(workspace, e) for e in entries if e.kind is EntryKind.DECIDED), None)
    found = found.model_copy(update={"people": said, "replay": again.said() if again else ""})
    text = why_text.render(found, content=options.content, width=terminal_width())
    return Answer(data=_why_data(found, entries, content=options.content), text=text)


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
        "replay": found.replay,
        "log_size": found.size,
        "lineage": [ancestor.model_dump(mode="json") for ancestor in found.lineage],
    }


def _said(said: causes.Said, *, content: bool) -> dict[str, Any]:
    told = said.model_dump(mode="json")
    return told if content or not said.reason else told | {"reason": hidden(said.reason)}
