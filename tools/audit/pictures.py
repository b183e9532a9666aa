"""The plots of a card as SVG and PNG: the same bytes for the same card.

matplotlib draws (`pip install plimsoll-line[plots]`); only this file imports it.
"""

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from logs.errors import UsageError
from logs.text import clip, visible
from logs.vocabulary import Status
from tools.audit.card import JudgeCard
from tools.audit.design import Kept
from tools.audit.figures import MARGINS, Row, accuracy_of, curve, heading, profile, span
from tools.instruments.reliability import ReliabilityCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "plimsoll",
    "svg.fonttype": "path",  # the reader's fonts cannot move or cut a label
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.parse_math": False,  # a name with a dollar sign is a name
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
}
MARKS = {
    Status.GREEN: ("o", "#1b7837", "surely at most .05"),
    Status.YELLOW: ("^", "#b8860b", "surely at most .10"),
    Status.RED: ("X", "#b2182b", "seen, and maybe above .10"),
    Status.INSUFFICIENT: ("", "#777777", "too few to tell"),
}
"""Status -> marker, colour, word: the shape alone says it."""
DPI = 150
LONGEST_NAME = 30


def pictures(card: JudgeCard, kept: Kept) -> Iterator[tuple[str, bytes]]:
    """File names and bytes: `bias-profile` and, where there are claims, `reliability`.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError(
            "Plots as files need matplotlib.",
            saw="no module matplotlib",
            wanted="the extra `plots`",
            try_this="pip install 'plimsoll-line[plots]'; the text plot needs nothing",
        ) from None
    with matplotlib.rc_context(SETTINGS):
        if rows := profile(card):
            yield from _both("bias-profile", _forest(Figure, card, rows), heading(card))
        if found := curve(kept):
            yield from _both("reliability", _diagram(Figure, card, found), heading(card))


def _both(name: str, figure: "Figure", title: str) -> Iterator[tuple[str, bytes]]:
    about = {"svg": {"Date": None, "Creator": None, "Title": title}, "png": {"Software": None}}
    for kind, metadata in about.items():
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=DPI, metadata=metadata)
        yield f"{name}.{kind}", out.getvalue()


def _forest(figure_type: type["Figure"], card: JudgeCard, rows: Sequence[Row]) -> "Figure":
    """Shifts with their intervals, one below the other, between the two margins."""
    figure = figure_type(figsize=(8.4, 1.75 + 0.27 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    low, high = span(rows)
    _margins(axes)
    for place, row in enumerate(rows):
        _interval(axes, row, place)
        axes.annotate(
            row.says,
            (1.02, place),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            family="DejaVu Sans Mono",
            fontsize=7.5,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(rows)), [_name(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("shift of the preference, in probability; right: the treated answer gains")
    _titled(figure, card)
    used = [s for s in MARKS if any(r.status is s for r in rows)]
    handles = [_handle(axes, status) for status in used]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return figure


def _margins(axes: "Axes") -> None:
    axes.axvline(0, color="#333333", linewidth=0.8, zorder=0)
    axes.axvspan(-MARGINS[0], MARGINS[0], color="#e6f0e8", zorder=-1)
    for margin, style in zip(MARGINS, ((0, (4, 2)), (0, (1, 2))), strict=True):
        for edge in (-margin, margin):
            axes.axvline(edge, color="#777777", linewidth=0.8, linestyle=style, zorder=0)


def _interval(axes: "Axes", row: Row, place: int) -> None:
    marker, colour, _ = MARKS[row.status]
    if row.low is None or row.high is None:
        return
    axes.plot([row.low, row.high], [place, place], color=colour, linewidth=1.8)
    for end in (row.low, row.high):
        axes.plot(end, place, marker="|", color=colour, markersize=6)
    if row.estimate is not None and marker:
        axes.plot(row.estimate, place, marker=marker, color=colour, markersize=6.5)


def _handle(axes: "Axes", status: Status) -> Any:
    marker, colour, word = MARKS[status]
    style: dict[str, Any] = {"marker": marker or "|", "color": colour, "linewidth": 1.8}
    (line,) = axes.plot([], [], label=f"{status}: {word}", **style)
    return line


def _diagram(figure_type: type["Figure"], card: JudgeCard, found: ReliabilityCurve) -> "Figure":
    """What was claimed against what was so, with the band of a calibrated judge."""
    figure = figure_type(figsize=(5.6, 6.6), layout="constrained")
    axes, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [5, 1], "hspace": 0.05}
    )
    axes.fill_between(
        found.claimed,
        found.low,
        found.high,
        color="#dddddd",
        linewidth=0,
        label="where a calibrated judge would lie, 95 %",
    )
    axes.plot([0, 1], [0, 1], color="#777777", linewidth=0.8, linestyle=(0, (4, 2)))
    axes.plot(
        found.claimed, found.observed, color="#2166ac", marker=".", markersize=4, label="this judge"
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="share that was so")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    below.hist(found.claimed, bins=20, range=(0, 1), weights=found.count, color="#2166ac")
    below.yaxis.get_major_locator().set_params(integer=True)
    below.set(xlabel="claimed: P(the answer named A is better)", ylabel="pairs")
    _titled(figure, card)
    return figure


def _titled(figure: "Figure", card: JudgeCard) -> None:
    text = f"{clip(visible(heading(card)), 80)}\n{accuracy_of(card)}"
    figure.suptitle(text, fontsize=10, x=0.01, ha="left")


def _name(row: Row) -> str:
    name = visible(row.name)
    cut = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return f"{cut} (only gains count)" if row.upwards else cut
