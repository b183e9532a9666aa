"""What a decider that learns has learnt from: turns of this workspace, and turns brought along.

A file that is brought is read once, when a session begins: its bytes go into the store and their
digest into the log, so that every decision of the session can be made again, whatever becomes of
the file. No other decider reads any of it.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.deciding.lessons import MOST_BYTES, Lesson, gathered, read
from agent.deciding.remembering import lessons_of
from agent.state import Context, Turn, once
from agent.workspace import JOURNAL, Workspace
from logs.canonical import sha256
from logs.errors import UsageError
from logs.vocabulary import Digest, EntryKind

LEARNS = "bandit"
BROUGHT = "experience"
"""Step of a session's first turn under which a file of experience is logged."""
LABELS = "audit_labels_max"
"""Parameter of the policy by which labels spent are told as a share."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A file of lessons, and the name of its bytes."""

    digest: Digest
    data: bytes
    lessons: tuple[Lesson, ...]


def read_file(root: Path, name: str) -> Brought | None:
    """The experience of the settings, or None where they name no file.

    Raises:
        UsageError: the file is missing, too long, or holds something else.
    """
    if not name:
        return None
    try:
        with (root / Path(name).expanduser()).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            "The experience for the decider cannot be read.",
            saw=f"{name}: {getattr(error, 'strerror', None) or error}",
            wanted="a file that plimsoll session experience wrote, in the workspace",
            try_this="write it, or set decider.experience in plimsoll.toml to an empty text",
        ) from error
    return Brought(sha256(data), data, read(data, name))


def own(workspace: Workspace) -> tuple[Lesson, ...]:
    """What the turns of a workspace taught so far; none where no session began."""
    if not (workspace.root / JOURNAL).exists():
        return ()
    with closing(workspace.journal()) as journal:
        labels = float(workspace.policy.values[LABELS])
        return gathered(lessons_of(journal, workspace.store, labels=labels))


def require_experience(workspace: Workspace) -> None:
    """Refuse to begin without the file that the settings name; a session that has it goes on.

    Raises:
        UsageError: it cannot be read.
    """
    name, file = workspace.config.session.name, workspace.config.decider.experience
    if (workspace.root / JOURNAL).exists():
        with closing(workspace.journal()) as journal:
            if journal.find(name, 1, BROUGHT):
                return
    read_file(workspace.root, file)


def bring(turn: Turn, context: Context) -> None:
    """Put the file that the settings name into store and log, once in a session.

    Raises:
        UsageError: it cannot be read.
    """
    if context.config.session.decider != LEARNS or not context.config.decider.experience:
        return
    first: Turn = {**turn, "iteration": 1}

    def run() -> None:
        root, name = context.hands.store.root.parent, context.config.decider.experience
        found = read_file(root, name)
        if found:
            digest = context.hands.store.put(found.data)
            body = {"experience": digest, "file": name, "lessons": len(found.lessons)}
            context.log(first, BROUGHT, EntryKind.CONSULTED, body)

    once(context, first, BROUGHT, run)


def experience_of(turn: Turn, context: Context) -> tuple[Lesson, ...]:
    """Every lesson that was there when a turn was decided; none for deciders that do not learn."""
    if context.config.session.decider != LEARNS:
        return ()
    decided = context.entry(turn, "decide")
    before = decided.seq if decided else None
    labels = float(context.policy.values[LABELS])
    store = context.hands.store
    here = lessons_of(context.journal, store, labels=labels, before=before)
    entry = context.journal.find(turn["session"], 1, BROUGHT)
    if entry is None or (before is not None and entry.seq >= before):
        return gathered(here)
    return gathered(here, read(store.get(entry.body["experience"]), entry.body["file"]))
