"""A mean that people measured on few items, with a judge's help on many: PPI++."""

from dataclasses import dataclass

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.estimates import refuse_unequal
from tools.instruments.intervals import Interval, Thresholds, student
from tools.instruments.reliability.common import (
    Clusters,
    Floats,
    Frame,
    Values,
    around,
    codes,
    column,
    insufficient,
    means,
    percentiles,
    reported,
)

FEWEST = 50
"""Gold clusters below which the normal interval is not to be believed; our default."""
WEAK = 0.5
"""Below this correlation the judge saves less than a quarter of the variance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One population: gold with the judge's word on the same items, and the judge's word alone.

    A cluster, for example a prompt, is either in the gold part or in the other: never in both.
    """

    gold: Values
    judge: Values
    """On the gold items, in the same order."""
    alone: Values
    """On items without gold."""
    clusters: Clusters = None
    alone_clusters: Clusters = None


@dataclass(frozen=True, slots=True)
class Ppi:
    """The estimate of PPI++ and of gold alone, with their standard errors."""

    estimate: float
    se: float
    weight: float
    """lambda: how far the judge is believed, in [0, 1]."""
    gold_estimate: float
    gold_se: float
    correlation: float
    """Of gold and judge over clusters; 0 where either is constant."""
    n: int
    """Gold clusters."""
    alone: int


def ppi(data: Labelled, instrument: str = "ppi_mean") -> Ppi:
    """theta = l mean_N(f) + mean_n(Y - l f), over cluster means.

    Var = l^2 var_N(f)/N + var_n(Y - l f)/n, with l = clip(cov(Y, f) / ((1 + n/N) var(f)), 0, 1)
    (Angelopoulos, Duchi & Zrnic 2023, example 6.1; var(f) over all items).

    Raises:
        UndefinedMeasurement: values not finite, unequal lengths, shared clusters, or fewer than
            two clusters on either side.
    """
    y, f, other = _parts(data, instrument)
    n, many = len(y), len(other)
    weight = _weight(y, f, other)
    estimate = float(weight * other.mean() + (y - weight * f).mean())
    variance = weight**2 * other.var(ddof=1) / many + (y - weight * f).var(ddof=1) / n
    spread = float(y.std(ddof=1) * f.std(ddof=1))
    return Ppi(
        estimate=estimate,
        se=float(np.sqrt(variance)),
        weight=weight,
        gold_estimate=float(y.mean()),
        gold_se=float(np.sqrt(y.var(ddof=1) / n)),
        correlation=float(np.cov(y, f)[0, 1]) / spread if spread else 0.0,
        n=n,
        alone=many,
    )


def _weight(y: Floats, f: Floats, other: Floats) -> float:
    spread = float(np.concatenate([f, other]).var(ddof=1))
    if spread == 0:
        return 0.0
    best = float(np.cov(y, f)[0, 1]) / ((1 + len(y) / len(other)) * spread)
    return min(1.0, max(0.0, best))


def _parts(data: Labelled, instrument: str) -> tuple[Floats, Floats, Floats]:
    """Cluster means of gold, of the judge beside it, and of the judge alone."""
    gold, judge, alone = (column(instrument, v) for v in (data.gold, data.judge, data.alone))
    refuse_unequal(instrument, {"gold": len(gold), "judge": len(judge)})
    if data.clusters is not None and data.alone_clusters is not None:
        _refuse_shared(data, instrument)
    labelled = codes(instrument, data.clusters, len(gold))
    other = codes(instrument, data.alone_clusters, len(alone))
    if min(len(np.unique(labelled)), len(np.unique(other))) < 2:
        raise UndefinedMeasurement(
            f"{instrument} needs a spread on both sides.",
            saw=f"{len(gold)} gold items, {len(alone)} judged alone",
            wanted="at least two clusters of each",
            try_this="label more items, or let the judge score more",
        )
    return means(gold, labelled), means(judge, labelled), means(alone, other)


def _refuse_shared(data: Labelled, instrument: str) -> None:
    both = set(data.clusters or ()) & set(data.alone_clusters or ())
    if both:
        raise UndefinedMeasurement(
            f"{instrument} adds the variances of two samples that share nothing.",
            saw=f"{len(both)} clusters in both",
            wanted="each cluster with gold, or judged alone",
            try_this="leave out of the judged items the prompts that have gold",
        )


# --- measurements ----------------------------------------------------------------
def ppi_mean(
    data: Labelled,
    *,
    lower: float | None = 0.0,
    upper: float | None = 1.0,
    units: str = "share of answers",
    null: float | None = None,
    thresholds: Thresholds | None = None,
    of: str = "",
) -> Measurement:
    """Gold mean of the current policy, with the judge's help where it helps.

    The judge may be wrong in any way: its error is measured on the gold items, so these must be
    drawn at random from the same policy. t interval with n - 1 degrees of freedom.

    Raises:
        UndefinedMeasurement: see `ppi`; or a gold value outside [lower, upper].
    """
    column("ppi_mean", data.gold, lower=lower, upper=upper)
    found = ppi(data)
    frame = Frame(
        instrument="ppi_mean",
        units=units,
        of=of,
        null=null,
        thresholds=thresholds or Thresholds(),
    )
    n = len(data.gold) + len(data.alone)
    if found.n < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} gold clusters", n=n, clusters=found.n)
    return reported(
        frame,
        found.estimate,
        _interval(found, lower, upper),
        n=n,
        clusters=found.n,
        assumptions=_said(found),
    )


def _interval(found: Ppi, lower: float | None, upper: float | None) -> Interval:
    if found.se == 0:
        return student([found.gold_estimate] * found.n, lower=lower, upper=upper)
    return around(found.estimate, found.se, found.n - 1, lower=lower, upper=upper)


def _said(*found: Ppi) -> tuple[str, ...]:
    weak = [x for x in found if x.correlation < WEAK]
    return (
        *(
            f"{x.n} gold clusters, {x.alone} judged, lambda {x.weight:.2f}, rho {x.correlation:.2f}"
            for x in found
        ),
        "gold drawn at random from the policy that is measured",
        *(("a weak judge: gold alone does nearly as well",) if weak else ()),
    )


def ppi_win_rate(
    data: Labelled, *, thresholds: Thresholds | None = None, of: str = ""
) -> Measurement:
    """Win rate minus loss rate of one policy against another on the same prompts, in [-1, 1].

    Args:
        data: gold is 1 where the new policy's answer won, -1 where it lost, 0 for a tie; the
            judge's word is on the same scale, in [-1, 1].

    Raises:
        UndefinedMeasurement: see `ppi`; or a value outside [-1, 1].
    """
    for values in (data.gold, data.judge, data.alone):
        column("ppi_win_rate", values, lower=-1.0, upper=1.0)
    measured = ppi_mean(
        data, lower=-1.0, upper=1.0, units="net wins", null=0.0, thresholds=thresholds, of=of
    )
    return measured.model_copy(update={"instrument": "ppi_win_rate"})


def ppi_difference(
    new: Labelled, old: Labelled, *, thresholds: Thresholds | None = None, of: str = ""
) -> Measurement:
    """Gold mean of one policy minus another's, measured on different prompts.

    Each with its own lambda; variances add, Welch's degrees of freedom. Where both answered the
    same prompts, `ppi_win_rate` or `ppi_mean` of the differences is narrower.

    Raises:
        UndefinedMeasurement: see `ppi`; or a gold value outside [0, 1].
    """
    name = "ppi_difference"
    for side in (new, old):
        column(name, side.gold, lower=0.0, upper=1.0)
    a, b = ppi(new, name), ppi(old, name)
    frame = Frame(
        instrument=name,
        units="share of answers",
        of=of,
        null=0.0,
        thresholds=thresholds or Thresholds(),
    )
    n = sum(len(side.gold) + len(side.alone) for side in (new, old))
    if min(a.n, b.n) < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} gold clusters", n=n, clusters=a.n + b.n)
    if a.se == 0 or b.se == 0:
        return insufficient(frame, "no spread among the gold of one side", n=n, clusters=a.n + b.n)
    se = float(np.hypot(a.se, b.se))
    df = int(se**4 / (a.se**4 / (a.n - 1) + b.se**4 / (b.n - 1)))
    return reported(
        frame,
        a.estimate - b.estimate,
        around(a.estimate - b.estimate, se, df, lower=-1.0, upper=1.0),
        n=n,
        clusters=a.n + b.n,
        assumptions=_said(a, b),
    )


def gold_multiplier(
    data: Labelled, *, draws: int = 499, seed: int = 0, of: str = ""
) -> Measurement:
    """What the judge is worth: so many times the gold would do as well without it.

    (width of gold alone / width of PPI++)^2, at least about 1; at most 1 + N/n. The interval is
    the percentile bootstrap over clusters of both samples.

    Raises:
        UndefinedMeasurement: see `ppi`.
    """
    name = "gold_multiplier"
    y, f, other = _parts(data, name)
    frame = Frame(instrument=name, units="times the gold", of=of, null=1.0, seed=seed)
    n = len(data.gold) + len(data.alone)
    if len(y) < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} gold clusters", n=n, clusters=len(y))
    found = ppi(data, name)
    if found.gold_se == 0 or found.se == 0:
        why = "no spread among the gold, or none that the judge leaves"
        return insufficient(frame, why, n=n, clusters=len(y))
    rng = np.random.default_rng(seed)
    drawn = [_multiplier(y, f, other, rng) for _ in range(draws)]
    estimate = (found.gold_se / found.se) ** 2
    low, high = percentiles(np.array([x for x in drawn if x is not None]))
    return reported(
        frame,
        estimate,
        (min(low, estimate), max(high, estimate)),
        n=n,
        clusters=len(y),
        status=Status.GREEN if low > 1 else Status.YELLOW,
        assumptions=_said(found),
    )


def _multiplier(y: Floats, f: Floats, other: Floats, rng: np.random.Generator) -> float | None:
    i = rng.integers(len(y), size=len(y))
    j = rng.integers(len(other), size=len(other))
    y, f, other = y[i], f[i], other[j]
    weight = _weight(y, f, other)
    gold = float(y.var(ddof=1)) / len(y)
    helped = weight**2 * other.var(ddof=1) / len(other) + (y - weight * f).var(ddof=1) / len(y)
    return gold / float(helped) if helped > 0 else None
