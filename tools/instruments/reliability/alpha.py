"""Do any number of raters agree beyond chance? Krippendorff's alpha, with gaps."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.intervals import Thresholds
from tools.instruments.reliability.agreement import AUTO, FEWEST, MARGIN, USE
from tools.instruments.reliability.common import (
    Clusters,
    Floats,
    Frame,
    Ints,
    codes,
    insufficient,
    percentiles,
    reported,
    resampled,
)

Metric = Literal["nominal", "ordinal", "interval"]
Ratings = Sequence[Sequence[float | None]]
"""Per item, the value that each rater gave, or None."""


def alpha(ratings: Ratings, metric: Metric = "nominal") -> float:
    """alpha = 1 - D_o / D_e from the coincidence matrix; missing values are left out.

    Raises:
        UndefinedMeasurement: no item has two values, or all values are equal.
    """
    table, values = _counts(ratings)
    found = float(_alphas(np.ones((1, len(table))), table, values, metric)[0])
    if np.isnan(found):
        raise UndefinedMeasurement(
            "Agreement beyond chance needs two values, and items rated twice.",
            saw=f"{len(table)} items rated twice, {len(values)} different values",
            wanted="at least 1 item rated twice, and 2 values",
            try_this="let a second rater look at the same items",
        )
    return found


def _counts(ratings: Ratings) -> tuple[Floats, Floats]:
    """How many raters gave each value to each item that has two values."""
    rows = [[v for v in row if v is not None] for row in ratings]
    rows = [row for row in rows if len(row) > 1]
    values, index = np.unique([v for row in rows for v in row], return_inverse=True)
    if not np.isfinite(values).all():
        raise UndefinedMeasurement(
            "A rating is a finite number, or None.",
            saw=str(values[~np.isfinite(values)][0]),
            wanted="finite numbers",
            try_this="give None where a rater failed",
        )
    table = np.zeros((len(rows), len(values)))
    np.add.at(table, (np.repeat(np.arange(len(rows)), [len(r) for r in rows]), index), 1)
    return table, values


def _alphas(weights: Floats, table: Floats, values: Floats, metric: Metric) -> Floats:
    """Alpha for each row of item weights; NaN where it is 0/0.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", sections D to F.
    """
    if not len(table):
        return np.full(len(weights), np.nan)
    raters = table.sum(1)
    share = table / (raters - 1)[:, None]
    total = weights @ table
    distances = _distances(values, metric)
    out = np.full(len(weights), np.nan)
    # Sums over ordered pairs of ratings of an item; a pair with itself is at distance 0.
    if distances is not None:
        seen = weights @ ((share @ distances) * table).sum(1)
        chance = ((total @ distances) * total).sum(1)
    else:
        parts = [_ordinal_parts(w, share, table) for w in weights]
        seen, chance = np.array(parts).T
    chance = chance / np.maximum(total.sum(1) - 1, 1)
    np.divide(seen, chance, out=out, where=chance > 0)
    return np.asarray(1 - out)


def _ordinal_parts(weight: Floats, share: Floats, table: Floats) -> tuple[float, float]:
    """Ordinal distances depend on how often each value was given, so on the draw."""
    total = weight @ table
    delta = _ordinal(total)
    pairs = (share * weight[:, None]).T @ table
    return float((pairs * delta).sum()), float(total @ delta @ total)


def _distances(values: Floats, metric: Metric) -> Floats | None:
    if metric == "ordinal":
        return None
    gap = values[:, None] - values[None, :]
    return np.asarray(gap**2 if metric == "interval" else gap != 0, dtype=np.float64)


def _ordinal(total: Floats) -> Floats:
    """(sum of the counts from c to k, less half of both ends)^2."""
    middle = np.cumsum(total) - total / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)


def krippendorff_alpha(
    ratings: Ratings,
    *,
    metric: Metric = "nominal",
    clusters: Clusters = None,
    draws: int = 999,
    seed: int = 0,
    green: float = AUTO,
    red: float = USE,
    margin: float = MARGIN,
    of: str = "",
) -> Measurement:
    """Agreement of any number of raters beyond chance; each may leave items out.

    The interval is the percentile bootstrap over clusters of items. An item with one rating
    says nothing of agreement and is left out.

    Raises:
        UndefinedMeasurement: see `alpha`; or a value that is not finite.
    """
    found = alpha(ratings, metric)
    twice = [i for i, row in enumerate(ratings) if sum(v is not None for v in row) > 1]
    every = codes("krippendorff_alpha", clusters, len(ratings))
    groups: Ints = np.unique(every[twice], return_inverse=True)[1]
    table, values = _counts(ratings)
    frame = Frame(
        instrument="krippendorff_alpha",
        units="agreement beyond chance",
        of=of,
        null=0.0,
        seed=seed,
        thresholds=Thresholds(green=green, red=red, margin=margin),
    )
    many = int(groups.max()) + 1
    if many < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} clusters", n=len(twice), clusters=many)
    drawn = _alphas(resampled(groups, draws, np.random.default_rng(seed)), table, values, metric)
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < 0.95 * draws:
        return insufficient(frame, "too many draws are 0/0", n=len(twice), clusters=many)
    low, high = percentiles(drawn)
    return reported(
        frame,
        found,
        (min(low, found), max(high, found)),
        n=len(twice),
        clusters=many,
        status=Status.YELLOW if low == high == 1.0 else None,
        assumptions=_said(metric, len(ratings) - len(twice), low == high),
    )


def _said(metric: Metric, lost: int, point: bool) -> tuple[str, ...]:
    said = f"{metric}; {lost} items rated less than twice left out"
    return (said, "no disagreement: the interval is a point") if point else (said,)
