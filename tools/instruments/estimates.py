"""The two estimates that all instruments are made of: a proportion and a mean."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.intervals import LEVEL, Interval, Thresholds, clopper_pearson, student


def proportion(
    instrument: str,
    k: int,
    n: int,
    *,
    units: str,
    of: str = "",
    null: float | None = None,
    margin: float | None = None,
    green: float | None = None,
    red: float | None = None,
    bad_is: Literal["low", "high"] = "low",
    assumptions: tuple[str, ...] = (),
) -> Measurement:
    """The share k of n, with an exact interval; the trials are independent.

    Args:
        null: what the share would be if nothing were going on.
        margin: half-width above which an undecided interval is insufficient.
        green: good from here on.
        red: bad from here on; `bad_is` says in which direction.

    Raises:
        UndefinedMeasurement: not 0 <= k <= n, in whole numbers.
    """
    _refuse_no_count(instrument, k, n)
    thresholds = Thresholds(green=green, red=red, margin=margin, bad_is=bad_is)
    interval = clopper_pearson(k, n) if n else None
    status = thresholds.status(interval) if interval else Status.INSUFFICIENT
    return Measurement(
        instrument=instrument,
        estimate=None if status is Status.INSUFFICIENT else k / n,
        units=units,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n,
        count=k,
        null=null,
        margin=margin,
        status=status,
        assumptions=assumptions,
        of=of,
    )


def _refuse_no_count(instrument: str, k: int, n: int) -> None:
    whole = all(isinstance(x, int) and not isinstance(x, bool) for x in (k, n))
    if not whole or not 0 <= k <= n:
        raise UndefinedMeasurement(
            f"{instrument} counts successes among trials.",
            saw=f"{k} of {n}",
            wanted="whole numbers, 0 <= k <= n",
            try_this="count again; a share is not a count",
        )


def mean(
    instrument: str,
    values: Sequence[float],
    *,
    units: str,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
    lower: float | None = None,
    upper: float | None = None,
    null: float | None = None,
    margin: float | None = None,
    green: float | None = None,
    red: float | None = None,
    bad_is: Literal["low", "high"] = "low",
    assumptions: tuple[str, ...] = (),
    level: float = LEVEL,
) -> Measurement:
    """The mean over clusters of their means, with a t interval; clusters are independent.

    Args:
        clusters: which cluster each value belongs to, for example its prompt; None when every
            value is a cluster of its own.
        lower: the least value possible, where there is one; so `upper`.

    Raises:
        UndefinedMeasurement: a value is not finite or not in [lower, upper], or there is not
            one cluster per value.
    """
    refuse_impossible(instrument, values, lower=lower, upper=upper)
    grouped = _grouped(instrument, values, clusters)
    means = [math.fsum(row) / len(row) for row in grouped.values()]
    thresholds = Thresholds(green=green, red=red, margin=margin, bad_is=bad_is)
    interval = student(means, lower=lower, upper=upper, level=level) if len(means) > 1 else None
    if interval and interval[0] == interval[1]:
        assumptions = (*assumptions, "no spread among clusters: the interval is a point")
    return measured(
        instrument,
        math.fsum(means) / len(means) if means else None,
        interval,
        thresholds,
        units=units,
        n=len(values),
        clusters=len(means),
        null=null,
        assumptions=assumptions,
        of=of,
        level=level,
    )


def measured(
    instrument: str,
    estimate: float | None,
    interval: Interval | None,
    thresholds: Thresholds,
    *,
    units: str,
    n: int,
    clusters: int,
    null: float | None = None,
    assumptions: tuple[str, ...] = (),
    of: str = "",
    level: float = LEVEL,
) -> Measurement:
    """A measurement from an estimate and its interval; without an interval it is insufficient."""
    status = thresholds.status(interval) if interval else Status.INSUFFICIENT
    return Measurement(
        instrument=instrument,
        estimate=None if status is Status.INSUFFICIENT else estimate,
        units=units,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        level=level,
        guarantee=Guarantee.FIXED_N,
        n=n,
        clusters=clusters,
        null=null,
        margin=thresholds.margin,
        status=status,
        assumptions=assumptions,
        of=of,
    )


def refuse_impossible(
    instrument: str,
    values: Sequence[float],
    *,
    lower: float | None = None,
    upper: float | None = None,
) -> None:
    """Look at values before they are measured.

    Raises:
        UndefinedMeasurement: one of them is not finite, or not in [lower, upper].
    """
    least = -math.inf if lower is None else lower
    most = math.inf if upper is None else upper
    bad = [v for v in values if not (math.isfinite(v) and least <= v <= most)]
    if bad:
        raise UndefinedMeasurement(
            f"{instrument} cannot be measured on values that cannot be.",
            saw=f"{bad[0]} and {len(bad) - 1} more of {len(values)}",
            wanted=f"finite numbers in [{least}, {most}]",
            try_this="leave errors out and count them: an error is not a number",
        )


def refuse_unequal(instrument: str, what: Mapping[str, int]) -> None:
    """Look at the lengths of lists that belong together.

    Raises:
        UndefinedMeasurement: they differ.
    """
    if len(set(what.values())) > 1:
        raise UndefinedMeasurement(
            f"{instrument} joins lists item by item.",
            saw=", ".join(f"{n} {name}" for name, n in what.items()),
            wanted="the same number of each",
            try_this="join them by prompt before measuring",
        )


def _grouped(
    instrument: str, values: Sequence[float], clusters: Sequence[Hashable] | None
) -> dict[Hashable, list[float]]:
    if clusters is None:
        return {i: [v] for i, v in enumerate(values)}
    refuse_unequal(instrument, {"values": len(values), "clusters": len(clusters)})
    grouped: dict[Hashable, list[float]] = {}
    for cluster, value in zip(clusters, values, strict=True):
        grouped.setdefault(cluster, []).append(value)
    return grouped
