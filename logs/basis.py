"""What each number stands on: how many items, which guarantee, how many looks."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from logs.text import interval
from logs.turns import Turn
from logs.vocabulary import Guarantee, Measurement, Status

PROMISES = {
    Guarantee.FIXED_N: "one look",
    Guarantee.ANYTIME: "any number of looks",
    Guarantee.RUN_HORIZON: "the planned run",
    Guarantee.NONE: "no claim beyond the items",
}
"""Under how many looks an interval, or an alarm, holds."""
HEADERS = ("instrument", "of", "latest [interval]", "n", "holds for", "level", "looks", "status")


class Basis(NamedTuple):
    """One instrument over a session, as it was read last."""

    measurement: Measurement
    looks: int
    """Turns in which it was read and gave an estimate."""
    iteration: int

    @property
    def row(self) -> tuple[str, ...]:
        """Cells in the order of `HEADERS`."""
        m = self.measurement
        return (
            m.instrument,
            m.of,
            interval(m.estimate, m.low, m.high),
            str(m.n),
            PROMISES[m.guarantee],
            f"{m.level:.4g}" if m.low is not None or m.guarantee is not Guarantee.NONE else "-",
            str(self.looks),
            str(m.status),
        )


def basis(turns: Sequence[Turn]) -> list[Basis]:
    """Return every instrument that a session read, what people alone see first."""
    latest: dict[tuple[str, str], Basis] = {}
    for turn in turns:
        for m in _of(turn):
            key = (m.instrument, m.of)
            looks = latest[key].looks if key in latest else 0
            seen = m.estimate is not None and m.status is not Status.INSUFFICIENT
            latest[key] = Basis(m, looks + seen, turn.iteration)
    return list(latest.values())


def _of(turn: Turn) -> Iterator[Measurement]:
    yield from turn.claim
    yield from (m for m in turn.gold if m.instrument != "gold_skill")
    yield from turn.observation.measurements if turn.observation else ()
