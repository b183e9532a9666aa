"""Looking every turn is paid for: how much of alpha one look, and one metric of it, may spend.

    alpha_k = alpha/2 [k <= N] / N + alpha/2 6 / (pi^2 k^2)        k-th look, N planned

The first half is spent evenly over the planned looks, the second (Plimsoll's share for
iterations) never runs out: over looks without end all shares add up to at most alpha. A look's
share is divided among its metrics by weight (Bonferroni), so that with probability 1 - alpha no
interval of any metric at any look misses and no test of an unchanged policy alarms. Only looks at
new answers count: an unchanged policy is not looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.sequential.multiplicity import red_metrics
from tools.instruments.sequential.spending import alpha_of_iteration

ALPHA = 0.10
"""Of a monitor: drift sets off audits, it rolls nothing back."""
TESTS = 0.8
"""Share of a look that permutation tests divide: their p values cannot fall below
1 / (1 + permutations), intervals hardly widen for being asked at a smaller level."""
LEAST, MOST = 499, 4999
"""Permutations."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a family of metrics."""

    k: int
    """The how-manieth, from 1."""
    planned: int
    tests: int
    """Permutation tests in the family."""
    intervals: int
    """Metrics told by an interval."""
    alpha: float = ALPHA

    @property
    def share(self) -> float:
        """What this look may spend, all metrics together."""
        return alpha_of_look(self.k, self.planned, alpha=self.alpha)

    @property
    def test_alpha(self) -> float:
        """Level of one permutation test."""
        return self.share * (TESTS if self.intervals else 1.0) / max(1, self.tests)

    @property
    def level(self) -> float:
        """Confidence level of one interval, two-sided."""
        return 1 - self.share * (1 - TESTS if self.tests else 1.0) / max(1, self.intervals)

    @property
    def permutations(self) -> int:
        """Enough for one relabelling to be as far apart as what was seen, and still alarm."""
        return min(MOST, max(LEAST, int(1.2 / self.test_alpha)))

    def told(self, measurement: Measurement) -> Measurement:
        """The measurement, with the promise that all looks together keep."""
        looks = (
            f"look {self.k} of {self.planned} planned",
            f"with the other metrics and looks at most {self.alpha:g} of error",
        )
        return measurement.model_copy(
            update={
                "guarantee": Guarantee.ANYTIME,
                "assumptions": (*looks, *measurement.assumptions),
            }
        )


def alpha_of_look(k: int, planned: int, *, alpha: float = ALPHA) -> float:
    """What the k-th look may spend; over all looks, however many, at most alpha.

    Raises:
        UndefinedMeasurement: looks are counted from 1, and at least one is planned.
    """
    if planned < 1:
        raise UndefinedMeasurement(
            "Alpha is divided among planned looks.",
            saw=f"{planned} planned",
            wanted="at least 1",
            try_this="give the number of turns that the session may take",
        )
    endless = alpha_of_iteration(k, alpha=alpha / 2)
    return endless + (alpha / 2 / planned if k <= planned else 0.0)


def established(look: Look, found: Sequence[Measurement]) -> Measurement:
    """How many metrics changed beyond doubt at this look: weighted e-BH across the family.

    A metric whose interval excludes no change, or whose test alarms, at its own level a, has the
    e-value 1/a, any other 0: calibrated all or nothing, where 1 / (2 sqrt p) would ask for p
    values that no affordable number of permutations gives. Times its weight that is K / share.

    Returns:
        `drift_alarms`: how many; `of` is empty, the assumptions name them.
    """
    strong = len(found) / look.share
    evidence = {f"{m.instrument}[{m.of}]": strong * changed(m) for m in found}
    counted = red_metrics(evidence, family="monitor", alpha=look.share)
    quiet = Status.GREEN if found else Status.INSUFFICIENT
    return Measurement(
        instrument="drift_alarms",
        estimate=counted.estimate,
        units="metrics",
        level=1 - look.alpha,
        guarantee=Guarantee.ANYTIME,
        n=len(found),
        count=counted.count,
        null=0.0,
        status=Status.YELLOW if counted.count else quiet,
        assumptions=(
            f"look {look.k} of {look.planned} planned",
            f"spends {look.share:.4g} of {look.alpha:g}; any dependence between the metrics",
            f"changed: {counted.of or 'none established'}",
        ),
    )


def changed(measurement: Measurement) -> bool:
    """Whether no change is excluded, at the level of the measurement."""
    m = measurement
    if m.low is None or m.high is None or m.null is None:
        return m.status in (Status.YELLOW, Status.RED)
    return m.low > m.null or m.high < m.null
