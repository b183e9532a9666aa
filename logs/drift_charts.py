"""Drift as small multiples: one small panel per instrument, each on an axis of its own.

Undefined is a gap, never a zero; the dashed line is where the instrument alarms.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from logs.drift import AGAINST, ALONE, Row, profile, rows_at, said, told, warnings
from logs.drift_text import HEADERS, cells
from logs.drift_views import multiple
from logs.drift_views import profile as profile_view
from logs.series import Line, kept, runs
from logs.svg import Scale, el, label, path, picture, rule, ticks, whole_ticks
from logs.text import number
from logs.turns import Turn
from logs.vega import Spec
from logs.vocabulary import Measurement

WIDE, NARROW = 720, 350
COLUMNS = {WIDE: 3, NARROW: 1}
HEIGHT, TOP, BOTTOM, SIDE, APART = 78, 24, 22, 44, 18
SIGNED_DOWN = ("vendi", "siblings", "entropy", "distinct", "format", "retention", "held")
"""Instruments that alarm on a fall."""
TITLES = {
    "kl_per_token": "KL from the anchor, nats/token",
    "kl_per_answer": "KL from the anchor, nats/answer",
    "mmd": "MMD², any difference",
    "c2st": "classifier, AUC",
    "vendi_change": "Vendi, corpus",
    "siblings_change": "Vendi, siblings",
    "entropy_change": "token entropy",
    "distinct_2_change": "distinct-2",
    "self_bleu_change": "self-BLEU-4",
    "length_change": "length",
    "refusals_change": "refusals",
    "format_change": "form asked for",
    "ceiling_growth": "judge's ceiling",
    "reward_jump": "judged reward since probed",
    "proxy_gold_gap": "proxy-gold gap, audited",
    "retention": "retention, audited",
}
STYLE = (
    "text{fill:#1c2127;font:11px system-ui,sans-serif}text.small{fill:#57606a;font-size:10px}"
    "text.title{font-weight:600}.grid{stroke:#dfe2e6}.zero{stroke:#57606a}"
    ".margin{stroke:#b3261e;stroke-dasharray:6 3}.line{fill:none;stroke-width:2}"
    ".other{stroke:#5b4a9c;fill:#5b4a9c}.line.other{fill:none}"
    ".band{stroke:none;fill-opacity:.22}rect.other{stroke:none}"
)


class Drawn(NamedTuple):
    """The section of the report."""

    says: str
    warned: tuple[str, ...]
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wide: Markup
    narrow: Markup
    specs: tuple[Spec, ...] = ()
    """The same panels as Vega-Lite views, where a script may draw them."""


def section(turns: Sequence[Turn]) -> Drawn | None:
    """Drift against the anchor; None where no drift set was measured."""
    rows = [r for r in rows_at(turns) if r.instrument in (*AGAINST, *ALONE)]
    panels = _panels(turns)
    if not rows or not panels:
        return None
    return Drawn(
        says=headline(rows),
        warned=tuple(warnings(rows)),
        headers=HEADERS,
        rows=tuple(cells(row) for row in rows),
        wide=multiples(turns, WIDE),
        narrow=multiples(turns, NARROW),
        specs=tuple(_views(turns, panels)),
    )


def _views(turns: Sequence[Turn], panels: Sequence[Line]) -> Iterator[Spec]:
    x = [t.iteration for t in told(turns)]
    for line in panels:
        defined = [m for _, m in line.values if m.estimate is not None]
        margins = _line_of(line.name, defined)
        yield multiple(line, TITLES[line.name], margins, (min(x), max(x)))
    if nats := profile(turns):
        yield profile_view(nats)


def headline(rows: Sequence[Row]) -> str:
    """One sentence: how many metrics changed, as of when."""
    found = next((r for r in rows if r.instrument == "drift_alarms"), None)
    if found is None or found.measurement.estimate is None:
        return "No look at a changed policy yet: HEAD is the anchor, or no drift set was drawn."
    m = found.measurement
    changed = next((a for a in m.assumptions if a.startswith("changed: ")), "changed: not told")
    return (
        f"{int(m.estimate or 0)} of {m.n} metrics changed beyond doubt by turn {found.iteration}, "
        f"after {found.looks} look{'s' * (found.looks != 1)} ({changed})."
    )


def multiples(turns: Sequence[Turn], width: int) -> Markup:
    """Small panels in as many columns as fit, with the profile of nats by position."""
    panels = _panels(turns)
    columns = COLUMNS[width]
    room = (width - APART * (columns - 1)) / columns
    x = [t.iteration for t in told(turns)]
    parts: list[Markup] = []
    for at, line in enumerate(panels):
        left = (at % columns) * (room + APART)
        parts += _panel(line, (min(x), max(x)), left, (at // columns) * _PITCH, room)
    top = -(-len(panels) // columns) * _PITCH
    nats = profile(turns)
    parts += _profile(nats, top, min(width, 360)) if nats else []
    height = top + (TOP + 18 * len(nats) + 8 if nats else 0)
    title = "Drift against the anchor"
    return picture(
        f"drift-{width}", title, "One panel per instrument over turns.", width, height, *parts
    )


_PITCH = TOP + HEIGHT + BOTTOM


def standalone(drawn: Markup) -> str:
    """The picture as a file of its own, with the few styles that it needs."""
    head, _, rest = str(drawn).partition(">")
    return f"{head}><style>{STYLE}</style>{rest}\n"


def _panels(turns: Sequence[Turn]) -> list[Line]:
    found: dict[str, list[tuple[int, Measurement]]] = {}
    for turn in told(turns):
        for m in turn.observation.measurements if turn.observation else ():
            against = m.instrument in AGAINST and m.of == "anchor"
            if m.instrument in TITLES and (against or m.of in ("", "panel")):
                found.setdefault(m.instrument, []).append((turn.iteration, m))
    lines = (Line(name, "other", tuple(found[name])) for name in TITLES if name in found)
    return list(kept(*lines))


def _panel(
    line: Line, turns: tuple[int, int], left: float, top: float, room: float
) -> Iterator[Markup]:
    values = [m for _, m in line.values if m.estimate is not None]
    margin = _line_of(line.name, values)
    held = [v for m in values for v in (m.estimate, m.low, m.high) if v is not None]
    marks = ticks(min(held + margin + [0.0]), max(held + margin + [0.0]), 2)
    x = Scale(*turns, left + SIDE, left + room - 8)
    y = Scale(marks[0], marks[-1], top + TOP + HEIGHT, top + TOP)
    yield label(TITLES[line.name], left, top + 12, "title")
    for value in marks:
        kind = "zero" if not value else "grid"
        yield rule(left + SIDE, y.at(value), left + room, y.at(value), kind)
        yield label(number(value), left + SIDE - 5, y.at(value) + 4, "small", "end")
    for value in margin:
        yield rule(left + SIDE, y.at(value), left + room, y.at(value), "margin")
    for i in whole_ticks(turns[0], turns[1], room - SIDE):
        yield label(str(i), x.at(i), top + TOP + HEIGHT + 13, "small", "middle")
    yield from _curve(line, x, y)


def _line_of(name: str, values: Sequence[Measurement]) -> list[float]:
    """Where it alarms, with its sign."""
    margins = {m.margin for m in values if m.margin is not None}
    sign = -1.0 if name.startswith(SIGNED_DOWN) else 1.0
    return [sign * m for m in margins]


def _curve(line: Line, x: Scale, y: Scale) -> Iterator[Markup]:
    for run in runs(line.values):
        banded = [(i, m.low, m.high) for i, m in run if m.low is not None and m.high is not None]
        if len(banded) > 1:
            upper = [(x.at(i), y.at(high)) for i, _, high in banded]
            lower = [(x.at(i), y.at(low)) for i, low, _ in reversed(banded)]
            yield el("path", d=path(upper + lower) + "Z", class_=f"band {line.style}")
        elif banded:
            (i, low, high), *_ = banded
            yield rule(x.at(i), y.at(low), x.at(i), y.at(high), f"line {line.style}")
        points = [(x.at(i), y.at(m.estimate)) for i, m in run if m.estimate is not None]
        yield el("path", d=path(points), class_=f"line {line.style}")
        for (i, m), (px, py) in zip(run, points, strict=True):
            says = el("title", f"turn {i}: {said(m)}, n = {m.n}, {m.status}")
            yield el("circle", says, cx=f"{px:.1f}", cy=f"{py:.1f}", r=2.5, class_=line.style)


def _profile(nats: Sequence[Row], top: float, width: float) -> Iterator[Markup]:
    most = max(r.measurement.estimate or 0.0 for r in nats) or 1.0
    title = f"KL by position in the answer, nats/token, turn {nats[0].iteration}"
    yield label(title, 0, top + 12, "title")
    for at, row in enumerate(nats):
        value, y = row.measurement.estimate or 0.0, top + TOP + 18 * at
        yield label(row.of, 78, y + 9, "small", "end")
        long = (width - 170) * value / most
        yield el("rect", x=84, y=f"{y:.0f}", width=f"{long:.1f}", height=11, class_="other")
        yield label(f"{value:.3f}  n={row.measurement.n}", 90 + long, y + 9, "small")
