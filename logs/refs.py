"""How people name a commit or an entry: HEAD, HEAD~2, @last, iter:12, gold-best, 87, 3f2a9c.

A decimal number is an entry if the log has it, else the beginning of a digest. An entry is
named by the digest of its word or by its leaf hash; a whole key `session/iteration/step`
works too. The name of a session is its last commit. What fits two things is refused.
"""

import re
from collections import deque

from logs.canonical import digest_of
from logs.errors import UsageError
from logs.reading import Reader
from logs.text import short
from logs.vocabulary import Digest, EntryKind, LogEntry

BEST = "gold-best"
SHORTEST = 4
"""Hex digits of a prefix."""

_HEAD = re.compile(r"HEAD(?:~(\d{1,6}))?")
_PREFIX = re.compile(r"[0-9a-fA-F]{1,64}")


def resolve(journal: Reader, ref: str) -> Digest:
    """Return the digest of the word that `ref` names; of a commit, this is its name.

    Raises:
        UsageError: nothing has this name, or several things have; names the candidates.
    """
    return digest_of(find_entry(journal, ref).body)


def find_entry(journal: Reader, ref: str) -> LogEntry:
    """Return the entry that `ref` names.

    Raises:
        UsageError: nothing has this name, or several things have; names the candidates.
    """
    if head := _HEAD.fullmatch(ref):
        return _ancestor(journal, int(head[1] or 0))
    if ref == "@last":
        return journal.entry(journal.size() - 1)
    if ref.startswith("iter:"):
        return _of_iteration(journal, ref)
    if ref.count("/") == 2:
        session, iteration, step = ref.split("/")
        step_of = journal.find(session, int(iteration), step) if iteration.isdecimal() else None
        return step_of or _unknown(ref)
    if ref == BEST:
        return _best(journal)
    if ref.isascii() and ref.isdecimal() and len(ref) < 16 and int(ref) < journal.size():
        return _only(ref, [journal.entry(int(ref)), *_of_session(journal, ref)])
    found = _of_session(journal, ref)
    if _PREFIX.fullmatch(ref) and len(ref) >= SHORTEST:
        found = [*found, *journal.named(ref)]
    return _only(ref, found)


def _of_session(journal: Reader, name: str) -> list[LogEntry]:
    """The last commit of a session, or its last entry where it committed nothing."""
    last = journal.latest(name, (EntryKind.COMMITTED,), limit=1)
    return last or journal.latest(name, limit=1)


def _best(journal: Reader) -> LogEntry:
    """The commit with the highest gold, the first of them where several have it."""
    best: tuple[float, str] | None = None
    for entry in journal.entries(kind=EntryKind.MEASURED):
        estimate, head = gold_in(entry), entry.body.get("head")
        if estimate is not None and head and (best is None or estimate > best[0]):
            best = (estimate, head)
    found = journal.committed(best[1]) if best else None
    return found or _unknown(BEST)


def gold_in(entry: LogEntry) -> float | None:
    """The estimate of gold in a sealed measurement, if there is one."""
    found = entry.body.get("measurements")
    for m in found if isinstance(found, list) else ():
        if m.get("instrument") == "gold" and not m.get("of"):
            estimate = m.get("estimate")
            return float(estimate) if estimate is not None else None
    return None


def _ancestor(journal: Reader, steps: int) -> LogEntry:
    digest = journal.head()
    for _ in range(steps):
        digest = journal.commit_of(digest).parent if digest else None
    entry = journal.committed(digest) if digest else None
    return entry or _unknown(f"HEAD~{steps}")


def _of_iteration(journal: Reader, ref: str) -> LogEntry:
    """The commit of the iteration in its latest session; else the last entry about it."""
    number = ref.removeprefix("iter:")
    found = deque((e for e in journal.entries() if str(e.iteration) == number), maxlen=64)
    latest = [e for e in found if e.session == found[-1].session]
    commits = [e for e in latest if e.kind is EntryKind.COMMITTED]
    said = [e for e in latest if e.kind is not EntryKind.MEASURED]
    return (commits or said or latest or [_unknown(ref)])[-1]


def _only(ref: str, found: list[LogEntry]) -> LogEntry:
    if len(found) == 1:
        return found[0]
    if not found:
        return _unknown(ref)
    ordered = sorted(found, key=lambda e: e.seq)
    names = [f"{e.seq} ({e.kind} {short(digest_of(e.body))})" for e in ordered[:6]]
    raise UsageError(
        "This name fits more than one entry.",
        saw=f"{ref}: entries {', '.join(names)}",
        wanted="a name that fits one",
        try_this="use more digits, or the number of the entry",
    )


def _unknown(ref: str) -> LogEntry:
    raise UsageError(
        "Nothing in this log has this name.",
        saw=repr(ref[:80]),
        wanted="HEAD, HEAD~2, @last, iter:12, gold-best, a session, the number of an entry, 4 or"
        " more digits of a digest",
        try_this="plimsoll log list",
    )
