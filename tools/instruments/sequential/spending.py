"""Error probability over iterations: spent in shares that never add up to more than alpha."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Self

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible
from tools.instruments.sequential.betting import refuse_alpha


def alpha_of_iteration(k: int, *, alpha: float = 0.05) -> float:
    """alpha 6 / (pi^2 k^2): what iteration k = 1, 2, ... may spend; all together alpha."""
    refuse_alpha("alpha_of_iteration", alpha)
    _refuse_no_iteration(k)
    return alpha * 6 / (math.pi * k) ** 2


def alpha_of_claim(k: int, made: int, *, alpha: float = 0.10) -> float:
    """Level of the k-th claim in an endless stream, when `made` earlier ones were made (e-LOND).

    A claim is made when its e-value reaches 1 / level; of all claims made, at most alpha are
    false on average, under any dependence.

    Source: Xu & Ramdas (2024), "Online multiple testing with e-values", AISTATS; weights
    6 / (pi^2 k^2).
    """
    _refuse_no_iteration(k)
    if not 0 <= made < k:
        raise UndefinedMeasurement(
            "Fewer claims are made than are tried.",
            saw=f"{made} made before claim {k}",
            wanted=f"0 to {k - 1}",
            try_this="count the claims that reached their level",
        )
    return alpha_of_iteration(k, alpha=alpha) * (made + 1)


@dataclass(frozen=True, slots=True)
class Standing:
    """One claim kept over iterations, such as "not worse than the anchor": a product of e-values.

    Each factor comes from items of its own iteration, so that its expectation given the past is at
    most 1 where the claim is false; the product then reaches 1 / alpha with probability at most
    alpha, over all iterations.
    """

    batches: int = 0
    log_e: float = 0.0
    peak: float = 0.0

    def after(self, log_e: float) -> Self:
        """With the log e-value of one more iteration.

        Raises:
            UndefinedMeasurement: it is not finite; a ruined bet (e = 0) ends the claim instead.
        """
        refuse_impossible("standing_claim", [log_e])
        total = self.log_e + log_e
        return type(self)(self.batches + 1, total, max(self.peak, total))

    def to_json(self) -> str:
        """Everything, so that `from_json` goes on to the last bit."""
        return json.dumps([self.batches, self.log_e, self.peak], allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The claim that `to_json` wrote."""
        return cls(*json.loads(text))


def standing_claim(claim: Standing, *, alpha: float = 0.05, of: str = "") -> Measurement:
    """Whether a claim has been earned over all iterations: log wealth against log(1 / alpha)."""
    refuse_alpha("standing_claim", alpha)
    needed = -math.log(alpha)
    status = Status.GREEN if claim.peak >= needed else Status.YELLOW
    return Measurement(
        instrument="standing_claim",
        estimate=claim.log_e if claim.batches else None,
        units="nats of wealth",
        level=1 - alpha,
        guarantee=Guarantee.ANYTIME,
        n=claim.batches,
        null=0.0,
        margin=needed,
        status=status if claim.batches else Status.INSUFFICIENT,
        assumptions=("each factor from fresh items of its own iteration",),
        of=of,
    )


def _refuse_no_iteration(k: int) -> None:
    if k < 1:
        raise UndefinedMeasurement(
            "Iterations that spend alpha are counted from 1.",
            saw=str(k),
            wanted="1, 2, 3, ...",
            try_this="give the number of this test, not an index",
        )
