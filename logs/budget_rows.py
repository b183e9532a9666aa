"""What a session spent of its budgets, as its own records say: for the report."""

from decimal import Decimal

from logs.reading import Reader
from logs.vocabulary import EntryKind

HEADERS = ("budget", "spent", "limit", "share")
UNITS = {
    "hours": "hours by the clock",
    "cpu_hours": "hours of CPU",
    "tokens": "tokens of models that are asked",
    "money": "money for them",
    "disk_gb": "GB of artefacts",
    "approvals": "approvals asked in 24 h",
}


def budget_rows(journal: Reader, session: str) -> list[tuple[str, str, str, str]]:
    """Headers, then every budget as the last record or stop by a budget saw it; else nothing."""
    last: list[dict[str, str | None]] = []
    for kind in (EntryKind.RECORDED, EntryKind.STOPPED):
        for entry in journal.entries(session=session, kind=kind):
            last = entry.body.get("budgets") or last
    return [HEADERS, *map(_row, last)] if last else []


def _row(row: dict[str, str | None]) -> tuple[str, str, str, str]:
    spent, limit = (None if row[k] is None else Decimal(str(row[k])) for k in ("spent", "limit"))
    name = str(row["name"])
    share = f"{spent / limit:.0%}" if spent is not None and limit else "-"
    return (
        UNITS.get(name, name),
        "unknown" if spent is None else f"{spent:f}",
        "none" if limit is None else f"{limit:f}",
        share,
    )
