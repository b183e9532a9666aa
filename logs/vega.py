"""The charts once more as Vega-Lite views: the numbers of the SVG, for hovering and zooming.

Colours are names with `@` in front, which the page replaces by those of its theme. No
expression and no address is in a view, so the page needs neither `eval` nor a request.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from logs.series import Line, Panel, runs
from logs.summary import of_measurement
from logs.svg import ticks
from logs.text import number, visible
from logs.turns import Turn
from logs.vocabulary import Intervention

Spec = dict[str, Any]
DASHES: Mapping[str, list[int]] = {"dashed": [5, 4]}
SHAPES: Mapping[str, str] = {
    "committed": "circle",
    "rolled back": "triangle-left",
    "refused": "cross",
    **dict.fromkeys(("parked", "asked"), "diamond"),
    **dict.fromkeys(("stopped", "failed"), "square"),
    **dict.fromkeys(("unfinished", "founded", "begun"), "circle"),
}
COLOURS: Mapping[str, str] = {
    "committed": "@good",
    "rolled back": "@gold",
    "refused": "@bad",
    **dict.fromkeys(("parked", "asked"), "@judge"),
}
WHOLE: Spec = {"tickMinStep": 1, "format": "d"}
ITERATION: Spec = {"field": "i", "type": "quantitative", "title": "iteration"}


def view(title: str, height: int, layers: Sequence[Spec], *, zoom: bool = True) -> Spec:
    """One view as wide as its place; zoom moves along the iterations."""
    found = [dict(layer) for layer in layers]
    if zoom and found:
        select = {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.shiftKey]"}
        found[0]["params"] = [{"name": "zoom", "select": select, "bind": "scales"}]
    return {
        "title": visible(title),
        "description": visible(title),
        "width": "container",
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "layer": found,
    }


def values(rows: Sequence[Mapping[str, object]]) -> Spec:
    """Inline data; every text in it is made visible."""
    shown = [{k: visible(v) if isinstance(v, str) else v for k, v in row.items()} for row in rows]
    return {"values": shown}


def scored(panel: Panel, turns: Sequence[Turn]) -> Spec:
    """Lines with their bands, walls between scales, the line of the alarm, interventions."""
    seen = [
        v
        for line in panel.lines
        for _, m in line.values
        for v in (m.estimate, m.low, m.high)
        if v is not None
    ]
    marks = ticks(min(*panel.holds, *seen), max(*panel.holds, *seen))
    y: Spec = {
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [marks[0], marks[-1]], "zero": False, "padding": 4},
        # As wide for any label, so that the panels of a figure share their iterations.
        "axis": {"values": marks, "minExtent": 36},
    }
    x: Spec = ITERATION | {
        "scale": {
            "domain": [turns[0].iteration, turns[-1].iteration],
            "nice": False,
            "padding": 12,
        },
        "axis": WHOLE | {"grid": False},
    }
    layers = [layer for line in panel.lines for layer in _line(line, x, y)]
    layers += [*_events(turns, x), *_margins(panel, y), *_letters(panel, x, marks[-1], y)]
    if len(panel.lines) > 1:
        layers += [_name(line, x, y, above=at > 0) for at, line in enumerate(panel.lines)]
    title = panel.title if marks[0] <= 0 <= marks[-1] else f"{panel.title} (axis from {marks[0]:g})"
    notes = [visible(note) for note in panel.notes]
    made = view(title, 190 + 14 * len(notes), layers)
    return made | {"title": {"text": made["title"], "subtitle": notes}} if notes else made


def _letters(panel: Panel, x: Spec, top: float, y: Spec) -> Iterator[Spec]:
    """Over each piece of a broken curve the letter of its scale."""
    rows = [
        {"i": run[0][0], "at": top, "letter": panel.scales[run[0][1].scale or ""]}
        for line in panel.lines
        for run in runs(line.values)
        if run[0][1].scale in panel.scales
    ]
    if rows:
        yield {
            "data": values(rows),
            "mark": {"type": "text", "dy": 8, "dx": 6, "fontWeight": "bold"},
            "encoding": {
                "x": x,
                "y": {"field": "at"} | y,
                "text": {"field": "letter", "type": "nominal"},
                "color": {"value": "@judge"},
            },
        }


def _name(line: Line, x: Spec, y: Spec, *, above: bool) -> Spec:
    """The name of a line at its end, so that no legend is needed."""
    i, m = next((i, m) for i, m in reversed(line.values) if m.estimate is not None)
    edge = m.high if above else m.low
    return {
        "data": values([{"i": i, "at": m.estimate if edge is None else edge}]),
        "mark": {
            "type": "text",
            "dy": -7 if above else 15,
            "align": "right",
            "text": visible(line.name),
        },
        "encoding": {
            "x": x,
            "y": {"field": "at"} | y,
            "color": {"value": f"@{line.style.split()[0]}"},
        },
    }


def _line(line: Line, x: Spec, y: Spec) -> Iterator[Spec]:
    rows = [
        {
            "i": i,
            "v": m.estimate,
            "low": m.low,
            "high": m.high,
            "piece": at,
            "says": f"iteration {i}: {of_measurement(m)}, {m.units}, {m.status}",
        }
        for at, run in enumerate(runs(line.values))
        for i, m in run
    ]
    style = line.style.split()
    colour, dash = {"value": f"@{style[0]}"}, DASHES.get(style[-1], [1, 0])
    data, piece = values(rows), {"field": "piece", "type": "nominal"}
    base = {"x": x, "color": colour, "detail": piece}
    low = {"field": "low"} | y
    yield {
        "data": data,
        "mark": {"type": "area", "opacity": 0.1 if len(style) > 1 else 0.22},
        "encoding": base | {"y": low, "y2": {"field": "high"}},
    }
    value = {"field": "v"} | y
    yield {
        "data": data,
        "mark": {"type": "line", "strokeDash": dash, "strokeWidth": 2},
        "encoding": base | {"y": value},
    }
    says = {"field": "says", "type": "nominal"}
    yield {
        "data": data,
        "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
        "encoding": base | {"y": value, "tooltip": says, "description": says},
    }


def _events(turns: Sequence[Turn], x: Spec) -> Iterator[Spec]:
    rows = [
        {
            "i": t.iteration,
            "says": f"iteration {t.iteration}: {t.intervention}, {t.ending}",
            "ending": str(t.ending),
        }
        for t in turns
        if t.intervention and t.intervention is not Intervention.TRAIN
    ]
    if rows:
        says = {"field": "says", "type": "nominal"}
        yield {
            "data": values(rows),
            "mark": {"type": "rule", "strokeDash": [1, 4], "strokeWidth": 1.5},
            "encoding": {"x": x, "color": {"value": "@soft"}, "tooltip": says},
        }


def _margins(panel: Panel, y: Spec) -> Iterator[Spec]:
    margins = {m.margin for line in panel.lines for _, m in line.values if m.margin is not None}
    for margin in sorted(margins):
        yield {
            "data": values([{"at": margin, "says": f"line {number(margin)}"}]),
            "mark": {"type": "rule", "strokeDash": [6, 3]},
            "encoding": {
                "y": {"field": "at"} | y,
                "color": {"value": "@bad"},
                "tooltip": {"field": "says", "type": "nominal"},
            },
        }


def outcomes(rows: Sequence[tuple[int, str, str, str]], lanes: Sequence[str]) -> Spec:
    """Points at (iteration, lane), shape and colour by how it ended.

    Args:
        rows: (iteration, lane, decision, ending).
    """
    told = [
        {"i": i, "lane": lane, "ending": e, "says": f"iteration {i}: {decision}, {e}"}
        for i, lane, decision, e in rows
    ]
    endings = list(dict.fromkeys(row[3] for row in rows))
    says = {"field": "says", "type": "nominal"}
    shape = {"domain": endings, "range": [SHAPES.get(e, "circle") for e in endings]}
    colour = {"domain": endings, "range": [COLOURS.get(e, "@ink") for e in endings]}
    layer = {
        "data": values(told),
        "mark": {"type": "point", "filled": False, "strokeWidth": 2, "size": 90, "opacity": 1},
        "encoding": {
            "x": ITERATION | {"scale": {"nice": False, "padding": 12}, "axis": WHOLE},
            "y": {
                "field": "lane",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(lanes)},
                "axis": {"grid": True},
            },
            "shape": {"field": "ending", "type": "nominal", "scale": shape},
            "color": {"field": "ending", "type": "nominal", "scale": colour},
            "tooltip": says,
            "description": says,
        },
    }
    return view("", 30 * len(lanes) + 90, [layer])


def stacked(rows: Sequence[tuple[int, str, float, str]], kinds: Sequence[str], title: str) -> Spec:
    """Bars of parts per iteration; rows are (iteration, part, amount, what is said)."""
    told = [{"i": i, "part": p, "v": v, "says": says} for i, p, v, says in rows]
    says = {"field": "says", "type": "nominal"}
    layer = {
        "data": values(told),
        "mark": {"type": "bar"},
        "encoding": {
            "x": {"field": "i", "type": "ordinal", "title": "iteration", "axis": {"labelAngle": 0}},
            "y": {"field": "v", "type": "quantitative", "title": None, "stack": "zero"},
            "color": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": list(kinds), "range": list(PARTS[: len(kinds)])},
            },
            "tooltip": says,
            "description": says,
        },
    }
    return view(title, 250, [layer], zoom=False)


PARTS = ("@judge", "@gold", "@other", "@good", "@warn", "@soft", "@bad", "@line")
"""Colours of the parts of a bar, in this order."""


def dots(rows: Sequence[Mapping[str, object]], title: str, zero: float | None = None) -> Spec:
    """An estimate with its interval per name and series.

    Args:
        rows: name, series, v, low, high, says.
        zero: Where nothing would be measured; drawn as a line.
    """
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    series = list(dict.fromkeys(str(row["series"]) for row in rows))
    y = {"field": "name", "type": "nominal", "title": None, "sort": names}
    offset = {"field": "series", "type": "nominal", "sort": series}
    scale = {"domain": series, "range": ["@soft", "@judge"][-len(series) :]}
    colour = {"field": "series", "type": "nominal", "scale": scale}
    says = {"field": "says", "type": "nominal"}
    base = {"y": y, "yOffset": offset, "color": colour, "tooltip": says}
    axis = {"tickCount": 6, "labelSeparation": 8}
    x: Spec = {"type": "quantitative", "title": None, "axis": axis}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": base | {"x": {"field": "low"} | x, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": base | {"x": {"field": "v"} | x, "description": says},
        },
    ]
    made = view(title, 30 * len(names) + 90, layers, zoom=False) | {"data": values(rows)}
    if zero is not None:
        rule = {"mark": {"type": "rule"}, "data": values([{"at": zero}])}
        encoding = {"x": {"field": "at"} | x, "color": {"value": "@soft"}}
        made["layer"].append(rule | {"encoding": encoding})
    return made
