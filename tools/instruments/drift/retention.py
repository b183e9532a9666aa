"""What the policy could do before: can it still? Paired with the anchor on verifiable tasks."""

from collections.abc import Sequence

import numpy as np

from logs.vocabulary import Measurement, Status
from tools.instruments.audit.paired import newcombe
from tools.instruments.drift.changes import Change, reported
from tools.instruments.drift.shares import POINTS, table_of, told

LOSS = 0.02


def retention(now: Sequence[bool], then: Sequence[bool], *, of: str = "") -> Measurement:
    """Share of fixed tasks solved now minus at the anchor; red when 2 points may be lost.

    Green: the lower bound excludes a loss of 2 points. Red: it does not, and either a loss is
    established or the interval is narrow enough to have excluded it. Otherwise the tasks are
    too few to tell, which is insufficient and no more lets through than red.

    Args:
        now: whether each task was solved, in one fixed order of tasks; so `then`.
        of: the capability.

    Raises:
        UndefinedMeasurement: the sides differ in length, or hold something other than yes or no.
    """
    table = table_of("retention", now, then)
    if table is None:
        return reported("retention", None, -LOSS, units=POINTS, n=0, of=of)
    low, high = newcombe(table)
    if low >= -LOSS:
        verdict = Status.GREEN
    else:
        telling = high < 0 or (high - low) / 2 <= LOSS
        verdict = Status.RED if telling else Status.INSUFFICIENT
    return reported(
        "retention",
        Change(table.difference, (low, high), table.n),
        -LOSS,
        units=POINTS,
        n=table.n,
        of=of,
        verdict=verdict,
        assumptions=(told(table),),
    )


def tasks_needed(discordant: float) -> int:
    """Tasks from which an unchanged policy can be green, about: (1.96 / .02)^2 x discordant.

    Args:
        discordant: share of tasks whose outcome differs between two draws, in (0, 1].
    """
    return int(np.ceil((1.959964 / LOSS) ** 2 * discordant))
