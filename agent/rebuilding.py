"""A workspace made anew from a bundle, in a temporary place, so that it can be asked questions."""

import json

from agent.workspace import JOURNAL, Workspace
from logs import ledgers
from logs.canonical import fast_digest
from logs.checkpoint import parse
from logs.merkle import Frontier, leaf_hash
from logs.rows import COLUMNS
from logs.storage import open_for_writing
from logs.transparency import bundle
from logs.transparency.files import Files
from logs.vocabulary import EntryKind, LogEntry


def rebuilt(files: Files, workspace: Workspace) -> None:
    """Write the log of a bundle, without its artefacts. Only after the bundle was verified."""
    size = parse(bundle.note_of(files).text).size
    database = open_for_writing(workspace.root / JOURNAL)
    spent, frontier, head = ledgers.Running(), Frontier(), ""
    insert = f"INSERT INTO log ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    database.execute("BEGIN")
    for leaf in bundle.leaves_of(files, size):
        entry = LogEntry.model_validate(json.loads(leaf))
        word, hashed = fast_digest(entry.body), leaf_hash(leaf)
        frontier = frontier.push(hashed)
        columns = (entry.seq, entry.key, entry.kind, entry.session, entry.iteration)
        database.execute(insert, (*columns, word, leaf, hashed))
        spent.add(entry.spend)
        head = word if entry.kind is EntryKind.COMMITTED else head
    peaks = b"".join(frontier.peaks)
    database.execute("INSERT INTO tree VALUES (?, ?, ?)", (frontier.size, frontier.root(), peaks))
    if head:
        database.execute("INSERT INTO head VALUES (1, ?)", (head,))
    for name, amount in spent.told().items():
        database.execute("UPDATE ledger SET amount = ? WHERE name = ?", (amount, name))
    database.execute("COMMIT")
    database.close()
