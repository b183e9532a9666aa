"""Cards of a commit as files: the model's, and that of each judge in its panel.

They lie beside the files of the session, one folder a commit, and are written when the turn of
the commit has ended. Writing them again writes the same bytes.
"""

from collections.abc import Iterator
from pathlib import Path

from agent.workspace import Workspace
from logs.canonical import digest_of
from logs.card_subject import Subject, subject_of
from logs.errors import PlimsollError
from logs.files import write_whole
from logs.journal import Journal
from logs.markdown import cell, code, front_matter, grid
from logs.model_card import model_card
from logs.text import interval
from logs.vocabulary import Digest, EntryKind, Judge, LogEntry
from tools.audit.card import JudgeCard
from tools.audit.kept import FIELD, Audited
from tools.audit.page import page
from tools.store import Store

FOLDER, MODEL = "cards", "README.md"
"""The hub shows the file of this name."""


def folder_of(workspace: Workspace, subject: Subject) -> Path:
    """Where the cards of a commit lie."""
    commit = subject.commit
    return _folder(workspace, commit.session, commit.iteration, subject.digest)


def _folder(workspace: Workspace, session: str, iteration: int, digest: Digest) -> Path:
    return workspace.session(session) / FOLDER / f"{iteration:04d}-{digest[:12]}"


def cards_of(workspace: Workspace, journal: Journal, subject: Subject) -> dict[str, bytes]:
    """File name -> the card; the model's first."""
    found = {MODEL: model_card(journal, subject)}
    for judge in subject.commit.state.panel.judges:
        found[f"judge-{_stem(judge.id)}.md"] = _judge_card(workspace.store, journal, subject, judge)
    return {name: text.encode() for name, text in found.items()}


def write_cards(folder: Path, cards: dict[str, bytes]) -> list[Path]:
    """Write them, each whole or not at all."""
    for name, content in cards.items():
        write_whole(folder / name, content)
    return [folder / name for name in cards]


def write_missing(workspace: Workspace, journal: Journal, session: str) -> list[Path]:
    """Write the cards of every committed adapter of a session that has none yet."""
    written: list[Path] = []
    for entry in _trained(journal, session):
        folder = _folder(workspace, session, entry.iteration, digest_of(entry.body))
        if not (folder / MODEL).is_file():
            cards = cards_of(workspace, journal, subject_of(journal, entry.key))
            # The model's card last: where it is, the others are.
            written += write_cards(folder, dict(reversed(cards.items())))
    return written


def _trained(journal: Journal, session: str) -> Iterator[LogEntry]:
    """The commits of ended turns that brought another adapter than their parent's."""
    for entry in journal.entries(session=session, kind=EntryKind.COMMITTED):
        state, parent = entry.body["state"], entry.body["parent"]
        if parent is None or state["adapter"] is None:
            continue
        if journal.find(session, entry.iteration, "record") is None:
            continue
        if journal.commit_of(parent).state.adapter != state["adapter"]:
            yield entry


def lay_out(workspace: Workspace, subject: Subject) -> tuple[str, ...]:
    """Lay out the folders that the card loads from; every byte is verified.

    Raises:
        IntegrityError: one of them is missing or damaged.
    """
    state = subject.commit.state
    wanted = [digest for digest in (state.base, state.adapter) if digest]
    return tuple(str(workspace.store.checkout(digest)) for digest in wanted)


def _judge_card(store: Store, journal: Journal, subject: Subject, judge: Judge) -> str:
    parts = [front_matter(_metadata(subject, judge)), _in_force(journal, subject, judge)]
    found = _audit(journal, subject, judge)
    if found is None:
        parts.append(
            "## Audit\n\nThis version was never audited up to here: nothing says what it may be "
            f"used for. `plimsoll judge audit {judge.id}` audits the judge that is in force."
        )
        return "\n\n".join(parts) + "\n"
    seq, audit = found
    try:
        card = JudgeCard.model_validate(store.get_json(audit.card))
    except PlimsollError as error:
        parts.append(f"## Audit\n\nThe audit of entry {seq} cannot be read: {cell(error.what)}")
        return "\n\n".join(parts) + "\n"
    told = page(card, notes=()).removeprefix(f"# Judge {judge.id}\n")
    return "\n\n".join([*parts, f"## Audit of entry {seq}", told.strip()]) + "\n"


def _metadata(subject: Subject, judge: Judge) -> dict[str, object]:
    return {
        "tags": ["plimsoll", "judge"],
        "judge": judge.id,
        "kind": judge.kind.value,
        "family": judge.family,
        "version": judge.version,
        "artefact": judge.artefact,
        "commit": subject.digest,
    }


def _in_force(journal: Journal, subject: Subject, judge: Judge) -> str:
    seen = subject.turn.observation.measurements if subject.turn.observation else ()
    rows = [
        (
            code(f"{m.instrument} {m.of.removeprefix(judge.id).lstrip(', ')}".strip()),
            interval(m.estimate, m.low, m.high),
            m.n,
            m.status,
        )
        for m in seen
        if m.of == judge.id or m.of.startswith(f"{judge.id},")
    ]
    note = journal.checkpoint(subject.size).rstrip("\n")
    return "\n\n".join(
        [
            f"# Judge {cell(judge.id)}, version {judge.version}",
            f"Weight {judge.weight} in the panel of commit {code(subject.digest[:12])}; "
            f"{judge.kind}, family {cell(judge.family)}, artefact {code(judge.artefact)}.",
            "## As the turn saw it when it began",
            grid(("what", "estimate [interval]", "n", "status"), rows) if rows else "Not measured.",
            f"## Proof\n\nEntry {subject.entry.seq} of the log with this checkpoint:",
            f"```text\n{note}\n```",
        ]
    )


def _audit(journal: Journal, subject: Subject, judge: Judge) -> tuple[int, Audited] | None:
    """The last audit of this version before the end of the turn."""
    found = None
    for entry in journal.entries(session="person", kind=EntryKind.MEASURED):
        if entry.seq < subject.size and FIELD in entry.body:
            audit = Audited.model_validate(entry.body[FIELD])
            if audit.judge_hash == judge.artefact:
                found = entry.seq, audit
    return found


def _stem(name: str) -> str:
    """A judge's name as part of a file name."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    return kept.lstrip(".-")[:60] or "unnamed"
