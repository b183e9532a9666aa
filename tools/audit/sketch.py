"""The plots of a card as text: as wide as there is room, in ASCII where nothing else can be shown.

Marks say the status by their shape; colour repeats it on a terminal and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from logs.text import visible
from logs.vocabulary import Status
from tools.audit.card import JudgeCard
from tools.audit.design import Kept
from tools.audit.figures import MARGINS, Row, curve, profile, span
from tools.instruments.reliability import ReliabilityCurve

NARROWEST, WIDEST = 20, 61
"""Columns of the axis."""
COLOURS = {Status.GREEN: 32, Status.YELLOW: 33, Status.RED: 31, Status.INSUFFICIENT: 90}


@dataclass(frozen=True, slots=True)
class Ink:
    """The characters that a plot is drawn with."""

    marks: dict[Status, str]
    line: str
    low: str
    high: str
    zero: str
    green: str
    red: str
    dot: str
    band: str
    cut: str
    colour: bool = False

    def shown(self, text: str, status: Status) -> str:
        """The text in the colour of a status, where there is colour."""
        return f"\x1b[{COLOURS[status]}m{text}\x1b[0m" if self.colour else text


def ink(*, unicode: bool = True, colour: bool = False) -> Ink:
    """Characters that the output can carry."""
    if unicode:
        marks = dict(zip(Status, ("●", "▲", "✖", "?"), strict=True))
        return Ink(marks, "─", "├", "┤", "│", "┊", "⋮", "•", "░", "…", colour)
    marks = dict(zip(Status, ("o", "^", "X", "?"), strict=True))
    return Ink(marks, "-", "[", "]", "|", ":", ".", "o", ".", "~", colour)


def bias_profile(card: JudgeCard, width: int, pen: Ink) -> list[str]:
    """Shifts with their intervals, one a line, between the margins."""
    rows = profile(card)
    if not rows:
        return []
    names = min(max(len(visible(r.name)) for r in rows), max(10, width // 4))
    numbers = max(len(r.says) for r in rows)
    room = width - names - numbers - 5
    beside = room >= NARROWEST
    across = min(WIDEST, room if beside else max(NARROWEST, width - names - 5))
    low, high = span(rows)
    lines = []
    for row in rows:
        name = f"{_ending(visible(row.name), names, pen.cut):<{names}}"
        drawn = _drawn(row, low, high, across, pen)
        mark = pen.shown(pen.marks[row.status], row.status)
        lines.append(f"{name} {mark} {drawn}" + (f"  {row.says}" if beside else ""))
    lines.append(f"{'':<{names}}   {_axis(low, high, across)}")
    return [*lines, *_key(rows, width, names + 3, pen)]


def _key(rows: Sequence[Row], width: int, indent: int, pen: Ink) -> list[str]:
    """What the marks and the margins mean, in as many lines as they need."""
    used = {r.status for r in rows}
    words = [f"{pen.marks[s]} {s}" for s in Status if s in used]
    words += [f"{pen.green} margin .05", f"{pen.red} .10"]
    lines, start = [""], " " * indent
    for word in words:
        if lines[-1] and indent + len(lines[-1]) + 2 + len(word) > width:
            lines.append("")
        lines[-1] += f"  {word}" if lines[-1] else word
    return [f"{start}{line}" for line in lines]


def _drawn(row: Row, low: float, high: float, across: int, pen: Ink) -> str:
    cells = [" "] * across
    for sign in (-1, 1):
        cells[_at(sign * MARGINS[1], low, high, across)] = pen.red
        cells[_at(sign * MARGINS[0], low, high, across)] = pen.green
    cells[_at(0, low, high, across)] = pen.zero
    if row.low is None or row.high is None:
        return "".join(cells)
    first, last = (_at(x, low, high, across) for x in (row.low, row.high))
    for place in range(first, last + 1):
        cells[place] = pen.line
    if last > first:
        cells[first], cells[last] = pen.low, pen.high
    inside = "".join(cells[first : last + 1])
    if row.estimate is not None:
        middle = _at(row.estimate, low, high, across) - first
        inside = inside[:middle] + pen.marks[row.status] + inside[middle + 1 :]
    return "".join(cells[:first]) + pen.shown(inside, row.status) + "".join(cells[last + 1 :])


def _ending(name: str, size: int, cut: str) -> str:
    """The end of a name tells it from its siblings: `demographic/names`, `demographic/cities`."""
    return name if len(name) <= size else f"{cut}{name[len(name) - size + 1 :]}"


def _at(value: float, low: float, high: float, across: int) -> int:
    return min(across - 1, max(0, round((value - low) / (high - low) * (across - 1))))


def _axis(low: float, high: float, across: int) -> str:
    cells = [" "] * across
    for value in (low, 0.0, high):
        text = "0" if value == 0 else f"{value:+.2f}"
        start = min(max(0, _at(value, low, high, across) - len(text) // 2), across - len(text))
        if all(c == " " for c in cells[max(0, start - 1) : start + len(text) + 1]):
            cells[start : start + len(text)] = text
    return "".join(cells).rstrip()


def reliability(kept: Kept, width: int, pen: Ink) -> list[str]:
    """What was claimed against what was so, in steps of a tenth; nothing without probabilities."""
    found = curve(kept)
    if found is None:
        return []
    across = max(8, min(41, width - 32))
    lines = ["claimed    pairs  share that was so"]
    for tenth in range(10):
        part = _part(found, tenth)
        name = f".{tenth}-{'1.0' if tenth == 9 else f'.{tenth + 1}'}"
        if part is None:
            lines.append(f"{name:<9} {0:>6}")
            continue
        count, so, least, most = part
        cells = [" "] * across
        for place in range(_at(least, 0, 1, across), _at(most, 0, 1, across) + 1):
            cells[place] = pen.band
        cells[_at(so, 0, 1, across)] = pen.dot
        inside = "inside" if least <= so <= most else "outside"
        lines.append(f"{name:<9} {count:>6}  {''.join(cells)} {so:.2f} {inside}")
    axis = f"{'':<18}0{'1':>{across - 1}}"
    return [*lines, axis, f"{pen.dot} this judge, {pen.band} a calibrated one"]


def _part(found: ReliabilityCurve, tenth: int) -> tuple[int, float, float, float] | None:
    """Pairs, monotone share, and band of the claims in one tenth, weighted by pairs."""
    at = [i for i, p in enumerate(found.claimed) if min(9, int(p * 10)) == tenth]
    total = sum(found.count[i] for i in at)
    if not total:
        return None

    def mean_of(values: Sequence[float]) -> float:
        return sum(values[i] * found.count[i] for i in at) / total

    return total, mean_of(found.observed), mean_of(found.low), mean_of(found.high)
