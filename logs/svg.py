"""Small pieces of SVG: elements, scales, marks. Everything that enters is escaped."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from logs.text import visible
from logs.turns import Ending


def el(name: str, *children: str, **attributes: object) -> Markup:
    """Return an element; `class_` is `class`, other underscores are hyphens."""
    # Names come from this code; only what stands in quotes and between tags is others'.
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
    )
    inside = "".join(c if isinstance(c, Markup) else escape(visible(c)) for c in children)
    return Markup(f"<{name}{said}>{inside}</{name}>")


class Scale(NamedTuple):
    """A straight line from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round numbers that span [low, high], so that nothing is cut off."""
    span = (high - low) or abs(high) or 1.0
    rough = max(span / about, 1e-12)  # ticks are rounded to 12 places
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


def whole_ticks(low: int, high: int, room: float) -> list[int]:
    """Return iterations to label, so that labels have at least 26 pixels each."""
    step = 1
    while (high - low) / step * 26 > room and step < high - low:
        step = step * 2 if str(step)[0] != "2" else step * 5 // 2
    return [i for i in range(low, high + 1) if i % step == 0 or i == low == high]


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return the `d` of a line through the points."""
    return "M" + "L".join(f"{_n(x)},{_n(y)}" for x, y in points)


def mark(ending: Ending, x: float, y: float, says: str, size: float = 5.5) -> Markup:
    """Return the mark of an outcome: another shape for each, so that colour is not needed."""
    s = size
    name = {"class_": f"mark {ending.name.lower()}"}
    title = el("title", says)
    match ending:
        case Ending.REFUSED:
            arms = f"M{_n(x - s)},{_n(y - s)}L{_n(x + s)},{_n(y + s)}"
            return el(
                "path", title, d=f"{arms}M{_n(x - s)},{_n(y + s)}L{_n(x + s)},{_n(y - s)}", **name
            )
        case Ending.ROLLED_BACK:
            corners = [(x - s, y), (x + s, y - s), (x + s, y + s)]
        case Ending.ASKED | Ending.PARKED:
            corners = [(x - s, y), (x, y - s), (x + s, y), (x, y + s)]
        case Ending.STOPPED | Ending.FAILED:
            corners = [(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)]
        case _:
            return el("circle", title, cx=_n(x), cy=_n(y), r=_n(s), **name)
    return el("path", title, d=path(corners) + "Z", **name)


def label(text: str, x: float, y: float, kind: str = "small", anchor: str = "start") -> Markup:
    """Return a piece of text."""
    return el("text", text, x=_n(x), y=_n(y), class_=kind, text_anchor=anchor)


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> Markup:
    """Return a straight line."""
    return el("line", x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2), class_=kind)


def picture(
    name: str, title: str, description: str, width: float, height: float, *parts: Markup
) -> Markup:
    """Return the whole picture, named and described for those who do not see it."""
    return el(
        "svg",
        el("title", title, id=f"{name}-title"),
        el("desc", description, id=f"{name}-desc"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_n(width)} {_n(height)}",
        width=_n(width),
        height=_n(height),
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(value: object) -> str:
    return visible(str(value))
