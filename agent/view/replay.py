"""The replay matrix: what an edit of constitution or panel did to verdicts on the same answers.

Where a turn scored its answers under both panels, the log names both sets of verdicts. Each
prompt is one case: its first two different answers, and which of them each panel prefers.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from agent.view.place import Place
from logs import vega
from logs.charts import NARROW, WIDE, Figure
from logs.errors import PlimsollError
from logs.svg import el, label, picture
from logs.turns import Turn
from logs.vocabulary import Intervention, Panel

VERDICTS = ("first", "tie", "second")
REPLAYED = (Intervention.EDIT_CONSTITUTION,)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Old verdict against new verdict, counted over prompts."""

    iteration: int
    ending: str
    counts: Mapping[tuple[str, str], int]

    @property
    def n(self) -> int:
        """Prompts that both panels judged."""
        return sum(self.counts.values())

    @property
    def changed(self) -> int:
        """Prompts on which the verdict is another one."""
        return sum(c for (old, new), c in self.counts.items() if old != new)

    def figure(self) -> Figure:
        """The matrix as a picture with its numbers."""
        name = f"replay-{self.iteration}"
        heading = f"Effect of the edit of iteration {self.iteration}, {self.ending}"
        says = f"{self.changed} of {self.n} verdicts change."
        under = (
            f"Verdicts on the first two different answers to each prompt, n = {self.n} prompts; "
            "an exact count of the cases replayed, no claim beyond them."
        )
        rows = tuple(
            (old, new, str(self.counts.get((old, new), 0))) for old in VERDICTS for new in VERDICTS
        )
        wide, narrow = (_drawn(self, f"{name}-{w}", heading, w) for w in (WIDE, NARROW))
        headers = ("old verdict", "new verdict", "prompts")
        return Figure(name, heading, says, under, wide, narrow, headers, rows, (_spec(self),))


def matrices(place: Place, content: bool) -> Iterator[Matrix]:
    """One matrix per edit whose answers were scored by both panels."""
    for session in place.sessions():
        for turn in place.turns(session):
            if turn.intervention in REPLAYED and (found := matrix_of(place, turn)):
                yield found


def matrix_of(place: Place, turn: Turn) -> Matrix | None:
    """The matrix of one turn; None where nothing was scored twice, or an artefact is gone."""
    exchange, proposal, seen = turn.exchange, turn.proposal, turn.observation
    if exchange is None or exchange.new_verdicts is None or proposal is None or seen is None:
        return None
    store = place.workspace.store
    try:
        panel = place.journal.commit_of(seen.head).state.panel
        answers = store.get_lines(exchange.samples)
        olds = store.get_lines(exchange.old_verdicts)
        news = store.get_lines(exchange.new_verdicts)
    except (PlimsollError, ValueError):
        return None
    counts: Counter[tuple[str, str]] = Counter()
    for drawn, old, new in zip(answers, olds, news, strict=False):
        pair = _pair([a[0] for a in drawn["answers"]])
        before, after = _verdict(old, panel, pair), _verdict(new, proposal.new.panel, pair)
        if before and after:
            counts[before, after] += 1
    return Matrix(turn.iteration, str(turn.ending), counts) if counts else None


def panel_scores(row: Mapping[str, Any], panel: Panel) -> list[float | None]:
    """Weighted mean of the judges' scores per answer; None where a judge of weight failed."""
    weights = {j.id: float(j.weight) for j in panel.judges if j.weight}
    scores = row["scores"]
    if not weights or any(name not in scores for name in weights):
        return []
    total = sum(weights.values())
    columns = zip(*(scores[name] for name in weights), strict=True)
    return [
        None
        if any(s is None for s in column)
        else sum(w * s for w, s in zip(weights.values(), column, strict=True)) / total
        for column in columns
    ]


def _pair(texts: Sequence[str]) -> tuple[int, int] | None:
    other = next((i for i, text in enumerate(texts) if text != texts[0]), None)
    return None if other is None else (0, other)


def _verdict(row: Mapping[str, Any], panel: Panel, pair: tuple[int, int] | None) -> str:
    scores = panel_scores(row, panel)
    if pair is None or len(scores) <= pair[1]:
        return ""
    a, b = scores[pair[0]], scores[pair[1]]
    if a is None or b is None:
        return ""
    return "tie" if a == b else "first" if a > b else "second"


def _drawn(matrix: Matrix, name: str, title: str, width: int) -> Markup:
    size, left, top = 74, 110, 40
    parts: list[Markup] = [
        label("new verdict", left, 14, "small"),
        label("old verdict", 0, 34, "small"),
    ]
    most = max(matrix.counts.values())
    for row, old in enumerate(VERDICTS):
        y = top + row * size * 0.6
        parts.append(label(old, left - 10, y + 26, "small", "end"))
        for column, new in enumerate(VERDICTS):
            x, count = left + column * size, matrix.counts.get((old, new), 0)
            kind = "other" if old == new else "judge"
            shade = f"{0.08 + 0.5 * count / most:.2f}"
            says = el("title", f"{old} before, {new} after: {count} prompts")
            parts.append(
                el(
                    "rect",
                    says,
                    x=x,
                    y=f"{y:.1f}",
                    width=size - 3,
                    height=f"{size * 0.6 - 3:.1f}",
                    class_=f"cell {kind}",
                    fill_opacity=shade,
                )
            )
            parts.append(label(str(count), x + size / 2, y + 26, "title", "middle"))
    parts += [
        label(new, left + i * size + size / 2, 32, "small", "middle")
        for i, new in enumerate(VERDICTS)
    ]
    return picture(
        name, title, "Old verdict by new verdict.", width, top + 3 * size * 0.6 + 6, *parts
    )


def _spec(matrix: Matrix) -> dict[str, Any]:
    rows = [
        {
            "old": old,
            "new": new,
            "n": (c := matrix.counts.get((old, new), 0)),
            "says": f"{old} before, {new} after: {c} of {matrix.n} prompts",
        }
        for old in VERDICTS
        for new in VERDICTS
    ]
    says = {"field": "says", "type": "nominal"}
    base: dict[str, Any] = {
        "x": {
            "field": "new",
            "type": "nominal",
            "title": "new verdict",
            "sort": list(VERDICTS),
            "axis": {"labelAngle": 0, "orient": "top"},
        },
        "y": {"field": "old", "type": "nominal", "title": "old verdict", "sort": list(VERDICTS)},
        "tooltip": says,
    }
    shade = {"field": "n", "type": "quantitative", "scale": {"range": [0.08, 0.58]}, "legend": None}
    layers = [
        {
            "mark": {"type": "rect"},
            "encoding": base
            | {"color": {"value": "@judge"}, "opacity": shade, "description": says},
        },
        {
            "mark": {"type": "text"},
            "encoding": base
            | {"text": {"field": "n", "type": "quantitative"}, "color": {"value": "@ink"}},
        },
    ]
    return vega.view("Verdicts before and after", 180, layers, zoom=False) | {
        "data": vega.values(rows)
    }
