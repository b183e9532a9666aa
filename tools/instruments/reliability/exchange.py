"""What a score of one panel is worth in scores of another, told from answers that both scored.

Two panels are two scales: a mean of 0.2 under the one and 0.5 under the other says nothing of the
answers. Here the same answers carry both scores, so that the change is the panels' alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.intervals import LEVEL, Interval, Thresholds
from tools.instruments.reliability.common import Floats, Frame, means, reported, robust_se
from tools.instruments.reliability.common import insufficient as too_few
from tools.instruments.reliability.overlaps import (
    UNITS,
    Overlap,
    Scores,
    exchange_shift,
    favourite_changes,
    left_out,
    overlap,
    overlap_errors,
)
from tools.instruments.reliability.transitivity import rank_agreement

FEWEST = 20
"""Prompts from which on a line through both scores is told."""
HALF = 3**0.5 / 2
"""Correlation from which on knowing one score halves the spread of the other, since
1 - sqrt(1 - r^2) >= 1/2; below it scores should not be converted (Dorans 2004)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Lines through both scores, with what one prompt adds to each (its influence)."""

    linked: float
    """sd(new) / sd(old), with the sign of the correlation."""
    forward: float
    """Least squares of new on old: the slope if all noise were the new panel's."""
    backward: float
    """1 / least squares of old on new: the slope if all noise were the old panel's."""
    intercept: float
    correlation: float
    influence: Mapping[str, Floats]
    """Per prompt, by name of the field."""


def line_of(both: Overlap) -> Line:
    """The moments of both scores, each prompt counting once, and the lines they give.

    Raises:
        UndefinedMeasurement: one of the panels gives one score to every answer: 0/0.
    """
    weight = 1 / np.bincount(both.groups)[both.groups] / both.prompts
    x_mean, y_mean = float(weight @ both.old), float(weight @ both.new)
    x, y = both.old - x_mean, both.new - y_mean
    xx, yy, xy = float(weight @ x**2), float(weight @ y**2), float(weight @ (x * y))
    for name, column in (("old", both.old), ("new", both.new)):
        if np.ptp(column) == 0:
            raise UndefinedMeasurement(
                "Scores that never differ have no rate of exchange.",
                saw=f"the {name} panel gives {column[0]:g} to all {len(column)} answers",
                wanted="scores that tell answers apart",
                try_this="exchange_shift, which needs no spread",
            )
    r = max(-1.0, min(1.0, xy / (xx * yy) ** 0.5))
    slope = (yy / xx) ** 0.5 * (1.0 if xy >= 0 else -1.0)
    relative = (y**2 / yy - x**2 / xx) / 2
    forward, backward = xy / xx, yy / xy if xy else float("inf")
    told = {
        "linked": relative * slope,
        "forward": x * (y - forward * x) / xx,
        "backward": y * (y - backward * x) / xy if xy else np.full(len(x), np.inf),
        "intercept": y - slope * x - x_mean * slope * relative,
        "correlation": x * y / (xx * yy) ** 0.5 - r / 2 * (x**2 / xx + y**2 / yy),
    }
    return Line(
        linked=slope,
        forward=forward,
        backward=backward,
        intercept=y_mean - slope * x_mean,
        correlation=r,
        influence={name: means(values, both.groups) for name, values in told.items()},
    )


def _half(line: Line, field: str) -> float:
    """Half of the t interval over prompts of one number of a line."""
    influence = line.influence[field]
    se, df = robust_se(influence, np.arange(len(influence)))
    return float(stats.t.ppf((1 + LEVEL) / 2, df)) * se


def exchange_correlation(both: Overlap, *, of: str = "") -> Measurement:
    """Pearson's r of both scores; green from sqrt(3)/2, where knowing one halves the doubt.

    Fisher's z with the sandwich over prompts.

    Raises:
        UndefinedMeasurement: one of the panels gives one score to every answer.
    """
    thresholds = Thresholds(green=HALF, red=HALF)
    frame = Frame(
        instrument="exchange_correlation", units="Pearson's r", of=of, thresholds=thresholds
    )
    line = line_of(both)
    if both.prompts < FEWEST:
        return too_few(frame, _few(both), n=len(both.old), clusters=both.prompts)
    return reported(
        frame,
        line.correlation,
        _of_r(line),
        n=len(both.old),
        clusters=both.prompts,
        assumptions=left_out(both),
    )


def _of_r(line: Line) -> Interval:
    r = line.correlation
    if 1 - r * r < 1e-12:
        return r, r
    half = _half(line, "correlation") / (1 - r * r)
    low, high = np.tanh([np.arctanh(r) - half, np.arctanh(r) + half])
    return float(low), float(high)


def exchange_rate(both: Overlap, *, of: str = "") -> Measurement:
    """One unit of the old panel's score in units of the new one's: sd(new) / sd(old).

    Linear linking of a single group (Kolen & Brennan 2014, ch. 2), which is the reduced major
    axis (Isobe et al. 1990, table 1): new - mean(new) = b (old - mean(old)). It is the Deming
    slope where both panels are equally reliable, and the one choice that reads the same from
    either side. Which panel the disagreement belongs to cannot be told from two scores; whatever
    its share, the slope lies between the two least-squares lines, which are given (Frisch 1934).

    Green when knowing the old score halves the doubt about the new one; red when the panels
    order answers against each other; insufficient where they do not surely agree at all.
    Interval: t over prompts on log b, by the sandwich of its influence.

    Raises:
        UndefinedMeasurement: one of the panels gives one score to every answer.
    """
    frame = Frame(instrument="exchange_rate", units="new units per old unit", of=of, null=1.0)
    line = line_of(both)
    n, clusters = len(both.old), both.prompts
    if clusters < FEWEST:
        return too_few(frame, _few(both), n=n, clusters=clusters)
    low, high = _of_r(line)
    if low <= 0 <= high:
        why = f"the panels do not surely agree: correlation in [{low:.3f}, {high:.3f}]"
        return too_few(frame, why, n=n, clusters=clusters)
    size = abs(line.linked)
    factor = float(np.exp(_half(line, "linked") / size))
    ends = sorted((line.linked / factor, line.linked * factor))
    status = Status.RED if high < 0 else Status.GREEN if low >= HALF else Status.YELLOW
    return reported(
        frame,
        line.linked,
        (ends[0], ends[1]),
        n=n,
        clusters=clusters,
        status=status,
        assumptions=(*_told(line, "b"), *left_out(both)),
    )


def _told(line: Line, name: str) -> tuple[str, ...]:
    return (
        f"equal reliability of both panels; else {name} lies between {line.forward:.3f}, all "
        f"noise the new one's, and {line.backward:.3f}, all noise the old one's",
        "a rate of exchange, not a licence to join curves",
    )


def exchange_intercept(both: Overlap, *, of: str = "") -> Measurement:
    """What an old score of 0 is worth: mean(new) - b mean(old), with b of `exchange_rate`.

    Raises:
        UndefinedMeasurement: one of the panels gives one score to every answer.
    """
    frame = Frame(instrument="exchange_intercept", units=UNITS, of=of, null=0.0)
    line, rate = line_of(both), exchange_rate(both)
    n, clusters = len(both.old), both.prompts
    if rate.estimate is None:
        return too_few(frame, rate.assumptions[0], n=n, clusters=clusters)
    half = _half(line, "intercept")
    interval = (line.intercept - half, line.intercept + half)
    return reported(frame, line.intercept, interval, n=n, clusters=clusters, status=rate.status)


def exchange(new: Scores, old: Scores) -> tuple[Measurement, ...]:
    """Everything that is told when a panel changes; what is 0/0 is insufficient and says why.

    Raises:
        UndefinedMeasurement: as `overlap`.
    """
    return tuple(_all(overlap(new, old)))


def _all(both: Overlap) -> Iterator[Measurement]:
    yield exchange_shift(both)
    for instrument in (exchange_rate, exchange_intercept, exchange_correlation):
        try:
            yield instrument(both)
        except UndefinedMeasurement as undefined:
            frame = Frame(instrument=instrument.__name__, units=UNITS)
            why = f"{undefined.what} Saw: {undefined.saw}"
            yield too_few(frame, why, n=len(both.old), clusters=both.prompts)
    yield rank_agreement(*zip(*both.rankings, strict=True))
    yield favourite_changes(both)
    yield from (overlap_errors(both, panel) for panel in ("old", "new"))


def _few(both: Overlap) -> str:
    return f"{both.prompts} prompts, a line is told from {FEWEST}"
