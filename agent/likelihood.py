"""How much a piece of evidence speaks for a hypothesis: log-likelihood ratios, in nats.

    support = P(H | evidence) = sigmoid(logit(prior) + sum of log P(e | H) / P(e | not H))

Each hypothesis is held against its own absence, so that two faults can be true at once. Evidence
is taken as independent given the hypothesis, which overstates it where instruments see the same
thing; therefore no single piece counts for more than `MOST` (Good 1950: weights of evidence).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 5.0
"""Nats that one piece of evidence counts for at most: odds of 148 to 1."""


@dataclass(frozen=True, slots=True)
class Beta:
    """What is believed of a rate before it is counted, as Beta(a, b)."""

    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Normal:
    """What is believed of a number before it is measured."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Clue:
    """One piece of evidence: what it says, and its log-likelihood ratio."""

    says: str
    nats: float

    def __post_init__(self) -> None:
        if math.isnan(self.nats):
            raise ValueError("evidence of undefined weight")
        object.__setattr__(self, "nats", max(-MOST, min(MOST, self.nats)))


def counted(k: int, n: int, *, if_so: Beta, if_not: Beta, worth: int | None = None) -> float:
    """log BB(k; n, if_so) - log BB(k; n, if_not), of beta-binomials.

    Args:
        worth: items that the count is worth at most, where items are not independent; the count
            is scaled down to it.
    """
    scale = min(1.0, worth / n) if worth and n else 1.0
    return _beta_binomial(k * scale, n * scale, if_so) - _beta_binomial(
        k * scale, n * scale, if_not
    )


def chance(k: int, n: int, rate: Beta) -> float:
    """Beta-binomial probability of k of n."""
    return math.comb(n, k) * math.exp(_beta_binomial(k, n, rate))


def sign(fired: bool, *, if_so: float, if_not: float) -> float:
    """A yes or no that comes with these probabilities."""
    if fired:
        return math.log(if_so / if_not)
    return math.log((1 - if_so) / (1 - if_not))


def measured(x: float, *, if_so: Normal, if_not: Normal) -> float:
    """A number that is drawn from one normal distribution or the other."""
    return _log_normal(x, if_so) - _log_normal(x, if_not)


def support(prior: float, clues: Iterable[Clue]) -> float:
    """Posterior probability of a hypothesis against its absence."""
    total = math.log(prior / (1 - prior)) + sum(c.nats for c in clues)
    if total >= 0:
        return 1 / (1 + math.exp(-total))
    return math.exp(total) / (1 + math.exp(total))


def _beta_binomial(k: float, n: float, p: Beta) -> float:
    """log of the beta-binomial probability, without the binomial coefficient."""
    return _log_beta(k + p.a, n - k + p.b) - _log_beta(p.a, p.b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_normal(x: float, p: Normal) -> float:
    return -((x - p.mean) ** 2) / (2 * p.sd**2) - math.log(p.sd)
