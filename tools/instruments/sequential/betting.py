"""Betting against "the mean is at most m": a test that may be looked at after every item.

    W_0 = 1,  W_t = W_{t-1} (1 + l_t (X_t - m)),  l_t = clip(g / (s2 + g^2), 0, c / m)
    g = mu_{t-1} - m,  mu_t = (1/2 + sum X) / (t + 1),
    s2_t = (1/4 + sum (X_i - mu_i)^2) / (t + 1), taken at t - 1

The wealth W is a nonnegative supermartingale while E[X_t | past] <= m, so it ever reaches
1 / alpha with probability at most alpha (Ville 1939). The other side bets on 1 - X against
1 - m; two-sided wealth is the mean of the two. X lies in [0, 1].

Source: Waudby-Smith & Ramdas (2024), doi:10.1093/jrsssb/qkad009, section 4 and appendix B.3
(aGRAPA). Default c = 1/2: half of what would risk ruin.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible
from tools.instruments.sequential.freshness import Seen

Floats = NDArray[np.float64]
Claim = Literal["above", "below", "different"]
"""What the wealth is evidence for: the mean is above m, below m, or not m."""

CAP = 0.5
CAPACITY = 2048
"""Items a bet remembers unless told otherwise."""
FRESH = (
    "each item is fresh: its expectation given the past satisfies the null",
    "bets use the past only",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bet:
    """A betting e-process between two items; everything it needs to go on, exactly."""

    null: float
    """The m that is bet against, in (0, 1)."""
    claim: Claim = "above"
    cap: float = CAP
    """c: the largest share of the wealth that one item may cost, in (0, 1)."""
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    up: float = 0.0
    """Log wealth against "at most m"."""
    down: float = 0.0
    """Log wealth against "at least m"."""
    peak: float = 0.0
    """Largest log wealth so far."""
    seen: Seen = field(default_factory=lambda: Seen.of(CAPACITY))

    def __post_init__(self) -> None:
        refuse_null("betting_test", self.null)
        refuse_impossible("betting_test", [self.total, self.squares, self.up, self.down, self.peak])
        refuse_impossible("betting_test", [self.cap], lower=1e-6, upper=1 - 1e-6)

    @property
    def log_wealth(self) -> float:
        """Natural logarithm of the e-value now."""
        return _of_sides(self.claim, self.up, self.down)

    @property
    def mean(self) -> float | None:
        """The mean of the items so far."""
        return self.total / self.n if self.n else None

    def after(self, item: str, value: float) -> Self:
        """The bet when one more item is known; takes the same time at any n.

        Raises:
            Refused: the item was bet on before.
            UndefinedMeasurement: the value is not in [0, 1].
        """
        refuse_impossible("betting_test", [value], lower=0.0, upper=1.0)
        seen = self.seen.after(item)
        mean, spread = (0.5 + self.total) / (self.n + 1), (0.25 + self.squares) / (self.n + 1)
        gap, away = mean - self.null, value - self.null
        share = gap / (spread + gap * gap)
        up = self.up + math.log1p(_clipped(share, self.cap / self.null) * away)
        down = self.down + math.log1p(-_clipped(-share, self.cap / (1 - self.null)) * away)
        total = self.total + value
        now = (0.5 + total) / (self.n + 2)
        return type(self)(
            null=self.null,
            claim=self.claim,
            cap=self.cap,
            n=self.n + 1,
            total=total,
            squares=self.squares + (value - now) ** 2,
            up=up,
            down=down,
            peak=max(self.peak, _of_sides(self.claim, up, down)),
            seen=seen,
        )

    def to_json(self) -> str:
        """Everything, so that `from_json` goes on to the last bit."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "seen"}
        return json.dumps({**plain, "seen": self.seen.as_plain()}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The bet that `to_json` wrote."""
        plain = json.loads(text)
        return cls(**{**plain, "seen": Seen.from_plain(plain["seen"])})


def betting_test(
    bet: Bet, *, alpha: float = 0.05, refuted_is: Literal["good", "bad"] = "good", of: str = ""
) -> Measurement:
    """What a bet proves so far: its log wealth, against log(1 / alpha).

    Green (or red, where refutation is bad) from the first look at which the wealth reached
    1 / alpha; before that yellow; insufficient while not even the luckiest items could have.

    Args:
        alpha: probability that a true null is ever refuted, over all looks together.
        refuted_is: whether people hope that the null is wrong.
    """
    refuse_alpha("betting_test", alpha)
    needed = -math.log(alpha)
    status = Status.YELLOW
    if bet.peak >= needed:
        status = Status.GREEN if refuted_is == "good" else Status.RED
    elif bet.n * _best_item(bet) < needed:
        status = Status.INSUFFICIENT
    return Measurement(
        instrument="betting_test",
        estimate=None if status is Status.INSUFFICIENT else bet.log_wealth,
        units="nats of wealth",
        level=1 - alpha,
        guarantee=Guarantee.ANYTIME,
        n=bet.n,
        null=0.0,
        margin=needed,
        status=status,
        assumptions=(f"null: mean {_NULLS[bet.claim]} {bet.null:g}", *FRESH),
        of=of,
    )


_NULLS = {"above": "at most", "below": "at least", "different": "exactly"}


def log_wealth(
    values: Floats,
    null: float | Floats,
    *,
    claim: Claim = "above",
    cap: float = CAP,
) -> Floats:
    """Log wealth after each item, along the last axis: the same bets as `Bet`, for many paths.

    Args:
        values: in [0, 1], shape (..., n).
        null: m, or one m per item where it moves predictably; broadcasts against `values`.
    """
    gap = mean_before(values) - null
    share = gap / (spread_before(values) + gap * gap)
    away = values - null
    if claim == "above":
        return _side(share, cap / null, away)
    down = _side(-share, cap / (1 - null), -away)
    if claim == "below":
        return down
    both: Floats = np.logaddexp(_side(share, cap / null, away), down) - math.log(2)
    return both


def _side(share: Floats, most: float | Floats, away: Floats) -> Floats:
    wealth: Floats = np.cumsum(np.log1p(np.clip(share, 0.0, most) * away), axis=-1)
    return wealth


def mean_before(values: Floats) -> Floats:
    """mu_{t-1}: one item of 1/2, and the items before t."""
    return _shifted(0.5, _running_mean(values))


def spread_before(values: Floats) -> Floats:
    """s2_{t-1}: one item of spread 1/4, and the items before t."""
    squares = np.cumsum((values - _running_mean(values)) ** 2, axis=-1)
    spread: Floats = (0.25 + squares) / (times(values) + 1)
    return _shifted(0.25, spread)


def _running_mean(values: Floats) -> Floats:
    mean: Floats = (0.5 + np.cumsum(values, axis=-1)) / (times(values) + 1)
    return mean


def _shifted(first: float, path: Floats) -> Floats:
    """INVARIANT: what is bet on item t is known before item t."""
    before: Floats = np.full_like(path, first)
    before[..., 1:] = path[..., :-1]
    return before


def times(values: Floats) -> Floats:
    """t = 1, 2, ... along the last axis."""
    return np.arange(1, values.shape[-1] + 1, dtype=np.float64)


def _clipped(share: float, most: float) -> float:
    return min(max(share, 0.0), most)


def _of_sides(claim: Claim, up: float, down: float) -> float:
    if claim == "different":
        return float(np.logaddexp(up, down)) - math.log(2)
    return up if claim == "above" else down


def _best_item(bet: Bet) -> float:
    """The most that one item can add to the log wealth."""
    odds = {"above": [bet.null], "below": [1 - bet.null], "different": [bet.null, 1 - bet.null]}
    return max(math.log1p(bet.cap * (1 - m) / m) for m in odds[bet.claim])


def refuse_null(instrument: str, null: float) -> None:
    """Look at a null mean before it is bet against.

    Raises:
        UndefinedMeasurement: it is not inside (0, 1).
    """
    if not 0 < null < 1:
        raise UndefinedMeasurement(
            f"{instrument} bets against a mean inside the range.",
            saw=str(null),
            wanted="a number above 0 and below 1",
            try_this="rescale the values to [0, 1], and the null with them",
        )


def refuse_alpha(instrument: str, alpha: float) -> None:
    """Look at an error probability before it is used.

    Raises:
        UndefinedMeasurement: it is not inside (0, 1).
    """
    if not 0 < alpha < 1:
        raise UndefinedMeasurement(
            f"{instrument} needs an error probability.",
            saw=str(alpha),
            wanted="a number above 0 and below 1",
            try_this="0.05, or the share of it that this iteration may spend",
        )
