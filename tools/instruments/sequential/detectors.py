"""Did the mean rise above m0? Alarms that are watched for a whole run.

    L_t = 1 + l (X_t - m0),  Shiryaev-Roberts R_t = (R_{t-1} + 1) L_t,
    CUSUM C_t = max(C_{t-1}, 1) L_t;  the statistic is the mean over the stakes l

While E[X_t | past] <= m0, E[R_t | past] <= R_{t-1} + 1. So R_t + N - t is a nonnegative
supermartingale that starts at N, and R reaches N / delta within N items with probability at
most delta (Ville). With a fixed threshold A the average run to a false alarm is at least A, which
bounds no probability: at A = 200 every second null has rung by its 200th item.

Source: Shin, Ramdas & Rinaldo (2023), arXiv 2203.03532, section 2, for the average run; for a
horizon, the argument above. CUSUM never exceeds Shiryaev-Roberts, so both hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible
from tools.instruments.intervals import clopper_pearson
from tools.instruments.sequential.betting import Floats, refuse_alpha, refuse_null
from tools.instruments.sequential.confidence import bernstein_lower

Kind = Literal["sr", "cusum"]
Direction = Literal["up", "down"]

STAKES = (0.25, 0.5, 1.0, 2.0, 4.0)
DELTA = 0.05
CHARGE = 0.025
"""What an unknown m0 costs of delta."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The mean before any change, and what not knowing it costs."""

    mean: float
    charged: float = 0.0
    """Probability that the mean was on the wrong side of this already."""


def baseline(
    values: Sequence[float], *, direction: Direction = "up", charge: float = CHARGE
) -> Baseline:
    """A bound of the mean from calibration items, on the side that makes alarms rarer.

    Exact for 0 and 1 (Clopper-Pearson), else empirical Bernstein; items apart from the stream.

    Raises:
        UndefinedMeasurement: a value is not in [0, 1], or the bound leaves nothing to detect.
    """
    refuse_alpha("change_detector", charge)
    refuse_impossible("change_detector", values, lower=0.0, upper=1.0)
    array = _turned(np.asarray(values, dtype=np.float64), direction)
    if not len(array):
        bound = 1.0
    elif set(values) <= {0, 1}:
        bound = clopper_pearson(int(array.sum()), len(array), level=1 - 2 * charge)[1]
    else:
        bound = 1 - bernstein_lower(1 - array, delta=charge)
    refuse_null("change_detector", bound)
    return Baseline(mean=bound if direction == "up" else 1 - bound, charged=charge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detector between two items; begin with `for_run` or `for_average_run`."""

    m0: float
    threshold: float
    kind: Kind = "sr"
    direction: Direction = "up"
    items: int | None = None
    """N, the items of the planned run; None when only the average run is bounded."""
    delta: float | None = None
    """Bound on the probability of a false alarm within the run."""
    statistics: tuple[float, ...] = ()
    """One for each stake that m0 allows."""
    n: int = 0
    alarm_at: int | None = None

    @classmethod
    def for_run(
        cls,
        m0: float | Baseline,
        *,
        items: int,
        delta: float = DELTA,
        kind: Kind = "sr",
        direction: Direction = "up",
    ) -> Self:
        """At most `delta` false alarms over a run of `items`: A = N / (delta - what m0 cost).

        Raises:
            UndefinedMeasurement: nothing is left of delta, or m0 is not inside (0, 1).
        """
        known = m0 if isinstance(m0, Baseline) else Baseline(mean=m0)
        refuse_alpha("change_detector", delta - known.charged)
        refuse_impossible("change_detector", [items], lower=1)
        begun = cls.for_average_run(
            known.mean, length=items / (delta - known.charged), kind=kind, direction=direction
        )
        return replace(begun, items=items, delta=delta)

    @classmethod
    def for_average_run(
        cls, m0: float, *, length: float, kind: Kind = "sr", direction: Direction = "up"
    ) -> Self:
        """Soft: a false alarm once in `length` items on average at most, at no known time."""
        refuse_null("change_detector", m0)
        refuse_impossible("change_detector", [length], lower=1.0)
        stakes = allowed(m0 if direction == "up" else 1 - m0)
        return cls(
            m0=m0,
            threshold=length,
            kind=kind,
            direction=direction,
            statistics=(0.0,) * len(stakes),
        )

    @property
    def statistic(self) -> float:
        """R or C now, as it stood when the alarm rang if it rang."""
        return sum(self.statistics) / len(self.statistics)

    def after(self, value: float) -> Self:
        """The detector when one more item is known; once rung, it stays rung.

        Raises:
            UndefinedMeasurement: the value is not in [0, 1], or the planned run is over.
        """
        refuse_impossible("change_detector", [value], lower=0.0, upper=1.0)
        _refuse_beyond(self.n + 1, self.items)
        if self.alarm_at is not None:
            return replace(self, n=self.n + 1)
        up = self.direction == "up"
        away = value - self.m0 if up else self.m0 - value
        stakes = allowed(self.m0 if up else 1 - self.m0)
        moved = tuple(
            _begun(was, self.kind) * (1 + stake * away)
            for was, stake in zip(self.statistics, stakes, strict=True)
        )
        rung = sum(moved) / len(moved) >= self.threshold
        return replace(self, statistics=moved, n=self.n + 1, alarm_at=self.n + 1 if rung else None)

    def to_json(self) -> str:
        """Everything, so that `from_json` goes on to the last bit."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(plain, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The detector that `to_json` wrote."""
        plain = json.loads(text)
        return cls(**{**plain, "statistics": tuple(plain["statistics"])})


def change(detector: Detector, *, of: str = "") -> Measurement:
    """Whether the mean has left its baseline: the statistic as a share of its threshold.

    Red at an alarm of a run, yellow at one that only an average run bounds; green is silence, once
    the luckiest items could have rung; insufficient before.
    """
    soft = detector.items is None
    status = Status.GREEN
    if detector.alarm_at is not None:
        status = Status.YELLOW if soft else Status.RED
    elif _most(detector) < detector.threshold:
        status = Status.INSUFFICIENT
    return Measurement(
        instrument="change_detector",
        estimate=None if status is Status.INSUFFICIENT else detector.statistic / detector.threshold,
        units="share of the alarm threshold",
        level=0.0 if detector.delta is None else 1 - detector.delta,
        guarantee=Guarantee.NONE if soft else Guarantee.RUN_HORIZON,
        n=detector.n,
        count=detector.alarm_at,
        null=detector.m0,
        margin=1.0,
        status=status,
        assumptions=_told(detector),
        of=of,
    )


def path(values: Floats, m0: float, *, kind: Kind = "sr", direction: Direction = "up") -> Floats:
    """The statistic after each item, along the last axis: as `Detector`, for many paths."""
    turned, null = _turned(values, direction), m0 if direction == "up" else 1 - m0
    stakes = np.array(allowed(null))
    state = np.zeros((*turned.shape[:-1], len(stakes)))
    out: Floats = np.empty_like(turned)
    for t in range(turned.shape[-1]):
        start = state + 1 if kind == "sr" else np.maximum(state, 1)
        state = start * (1 + stakes * (turned[..., t, None] - null))
        out[..., t] = state.mean(axis=-1)
    return out


def allowed(m0: float) -> tuple[float, ...]:
    """Stakes that leave no wealth below 0 whatever comes: 1 - l m0 >= 0."""
    return tuple(stake for stake in STAKES if stake * m0 <= 1)


def _begun(was: float, kind: Kind) -> float:
    return was + 1 if kind == "sr" else max(was, 1.0)


def _turned(values: Floats, direction: Direction) -> Floats:
    return values if direction == "up" else 1 - values


def _most(detector: Detector) -> float:
    """The statistic if every item so far had been the worst there is."""
    null = detector.m0 if detector.direction == "up" else 1 - detector.m0
    grown = [1 + stake * (1 - null) for stake in allowed(null)]
    powers = [math.exp(min(700.0, detector.n * math.log(g))) for g in grown]
    if detector.kind == "sr":
        powers = [g * (power - 1) / (g - 1) for g, power in zip(grown, powers, strict=True)]
    return sum(powers) / len(powers)


def _told(detector: Detector) -> tuple[str, ...]:
    side = "at most" if detector.direction == "up" else "at least"
    null = f"null: mean given the past {side} {detector.m0:g}, at every item"
    if detector.items is None:
        run = f"average run without change at least {detector.threshold:g} items"
        return (null, f"{run}; the probability of a false alarm is not bounded")
    return (null, f"at most {detector.delta:g} false alarms in {detector.items} items")


def _refuse_beyond(item: int, items: int | None) -> None:
    if items is not None and item > items:
        raise UndefinedMeasurement(
            "The planned run of this detector is over, and with it what it promised.",
            saw=f"item {item}",
            wanted=f"at most {items} items",
            try_this="begin a new detector, with its own share of delta",
        )
