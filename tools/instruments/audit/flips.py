"""How many verdicts change under a treatment, and how many change when nothing does."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.audit.paired import Floats
from tools.instruments.estimates import mean, refuse_impossible

UNITS = "share of verdicts"


def flip_rate(
    base: ArrayLike,
    treated: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
) -> Measurement:
    """F_t: share of verdicts that change under the treatment; CALM's robustness rate is 1 - F_t.

    Every repeat of an order is compared with every treated repeat of the same order.

    Args:
        base: preferences for the treated answer, shape (items, orders, repeats).
        treated: the same under the treatment.
    """
    return _rate("flip_rate", _between(_cube(base), _cube(treated)), clusters, of)


def noise_floor(
    base: ArrayLike, *, clusters: Sequence[Hashable] | None = None, of: str = ""
) -> Measurement:
    """F_0: share of verdicts that change when nothing does; CALM's consistency rate is 1 - F_0.

    Raises:
        UndefinedMeasurement: there is one repeat only: nothing was done twice.
    """
    return _rate("noise_floor", _within(_cube(base)), clusters, of)


def excess_flip(
    base: ArrayLike,
    treated: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
) -> Measurement:
    """F_t - F_0 per item: how much the treatment unsettles beyond noise, in [-1, 1].

    F_0 is averaged over both conditions. Its direction is not told: Delta tells it, and gates.

    Raises:
        UndefinedMeasurement: one repeat only.
    """
    before, after = _cube(base), _cube(treated)
    floor = (_within(before) + _within(after)) / 2
    return mean(
        "excess_flip",
        (_between(before, after) - floor).tolist(),
        units=UNITS,
        clusters=clusters,
        of=of,
        lower=-1.0,
        upper=1.0,
        null=0.0,
    )


def _rate(
    instrument: str, values: Floats, clusters: Sequence[Hashable] | None, of: str
) -> Measurement:
    return mean(
        instrument,
        values.tolist(),
        units=UNITS,
        clusters=clusters,
        of=of,
        lower=0.0,
        upper=1.0,
        null=0.0,
    )


def _cube(verdicts: ArrayLike) -> Floats:
    values = np.asarray(verdicts, dtype=np.float64)
    refuse_impossible("flip_rate", values.ravel().tolist(), lower=0.0, upper=1.0)
    if values.ndim != 3:
        raise UndefinedMeasurement(
            "Flips are counted over items, orders and repeats.",
            saw=f"shape {values.shape}",
            wanted="(items, orders, repeats)",
            try_this="tools.audit.records.Table.preference gives it from a list of verdicts",
        )
    return values


def _between(before: Floats, after: Floats) -> Floats:
    """Share of (repeat, treated repeat) pairs that differ, per item."""
    if before.shape[:2] != after.shape[:2]:
        raise UndefinedMeasurement(
            "A flip is between two verdicts on the same item in the same order.",
            saw=f"shapes {before.shape} and {after.shape}",
            wanted="the same items and orders",
            try_this="join the two conditions by item and order before measuring",
        )
    differ = before[:, :, :, None] != after[:, :, None, :]
    return np.asarray(differ.mean((1, 2, 3)), dtype=np.float64)


def _within(verdicts: Floats) -> Floats:
    """Share of pairs of different repeats that differ, per item."""
    repeats = verdicts.shape[2]
    if repeats < 2:
        raise UndefinedMeasurement(
            "The noise of a judge shows only when something is asked twice.",
            saw=f"{repeats} repeat",
            wanted="at least 2 repeats of each order",
            try_this="audit with repeats=2, the default",
        )
    differ = verdicts[:, :, :, None] != verdicts[:, :, None, :]
    shares = differ.sum((2, 3)) / (repeats * (repeats - 1))
    return np.asarray(shares.mean(1), dtype=np.float64)
