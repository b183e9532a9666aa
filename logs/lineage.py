"""The history as a graph: commits on lanes, a new lane where a roll-back leaves one behind."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from logs import vega
from logs.charts import NARROW, WIDE, Figure
from logs.svg import Scale, el, label, picture, whole_ticks
from logs.text import short
from logs.vocabulary import Digest

LEFT, TOP, LANE = 24, 34, 44


class Node(NamedTuple):
    """One commit."""

    digest: Digest
    seq: int
    iteration: int
    parent: Digest | None
    restores: Digest | None
    what: str
    gold: float | None
    says: str

    def data(self) -> dict[str, Any]:
        """For programs."""
        return self._asdict()


def lanes(nodes: Sequence[Node]) -> dict[Digest, int]:
    """Return a lane per commit, as `git log --graph` does: a roll-back opens the next one."""
    found: dict[Digest, int] = {}
    lane = 0
    for node in nodes:
        lane += node.restores is not None
        found[node.digest] = lane
    return found


def figure(nodes: Sequence[Node]) -> Figure | None:
    """The graph; None without a commit."""
    if not nodes:
        return None
    back = sum(node.restores is not None for node in nodes)
    says = f"{len(nodes)} commits, {back} of them roll-backs."
    under = (
        "A filled circle per commit, the darker the more right answers on gold (single look, n in "
        "the numbers); a dashed edge leads back to the commit that a roll-back restored."
    )
    wide, narrow = (_drawn(nodes, says, width) for width in (WIDE, NARROW))
    rows = tuple(
        (
            str(n.iteration),
            short(n.digest),
            n.what,
            n.says,
            short(n.restores) if n.restores else "-",
        )
        for n in nodes
    )
    headers = ("iteration", "commit", "decision", "gold [interval]", "restores")
    return Figure(
        "lineage", "How we got here", says, under, wide, narrow, headers, rows, (_spec(nodes),)
    )


def edges(nodes: Sequence[Node]) -> list[tuple[Node, Node, bool]]:
    """Return (from, to, whether it leads back) for parents and restored commits that are shown."""
    known = {node.digest: node for node in nodes}
    found = [(known[n.parent], n, False) for n in nodes if n.parent in known and n.parent]
    return found + [
        (known[n.restores], n, True) for n in nodes if n.restores in known and n.restores
    ]


def _drawn(nodes: Sequence[Node], says: str, width: int) -> Markup:
    at = lanes(nodes)
    seen = [node.iteration for node in nodes]
    x = Scale(min(seen), max(seen) if max(seen) > min(seen) else min(seen) + 1, LEFT, width - LEFT)
    place = {n.digest: (x.at(n.iteration), TOP + LANE * at[n.digest]) for n in nodes}
    parts: list[Markup] = []
    for old, new, back in edges(nodes):
        (x1, y1), (x2, y2) = place[old.digest], place[new.digest]
        bend = min(y1, y2) - 26 if back else y1
        d = f"M{x1:.1f},{y1:.1f}Q{(x1 + x2) / 2:.1f},{bend:.1f} {x2:.1f},{y2:.1f}"
        parts.append(el("path", d=d, class_=f"edge{' back' * back}"))
    for node in nodes:
        px, py = place[node.digest]
        told = f"iteration {node.iteration}, {short(node.digest)}: {node.what}, gold {node.says}"
        shade = (
            "0.15" if node.gold is None else f"{0.15 + 0.85 * min(max(node.gold, 0.0), 1.0):.2f}"
        )
        parts.append(
            el(
                "circle",
                el("title", told),
                cx=f"{px:.1f}",
                cy=f"{py:.1f}",
                r=8,
                class_="node",
                fill_opacity=shade,
            )
        )
    bottom = TOP + LANE * (max(at.values()) + 1)
    parts += [
        label(str(i), x.at(i), bottom, "small", "middle")
        for i in whole_ticks(int(x.low), int(x.high), width - 2 * LEFT)
    ]
    return picture(f"lineage-{width}", "Lineage", says, width, bottom + 10, *parts)


def _spec(nodes: Sequence[Node]) -> dict[str, Any]:
    at = lanes(nodes)
    lines = [
        {"x": a.iteration, "y": at[a.digest], "x2": b.iteration, "y2": at[b.digest], "back": back}
        for a, b, back in edges(nodes)
    ]
    points = [
        {
            "x": n.iteration,
            "y": at[n.digest],
            "gold": n.gold,
            "says": f"iteration {n.iteration}, {short(n.digest)}: {n.what}, gold {n.says}",
        }
        for n in nodes
    ]
    x: dict[str, Any] = {
        "type": "quantitative",
        "title": "iteration",
        "scale": {"padding": 16, "nice": False, "zero": False},
        "axis": {"tickMinStep": 1, "format": "d", "grid": False},
    }
    y: dict[str, Any] = {
        "type": "quantitative",
        "axis": None,
        "scale": {"reverse": True, "padding": 14},
    }
    kinds = [
        {
            "data": vega.values([line for line in lines if line["back"] is back]),
            "mark": {"type": "rule", "strokeDash": [5, 4] if back else [1, 0], "strokeWidth": 2},
            "encoding": {
                "x": {"field": "x"} | x,
                "y": {"field": "y"} | y,
                "x2": {"field": "x2"},
                "y2": {"field": "y2"},
                "color": {"value": "@gold" if back else "@soft"},
            },
        }
        for back in (False, True)
    ]
    return vega.view("", 90 + 44 * max(at.values(), default=0), [*kinds, _points(points, x, y)])


def _points(points: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    """The commits, shaded by gold."""
    says = {"field": "says", "type": "nominal"}
    shade = {
        "field": "gold",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [0.15, 1]},
        "legend": None,
    }
    return {
        "data": vega.values(points),
        "mark": {
            "type": "point",
            "filled": True,
            "size": 180,
            "stroke": "@gold",
            "strokeWidth": 1.5,
        },
        "encoding": {
            "x": {"field": "x"} | x,
            "y": {"field": "y"} | y,
            "color": {"value": "@gold"},
            "fillOpacity": shade,
            "tooltip": says,
            "description": says,
        },
    }
