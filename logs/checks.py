"""The questions that `verify` asks of a log; each answers yes, no or not asked, and why."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from logs import ledgers
from logs.artefacts import artefacts_of, faults
from logs.canonical import canonical, digest_of, plain
from logs.checkpoint import Checkpoint, origin_of
from logs.merkle import Frontier, leaf_hash
from logs.reading import Row, column_fault, hash_fault, leaves
from logs.storage import check_format, expected_schema
from logs.vocabulary import (
    Commit,
    Digest,
    EntryKind,
    Evidence,
    Exchange,
    LogEntry,
    Observation,
    Proposal,
    Verdict,
)

Answer = tuple[bool | None, str]


def file_is_a_log(database: sqlite3.Connection, path: Path) -> Answer:
    """Header, tables, triggers and pages are those that were made."""
    check_format(database, path)
    found = set(database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master"))
    odd = sorted(name for _, name, _ in found ^ expected_schema())
    if odd:
        return False, f"tables or triggers differ: {', '.join(map(str, odd))}"
    (sound,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    return sound == "ok", f"SQLite says {sound}"


def entries_have_their_hash(database: sqlite3.Connection) -> Answer:
    """Bytes, hash and columns of each entry agree, and no number is left out."""
    count = 0
    for row in leaves(database):
        fault = f"the next one here is {row[0]}" if row[0] != count else _fault(row)
        if fault:
            last = f"last good {count - 1}" if count else "no good entry before it"
            return False, f"entry {count}: {fault}; first bad {count}, {last}"
        count += 1
    return True, f"{count}/{count}"


def tree_heads_are_right(database: sqlite3.Connection) -> Answer:
    """The head that was stored with each entry is the head over what is there now."""
    heads = database.execute("SELECT size, root, peaks FROM tree ORDER BY size")
    frontier = Frontier()
    for *_, leaf, _ in leaves(database):
        frontier = frontier.push(leaf_hash(leaf))
        if heads.fetchone() != (frontier.size, frontier.root(), b"".join(frontier.peaks)):
            bad = frontier.size - 1
            last = f"last good {bad - 1}" if bad else "no good entry before it"
            return False, f"first bad entry {bad}, {last}: the stored head is over other bytes"
    more = heads.fetchall()
    if more:
        return False, f"cut: {frontier.size} entries are left of {frontier.size + len(more)}"
    return True, f"{frontier.size} heads, root {frontier.root().hex()[:16]}…"


def pin_is_kept(database: sqlite3.Connection, pin: Checkpoint | None) -> Answer:
    """What was pinned is the beginning of what is here."""
    if pin is None:
        return None, "not checked: no checkpoint was given, so a cut tail would not be seen"
    frontier, first = Frontier(), None
    for *_, leaf, _ in leaves(database):
        if frontier.size == pin.size:
            break
        first = first or leaf_hash(leaf).hex()
        frontier = frontier.push(leaf_hash(leaf))
    if frontier.size < pin.size:
        return False, f"cut: pinned at {pin.size} entries, here are {frontier.size}"
    if pin.size and pin.origin != origin_of(first):
        return False, f"pinned {pin.origin}, here {origin_of(first)}: entry 0 differs"
    if frontier.root() != pin.root:
        return False, f"the first {pin.size} entries are not those that were pinned"
    return True, f"size {pin.size}"


def head_is_the_last_commit(database: sqlite3.Connection) -> Answer:
    """HEAD moved with the last commit and at no other time."""
    rows = [row[0] for row in database.execute("SELECT digest FROM head")]
    wanted = [digest for _, digest, _ in _commits(database)][-1:]
    if rows != wanted:
        return False, f"HEAD is {rows or 'absent'}, the last commit is {wanted or 'absent'}"
    return True, f"{wanted[0][:16]}…" if wanted else "no commit yet"


def history_is_whole(database: sqlite3.Connection) -> Answer:
    """Each commit names the one before it; a rollback names one that it restores."""
    previous, seen = None, set[Digest]()
    for entry, digest, commit in _commits(database):
        if commit.parent != previous:
            return False, f"entry {entry.seq}: parent {commit.parent}, HEAD was {previous}"
        if commit.restores and commit.restores not in seen:
            return False, f"entry {entry.seq}: restores {commit.restores}, which is not here"
        previous = digest
        seen.add(digest)
    return True, f"{len(seen)} commits"


def commits_have_reasons(database: sqlite3.Connection) -> Answer:
    """What was committed is what was proposed, and a verdict that holds came before."""
    words: dict[Digest, LogEntry] = {}
    count = 0
    for entry in _entries(database):
        if entry.kind in (EntryKind.PROPOSED, EntryKind.TRIED, EntryKind.RULED):
            words[digest_of(entry.body)] = entry
        if entry.kind is EntryKind.COMMITTED and count:
            fault = _unreasoned(Commit.model_validate(entry.body), words)
            if fault:
                return False, f"entry {entry.seq}: {fault}"
        count += entry.kind is EntryKind.COMMITTED
    return True, f"{max(count - 1, 0)} commits after the founding one"


def ledgers_add_up(database: sqlite3.Connection) -> Answer:
    """Nothing was spent outside an entry, and no total was edited."""
    kept = dict(database.execute("SELECT name, amount FROM ledger"))
    spent = ledgers.total(entry.spend for entry in _entries(database))
    for name in sorted({*kept, *spent}):
        if kept.get(name, "0") != spent.get(name):
            return False, f"{name} is {kept.get(name)}, the entries spend {spent.get(name)}"
    return True, ", ".join(f"{name} {amount}" for name, amount in spent.items())


def artefacts_are_whole(database: sqlite3.Connection, workspace: Path) -> Answer:
    """What the commits name is in the store, with the bytes that give it its name."""
    named = {d for _, _, commit in _commits(database) for d in artefacts_of(commit.state)}
    missing, changed = faults(workspace, named)
    if missing or changed:
        return False, "; ".join(
            f"{what} {', '.join(found[:3])} ({len(found)} in all)"
            for what, found in (("missing", missing), ("changed", changed))
            if found
        )
    return True, f"{len(named)}/{len(named)}"


def inputs_are_whole(database: sqlite3.Connection, workspace: Path) -> Answer:
    """Samples, scores, pairs, labels and audits may be cleared away, but not changed."""
    named = set[Digest]()
    for entry in _entries(database):
        if entry.kind is EntryKind.PROPOSED:
            named.update(Proposal.model_validate(entry.body).inputs.values())
        if entry.kind is EntryKind.OBSERVED:
            seen = Observation.model_validate(entry.body)
            named.update((seen.samples, seen.verdicts))
        if entry.kind is EntryKind.RESCORED:
            scored = Exchange.model_validate(entry.body).new_verdicts
            named.update([scored] if scored else [])
        if entry.kind is EntryKind.TRIED:
            named.update(Evidence.model_validate(entry.body).data.values())
        if entry.kind is EntryKind.MEASURED and (audit := entry.body.get("judge_audit")):
            named.update(audit[part] for part in ("card", "verdicts", "calls"))
    missing, changed = faults(workspace, named)
    if changed:
        return False, f"changed: {', '.join(changed[:3])} ({len(changed)} in all)"
    if missing:
        return None, f"{len(missing)} of {len(named)} are no longer kept, the rest is whole"
    return True, f"{len(named)}/{len(named)}"


def _fault(row: Row) -> str:
    """Say what is wrong with a row; the first thing, or nothing."""
    if fault := hash_fault(row):
        return fault
    try:
        read = json.loads(row[6])
        entry = LogEntry.model_validate(read)
    except (ValueError, RecursionError):
        return "the leaf is not an entry"
    if canonical(read) != row[6]:
        return "the leaf is not in canonical form"
    if row[5] != (word := digest_of(read["body"])):
        return f"column word is {row[5]!r}, the leaf says {word}"
    return column_fault(row, entry)


def _unreasoned(commit: Commit, words: dict[Digest, LogEntry]) -> str:
    proposed, ruled = words.get(commit.proposal or ""), words.get(commit.verdict or "")
    if not proposed or proposed.kind is not EntryKind.PROPOSED:
        return f"proposal {commit.proposal} is not in the log before it"
    if not ruled or ruled.kind is not EntryKind.RULED:
        return f"verdict {commit.verdict} is not in the log before it"
    if commit.evidence and commit.evidence not in words:
        return f"evidence {commit.evidence} is not in the log before it"
    proposal, verdict = (Proposal.model_validate(proposed.body), Verdict.model_validate(ruled.body))
    if verdict.proposal != commit.proposal or not verdict.holds:
        return f"verdict {commit.verdict} does not hold for proposal {commit.proposal}"
    if proposal.base != commit.parent or plain(proposal.new) != plain(commit.state):
        return "what was committed is not what was proposed"
    return ""


def _entries(database: sqlite3.Connection) -> Iterator[LogEntry]:
    """Yield what the leaves say; `entries_have_their_hash` has asked whether it is true."""
    for *_, leaf, _ in leaves(database):
        yield LogEntry.model_validate(json.loads(leaf))


def _commits(database: sqlite3.Connection) -> Iterator[tuple[LogEntry, Digest, Commit]]:
    for entry in _entries(database):
        if entry.kind is EntryKind.COMMITTED:
            yield entry, digest_of(entry.body), Commit.model_validate(entry.body)
