"""Outcomes as a picture: per scenario how often the fault was seen in time, and named rightly."""

from collections.abc import Sequence

from markupsafe import Markup

from agent.bench.scoring import Outcome
from agent.bench.table import PROMPT, Rate, rate, seen
from logs.svg import Scale, el, label, picture, rule
from tools.instruments.intervals import clopper_pearson

WIDTH, LEFT, RIGHT, ROW, TOP = 720, 210, 60, 34, 52
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.small{font-size:11px;fill:#555}"
    ".grid{stroke:#ddd}.band{stroke:#888;stroke-width:2}.seen{fill:#1b6ca8}.named{fill:#b8860b}"
)
LANES = (("seen", -6.0), ("named", 7.0))


def drawn(outcomes: Sequence[Outcome], decider: str) -> str:
    """The picture of one decider, as a file of its own."""
    mine = [o for o in outcomes if o.decider == decider and o.hunted]
    names = sorted({o.scenario for o in mine})
    height = TOP + ROW * max(1, len(names)) + 30
    scale = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT)
    parts: list[Markup] = []
    for x in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [rule(scale.at(x), TOP - 8, scale.at(x), height - 26)]
        parts += [label(f"{x:.2f}", scale.at(x), height - 10, anchor="middle")]
    for i, name in enumerate(names):
        found = [o for o in mine if o.scenario == name]
        y = TOP + ROW * i + ROW / 2
        parts += [label(name, LEFT - 12, y + 4, kind="name", anchor="end")]
        rates = {"seen": rate(seen(o) for o in found), "named": rate(o.diagnosed for o in found)}
        parts += [m for kind, dy in LANES for m in _point(rates[kind], kind, scale, y + dy)]
    says = f"blue circle: seen within {PROMPT} turns; ochre square: named rightly; 95 % intervals"
    title = f"Faults found by {decider}"
    parts += [label(title, 12, 20, kind="name"), label(says, 12, 38)]
    svg = str(picture("bench", title, says, WIDTH, height, *parts))
    head, _, rest = svg.partition(">")
    return f"{head}><style>{STYLE}</style>{rest}\n"


def _point(found: Rate, kind: str, scale: Scale, y: float) -> list[Markup]:
    if not found.n:
        return []
    low, high = clopper_pearson(found.k, found.n, level=0.95)
    x = scale.at(found.k / found.n)
    says = el("title", f"{kind}: {found}")
    shape = (
        el("circle", says, cx=f"{x:.1f}", cy=f"{y:.1f}", r="5", class_=kind)
        if kind == "seen"
        else el(
            "rect", says, x=f"{x - 4:.1f}", y=f"{y - 4:.1f}", width="8", height="8", class_=kind
        )
    )
    return [rule(scale.at(low), y, scale.at(high), y, kind="band"), shape]
