"""On which scale is a score? Only scores of one panel under one constitution can be compared.

A scale is named by the digest of the judges that score, with their shares, and of the principles
that they score by. Another judge, weight or principle is another scale: its curve begins anew.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache

from logs.canonical import digest_of
from logs.errors import PlimsollError
from logs.reading import Reader
from logs.vocabulary import Digest, Measurement, State

JUDGED = frozenset({"judge_score", "judge_gap", "tie_rate", "ceiling_mass"})
"""Instruments whose value is made of the panel's own scores. What holds verdicts against grades,
or against a twin that is known to be worse, says the same of every panel and has no scale."""

ScaleAt = Callable[[Digest], Digest | None]
"""From a commit to the scale in force under it; None where the log has no such commit."""


def scale_of(state: State) -> Digest:
    """The name of the scale on which this state's panel scores.

    Shares, not weights: 0.35 and 0.15 are the panel that 0.7 and 0.3 are. Principles count with
    text and order, since a judge that is prompted with them reads both.
    """
    judges = state.panel.judges
    total = sum((Fraction(j.weight) for j in judges), Fraction(0)) or Fraction(1)
    return digest_of(
        {
            "judges": sorted([j.kind, j.artefact, str(Fraction(j.weight) / total)] for j in judges),
            "principles": [
                [p.id, p.text, str(Fraction(p.weight)), list(p.contexts)]
                for p in state.constitution.principles
            ],
        }
    )


def comparable(a: Measurement, b: Measurement) -> bool:
    """Whether two values may be joined or subtracted; an unknown scale is no scale."""
    if a.instrument not in JUDGED and b.instrument not in JUDGED:
        return True
    return a.scale is not None and a.scale == b.scale


def stamped(found: Iterable[Measurement], scale: Digest | None) -> tuple[Measurement, ...]:
    """The same measurements, those made of scores with the scale that they are on."""
    return tuple(
        m.model_copy(update={"scale": scale})
        if m.instrument in JUDGED and m.scale is None and scale is not None
        else m
        for m in found
    )


def scales_in(journal: Reader) -> ScaleAt:
    """Scales by commit, also for entries that were written before scales were noted."""

    @cache
    def at(head: Digest) -> Digest | None:
        try:
            return scale_of(journal.commit_of(head).state)
        except PlimsollError:
            return None

    return at
