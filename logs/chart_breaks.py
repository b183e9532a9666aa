"""How a chart shows that a curve goes on on another scale: a wall between the pieces, a letter
over each, and below the panel what the change alone did to the scores."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from markupsafe import Markup

from logs.breaks import breaks, brief, letters
from logs.series import Line, runs
from logs.svg import Scale, label, rule
from logs.turns import Turn

ROW = 16
"""Pixels of one line of text below a panel."""
SAYS = (
    "The judge's curve is broken where its scale changed (iteration {}): another panel or other"
    " weights scored from there on, and the pieces are not compared."
)


def says(turns: Sequence[Turn]) -> str:
    """Return the sentence about the breaks, or nothing if the scale stayed."""
    at = ", ".join(str(broken.iteration) for broken in breaks(turns))
    return SAYS.format(at) if at else ""


def beside(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return what stands below a panel of scores, one line per break."""
    named = letters(turns)
    return tuple(brief(broken, named) for broken in breaks(turns))


def walls(
    line: Line, named: Mapping[str, str], x: Scale, top: float, height: float
) -> Iterator[Markup]:
    """Yield a wall at each change of scale, and over each piece the letter of its scale."""
    found = list(runs(line.values))
    begun = ""
    for run in found:
        name = named.get(run[0][1].scale or "", "")
        if name and name != begun:
            yield label(name, x.at(run[0][0]), top + 12, "scale", "middle")
        begun = name
    for before, after in pairwise(found):
        if before[-1][1].scale != after[0][1].scale:
            at = x.at((before[-1][0] + after[0][0]) / 2)
            yield rule(at, top, at, top + height, "wall")


def strip(told: Sequence[str], top: float) -> Iterator[Markup]:
    """Yield lines of text from the left edge, one below the other."""
    for at, line in enumerate(told):
        yield label(line, 0, top + at * ROW, "small")
