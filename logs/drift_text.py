"""Drift for a terminal: a table with a line of its history per instrument, and Markdown."""

from collections.abc import Sequence

from logs.drift import LEGEND, SAYS, Row, said, unchanged
from logs.text import paragraphs, table, visible

BLOCKS, PLAIN = "▁▂▃▄▅▆▇█", "_.-=+*#@"
BAR, PLAIN_BAR = "█", "#"
GAP = "·"
TREND = 16
"""Turns in a history; older ones are left out."""
NARROW = 76
"""Columns below which a row is told in a paragraph."""
HEADERS = ("instrument", "trend", "estimate [interval]", "n", "looks", "status")


def spark(values: Sequence[float | None], *, ascii_only: bool = False) -> str:
    """A history as one character per turn; what is undefined is a gap, never a zero."""
    ramp, gap = (PLAIN, " ") if ascii_only else (BLOCKS, GAP)
    shown = list(values)[-TREND:]
    known = [v for v in shown if v is not None]
    if not known:
        return gap * len(shown)
    low, high = min(known), max(known)
    top = len(ramp) - 1
    return "".join(
        gap
        if v is None
        else ramp[top // 2 if high == low else round((v - low) / (high - low) * top)]
        for v in shown
    )


def bars(rows: Sequence[Row], width: int, *, ascii_only: bool = False) -> list[str]:
    """Nats per token by position, as bars."""
    known = [r.measurement.estimate or 0.0 for r in rows]
    most = max(known, default=0.0)
    names = max((len(r.of) for r in rows), default=0)
    room = max(8, min(40, width - names - 26))
    mark = PLAIN_BAR if ascii_only else BAR
    return [
        f"  {r.of:<{names}}  {mark * round(room * v / most) if most else '':<{room}}  "
        f"{v:.3f}  n={r.measurement.n}".rstrip()
        for r, v in zip(rows, known, strict=True)
    ]


def cells(row: Row, *, ascii_only: bool = False) -> tuple[str, ...]:
    """One row of the table."""
    m = row.measurement
    again = " =" if unchanged(m) else ""
    return (
        visible(row.name),
        spark([v for _, v in row.history], ascii_only=ascii_only),
        said(m),
        str(m.n),
        f"{row.looks}, {SAYS[m.guarantee]}",
        f"{m.status}{again}",
    )


def text(
    head: str,
    rows: Sequence[Row],
    nats: Sequence[Row],
    warned: Sequence[str],
    width: int,
    *,
    ascii_only: bool = False,
) -> str:
    """The whole answer for a terminal of that width."""
    lines = paragraphs(head, width)
    lines += [piece for w in warned for piece in _hanging(f"! {w}", width)]
    lines.append("")
    made = [cells(row, ascii_only=ascii_only) for row in rows]
    if width >= NARROW:
        lines += table(HEADERS, made, width).split("\n")
    else:
        lines += [piece for row in made for piece in _narrow(row, width)]
    lines += paragraphs(LEGEND, width)
    if nats:
        title = f"nats per token by position in the answer, turn {nats[0].iteration}"
        lines += ["", *paragraphs(title, width)]
        lines += bars(nats, width, ascii_only=ascii_only)
    return "\n".join(lines)


def _narrow(row: tuple[str, ...], width: int) -> list[str]:
    name, trend, value, n, looks, status = row
    says = f"{value}  n={n}, looks: {looks}"
    return [*paragraphs(f"{name}: {status}  {trend}", width), *paragraphs(says, width, "  ")]


def _hanging(line: str, width: int) -> list[str]:
    first, *more = paragraphs(line, width - 2)
    return [first, *(f"  {piece}" for piece in more)]


def markdown(head: str, rows: Sequence[Row], nats: Sequence[Row], warned: Sequence[str]) -> str:
    """The same as Markdown, with history in numbers."""
    lines = [head, "", *(f"- **{w}**" for w in warned), *([""] if warned else [])]
    lines += ["| " + " | ".join(HEADERS) + " |", "|" + "---|" * len(HEADERS)]
    lines += ["| " + " | ".join(c.replace("|", "\\|") for c in cells(r)) + " |" for r in rows]
    if nats:
        lines += ["", "| position | nats/token | n |", "|---|---|---|"]
        lines += [f"| {r.of} | {said(r.measurement)} | {r.measurement.n} |" for r in nats]
    return "\n".join(lines)
