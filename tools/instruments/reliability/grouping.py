"""One instrument, group by group: by domain, by population label, by mode, by dimension."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.estimates import refuse_unequal
from tools.instruments.reliability.common import Clusters, Values


class Mode(StrEnum):
    """How a judge gave its word."""

    PAIRWISE = "pairwise"
    """Which of two answers is better."""
    SCALAR = "scalar"
    """One score per answer."""
    MULTI_DIMENSIONAL = "multi_dimensional"
    """One score per answer and principle."""
    CRITIQUE = "critique"
    """Which flaws an answer has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One thing a judge said that gold can confirm, in whatever mode it was said."""

    probability: float
    truth: int
    """1 when what was claimed is so."""
    cluster: Hashable
    """For example the prompt."""
    mode: Mode
    domain: str = ""
    population: str = ""
    """The label of the people whom the item is about, or who graded it."""
    dimension: str = ""


Facet = Literal["domain", "population", "mode", "dimension"]


# --- from what a judge said to claims --------------------------------------------
def pairwise_claim(p_first: float, first_is_better: int, cluster: Hashable, **where: Any) -> Claim:
    """The claim that the first of two answers is the better one."""
    return Claim(
        probability=p_first,
        truth=first_is_better,
        cluster=cluster,
        mode=Mode.PAIRWISE,
        **where,
    )


def scalar_claim(
    score: float, good: int, cluster: Hashable, *, low: float, high: float, **where: Any
) -> Claim:
    """The claim that an answer is good, read from its place on the judge's scale.

    Raises:
        UndefinedMeasurement: a score outside its scale, or a scale without length.
    """
    return Claim(
        probability=_place(score, low, high),
        truth=good,
        cluster=cluster,
        mode=Mode.SCALAR,
        **where,
    )


def dimension_claims(
    scores: Mapping[str, float],
    good: Mapping[str, int],
    cluster: Hashable,
    *,
    low: float,
    high: float,
    **where: Any,
) -> tuple[Claim, ...]:
    """One claim for each principle on which an answer was scored.

    Raises:
        UndefinedMeasurement: scores and gold name different principles; a score outside its scale.
    """
    _refuse_other_names("dimension_claims", set(scores), set(good))
    return tuple(
        Claim(
            probability=_place(scores[name], low, high),
            truth=good[name],
            cluster=cluster,
            mode=Mode.MULTI_DIMENSIONAL,
            dimension=name,
            **where,
        )
        for name in sorted(scores)
    )


def critique_claims(
    named: Mapping[str, float], planted: Mapping[str, int], cluster: Hashable, **where: Any
) -> tuple[Claim, ...]:
    """One claim for each flaw that was looked for: that the answer has it.

    Args:
        named: flaw -> how sure the critique is; 0 where it does not mention it.
        planted: flaw -> 1 where it was planted, 0 where it was not.

    Raises:
        UndefinedMeasurement: a flaw that only one of them knows.
    """
    _refuse_other_names("critique_claims", set(named), set(planted))
    return tuple(
        Claim(
            probability=named[flaw],
            truth=planted[flaw],
            cluster=cluster,
            mode=Mode.CRITIQUE,
            dimension=flaw,
            **where,
        )
        for flaw in sorted(named)
    )


def _place(score: float, low: float, high: float) -> float:
    if not low <= score <= high or low == high:
        raise UndefinedMeasurement(
            "A score has a place on its scale.",
            saw=f"{score} on [{low}, {high}]",
            wanted="low <= score <= high, and low < high",
            try_this="count scores off the scale as errors of the judge",
        )
    return (score - low) / (high - low)


def _refuse_other_names(instrument: str, said: set[str], known: set[str]) -> None:
    if said != known:
        raise UndefinedMeasurement(
            f"{instrument} joins what was said with gold, by name.",
            saw=f"{sorted(said ^ known)[:4]} in one of them only",
            wanted="the same names",
            try_this="give 0 for what the judge does not mention",
        )


# --- group by group --------------------------------------------------------------
class OfClaims(Protocol):
    """An instrument that reads claims and labels."""

    def __call__(
        self, p: Values, y: Values, /, *, clusters: Clusters = None, of: str = ""
    ) -> Measurement:
        """Measure one group."""


def by_facet(claims: Sequence[Claim], measure: OfClaims, facet: Facet) -> tuple[Measurement, ...]:
    """The same instrument on each group of claims, in order of the group's name.

    `of` names the group. A group on which the instrument is undefined is insufficient, with the
    reason. Intervals are those of each group: they are not corrected for the number of groups.
    """
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(str(getattr(claim, facet)), []).append(claim)
    note = f"one of {len(groups)} groups by {facet}; intervals not corrected for their number"
    found = [_measured(groups[name], measure, f"{facet}={name}") for name in sorted(groups)]
    return tuple(m.model_copy(update={"assumptions": (*m.assumptions, note)}) for m in found)


def _measured(claims: Sequence[Claim], measure: OfClaims, of: str) -> Measurement:
    p = np.array([claim.probability for claim in claims])
    y = np.array([claim.truth for claim in claims], dtype=np.float64)
    clusters = [claim.cluster for claim in claims]
    try:
        return measure(p, y, clusters=clusters, of=of)
    except UndefinedMeasurement as undefined:
        return Measurement(
            instrument=getattr(measure, "__name__", "instrument"),
            estimate=None,
            units="",
            n=len(claims),
            clusters=len(set(clusters)),
            status=Status.INSUFFICIENT,
            assumptions=(undefined.what, f"saw {undefined.saw}"),
            of=of,
        )


def split(
    labels: Sequence[Hashable], *columns: Sequence[Any]
) -> dict[Hashable, tuple[list[Any], ...]]:
    """Columns cut by a label, for instruments that read other columns than claims.

    Raises:
        UndefinedMeasurement: columns of different length.
    """
    refuse_unequal(
        "split", {"labels": len(labels)} | {f"column {i}": len(c) for i, c in enumerate(columns)}
    )
    rows: dict[Hashable, list[int]] = {}
    for i, label in enumerate(labels):
        rows.setdefault(label, []).append(i)
    return {
        label: tuple([column[i] for i in row] for column in columns) for label, row in rows.items()
    }


def worst(measurements: Iterable[Measurement], *, bad_is: Literal["low", "high"]) -> Measurement:
    """The group whose interval reaches furthest to the bad side; one that is insufficient wins.

    Raises:
        UndefinedMeasurement: there is none.
    """
    several = list(measurements)
    if not several:
        raise UndefinedMeasurement(
            "The worst of none is undefined.",
            saw="0 measurements",
            wanted="at least 1",
            try_this="measure a group first",
        )

    def badness(m: Measurement) -> float:
        bound = m.high if bad_is == "high" else m.low
        if m.estimate is None or bound is None:
            return float("inf")
        return bound if bad_is == "high" else -bound

    return max(several, key=badness)
