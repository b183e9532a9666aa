"""What was spent, added up exactly; nothing is ever given back."""

import sqlite3
from collections.abc import Iterable
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation

from logs.errors import PlimsollError
from logs.vocabulary import Ledgers

EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])


def total(spends: Iterable[Ledgers | None]) -> dict[str, str]:
    """Return the sum per ledger, as exact decimal text.

    Raises:
        PlimsollError: an amount is negative, or has no exact sum in 100 digits.
    """
    sums = Running()
    for spend in spends:
        sums.add(spend)
    return sums.told()


class Running:
    """The same sums, entry by entry."""

    def __init__(self) -> None:
        self._sums = dict.fromkeys(Ledgers.model_fields, Decimal(0))

    def add(self, spend: Ledgers | None) -> None:
        """Add what one entry spent.

        Raises:
            PlimsollError: an amount is negative, or has no exact sum in 100 digits.
        """
        for name in spend.model_fields_set if spend else ():
            self._sums[name] = _sum(name, self._sums[name], Decimal(getattr(spend, name)))

    def told(self) -> dict[str, str]:
        """The sums so far, as exact decimal text."""
        return {name: _text(amount) for name, amount in self._sums.items()}


def add(database: sqlite3.Connection, spend: Ledgers | None) -> None:
    """Add what one entry spends, within the transaction of that entry."""
    if spend is None:
        return
    now = Ledgers.model_validate(dict(database.execute("SELECT name, amount FROM ledger")))
    for name, amount in total([now, spend]).items():
        # A log that was founded before a ledger existed lacks its row: nothing was spent of it.
        database.execute(
            "INSERT INTO ledger VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET amount = ?2",
            (name, amount),
        )


def _sum(name: str, so_far: Decimal, amount: Decimal) -> Decimal:
    try:
        if amount >= 0:
            return EXACT.add(so_far, EXACT.plus(amount))
        saw = f"{name} {amount}"
    except DecimalException as error:
        saw = f"{name} {amount}: {type(error).__name__}"
    raise PlimsollError(
        "A ledger only grows, by exact amounts.",
        saw=saw,
        wanted="a finite amount of 0 or more, in at most 100 digits",
        try_this="round the amount to what was measured, for example seconds to 0.001",
    )


def _text(amount: Decimal) -> str:
    return format(EXACT.normalize(amount), "f") if amount else "0"
