"""More charts of a session: alarms, judges, spending and slices."""

from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup

from logs import vega
from logs.charts import NARROW, RIGHT, WIDE, Figure, panels_figure
from logs.series import Line, Panel, caption, kept
from logs.summary import of_measurement
from logs.svg import Scale, el, label, picture, rule, ticks
from logs.text import number
from logs.turns import Turn
from logs.vocabulary import Measurement

ALARM = ("share of the alarm threshold", "nats of evidence")
"""Units of what adds up evidence over looks, so that it may be read at any time."""
STEPS = ("draw", "judge", "survey", "train", "try_out", "control", "weigh")
"""Jobs that take the time of a turn; what else a record names is `other`."""
FLAW = "flaw_pays"
ROW, SIDE, TOP = 30, 118, 26


def more(turns: Sequence[Turn]) -> list[Figure]:
    """What there is to draw."""
    drawn = (alarms(turns), reliability(turns), bias(turns), slices(turns), spending(turns))
    return [figure for figure in drawn if figure]


def alarms(turns: Sequence[Turn]) -> Figure | None:
    """When did alarm become evidence? One line per monitor, and where it fires."""
    found = _series(turns, lambda m: m.units in ALARM)
    panels = [
        Panel(
            f"{name}, {values[0][1].units}",
            kept(Line(name, "other", values)),
            (0.0, *_fires(values)),
        )
        for name, values in found.items()
    ]
    crossed = [
        f"{name} in iteration {i}"
        for name, values in found.items()
        for i, m in values
        if m.estimate is not None and m.margin is not None and m.estimate >= m.margin
    ]
    fired = ", ".join(crossed)
    says = f"Crossed its line: {fired}." if crossed else "No monitor crossed its line."
    return panels_figure("alarms", "Evidence of alarms", says, panels, turns)


def _fires(values: Sequence[tuple[int, Measurement]]) -> tuple[float, ...]:
    return tuple(m.margin for _, m in values if m.margin is not None)


def reliability(turns: Sequence[Turn]) -> Figure | None:
    """Which judge to trust: each against audited labels, turn by turn."""
    found = _series(turns, lambda m: m.instrument == "judge_accuracy" and bool(m.of))
    styles = {name: "gold" if m[0][1].of == "panel" else "judge" for name, m in found.items()}
    panels = [
        Panel(f"{name}, {values[0][1].units}", kept(Line(name, styles[name], values)), (0.5, 1.0))
        for name, values in found.items()
    ]
    latest = [values[-1][1] for values in found.values()]
    says = "; ".join(of_measurement(m) for m in latest)
    return panels_figure(
        "reliability", "Judges against audited labels", f"Latest: {says}.", panels, turns
    )


def bias(turns: Sequence[Turn]) -> Figure | None:
    """Why not to trust a judge: how often a planted flaw was paid, first and last."""
    return _first_and_last(
        turns, FLAW, "bias", "What the panel pays for", "How often the twin with a planted flaw won"
    )


def slices(turns: Sequence[Turn]) -> Figure | None:
    """Who pays for the gain: gold by skill, first and last."""
    return _first_and_last(
        turns, "gold_skill", "slices", "Gold by skill, first and last", "Share of right answers"
    )


def spending(turns: Sequence[Turn]) -> Figure | None:
    """What a turn takes, by what it was spent on."""
    rows: list[tuple[int, str, float, str]] = []
    for turn in turns:
        parts: dict[str, float] = {}
        for name, seconds in dict((turn.record or {}).get("seconds") or {}).items():
            if isinstance(seconds, int | float):
                part = name if name in STEPS else "other"
                parts[part] = parts.get(part, 0.0) + float(seconds)
        rows += [
            (turn.iteration, p, v, f"iteration {turn.iteration}: {p} {v:.1f} s")
            for p, v in sorted(parts.items())
        ]
    if not rows:
        return None
    kinds = [k for k in (*STEPS, "other") if any(row[1] == k for row in rows)]
    total = sum(v for _, _, v, _ in rows)
    says = f"{total:.0f} seconds of jobs in {len({row[0] for row in rows})} turns."
    title = "Seconds of jobs per iteration"
    wide, narrow = (_bars(rows, kinds, title, width) for width in (WIDE, NARROW))
    under = "Measured by the clock inside each job; exact, so without a band."
    table = tuple((str(i), part, f"{v:.3g}") for i, part, v, _ in rows)
    specs = (vega.stacked(rows, kinds, title),)
    headers = ("iteration", "job", "seconds")
    return Figure(
        "spending", "Where the time went", says, under, wide, narrow, headers, table, specs
    )


def _series(
    turns: Sequence[Turn], wanted: Callable[[Measurement], bool]
) -> dict[str, tuple[tuple[int, Measurement], ...]]:
    """Measurements over turns by `instrument of`, those that were ever defined."""
    found: dict[str, list[tuple[int, Measurement]]] = {}
    for turn in turns:
        for m in turn.observation.measurements if turn.observation else ():
            if wanted(m):
                found.setdefault(f"{m.instrument} {m.of}".strip(), []).append((turn.iteration, m))
    defined = {k: v for k, v in found.items() if any(m.estimate is not None for _, m in v)}
    return {k: tuple(v) for k, v in defined.items()}


def _first_and_last(
    turns: Sequence[Turn], instrument: str, name: str, heading: str, title: str
) -> Figure | None:
    read = [(t.iteration, _named(t, instrument)) for t in turns]
    read = [(i, found) for i, found in read if found]
    if not read:
        return None
    ends = [read[0]] if len(read) == 1 else [read[0], read[-1]]
    rows = [(m, f"iteration {i}", i) for i, found in ends for m in found.values()]
    both = [(of, ends[0][1][of], last) for of, last in ends[-1][1].items() if of in ends[0][1]]
    fell = [of for of, first, last in both if _below(last, first)]
    rose = [of for of, first, last in both if _below(first, last)]
    clear = (
        f"From first to last clearly higher: {', '.join(rose) or 'none'}; "
        f"clearly lower: {', '.join(fell) or 'none'}."
    )
    wide, narrow = (dotted(name, rows, heading, width) for width in (WIDE, NARROW))
    line = Line(instrument, "other", tuple((i, m) for m, _, i in rows))
    told = [dot_row(m, series) for m, series, _ in rows if m.estimate is not None]
    table = tuple((series, m.of, of_measurement(m), str(m.status)) for m, series, _ in rows)
    headers = ("when", "of", "estimate [interval] n", "status")
    under = f"{title}. {caption([line])}"
    specs = (vega.dots(told, title),)
    return Figure(name, heading, clear, under, wide, narrow, headers, table, specs)


def _named(turn: Turn, instrument: str) -> dict[str, Measurement]:
    observed = turn.observation.measurements if turn.observation else ()
    found = (m for m in (*turn.gold, *observed) if m.instrument == instrument)
    return {m.of: m for m in found if m.of and m.estimate is not None}


def _below(a: Measurement, b: Measurement) -> bool:
    return a.high is not None and b.low is not None and a.high < b.low


def dot_row(m: Measurement, series: str) -> dict[str, object]:
    """The same as a row of `vega.dots`."""
    named = {"name": m.of, "series": series, "says": f"{series}: {of_measurement(m)}"}
    return {**named, "v": m.estimate, "low": m.low, "high": m.high}


def dotted(
    name: str, rows: Sequence[tuple[Measurement, str, int]], title: str, width: int
) -> Markup:
    """A dot and its interval per measurement; rows are (measurement, series, iteration)."""
    names = list(dict.fromkeys(m.of for m, _, _ in rows))
    series = list(dict.fromkeys(s for _, s, _ in rows))
    seen = [v for m, _, _ in rows for v in (m.estimate, m.low, m.high) if v is not None]
    marks = ticks(min(0.0, *seen), max(0.0, *seen))
    side = max(SIDE, 7 * max(map(len, names)) + 16)
    x = Scale(marks[0], marks[-1], side, width - RIGHT - 6)
    bottom = TOP + ROW * len(names)
    styles = STYLES[-len(series) :]
    parts: list[Markup] = []
    for value in marks:
        parts.append(rule(x.at(value), TOP - 4, x.at(value), bottom, "grid"))
        parts.append(label(number(value), x.at(value), bottom + 16, "small", "middle"))
    for at, one in enumerate(names):
        y = TOP + ROW * at + ROW / 2
        parts.append(label(one, side - 10, y + 4, "small", "end"))
        for m, s, _ in (row for row in rows if row[0].of == one):
            at_series = series.index(s)
            shifted = y + (9.0 * at_series - 4.5 if len(series) > 1 else 0.0)
            parts += _dot(m, s, styles[at_series], x, shifted)
    for at, (s, style) in enumerate(zip(series, styles, strict=True)):
        left = side + 110.0 * at
        parts += [el("circle", cx=left, cy=12, r=4, class_=style), label(s, left + 9, 16)]
    return picture(
        f"{name}-{width}", title, "Estimates with intervals.", width, bottom + 24, *parts
    )


STYLES = ("other", "judge")


def _dot(m: Measurement, series: str, style: str, x: Scale, y: float) -> Iterator[Markup]:
    if m.low is not None and m.high is not None:
        yield rule(x.at(m.low), y, x.at(m.high), y, f"line {style}")
    if m.estimate is not None:
        says = el("title", f"{series}: {of_measurement(m)}")
        yield el("circle", says, cx=f"{x.at(m.estimate):.1f}", cy=f"{y:.1f}", r=4, class_=style)


def _bars(
    rows: Sequence[tuple[int, str, float, str]], kinds: Sequence[str], title: str, width: int
) -> Markup:
    sums: dict[int, float] = {}
    for i, _, v, _ in rows:
        sums[i] = sums.get(i, 0.0) + v
    iterations = range(min(sums), max(sums) + 1)
    marks = ticks(0.0, max(sums.values()))
    height = 150
    y = Scale(marks[0], marks[-1], TOP + height, TOP)
    room = (width - 60) / len(iterations)
    parts: list[Markup] = [label(title, 0, 14, "title")]
    for value in marks:
        parts.append(rule(46, y.at(value), width - RIGHT, y.at(value), "grid"))
        parts.append(label(number(value), 40, y.at(value) + 4, "small", "end"))
    for i in iterations:
        at, base = 46 + room * (i - iterations[0]), 0.0
        for _, part, v, says in sorted(
            (r for r in rows if r[0] == i), key=lambda r: kinds.index(r[1])
        ):
            top = y.at(base + v)
            parts.append(
                el(
                    "rect",
                    el("title", says),
                    x=f"{at + room * 0.12:.1f}",
                    y=f"{top:.1f}",
                    width=f"{room * 0.76:.1f}",
                    height=f"{y.at(base) - top:.2f}",
                    class_=f"part{kinds.index(part)}",
                )
            )
            base += v
        if len(iterations) <= 30 or i % (len(iterations) // 15) == 0:
            parts.append(label(str(i), at + room / 2, TOP + height + 16, "small", "middle"))
    legend, bottom = _legend(kinds, width, TOP + height + 38)
    return picture(f"spending-{width}", title, "Stacked bars.", width, bottom, *parts, *legend)


def _legend(kinds: Sequence[str], width: int, top: float) -> tuple[list[Markup], float]:
    x, y, parts = 46.0, top, list[Markup]()
    for at, kind in enumerate(kinds):
        room = 30 + 7 * len(kind)
        if x + room > width:
            x, y = 46.0, y + 20
        parts.append(el("rect", x=x, y=y - 9, width=11, height=11, class_=f"part{at}"))
        parts.append(label(kind, x + 16, y))
        x += room
    return parts, y + 12
