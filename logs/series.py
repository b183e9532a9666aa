"""What the charts draw: measurements over the iterations, and what stands behind them."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from logs.scales import comparable
from logs.turns import Turn
from logs.vocabulary import Guarantee, Measurement


class Line(NamedTuple):
    """One measurement over the iterations."""

    name: str
    style: str
    values: tuple[tuple[int, Measurement], ...]


class Panel(NamedTuple):
    """Lines that share an axis."""

    title: str
    lines: tuple[Line, ...]
    holds: tuple[float, ...] = (0.0,)
    """Values that the axis must hold."""
    scales: Mapping[str, str] = MappingProxyType({})
    """Letters of the scales that values of this panel are on."""
    notes: tuple[str, ...] = ()
    """Lines of text below the panel."""


def values_of(turns: Sequence[Turn], instrument: str) -> tuple[tuple[int, Measurement], ...]:
    """Return (iteration, measurement) wherever the instrument was read."""
    found = ((turn.iteration, turn.measured(instrument)) for turn in turns)
    return tuple((i, m) for i, m in found if m is not None)


def kept(*lines: Line) -> tuple[Line, ...]:
    """Return the lines that have something to draw."""
    return tuple(line for line in lines if any(m.estimate is not None for _, m in line.values))


def runs(values: Sequence[tuple[int, Measurement]]) -> Iterator[list[tuple[int, Measurement]]]:
    """Yield stretches without an undefined value or a change of scale between them."""
    run: list[tuple[int, Measurement]] = []
    for i, measurement in values:
        if run and (measurement.estimate is None or not comparable(run[-1][1], measurement)):
            yield run
            run = []
        if measurement.estimate is not None:
            run.append((i, measurement))
    yield from [run] if run else []


def parted(turns: Sequence[Turn]) -> list[int]:
    """Return the iterations at which gold lay clearly below its best so far (the intervals are
    apart) while the judge scored higher than at that best.

    On each scale by itself: a score of another panel is neither higher nor lower.
    """
    found: list[int] = []
    best: dict[str | None, Turn] = {}
    for turn in turns:
        gold, judge = turn.measured("gold"), turn.measured("judge_score")
        if gold is None or gold.estimate is None:
            continue
        scale = judge.scale if judge else None
        top = best[scale].measured("gold") if scale in best else None
        if top is None or top.estimate is None or gold.estimate > top.estimate:
            best[scale] = turn
        elif _below(gold, top) and _step("judge_score", best[scale], turn) > 0:
            found.append(turn.iteration)
    return found


def _below(a: Measurement, b: Measurement) -> bool:
    return a.high is not None and b.low is not None and a.high < b.low


def caption(lines: Sequence[Line]) -> str:
    """Say how much stands behind the bands, and under how many looks they hold."""
    words = {
        Guarantee.FIXED_N: "single look",
        Guarantee.ANYTIME: "valid at any time",
        Guarantee.RUN_HORIZON: "valid over the planned run",
        Guarantee.NONE: "no claim beyond the items seen",
    }
    said = []
    for line in lines:
        measured = [m for _, m in line.values]
        counts = sorted({m.n for m in measured})
        n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        level = sorted({m.level for m in measured})[0]
        looks = ", ".join(sorted({words[m.guarantee] for m in measured}))
        banded = any(m.low is not None for m in measured)
        band = f"{level:.0%} band" if banded else "no band"
        said.append(f"{line.name}: n = {n} per point, {band}, {looks}")
    return "; ".join(said) + "."


def _step(instrument: str, before: Turn, after: Turn) -> float:
    """Return the change of the estimate; 0 where it was not measured twice on one scale."""
    old, new = before.measured(instrument), after.measured(instrument)
    if old is None or new is None or old.estimate is None or new.estimate is None:
        return 0.0
    if not comparable(old, new):
        return 0.0
    return new.estimate - old.estimate
