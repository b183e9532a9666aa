"""Do a judge and people agree beyond chance? Cohen's kappa, with both prevalences."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.estimates import refuse_unequal
from tools.instruments.intervals import Thresholds
from tools.instruments.reliability.common import (
    Clusters,
    Frame,
    around,
    codes,
    insufficient,
    reported,
    robust_se,
)

Labels = Sequence[Hashable]
USE, AUTO = 0.4, 0.6
"""The least kappa to use a judge, and to act on it alone; a convention, not a theory."""
MARGIN = 0.15
"""Half-width above which a kappa between the gates decides nothing; our default."""
FEWEST = 30


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance, and what it is made of."""

    kappa: float
    observed: float
    expected: float
    """Agreement of two raters with these shares who know nothing."""
    labels: tuple[Hashable, ...]
    judge: tuple[float, ...]
    """Share of each label: low agreement beyond chance is easy where one label is rare."""
    people: tuple[float, ...]
    influence: tuple[float, ...]
    """Per item; their root mean square over sqrt(n) is the standard error."""


def kappa(judge: Labels, people: Labels) -> Kappa:
    """kappa = (p_o - p_e) / (1 - p_e) (Cohen 1960).

    Raises:
        UndefinedMeasurement: unequal lengths, no items, or one label only (p_e = 1).
    """
    refuse_unequal("kappa", {"judge": len(judge), "people": len(people)})
    labels = tuple(dict.fromkeys((*people, *judge)))
    position = {label: i for i, label in enumerate(labels)}
    if len(labels) < 2:
        raise UndefinedMeasurement(
            "Agreement beyond chance needs two labels.",
            saw=f"{len(judge)} items with labels {list(labels)}",
            wanted="at least two different labels",
            try_this="add items on which people would differ",
        )
    a = np.array([position[x] for x in judge])
    b = np.array([position[x] for x in people])
    row = np.bincount(a, minlength=len(labels)) / len(a)
    col = np.bincount(b, minlength=len(labels)) / len(b)
    observed, expected = float((a == b).mean()), float(row @ col)
    # The delta method; its variance is that of Fleiss, Cohen & Everitt 1969.
    toward = ((a == b) - observed) * (1 - expected)
    away = (1 - observed) * (col[a] + row[b] - 2 * expected)
    return Kappa(
        (observed - expected) / (1 - expected),
        observed,
        expected,
        labels,
        tuple(row.tolist()),
        tuple(col.tolist()),
        tuple(((toward - away) / (1 - expected) ** 2).tolist()),
    )


def cohen_kappa(
    judge: Labels,
    people: Labels,
    *,
    clusters: Clusters = None,
    green: float = AUTO,
    red: float = USE,
    margin: float = MARGIN,
    of: str = "",
) -> Measurement:
    """Agreement of a judge with people beyond chance, with both prevalences, in [-1, 1].

    Delta-method t interval over clusters. Green: may act alone; red: may not be used.

    Raises:
        UndefinedMeasurement: unequal lengths, no items, or one label only.
    """
    found = kappa(judge, people)
    groups = codes("cohen_kappa", clusters, len(judge))
    se, df = robust_se(np.array(found.influence), groups)
    frame = Frame(
        instrument="cohen_kappa",
        units="agreement beyond chance",
        of=of,
        null=0.0,
        thresholds=Thresholds(green=green, red=red, margin=margin),
    )
    if df + 1 < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} clusters", n=len(judge), clusters=df + 1)
    if not se:
        # Perfect agreement has no spread; what n draws cannot rule out is an error in 3 of n.
        low, high = _without_spread(found, df + 1)
    else:
        low, high = around(found.kappa, se, df, lower=-1.0, upper=1.0)
    return reported(
        frame,
        found.kappa,
        (low, high),
        n=len(judge),
        clusters=df + 1,
        assumptions=_shown(found),
    )


def _without_spread(found: Kappa, n: int) -> tuple[float, float]:
    """All n agree, or all differ: the share of the rest is below 1 - .025^(1/n)."""
    rest = 1 - 0.025 ** (1 / n)
    toward = rest / (1 - found.expected)
    if found.observed == 1:
        return max(-1.0, 1 - toward), 1.0
    return found.kappa, min(1.0, found.kappa + toward)


def _shown(found: Kappa) -> tuple[str, ...]:
    shares = [
        f"{label}: judge {j:.2f}, people {p:.2f}"
        for label, j, p in zip(found.labels, found.judge, found.people, strict=True)
    ]
    alone = [who for who in ("judge", "people") if max(getattr(found, who)) == 1.0]
    return (
        f"observed agreement {found.observed:.2f}, by chance {found.expected:.2f}",
        f"prevalence {'; '.join(shares[:6])}",
        *(f"{who} used one label only" for who in alone),
    )


def kappa_gap(
    judge: Labels,
    person: Labels,
    other: Labels,
    *,
    clusters: Clusters = None,
    of: str = "",
) -> Measurement:
    """Judge-person kappa minus person-person kappa on the same items: below 0, people agree more.

    Raises:
        UndefinedMeasurement: unequal lengths, no items, or one label only.
    """
    with_judge, among = kappa(judge, person), kappa(other, person)
    groups = codes("kappa_gap", clusters, len(judge))
    influence = np.array(with_judge.influence) - np.array(among.influence)
    se, df = robust_se(influence, groups)
    frame = Frame(instrument="kappa_gap", units="agreement beyond chance", of=of, null=0.0)
    if df + 1 < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} clusters", n=len(judge), clusters=df + 1)
    gap = with_judge.kappa - among.kappa
    return reported(
        frame,
        gap,
        around(gap, se, df, lower=-2.0, upper=2.0),
        n=len(judge),
        clusters=df + 1,
        assumptions=(f"judge {with_judge.kappa:.2f}", f"people {among.kappa:.2f}"),
    )
