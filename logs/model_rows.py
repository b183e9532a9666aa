"""Where the money went: what each model that was asked took, by iteration and decision."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from logs.reading import Reader
from logs.vocabulary import EntryKind

MODELS = "models"
"""Under which the record of a turn tells it."""
HEADERS = ("iter", "decided", "model", "calls", "tokens in", "tokens out", "seconds", "money")
TOTAL = "all"


def model_rows(journal: Reader, session: str) -> list[tuple[str, ...]]:
    """Headers, a row for each model and iteration, and the sum of each model; else nothing."""
    told = list(_told(journal, session))
    rows = [(str(i), decided, *_cells(row)) for i, decided, row in told]
    sums = [(TOTAL, "", *_cells(row)) for row in model_sums(journal, session)]
    return [HEADERS, *rows, *sums] if rows else []


def model_sums(journal: Reader, session: str) -> list[dict[str, Any]]:
    """What each model took in the whole session; money is unknown where it once was."""
    sums: dict[str, dict[str, Any]] = {}
    for _, _, row in _told(journal, session):
        known = sums.setdefault(row["model"], dict.fromkeys(row, 0) | {"model": row["model"]})
        for name in ("calls", "tokens_in", "tokens_out", "seconds"):
            known[name] = round(known[name] + row[name], 3)
        known["money"] = _added(known["money"], row["money"])
    return list(sums.values())


def _told(journal: Reader, session: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(iteration, what was decided in it, what one model took)."""
    decided = {
        e.iteration: str(e.body["intervention"])
        for e in journal.entries(session=session, kind=EntryKind.DECIDED)
    }
    for entry in journal.entries(session=session, kind=EntryKind.RECORDED):
        for row in entry.body.get(MODELS, []):
            yield entry.iteration, decided.get(entry.iteration, "-"), row


def _added(so_far: Any, more: Any) -> str | None:
    if so_far is None or more is None:
        return None
    return f"{(Decimal(so_far) + Decimal(more)).normalize():f}"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    cost = row["money"]
    told = "unknown" if cost is None else f"{Decimal(cost):f}"
    counts = (str(row[name]) for name in ("calls", "tokens_in", "tokens_out"))
    return (row["model"], *counts, f"{row['seconds']:.1f}", told)
