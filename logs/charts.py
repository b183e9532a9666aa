"""The charts of the report, as SVG that needs no script: wide, and again for a narrow screen.

Every axis holds every band, and says so where it does not hold zero. Gold and judge have
panels of their own, as they have units of their own. Undefined is a gap, never a zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from logs.breaks import letters
from logs.chart_breaks import ROW, beside, strip, walls
from logs.chart_breaks import says as broken_at
from logs.scales import JUDGED, comparable
from logs.series import Line, Panel, caption, kept, parted, runs, values_of
from logs.summary import of_measurement
from logs.svg import Scale, el, label, mark, path, picture, rule, ticks, whole_ticks
from logs.text import number
from logs.turns import Ending, Turn
from logs.vega import outcomes, scored
from logs.vocabulary import Intervention, Measurement

WIDE, NARROW = 720, 350
"""Pixels; the style sheet shows the one that fits."""
LEFT, RIGHT, TOP, PANEL, GAP = 46, 14, 32, 150, 50

TOGETHER = "In no iteration was gold clearly below its best while the judge scored higher."
APART_ON_NONE = "On no scale was gold clearly below its best while the judge scored higher."

LANES: dict[str, tuple[Intervention, ...]] = {
    "data": (
        Intervention.REGENERATE_DATA,
        Intervention.REFRESH_PROMPTS,
        Intervention.CHANGE_RECIPE,
    ),
    "judge": (
        Intervention.RECALIBRATE_JUDGE,
        Intervention.REFIT_JUDGE,
        Intervention.REINITIALISE_JUDGE,
        Intervention.SWAP_JUDGE,
        Intervention.ADD_JUDGE,
        Intervention.REWEIGHT_PANEL,
    ),
    "constitution": (Intervention.EDIT_CONSTITUTION,),
    "weights": (Intervention.TRAIN, Intervention.ROLL_BACK, Intervention.STOP),
    "person": (Intervention.ASK_PERSON,),
}


class Figure(NamedTuple):
    """A chart, what it says, and its numbers as a table."""

    name: str
    heading: str
    says: str
    caption: str
    wide: Markup
    narrow: Markup
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    specs: tuple[dict[str, Any], ...] = ()
    """The same numbers as Vega-Lite views, where a script may draw them."""


def gold_against_judge(turns: Sequence[Turn]) -> Figure | None:
    """Are we really better? None if neither was measured."""
    gold = Line("temperature 1", "gold", values_of(turns, "gold"))
    greedy = Line("greedy", "gold dashed", values_of(turns, "gold_greedy"))
    judge = Line("judge", "judge", values_of(turns, "judge_score"))
    units = next((m.units for _, m in judge.values), "")
    panels = [
        Panel("Gold, share of right answers", kept(gold, greedy), ()),
        Panel(f"Judge's score, {units}", kept(judge), (0.0,), letters(turns), beside(turns)),
    ]
    apart = ", ".join(map(str, parted(turns)))
    says = (
        f"The judge rose while gold fell clearly below its best: iteration {apart}."
        if apart
        else APART_ON_NONE
        if broken_at(turns)
        else TOGETHER
    )
    says = f"{says} {broken_at(turns)}".rstrip()
    return panels_figure("gold", "Gold against judge", says, panels, turns)


def instruments(turns: Sequence[Turn]) -> Figure | None:
    """Gap and divergence, each instrument in a panel of its own; None if not measured."""
    names = {
        m.instrument: m.units
        for turn in turns
        for m in (turn.observation.measurements if turn.observation else ())
        if not m.of and {"gap", "kl"} & set(m.instrument.lower().split("_"))
    }
    panels, named = [], letters(turns)
    for name, units in sorted(names.items()):
        values = values_of(turns, name)
        margins = tuple(m.margin for _, m in values if m.margin is not None)
        lines, on = kept(Line(name, "other", values)), named if name in JUDGED else {}
        panels.append(Panel(f"{name}, {units}", lines, (0.0, *margins), on))
    says = "; ".join(_from_to(line) for p in panels for line in p.lines[:1])
    return panels_figure("drift", "Gap and divergence", f"{says}.", panels, turns)


def _from_to(line: Line) -> str:
    """Say where a curve begins and ends, piece by piece where its scale changed."""
    pieces = [[m.estimate for _, m in run] for run in runs(line.values)]
    first, last = line.values[0][1], line.values[-1][1]
    if comparable(first, last) and len({m.scale for _, m in line.values}) == 1:
        pieces = [[first.estimate, last.estimate]]
    told = (f"from {number(piece[0])} to {number(piece[-1])}" for piece in pieces)
    return f"{line.name} {', then on another scale '.join(told)}"


def timeline(turns: Sequence[Turn]) -> Figure | None:
    """What was done, in which part of the whole, and how it ended."""
    decided = [turn for turn in turns if turn.intervention]
    if not decided:
        return None
    rows = tuple((str(t.iteration), _lane(t), str(t.intervention), str(t.ending)) for t in decided)
    says = f"{len(decided)} decisions; a mark's shape says how each ended."
    wide, narrow = (
        _timeline(f"timeline-{name}", decided, turns, width, says)
        for name, width in (("wide", WIDE), ("narrow", NARROW))
    )
    headers = ("iteration", "lane", "decision", "outcome")
    under = "Decisions by the part of the state that they would change."
    told = [(t.iteration, _lane(t), str(t.intervention), str(t.ending)) for t in decided]
    specs = (outcomes(told, list(LANES)),)
    return Figure("timeline", "Decisions", says, under, wide, narrow, headers, rows, specs)


def panels_figure(
    name: str, heading: str, says: str, panels: Sequence[Panel], turns: Sequence[Turn]
) -> Figure | None:
    """Panels over the iterations as one figure; None where no panel has a line."""
    panels = [panel for panel in panels if panel.lines]
    if not panels:
        return None
    wide, narrow = (
        _panels(f"{name}-{kind}", heading, says, panels, turns, width)
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    lines = [line for panel in panels for line in panel.lines]
    named = letters(turns)
    rows = tuple(
        (str(i), _on(m, named), of_measurement(m).removeprefix(m.instrument).strip(), m.status)
        for line in lines
        for i, m in line.values
    )
    headers = ("iteration", "instrument", "estimate [interval] n", "status")
    specs = tuple(scored(panel, turns) for panel in panels)
    return Figure(name, heading, says, caption(lines), wide, narrow, headers, rows, specs)


def _on(m: Measurement, named: Mapping[str, str]) -> str:
    """Name an instrument, with the scale that its value is on."""
    letter = named.get(m.scale or "")
    return f"{m.instrument} ({letter})" if letter else m.instrument


def _panels(
    name: str,
    title: str,
    says: str,
    panels: Sequence[Panel],
    turns: Sequence[Turn],
    width: int,
) -> Markup:
    x = _iterations(turns, width)
    parts: list[Markup] = []
    top = float(TOP)
    for panel in panels:
        parts += _panel(panel, x, top, width)
        parts += [
            rule(x.at(t.iteration), top, x.at(t.iteration), top + PANEL, "event")
            for t in turns
            if t.intervention and t.intervention is not Intervention.TRAIN
        ]
        parts += strip(panel.notes, top + PANEL + 18)
        top += PANEL + GAP + ROW * len(panel.notes)
    place = top - GAP + 24
    parts += [_mark(turn, x, place) for turn in turns if turn.intervention]
    parts += _axis(x, place + 22)
    legend, bottom = _legend(turns, width, place + 46)
    return picture(name, title, says, width, bottom, *parts, *legend)


def _panel(panel: Panel, x: Scale, top: float, width: int) -> Iterator[Markup]:
    values = [m for line in panel.lines for _, m in line.values]
    seen = [v for m in values for v in (m.estimate, m.low, m.high) if v is not None]
    marks = ticks(min(*panel.holds, *seen), max(*panel.holds, *seen))
    y = Scale(marks[0], marks[-1], top + PANEL, top)
    yield label(panel.title + _cut(marks), 0, top - 14, "title")
    for value in marks:
        yield rule(LEFT, y.at(value), width - RIGHT, y.at(value), "zero" if not value else "grid")
        yield label(number(value), LEFT - 6, y.at(value) + 4, "small", "end")
    for margin in {m.margin for m in values if m.margin is not None}:
        yield rule(LEFT, y.at(margin), width - RIGHT, y.at(margin), "margin")
        yield label(f"line {number(margin)}", width - RIGHT, y.at(margin) - 4, "small", "end")
    if len(panel.lines) > 1:
        yield from _key(panel.lines, top + PANEL - 8, width)
    for line in panel.lines:
        yield from walls(line, panel.scales, x, top, PANEL) if panel.scales else ()
        yield from _drawn(line, x, y)


def _cut(marks: Sequence[float]) -> str:
    """Say so where an axis does not begin at zero."""
    return "" if marks[0] <= 0 <= marks[-1] else f" (axis from {number(marks[0])})"


def _drawn(line: Line, x: Scale, y: Scale) -> Iterator[Markup]:
    for run in runs(line.values):
        banded = [(i, m.low, m.high) for i, m in run if m.low is not None and m.high is not None]
        if len(banded) > 1:
            upper = [(x.at(i), y.at(high)) for i, _, high in banded]
            lower = [(x.at(i), y.at(low)) for i, low, _ in reversed(banded)]
            yield el("path", d=path(upper + lower) + "Z", class_=f"band {line.style}")
        elif banded:  # a piece of one point has its interval too
            i, low, high = banded[0]
            yield rule(x.at(i), y.at(low), x.at(i), y.at(high), f"line {line.style}")
        points = [(x.at(i), y.at(m.estimate)) for i, m in run if m.estimate is not None]
        yield el("path", d=path(points), class_=f"line {line.style}")
        for (i, measurement), (px, py) in zip(run, points, strict=True):
            says = el("title", f"iteration {i}: {of_measurement(measurement)}")
            yield el("circle", says, cx=f"{px:.1f}", cy=f"{py:.1f}", r=2.5, class_=line.style)


def _timeline(
    name: str, decided: Sequence[Turn], turns: Sequence[Turn], width: int, says: str
) -> Markup:
    left = 92
    x = _iterations(turns, width)._replace(start=left + 12)
    height = 30
    parts: list[Markup] = []
    for row, lane in enumerate(LANES):
        y = 16 + row * height
        parts += [rule(left, y, width - RIGHT, y), label(lane, left - 8, y + 4, "small", "end")]
        parts += [_mark(turn, x, y) for turn in decided if _lane(turn) == lane]
    parts += _axis(x, 16 + len(LANES) * height)
    legend, bottom = _legend(decided, width, 16 + len(LANES) * height + 24)
    return picture(name, "Decisions", says, width, bottom, *parts, *legend)


def _legend(turns: Sequence[Turn], width: int, top: float) -> tuple[list[Markup], float]:
    """Return the marks that occur, each with its word, in as many rows as they need."""
    x, y, parts = 8.0, top, list[Markup]()
    for ending in (e for e in Ending if any(t.intervention and t.ending is e for t in turns)):
        room = 26 + 7 * len(ending)
        if x + room > width:
            x, y = 8.0, y + 22
        parts += [mark(ending, x, y, str(ending)), label(str(ending), x + 12, y + 4)]
        x += room
    return parts, y + 14


def _key(lines: Sequence[Line], y: float, width: int) -> Iterator[Markup]:
    x = float(width - RIGHT - 4)
    for line in reversed(lines):
        yield label(line.name, x, y, "small", "end")
        x -= 6.2 * len(line.name) + 6
        yield rule(x - 22, y - 4, x, y - 4, f"line {line.style}")
        x -= 38


def _axis(x: Scale, y: float) -> Iterator[Markup]:
    room = x.end - x.start
    for iteration in whole_ticks(int(x.low), int(x.high), room):
        yield label(str(iteration), x.at(iteration), y, "small", "middle")
    yield label("iteration", 0, y, "small")


def _mark(turn: Turn, x: Scale, y: float) -> Markup:
    says = f"iteration {turn.iteration}: {turn.intervention}, {turn.ending}"
    return mark(turn.ending, x.at(turn.iteration), y, says)


def _iterations(turns: Sequence[Turn], width: int) -> Scale:
    seen = [turn.iteration for turn in turns]
    return Scale(min(seen), max(seen), LEFT + 14, width - RIGHT - 10)


def _lane(turn: Turn) -> str:
    return next((lane for lane, kinds in LANES.items() if turn.intervention in kinds), "person")
