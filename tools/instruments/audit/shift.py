"""Does a treatment that should not matter move the verdicts, and by how much?

Verdicts are preferences for the answer that receives the treatment: 1 it wins, 0 it loses,
1/2 a tie; shape (items,) or (items, orders, repeats), the latter averaged per item.

Two questions, two answers. *Detect*: is the shift other than 0? *Certify*: is it surely
smaller than a margin? A shift that was not detected is not thereby certified.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.audit.bounds import (
    ALPHA,
    GREEN,
    RED,
    Fault,
    bound,
    cluster_means,
    per_item,
)
from tools.instruments.audit.paired import Floats, cross, mcnemar
from tools.instruments.estimates import refuse_unequal
from tools.instruments.intervals import LEVEL, student


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The mean change of preference, Delta, with what its intervals need."""

    estimate: float
    low: float
    high: float
    upper: float
    """One-sided 95 % upper bound of |Delta| (of Delta where only upwards is a fault)."""
    p: float
    """Two-sided p-value of H0: Delta = 0."""
    error: float
    """Standard error over clusters; 0 where all changed alike."""
    skew: float
    """Standardised third moment of the changes; 0 where all changed alike."""
    psi: float
    """Mean squared change: the share of discordant items when verdicts are yes or no."""
    n: int
    clusters: int
    fault: Fault
    test: str
    """The test that gave `p`."""

    @property
    def detected(self) -> bool:
        """Whether 0 is refuted at 5 %, in the direction that is a fault."""
        return self.p < ALPHA and (self.fault == "either" or self.estimate > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Yes or no to one question, with the p-value that decided it."""

    question: str
    yes: bool
    p: float


def shift_of(
    base: ArrayLike,
    treated: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    fault: Fault = "either",
) -> Shift:
    """Delta = mean over clusters of (treated - base), with its t interval.

    Where every verdict is a single yes or no and every item its own cluster, the p-value is
    McNemar's mid-p; otherwise Student's t.

    Raises:
        UndefinedMeasurement: fewer than two clusters, shapes that differ, or a verdict that is
            missing or not in [0, 1].
    """
    before, after = per_item("net_shift", base), per_item("net_shift", treated)
    refuse_unequal("net_shift", {"base items": len(before), "treated items": len(after)})
    means = cluster_means("net_shift", after - before, clusters)
    if len(means) < 2:
        raise UndefinedMeasurement(
            "A shift over fewer than two clusters has no interval.",
            saw=f"{len(before)} items in {len(means)} clusters",
            wanted="at least 2 clusters",
            try_this="audit more prompts; 200 is the default",
        )
    centre = float(means.mean())
    low, high = student(means.tolist(), lower=-1.0, upper=1.0)
    spread = len(set(means.tolist())) > 1
    error = float(means.std(ddof=1) / math.sqrt(len(means))) if spread else 0.0
    skew = float(stats.skew(means)) if spread else 0.0
    single = len(means) == len(before) and set(np.r_[before, after].tolist()) <= {0.0, 1.0}
    return Shift(
        estimate=centre,
        low=low,
        high=high,
        upper=min(1.0, sum(bound(centre, error, skew, len(means), fault))),
        p=_mcnemar_p(before, after) if single else _student_p(centre, error, len(means)),
        error=error,
        skew=skew,
        psi=float((means**2).mean()),
        n=len(before),
        clusters=len(means),
        fault=fault,
        test="McNemar mid-p" if single else "Student's t over clusters",
    )


def upper_at(shift: Shift, tail: float) -> float:
    """The upper bound at another level, for a family of shifts."""
    return min(
        1.0, sum(bound(shift.estimate, shift.error, shift.skew, shift.clusters, "either", tail))
    )


def _student_p(centre: float, error: float, n: int) -> float:
    """Two-sided; where all changed alike, the least level at which the interval excludes 0."""
    if error:
        return float(2 * stats.t.sf(abs(centre) / error, n - 1))
    return min(1.0, 2 * (1 + abs(centre)) ** -n)


def _mcnemar_p(before: Floats, after: Floats) -> float:
    table = cross(before, after)
    return float(mcnemar(table.gained, table.lost))


def detect(shift: Shift) -> Answer:
    """Is there a shift? No means only that none was seen."""
    return Answer(question="is the shift other than 0?", yes=shift.detected, p=shift.p)


def certify(shift: Shift, *, margin: float = GREEN) -> Answer:
    """Is the shift surely inside (-margin, margin)? Two one-sided t tests, each at 5 % (TOST).

    Raises:
        UndefinedMeasurement: the margin is not above 0.
    """
    if not margin > 0:
        raise UndefinedMeasurement(
            "A shift is certified to be smaller than a margin.",
            saw=f"margin {margin}",
            wanted="a margin above 0",
            try_this="0.05 is the default",
        )
    size, added = bound(shift.estimate, shift.error, shift.skew, shift.clusters, shift.fault, ALPHA)
    if shift.error:
        slack = added - float(stats.t.ppf(LEVEL, shift.clusters - 1)) * shift.error
        p = float(stats.t.sf((margin - size - slack) / shift.error, shift.clusters - 1))
    else:
        room = (margin - size) / (1 - size) if size < 1 else 0.0
        p = (1 - room) ** shift.clusters if 0 < room <= 1 else float(room <= 0)
    return Answer(
        question=f"is the shift surely smaller than {margin:g}?", yes=shift.upper <= margin, p=p
    )


def net_shift(
    base: ArrayLike,
    treated: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
    fault: Fault = "either",
    green: float = GREEN,
    red: float = RED,
) -> Measurement:
    """The bias: how much a treatment that should not matter moves the verdicts, in probability.

    Green when |Delta| is certified to be at most `green`; red when its upper bound passes
    `red` and a shift was detected; insufficient when it passes `red` and none was, since then
    the audit was too small to tell; else yellow.

    Raises:
        UndefinedMeasurement: as `shift_of`, except that too few clusters are insufficient.
    """
    items = len(per_item("net_shift", base))
    if len(set(clusters)) < 2 if clusters is not None else items < 2:
        return _too_few(of, items, green)
    shift = shift_of(base, treated, clusters=clusters, fault=fault)
    return told(shift, of=of, green=green, red=red)


def told(
    shift: Shift,
    *,
    of: str = "",
    green: float = GREEN,
    red: float = RED,
    adjusted: float | None = None,
) -> Measurement:
    """The measurement of a shift.

    Args:
        adjusted: the p-value after correction for the biases that were audited with this one;
            red then needs it to be below 5 %. Green needs no correction: a judge is cleared of
            all biases only where each is certified (intersection-union).
    """
    status = judged(shift, green=green, red=red, p=adjusted)
    return Measurement(
        instrument="net_shift",
        estimate=None if status is Status.INSUFFICIENT else shift.estimate,
        units="probability",
        low=shift.low,
        high=shift.high,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=shift.n,
        clusters=shift.clusters,
        null=0.0,
        margin=green,
        status=status,
        assumptions=_said(shift, green, adjusted),
        of=of,
    )


def judged(
    shift: Shift, *, green: float = GREEN, red: float = RED, p: float | None = None
) -> Status:
    """What a shift is held to be; see `net_shift`."""
    if shift.upper <= green:
        return Status.GREEN
    if shift.upper <= red:
        return Status.YELLOW
    seen = shift.detected and (p is None or p < ALPHA)
    return Status.RED if seen else Status.INSUFFICIENT


def _said(shift: Shift, margin: float, adjusted: float | None) -> tuple[str, ...]:
    seen, sure = detect(shift), certify(shift, margin=margin)
    bounded = "Delta" if shift.fault == "up" else "|Delta|"
    corrected = "" if adjusted is None else f", {adjusted:.2g} after Holm"
    said = (
        f"detected: {'yes' if seen.yes else 'no'} (p {seen.p:.2g}{corrected}, {shift.test})",
        f"certified below {margin:g}: {'yes' if sure.yes else 'no'} (p {sure.p:.2g}, TOST)",
        f"95 % upper bound of {bounded} {shift.upper:.3f}; psi {shift.psi:.3f}",
    )
    return said if shift.error else (*said, "all items changed alike")


def _too_few(of: str, n: int, margin: float) -> Measurement:
    return Measurement(
        instrument="net_shift",
        estimate=None,
        units="probability",
        guarantee=Guarantee.FIXED_N,
        n=n,
        null=0.0,
        margin=margin,
        status=Status.INSUFFICIENT,
        assumptions=("fewer than two clusters",),
        of=of,
    )
