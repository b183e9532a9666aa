"""Why a session stopped: for good, or by a budget that can be raised. Reads the log alone."""

from logs.reading import Reader
from logs.vocabulary import EntryKind, LogEntry


def is_halt(entry: LogEntry) -> bool:
    """Whether this stop names a budget, so that the session can go on."""
    return entry.kind is EntryKind.STOPPED and "budget" in entry.body


def last_stop(journal: Reader, session: str) -> LogEntry | None:
    """The entry with which the session ended for good; a stop by a budget is none."""
    found = journal.entries(session=session, kind=EntryKind.STOPPED)
    return next((entry for entry in found if not is_halt(entry)), None)


def halted_at(journal: Reader, session: str) -> LogEntry | None:
    """The stop by a budget that is the last word of the session so far, if it is."""
    halts = [e for e in journal.entries(session=session, kind=EntryKind.STOPPED) if is_halt(e)]
    if not halts:
        return None
    later = journal.entries(session=session, since=halts[-1].seq + 1, limit=1)
    return None if next(later, None) else halts[-1]
