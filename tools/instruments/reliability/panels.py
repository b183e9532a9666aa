"""What a panel of judges is worth: effective votes, and what their votes say of each other."""

from collections.abc import Sequence

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.estimates import mean, refuse_unequal
from tools.instruments.intervals import Thresholds
from tools.instruments.reliability.common import (
    Clusters,
    Floats,
    Frame,
    Values,
    claims,
    codes,
    insufficient,
    percentiles,
    reported,
    resampled,
)
from tools.instruments.reliability.dawid_skene import Table, read_votes

ENOUGH = 200
"""Gold clusters below which the correlations of errors are too uncertain to act on."""
RISE = 0.3
"""A judge is added only if it adds so many effective votes."""
OVERCLAIM = 0.05


# --- effective votes -------------------------------------------------------------
def effective_votes(errors: Floats, weights: Floats | None = None) -> Floats:
    """n_eff = K / (1 + (K - 1) rbar) for each row of item weights; NaN where it is undefined.

    rbar is the mean over pairs of judges of the correlation of their errors (Kish 1965; Kohli
    2026, arXiv 2605.29800), over the items that both judged. A pair of which one judge is always
    right, or always wrong, has no correlation and is left out.
    """
    judges = errors.shape[1]
    rows = np.ones((1, len(errors))) if weights is None else weights
    there = np.isfinite(errors).astype(np.float64)
    wrong = np.where(there > 0, errors, 0.0)
    total, defined = np.zeros(len(rows)), np.zeros(len(rows))
    for i in range(judges):
        for j in range(i):
            both = there[:, i] * there[:, j]
            a, b = wrong[:, i] * both, wrong[:, j] * both
            n, sa, sb, sab = (rows @ x for x in (both, a, b, a * b))
            spread = sa * (n - sa) * sb * (n - sb)  # an error indicator is its own square
            fine = spread > 1e-12
            total[fine] += (n * sab - sa * sb)[fine] / np.sqrt(spread[fine])
            defined += fine
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1 + (judges - 1) * total / defined
        return np.asarray(np.where(share > 1e-9, judges / share, np.nan))


def n_eff(
    errors: Sequence[Sequence[float | None]] | Floats,
    *,
    clusters: Clusters = None,
    draws: int = 999,
    seed: int = 0,
    of: str = "",
) -> Measurement:
    """How many independent judges a panel is worth, from whether they err together on gold.

    Args:
        errors: per item and judge 1 where it was wrong, 0 where right, None where it gave nothing.

    Returns:
        Effective votes, K / (1 + (K - 1) mean correlation), with the percentile bootstrap over
        clusters; above K by chance only. Fewer than 200 clusters are insufficient.

    Raises:
        UndefinedMeasurement: fewer than 2 judges, a value that is no error, or a panel whose
            errors have no correlation anywhere.
    """
    table = read_votes("n_eff", errors, least_judges=2)
    many, drawn, frame = _drawn("n_eff", table, clusters, draws, seed, of)
    found = float(effective_votes(table)[0])
    _refuse_undefined("n_eff", found, table)
    n = len(table)
    if many < ENOUGH:
        return insufficient(frame, f"fewer than {ENOUGH} clusters", n=n, clusters=many)
    values = effective_votes(table, drawn)
    values = values[np.isfinite(values)]
    if len(values) < 0.95 * draws:
        return insufficient(frame, "errors too rare to resample", n=n, clusters=many)
    low, high = percentiles(values)
    return reported(
        frame,
        found,
        (min(low, found), max(high, found)),
        n=n,
        clusters=many,
        assumptions=(f"{table.shape[1]} judges", *_steady(table)),
    )


def n_eff_rise(
    errors: Sequence[Sequence[float | None]] | Floats,
    added: int,
    *,
    clusters: Clusters = None,
    draws: int = 999,
    seed: int = 0,
    least: float = RISE,
    of: str = "",
) -> Measurement:
    """Effective votes that one judge adds to the others; on the same items and the same draws.

    Args:
        added: the column of that judge.
        least: green when it surely adds so much, red when it surely does not.

    Raises:
        UndefinedMeasurement: see `n_eff`; or fewer than 3 judges, or no such column.
    """
    name = "n_eff_rise"
    table = read_votes(name, errors, least_judges=3)
    if not 0 <= added < table.shape[1]:
        raise UndefinedMeasurement(
            f"{name} takes one judge away.",
            saw=f"column {added} of {table.shape[1]}",
            wanted=f"a column from 0 to {table.shape[1] - 1}",
            try_this="count from 0",
        )
    thresholds = Thresholds(green=least, red=least)
    many, drawn, frame = _drawn(name, table, clusters, draws, seed, of, thresholds)
    others = np.delete(table, added, axis=1)
    found = float(effective_votes(table)[0] - effective_votes(others)[0])
    _refuse_undefined(name, found, table)
    if many < ENOUGH:
        why = f"fewer than {ENOUGH} clusters"
        return insufficient(frame, why, n=len(table), clusters=many)
    rises = effective_votes(table, drawn) - effective_votes(others, drawn)
    rises = rises[np.isfinite(rises)]
    if len(rises) < 0.95 * draws:
        why = "errors too rare to resample"
        return insufficient(frame, why, n=len(table), clusters=many)
    low, high = percentiles(rises)
    return reported(
        frame,
        found,
        (min(low, found), max(high, found)),
        n=len(table),
        clusters=many,
        assumptions=(f"{table.shape[1] - 1} judges without it", *_steady(table)),
    )


def _drawn(
    name: str,
    table: Floats,
    clusters: Clusters,
    draws: int,
    seed: int,
    of: str,
    thresholds: Thresholds | None = None,
) -> tuple[int, Floats, Frame]:
    groups = codes(name, clusters, len(table))
    frame = Frame(
        instrument=name,
        units="effective votes",
        of=of,
        null=None if thresholds else float(table.shape[1]),
        seed=seed,
        thresholds=thresholds or Thresholds(),
    )
    many = int(groups.max(initial=-1)) + 1
    if not many:
        return 0, np.zeros((0, 0)), frame
    return many, resampled(groups, draws, np.random.default_rng(seed)), frame


def _refuse_undefined(name: str, found: float, table: Floats) -> None:
    if not np.isfinite(found):
        raise UndefinedMeasurement(
            f"{name} is made of correlations between errors, and there are none.",
            saw=f"{len(_constant(table))} of {table.shape[1]} judges always or never wrong, "
            "or judges that err in turns",
            wanted="two judges that are sometimes wrong on the same items",
            try_this="harder gold items",
        )


def _constant(table: Floats) -> list[int]:
    return [
        i for i, column in enumerate(table.T) if len(set(column[np.isfinite(column)].tolist())) < 2
    ]


def _steady(table: Floats) -> tuple[str, ...]:
    lost = _constant(table)
    return (f"judges {lost} are never or always wrong: left out of the mean",) if lost else ()


# --- what the votes say ----------------------------------------------------------
def panel_overclaim(
    posterior: Values, gold: Values, *, clusters: Clusters = None, of: str = ""
) -> Measurement:
    """How much surer a panel is than it is right: mean of max(q, 1 - q) - [verdict is right].

    Votes are combined as if judges erred independently (`dawid_skene`); where they do not, the
    panel believes far too much. Red: recalibrate its posterior on gold before it is used.

    Args:
        posterior: the panel's probability that the answer is good.
        gold: 1 good, 0 bad.

    Raises:
        UndefinedMeasurement: impossible input.
    """
    name = "panel_overclaim"
    q, y = claims(name, posterior, gold)
    right = np.where(q == 0.5, 0.5, ((q > 0.5) == (y == 1)).astype(np.float64))
    return mean(
        name,
        (np.maximum(q, 1 - q) - right).tolist(),
        units="probability",
        clusters=codes(name, clusters, len(q)).tolist(),
        of=of,
        lower=-1.0,
        upper=1.0,
        null=0.0,
        green=OVERCLAIM,
        red=OVERCLAIM,
        bad_is="high",
    )


def errors_on_gold(votes: Table, gold: Values) -> Floats:
    """1 where a judge's vote is not gold's, 0 where it is, NaN where it gave none.

    Raises:
        UndefinedMeasurement: not one gold label per item, or votes and labels not 0 and 1.
    """
    table = read_votes("errors_on_gold", votes, least_judges=1)
    refuse_unequal("errors_on_gold", {"items": len(table), "labels": len(gold)})
    truth, _ = claims("errors_on_gold", gold, gold)
    return np.asarray(np.where(np.isfinite(table), np.abs(table - truth[:, None]), np.nan))
