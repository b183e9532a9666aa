"""The questions that `verify` asks of a log; each answers yes, no or not asked, and why.

All but the first look at each entry in turn, in one walk over the log (`logs.walking`).
"""

import sqlite3
from pathlib import Path
from typing import Any

from logs import ledgers
from logs.artefacts import NAMING, artefacts_of, faults, inputs_of
from logs.canonical import digest_of, is_canonical, plain
from logs.checkpoint import Checkpoint, origin_of
from logs.merkle import Frontier
from logs.rows import column_fault, hash_fault
from logs.storage import check_format, expected_schema
from logs.vocabulary import Commit, Digest, EntryKind, LogEntry, Proposal, Verdict
from logs.walking import Answer, Question, Seen

__all__ = ["Answer", "file_is_a_log"]


def file_is_a_log(database: sqlite3.Connection, path: Path) -> Answer:
    """Header, tables, triggers and pages are those that were made."""
    check_format(database, path)
    found = set(database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master"))
    odd = sorted(name for _, name, _ in found ^ expected_schema())
    if odd:
        return False, f"tables or triggers differ: {', '.join(map(str, odd))}"
    (sound,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    return sound == "ok", f"SQLite says {sound}"


class EntriesHaveTheirHash(Question):
    """Bytes, hash and columns of each entry agree, and no number is left out."""

    count = 0

    def see(self, seen: Seen) -> str:
        """Say what is wrong with the row; the first thing, or nothing."""
        row = seen.row
        fault = f"the next one here is {row[0]}" if row[0] != self.count else _fault(seen)
        if fault:
            last = f"last good {self.count - 1}" if self.count else "no good entry before it"
            return f"entry {self.count}: {fault}; first bad {self.count}, {last}"
        self.count += 1
        return ""

    def answer(self) -> Answer:
        """How many there are."""
        return True, f"{self.count}/{self.count}"


class TreeHeadsAreRight(Question):
    """The head that was stored with each entry is the head over what is there now."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.frontier = Frontier()
        self._heads = database.execute("SELECT size, root, peaks FROM tree ORDER BY size")

    def see(self, seen: Seen) -> str:
        """Compare the head of this entry."""
        self.frontier = self.frontier.push(seen.hash)
        here = (self.frontier.size, self.frontier.root(), b"".join(self.frontier.peaks))
        if self._heads.fetchone() == here:
            return ""
        bad = self.frontier.size - 1
        last = f"last good {bad - 1}" if bad else "no good entry before it"
        return f"first bad entry {bad}, {last}: the stored head is over other bytes"

    def answer(self) -> Answer:
        """The root, unless heads are left over."""
        size, more = self.frontier.size, len(self._heads.fetchall())
        if more:
            return False, f"cut: {size} entries are left of {size + more}"
        return True, f"{size} heads, root {self.frontier.root().hex()[:16]}…"


class PinIsKept(Question):
    """What was pinned is the beginning of what is here."""

    def __init__(self, pin: Checkpoint | None) -> None:
        self.pin, self.first, self.frontier = pin, None if pin else "", Frontier()
        self.kinds = None if pin else frozenset()

    def see(self, seen: Seen) -> str:
        """Add the entry, while it is under the pin."""
        if self.pin and self.frontier.size < self.pin.size:
            self.first = self.first or seen.hash.hex()
            self.frontier = self.frontier.push(seen.hash)
        return ""

    def answer(self) -> Answer:
        """Whether the same entries are under the same root."""
        pin, size = self.pin, self.frontier.size
        if pin is None:
            return None, "not checked: no checkpoint was given, so a cut tail would not be seen"
        if size < pin.size:
            return False, f"cut: pinned at {pin.size} entries, here are {size}"
        if pin.size and pin.origin != origin_of(self.first):
            return False, f"pinned {pin.origin}, here {origin_of(self.first)}: entry 0 differs"
        if self.frontier.root() != pin.root:
            return False, f"the first {pin.size} entries are not those that were pinned"
        return True, f"size {pin.size}"


COMMITS = frozenset({EntryKind.COMMITTED})


class HeadIsTheLastCommit(Question):
    """HEAD moved with the last commit and at no other time."""

    kinds = COMMITS

    def __init__(self, database: sqlite3.Connection) -> None:
        self.head = [row[0] for row in database.execute("SELECT digest FROM head")]
        self.last: list[Digest] = []

    def see(self, seen: Seen) -> str:
        """Remember a commit."""
        if seen.entry.kind is EntryKind.COMMITTED:
            self.last = [digest_of(seen.entry.body)]
        return ""

    def answer(self) -> Answer:
        """Compare it with HEAD."""
        if self.head != self.last:
            here, wanted = self.head or "absent", self.last or "absent"
            return False, f"HEAD is {here}, the last commit is {wanted}"
        return True, f"{self.last[0][:16]}…" if self.last else "no commit yet"


class HistoryIsWhole(Question):
    """Each commit names the one before it; a rollback names one that it restores."""

    kinds = COMMITS

    def __init__(self) -> None:
        self.previous: Digest | None = None
        self.known = set[Digest]()

    def see(self, seen: Seen) -> str:
        """Follow the parents."""
        entry = seen.entry
        if entry.kind is not EntryKind.COMMITTED:
            return ""
        commit = Commit.model_validate(entry.body)
        if commit.parent != self.previous:
            return f"entry {entry.seq}: parent {commit.parent}, HEAD was {self.previous}"
        if commit.restores and commit.restores not in self.known:
            return f"entry {entry.seq}: restores {commit.restores}, which is not here"
        self.previous = digest_of(entry.body)
        self.known.add(self.previous)
        return ""

    def answer(self) -> Answer:
        """How many there are."""
        return True, f"{len(self.known)} commits"


class CommitsHaveReasons(Question):
    """What was committed is what was proposed, and a verdict that holds came before."""

    kinds = COMMITS | {EntryKind.PROPOSED, EntryKind.TRIED, EntryKind.RULED}

    def __init__(self) -> None:
        self.words: dict[Digest, tuple[EntryKind, dict[str, Any]]] = {}
        self.count = 0

    def see(self, seen: Seen) -> str:
        """Keep what commits rest on; hold each commit to it."""
        entry = seen.entry
        if entry.kind in (EntryKind.PROPOSED, EntryKind.TRIED, EntryKind.RULED):
            tried = entry.kind is EntryKind.TRIED  # what it holds is not asked for
            self.words[seen.word] = (entry.kind, {} if tried else entry.body)
        if entry.kind is EntryKind.COMMITTED:
            self.count += 1
            commit = Commit.model_validate(entry.body)
            if self.count > 1 and (fault := _unreasoned(commit, self.words)):
                return f"entry {entry.seq}: {fault}"
        return ""

    def answer(self) -> Answer:
        """How many there are."""
        return True, f"{max(self.count - 1, 0)} commits after the founding one"


class LedgersAddUp(Question):
    """Nothing was spent outside an entry, and no total was edited."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.kept = dict(database.execute("SELECT name, amount FROM ledger"))
        self.running = ledgers.Running()

    def see(self, seen: Seen) -> str:
        """Add what the entry spent."""
        self.running.add(seen.entry.spend)
        return ""

    def answer(self) -> Answer:
        """Compare the sums."""
        spent = self.running.told()
        for name in sorted({*self.kept, *spent}):
            if self.kept.get(name, "0") != spent.get(name):
                return (
                    False,
                    f"{name} is {self.kept.get(name)}, the entries spend {spent[name]}"
                    if name in spent
                    else f"{name} is no ledger",
                )
        return True, ", ".join(f"{name} {amount}" for name, amount in spent.items())


class ArtefactsAreWhole(Question):
    """What the commits name is in the store, with the bytes that give it its name."""

    kinds = COMMITS

    def __init__(self, workspace: Path) -> None:
        self.workspace, self.named = workspace, set[Digest]()

    def see(self, seen: Seen) -> str:
        """Remember what a commit names."""
        if seen.entry.kind is EntryKind.COMMITTED:
            self.named.update(artefacts_of(Commit.model_validate(seen.entry.body).state))
        return ""

    def answer(self) -> Answer:
        """Look for it."""
        missing, changed = faults(self.workspace, self.named)
        if missing or changed:
            return False, "; ".join(
                f"{what} {', '.join(found[:3])} ({len(found)} in all)"
                for what, found in (("missing", missing), ("changed", changed))
                if found
            )
        return True, f"{len(self.named)}/{len(self.named)}"


class InputsAreWhole(Question):
    """Samples, scores, pairs, labels and audits may be cleared away, but not changed."""

    kinds = NAMING

    def __init__(self, workspace: Path) -> None:
        self.workspace, self.named = workspace, set[Digest]()

    def see(self, seen: Seen) -> str:
        """Remember what an entry names."""
        self.named.update(inputs_of(seen.entry))
        return ""

    def answer(self) -> Answer:
        """Look for it."""
        missing, changed = faults(self.workspace, self.named)
        if changed:
            return False, f"changed: {', '.join(changed[:3])} ({len(changed)} in all)"
        if missing:
            gone = f"{len(missing)} of {len(self.named)} are no longer kept"
            return None, f"{gone}, the rest is whole"
        return True, f"{len(self.named)}/{len(self.named)}"


def _fault(seen: Seen) -> str:
    """Say what is wrong with a row; the first thing, or nothing."""
    if seen.hash != seen.row[7]:
        return hash_fault(seen.row)
    try:
        entry: LogEntry = seen.entry
    except (ValueError, RecursionError):
        return "the leaf is not an entry"
    if not is_canonical(seen.leaf, seen.read):
        return "the leaf is not in canonical form"
    if seen.row[5] != (word := seen.word_by_place()):
        return f"column word is {seen.row[5]!r}, the leaf says {word}"
    return column_fault(seen.row, entry)


def _unreasoned(commit: Commit, words: dict[Digest, tuple[EntryKind, dict[str, Any]]]) -> str:
    proposed, ruled = words.get(commit.proposal or ""), words.get(commit.verdict or "")
    if not proposed or proposed[0] is not EntryKind.PROPOSED:
        return f"proposal {commit.proposal} is not in the log before it"
    if not ruled or ruled[0] is not EntryKind.RULED:
        return f"verdict {commit.verdict} is not in the log before it"
    if commit.evidence and commit.evidence not in words:
        return f"evidence {commit.evidence} is not in the log before it"
    proposal, verdict = Proposal.model_validate(proposed[1]), Verdict.model_validate(ruled[1])
    if verdict.proposal != commit.proposal or not verdict.holds:
        return f"verdict {commit.verdict} does not hold for proposal {commit.proposal}"
    if proposal.base != commit.parent or plain(proposal.new) != plain(commit.state):
        return "what was committed is not what was proposed"
    return ""
