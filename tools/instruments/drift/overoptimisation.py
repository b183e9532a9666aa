"""Where along the way does gold turn? Fits of gold against the distance from the anchor.

With d = sqrt(KL of whole answers), gold gained over the anchor follows (Gao, Schulman & Hilton
2023, arXiv:2210.10760, section 1)

    best of n:  R(d) = d (a - b d)        slope a - 2 b d          peak a / (2 b)
    training:   R(d) = d (a - b log d)    slope a - b - b log d    peak exp(a/b - 1)

Both are straight lines in (a, b) after division by d. (A form with sqrt(KL) - KL for training is
a misprint that circulates.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL, Interval

Floats = NDArray[np.float64]
Form = Literal["best_of_n", "training"]
ITERATES = 5
WARN = 0.70
"""Share of the peak's distance from which a turn is near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """a and b of one form, and how far they may be off."""

    form: Form
    a: float
    b: float
    covariance: tuple[float, float, float]
    """var(a), cov(a, b), var(b)."""
    iterates: int
    level: float = LEVEL

    @property
    def t(self) -> float:
        """Quantile of Student's t for the level, with iterates - 2 degrees of freedom."""
        return float(stats.t.ppf((1 + self.level) / 2, self.iterates - 2))

    def gold(self, d: float) -> float:
        """Fitted gain at a distance."""
        return d * (self.a - self.b * (d if self.form == "best_of_n" else float(np.log(d))))

    def slope(self, d: float) -> tuple[float, Interval]:
        """Derivative of the gain at a distance, with its t interval: it is linear in (a, b)."""
        weight = 2 * d if self.form == "best_of_n" else 1 + float(np.log(d))
        aa, ab, bb = self.covariance
        value = self.a - weight * self.b
        half = self.t * float(np.sqrt(max(0.0, aa - 2 * weight * ab + weight**2 * bb)))
        return value, (value - half, value + half)

    def peak(self) -> float | None:
        """Distance at which gold is highest; None where the fit does not turn."""
        return self._at(self.a / self.b) if self.b > 0 else None

    def peak_interval(self) -> Interval | None:
        """Fieller's interval of the peak; None while the data do not show that gold turns.

        Source:
            Fieller 1954: all ratios r for which a - r b = 0 is not rejected.
        """
        aa, ab, bb = self.covariance
        square = self.t**2
        lead = self.b**2 - square * bb
        if self.b <= 0 or lead <= 0:
            return None
        middle, last = self.a * self.b - square * ab, self.a**2 - square * aa
        root = float(np.sqrt(max(0.0, middle**2 - lead * last)))
        return self._at((middle - root) / lead), self._at((middle + root) / lead)

    def _at(self, ratio: float) -> float:
        return ratio / 2 if self.form == "best_of_n" else float(np.exp(min(ratio - 1, 300.0)))


def fit(
    kl: Sequence[float],
    gold: Sequence[float],
    form: Form = "training",
    *,
    level: float = LEVEL,
) -> Fit:
    """Least squares of gold/d on (1, d) or (1, log d), each iterate weighted by d^2.

    Gold is about equally uncertain at every iterate, so gold/d is not: its error grows as 1/d.
    The weights make the errors equal again; without them the smallest step rules the fit.

    Args:
        kl: KL(policy || anchor) of whole answers, nats, one per iterate, the anchor left out.
        gold: gold now minus gold at the anchor, on the same items.

    Raises:
        UndefinedMeasurement: fewer than 5 iterates, a distance of 0, all distances equal, or a
            value that is not finite.
    """
    refuse_unequal("overoptimisation", {"distances": len(kl), "gains": len(gold)})
    refuse_impossible("overoptimisation", kl, lower=0.0)
    refuse_impossible("overoptimisation", gold)
    if len(kl) < ITERATES or min(kl) <= 0 or len(set(kl)) < 3:
        raise UndefinedMeasurement(
            "A curve that turns cannot be fitted to so little.",
            saw=f"{len(kl)} iterates at {len(set(kl))} distances, the least {min(kl, default=0)}",
            wanted=f"{ITERATES} or more, away from the anchor, at 3 distances or more",
            try_this="go on without the fit; the divergence budget still holds",
        )
    d, gain = np.sqrt(np.asarray(kl, dtype=np.float64)), np.asarray(gold, dtype=np.float64)
    # Weighting gold/d by d^2 is regressing gold on (d, d * d) or (d, d log d) unweighted.
    design = np.stack([d, -d * (d if form == "best_of_n" else np.log(d))], axis=1)
    (a, b), *_ = np.linalg.lstsq(design, gain)
    residual = gain - design @ np.array([a, b])
    noise = float(residual @ residual) / (len(d) - 2)
    covariance = noise * np.linalg.inv(design.T @ design)
    return Fit(
        form=form,
        a=float(a),
        b=float(b),
        covariance=(float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])),
        iterates=len(d),
        level=level,
    )


def gold_slope(
    kl: Sequence[float],
    gold: Sequence[float],
    form: Form = "training",
    *,
    level: float = LEVEL,
) -> Measurement:
    """What the next bit of distance buys in gold, at the last iterate.

    Red: the upper bound is below 0, stop. Yellow: 70 % of the way to the fitted peak, or past
    it. Green: the lower bound is above 0 and the peak is not near. Under 5 iterates, or when
    none of these can be told, insufficient.

    Raises:
        UndefinedMeasurement: distances that cannot be, or a value that is not finite.
    """
    if len(kl) < ITERATES:
        refuse_unequal("overoptimisation", {"distances": len(kl), "gains": len(gold)})
        return _said("gold_slope", None, None, Status.INSUFFICIENT, len(kl), form, (), level)
    found, d = fit(kl, gold, form, level=level), float(np.sqrt(kl[-1]))
    value, interval = found.slope(d)
    peak = found.peak()
    near = peak is not None and d >= WARN * peak
    if interval[1] < 0:
        verdict = Status.RED
    elif near:
        verdict = Status.YELLOW
    else:
        verdict = Status.GREEN if interval[0] > 0 else Status.INSUFFICIENT
    where = "the fit does not turn" if peak is None else f"d = {d:.3g}, fitted peak {peak:.3g}"
    return _said("gold_slope", value, interval, verdict, len(kl), form, (where,), level)


def gold_peak(kl: Sequence[float], gold: Sequence[float], form: Form = "training") -> Measurement:
    """Distance d = sqrt(nats per answer) at which gold is highest; its square is a KL budget.

    Insufficient until the data show that gold turns; a report, without a threshold.

    Raises:
        UndefinedMeasurement: distances that cannot be, or a value that is not finite.
    """
    if len(kl) < ITERATES:
        refuse_unequal("overoptimisation", {"distances": len(kl), "gains": len(gold)})
        return _said("gold_peak", None, None, Status.INSUFFICIENT, len(kl), form, ())
    found = fit(kl, gold, form)
    interval = found.peak_interval()
    verdict = Status.GREEN if interval else Status.INSUFFICIENT
    return _said("gold_peak", found.peak(), interval, verdict, len(kl), form, ())


def _said(
    instrument: str,
    estimate: float | None,
    interval: Interval | None,
    verdict: Status,
    iterates: int,
    form: Form,
    more: tuple[str, ...],
    level: float = LEVEL,
) -> Measurement:
    few = (f"fewer than {ITERATES} iterates",) if iterates < ITERATES else ()
    return Measurement(
        instrument=instrument,
        estimate=None if verdict is Status.INSUFFICIENT else estimate,
        units="gold per root nat" if instrument == "gold_slope" else "root nats per answer",
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        level=level,
        guarantee=Guarantee.FIXED_N,
        n=iterates,
        null=0.0 if instrument == "gold_slope" else None,
        status=verdict,
        assumptions=(
            *few,
            *more,
            f"form: {form}",
            "gold equally uncertain at each iterate; gold of the anchor known",
        ),
    )
