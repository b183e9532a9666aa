"""The small multiples of drift as Vega-Lite views: the numbers of the picture, for pointing at."""

from collections.abc import Iterator, Mapping, Sequence

from logs.drift import Row, said
from logs.series import Line, runs
from logs.svg import ticks
from logs.text import number
from logs.vega import ITERATION, Spec, values, view

HEIGHT = 130
"""Of a panel with its title and its axis, in pixels."""
SAYS: Spec = {"field": "says", "type": "nominal"}


def multiple(line: Line, title: str, margins: Sequence[float], span: tuple[int, int]) -> Spec:
    """One instrument over the turns, on an axis of its own.

    Args:
        margins: Where it alarms, with its sign.
        span: First and last turn of all panels.
    """
    held = [
        v for _, m in line.values for v in (m.estimate, m.low, m.high) if m.estimate is not None
    ]
    seen = [0.0, *margins, *(v for v in held if v is not None)]
    marks = ticks(min(seen), max(seen), 2)
    y: Spec = {
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [marks[0], marks[-1]]},
        "axis": {"values": marks},
    }
    x: Spec = ITERATION | {
        "title": None,
        "scale": {"domain": [*span], "nice": False, "padding": 8},
        "axis": {"tickMinStep": 1, "tickCount": 6, "format": "d", "grid": False},
    }
    layers = [*_curve(line, x, y), *_margins(margins, y)]
    return view(title, HEIGHT, layers, zoom=False) | {"data": values(_rows(line))}


def _rows(line: Line) -> list[Spec]:
    """Each run of defined values by itself: what is undefined is a gap."""
    return [
        {
            "i": i,
            "v": m.estimate,
            "low": m.low,
            "high": m.high,
            "piece": piece,
            "says": f"turn {i}: {said(m)}, n = {m.n}, {m.status}",
        }
        for piece, run in enumerate(runs(line.values))
        for i, m in run
    ]


def _curve(line: Line, x: Spec, y: Spec) -> Iterator[Spec]:
    base: Spec = {"x": x, "color": {"value": f"@{line.style}"}}
    pieces = base | {"detail": {"field": "piece", "type": "nominal"}}
    low, value = {"field": "low"} | y, {"field": "v"} | y
    for mark, encoding in (
        ({"type": "rule", "opacity": 0.35}, base | {"y": low, "y2": {"field": "high"}}),
        ({"type": "area", "opacity": 0.22}, pieces | {"y": low, "y2": {"field": "high"}}),
        ({"type": "line", "strokeWidth": 2}, pieces | {"y": value}),
        (
            {"type": "point", "filled": True, "size": 40, "opacity": 1},
            base | {"y": value, "tooltip": SAYS, "description": SAYS},
        ),
    ):
        yield {"mark": mark, "encoding": encoding}


def _margins(margins: Sequence[float], y: Spec) -> Iterator[Spec]:
    rows = [{"at": at, "says": f"alarms at {number(at)}"} for at in margins]
    if rows:
        yield {
            "data": values(rows),
            "mark": {"type": "rule", "strokeDash": [6, 3]},
            "encoding": {"y": {"field": "at"} | y, "color": {"value": "@bad"}, "tooltip": SAYS},
        }


def profile(rows: Sequence[Row]) -> Spec:
    """Nats per token by position in the answer, as bars."""
    told: list[Mapping[str, object]] = [
        {
            "name": row.of,
            "v": row.measurement.estimate,
            "says": f"{row.of}: {number(row.measurement.estimate)}, n = {row.measurement.n}",
        }
        for row in rows
    ]
    bars: Spec = {
        "data": values(told),
        "mark": {"type": "bar"},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "title": None,
                "sort": [row["name"] for row in told],
            },
            "x": {"field": "v", "type": "quantitative", "title": None, "axis": {"tickCount": 4}},
            "color": {"value": "@other"},
            "tooltip": SAYS,
            "description": SAYS,
        },
    }
    title = f"KL by position in the answer, nats/token, turn {rows[0].iteration}"
    return view(title, 18 * len(rows) + 70, [bars], zoom=False)
