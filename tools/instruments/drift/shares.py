"""Shares of items, paired: McNemar's test and Newcombe's interval on both sides' verdicts."""

from collections.abc import Sequence

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.audit.paired import Paired, cross, mcnemar, newcombe
from tools.instruments.drift.changes import Change, reported, status
from tools.instruments.estimates import refuse_unequal
from tools.instruments.intervals import LEVEL

POINTS = "share of items"


def share_change(
    instrument: str,
    now: Sequence[bool],
    then: Sequence[bool],
    line: float,
    *,
    of: str = "",
    most: Status = Status.RED,
    level: float = LEVEL,
) -> Measurement:
    """Share now minus share then, over items that are independent (one answer per prompt).

    Args:
        line: signed change that alarms.
        most: the worst that this instrument may say.

    Raises:
        UndefinedMeasurement: the sides differ in length, or hold something other than yes or no.
    """
    table = table_of(instrument, now, then)
    if table is None:
        return reported(instrument, None, line, units=POINTS, n=0, of=of)
    change = Change(table.difference, newcombe(table, level=level), table.n)
    found = status(change.estimate, change.interval, line)
    return reported(
        instrument,
        change,
        line,
        units=POINTS,
        n=table.n,
        of=of,
        verdict=most if found is Status.RED else found,
        assumptions=(told(table),),
        level=level,
    )


def table_of(instrument: str, now: Sequence[bool], then: Sequence[bool]) -> Paired | None:
    """Counts of items by (then, now); None for no items.

    Raises:
        UndefinedMeasurement: the sides differ in length, or hold something other than yes or no.
    """
    refuse_unequal(instrument, {"items now": len(now), "items at the anchor": len(then)})
    if any(x not in (0, 1) for x in (*now, *then)):
        raise UndefinedMeasurement(
            f"{instrument} counts yes and no.",
            saw="something else",
            wanted="True or False, one per item",
            try_this="leave out, on both sides, items without a verdict",
        )
    return cross(np.asarray(then, dtype=float), np.asarray(now, dtype=float)) if now else None


def told(table: Paired) -> str:
    """The discordant items and McNemar's mid-p, in words."""
    p = float(mcnemar(table.gained, table.lost))
    return f"gained {table.gained}, lost {table.lost}, McNemar mid-p = {p:.4f}"
