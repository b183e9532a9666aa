"""`plimsoll constitution`: what is in force, and what was changed, word by word."""

from argparse import Namespace
from collections.abc import Collection
from contextlib import closing
from typing import Any

from agent.envelope import Answer
from agent.finding import workspace_of
from agent.fitting import fitted
from agent.overview import open_log
from agent.states import Named, founding_of, state_of
from agent.word_diff import differences, rendered
from agent.workspace import CONSTITUTION, Workspace, read_constitution
from logs.content import hidden
from logs.errors import UsageError
from logs.journal import Journal
from logs.show import terminal_width
from logs.text import short, table
from logs.vocabulary import Constitution, Principle


def show(options: Namespace) -> Answer:
    """The principles at a commit; before the founding one, those of the file."""
    workspace = workspace_of(options)
    journal = open_log(workspace)
    if journal is None or journal.head() is None:
        if options.ref:
            _demand_a_log(journal)
        found = read_constitution(workspace.root / CONSTITUTION)
        known = {p.text for p in found.principles}
        return _shown(found, f"{CONSTITUTION}, not founded yet", known, content=True)
    with closing(journal):
        named = state_of(journal, options.ref or "HEAD")
        known = texts_of_people(workspace, journal)
    where = f"commit {short(named.commit)}, iteration {named.iteration}"
    return _shown(named.state.constitution, where, known, content=options.content)


def diff(options: Namespace) -> Answer:
    """What changed from one commit to another; from the founding one to HEAD by default."""
    workspace = workspace_of(options)
    journal = open_log(workspace)
    _demand_a_log(journal)
    assert journal is not None
    with closing(journal):
        old = state_of(journal, options.old) if options.old else founding_of(journal)
        new = state_of(journal, options.new or "HEAD")
        known = texts_of_people(workspace, journal)
    changes = differences(
        old.state.constitution, new.state.constitution, known=known, content=options.content
    )
    lines = [_title(old, new), *(line for c in changes for line in rendered(c))]
    if not changes:
        lines.append("no principle differs")
    data = {"old": _data(old), "new": _data(new), "changes": changes}
    return Answer(data=data, text=fitted("\n".join(lines), terminal_width()))


def _shown(found: Constitution, where: str, known: Collection[str], *, content: bool) -> Answer:
    texts = {
        p.id: p.text if content or p.text in known else hidden(p.text) for p in found.principles
    }
    rows = [(p.id, str(p.weight), str(p.tier), _contexts(p), texts[p.id]) for p in found.principles]
    headers = ("principle", "weight", "tier", "for", "text")
    total = sum(p.weight for p in found.principles)
    head = f"constitution v{found.version}, {where}; weights sum to {total}"
    data = {
        "version": found.version,
        "where": where,
        "principles": [p.model_dump(mode="json") | {"text": texts[p.id]} for p in found.principles],
    }
    text = fitted(head, terminal_width()) + "\n" + table(headers, rows, terminal_width())
    return Answer(data=data, text=text)


def texts_of_people(workspace: Workspace, journal: Journal) -> set[str]:
    """Texts of the file and of the founding commit: people wrote them, no model did."""
    texts = {p.text for p in founding_of(journal).state.constitution.principles}
    try:
        of_file = read_constitution(workspace.root / CONSTITUTION).principles
    except UsageError:
        return texts
    return texts | {p.text for p in of_file}


def _demand_a_log(journal: Journal | None) -> None:
    if journal is None:
        raise UsageError(
            "Nothing was founded here yet, so there is no commit.",
            saw="no log",
            wanted="a workspace in which a session has begun",
            try_this="plimsoll run, or plimsoll constitution show",
        )


def _title(old: Named, new: Named) -> str:
    sides = (
        f"v{named.state.constitution.version} ({short(named.commit)}, iteration {named.iteration})"
        for named in (old, new)
    )
    return f"constitution {' -> '.join(sides)}"


def _data(named: Named) -> dict[str, Any]:
    return {
        "commit": named.commit,
        "iteration": named.iteration,
        "version": named.state.constitution.version,
    }


def _contexts(principle: Principle) -> str:
    return ", ".join(principle.contexts) or "all"
