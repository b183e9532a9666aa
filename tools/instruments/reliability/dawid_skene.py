"""How good is each judge, when only their votes are known? Dawid and Skene's EM."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from logs.errors import Undecided, UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.reliability.common import (
    Floats,
    Frame,
    insufficient,
    percentiles,
    reported,
)

Table = Sequence[Sequence[float | None]] | Floats
"""Per item, what each judge said: 1, 0, or None where it gave nothing."""
STEPS, TOLERANCE, ROUGH = 20_000, 1e-8, 1e-5
"""Largest change of a rate in a step at which EM stops; the likelihood is flat long before."""
EDGE = 1e-10
FEWEST = 200
"""Items below which three or more judges do not pin each other down; our default."""


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """A fit to votes alone, on the assumption that judges err independently."""

    prior: float
    """Share of good answers."""
    sensitivity: tuple[float, ...]
    """Per judge: share of good answers that it calls good."""
    specificity: tuple[float, ...]
    """Per judge: share of bad answers that it calls bad."""
    posterior: tuple[float, ...]
    """Per item: probability that it is good. Believes too much where errors are shared."""
    log_likelihood: float
    """Nats per item."""
    steps: int


def read_votes(name: str, votes: Table, *, least_judges: int) -> Floats:
    """Votes as a table with NaN where there is none.

    Raises:
        UndefinedMeasurement: no items, too few judges, rows of different length, or a vote that
            is neither 0 nor 1 nor None.
    """
    widths = {len(row) for row in votes}
    width = widths.pop() if len(widths) == 1 else 0
    if width < least_judges:
        raise UndefinedMeasurement(
            f"{name} reads a table of items and judges.",
            saw=f"{len(votes)} items, each with {width or 'another number of'} votes",
            wanted=f"at least 1 item, and the same {least_judges} or more judges for each",
            try_this="give None where a judge gave nothing",
        )
    table = np.array(votes, dtype=np.float64)  # None becomes NaN
    odd = table[~np.isnan(table) & (table != 0) & (table != 1)]
    if len(odd):
        raise UndefinedMeasurement(
            f"{name} knows yes and no.",
            saw=str(odd[0]),
            wanted="1, 0 or None",
            try_this="leave ties out, and count them",
        )
    return np.asarray(table)


def dawid_skene(votes: Table) -> DawidSkene:
    """EM for the share of good answers and each judge's two error rates (Dawid & Skene 1979).

    q_i = sigma(log pi/(1-pi) + sum_k log P(vote | good) / P(vote | bad)); then pi, se and sp are
    weighted shares. It starts from the share of yes votes, which decides which side is called
    good: the side on which most judges are better than chance.

    Raises:
        UndefinedMeasurement: fewer than 3 judges (not identified), or impossible votes.
        Undecided: no convergence in 20,000 steps.
    """
    table = read_votes("dawid_skene", votes, least_judges=3)
    patterns, index, count = np.unique(
        np.nan_to_num(table, nan=2.0), axis=0, return_inverse=True, return_counts=True
    )
    fit = _em(patterns, count[None, :].astype(np.float64))
    if not fit.converged:
        raise Undecided(
            "Dawid-Skene did not converge.",
            saw=f"{fit.steps} steps",
            wanted=f"rates that change by less than {TOLERANCE}",
            try_this="more items, or judges that differ from each other",
        )
    return DawidSkene(
        float(fit.prior[0]),
        tuple(fit.rates[0, :, 1].tolist()),
        tuple((1 - fit.rates[0, :, 0]).tolist()),
        tuple(fit.posterior[0][np.asarray(index).reshape(-1)].tolist()),
        float(fit.log_likelihood[0]),
        fit.steps,
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    prior: Floats
    """Shape (draws,)."""
    rates: Floats
    """P(yes | bad) and P(yes | good), shape (draws, judges, 2)."""
    posterior: Floats
    """Shape (draws, patterns)."""
    log_likelihood: Floats
    steps: int
    converged: bool


def _em(patterns: Floats, counts: Floats, tolerance: float = TOLERANCE) -> _Fit:
    """EM on distinct rows of votes, each so often; one fit for each row of counts."""
    yes, no = (patterns == 1).astype(np.float64), (patterns == 0).astype(np.float64)
    given = np.maximum((yes + no).sum(1), 1)
    posterior = np.where((yes + no).sum(1) > 0, yes.sum(1) / given, 0.5)
    posterior = np.broadcast_to(posterior, counts.shape)
    before = np.full((len(counts), patterns.shape[1], 2), np.inf)
    n = counts.sum(1)
    steps, converged = 0, False
    while steps < STEPS and not converged:
        steps += 1
        good, bad = counts * posterior, counts * (1 - posterior)
        prior = np.clip(good.sum(1) / n, EDGE, 1 - EDGE)
        rates = np.stack([_share(bad, yes, no), _share(good, yes, no)], axis=-1)
        if_good = np.log(prior)[:, None] + _log_rows(rates[..., 1], yes, no)
        if_bad = np.log1p(-prior)[:, None] + _log_rows(rates[..., 0], yes, no)
        posterior = expit(if_good - if_bad)
        converged = bool(np.abs(rates - before).max() < tolerance)
        before = rates
    now = (counts * np.logaddexp(if_good, if_bad)).sum(1) / n
    return _Fit(prior, rates, np.asarray(posterior), now, steps, converged)


def _share(weight: Floats, yes: Floats, no: Floats) -> Floats:
    """Weighted share of yes, shape (draws, judges)."""
    said, denied = weight @ yes, weight @ no
    share = np.divide(said, said + denied, out=np.full_like(said, 0.5), where=said + denied > 0)
    return np.asarray(np.clip(share, EDGE, 1 - EDGE))


def _log_rows(rate: Floats, yes: Floats, no: Floats) -> Floats:
    return np.asarray(np.log(rate) @ yes.T + np.log1p(-rate) @ no.T)


def judge_rate(
    votes: Table,
    judge: int,
    *,
    rate: str = "sensitivity",
    draws: int = 200,
    seed: int = 0,
    of: str = "",
) -> Measurement:
    """Sensitivity or specificity of one judge, from the votes of all and no gold.

    The percentile bootstrap over items refits the model on each draw. It knows nothing of errors
    that judges share: there the rates are too high, and only gold (`n_eff`) shows it.

    Raises:
        UndefinedMeasurement: see `dawid_skene`; no such judge, or no such rate.
    """
    if rate not in ("sensitivity", "specificity"):
        raise UndefinedMeasurement(
            "judge_rate knows two rates.",
            saw=rate,
            wanted="sensitivity or specificity",
            try_this="sensitivity",
        )
    table = read_votes("judge_rate", votes, least_judges=3)
    if not 0 <= judge < table.shape[1]:
        raise UndefinedMeasurement(
            "judge_rate asks of one judge.",
            saw=f"column {judge} of {table.shape[1]}",
            wanted=f"a column from 0 to {table.shape[1] - 1}",
            try_this="count from 0",
        )
    frame = Frame(instrument=f"judge_{rate}", units="share of answers", of=of, seed=seed)
    if len(table) < FEWEST:
        return insufficient(frame, f"fewer than {FEWEST} items", n=len(table))
    found = getattr(dawid_skene(table), rate)[judge]
    patterns, count = np.unique(np.nan_to_num(table, nan=2.0), axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(table), count / len(table), size=draws)
    rates = _em(patterns, drawn.astype(np.float64), ROUGH).rates[:, judge, :]
    low, high = percentiles(rates[:, 1] if rate == "sensitivity" else 1 - rates[:, 0])
    return reported(
        frame,
        found,
        (min(low, found), max(high, found)),
        n=len(table),
        clusters=len(table),
        assumptions=("judges err independently", "most judges are better than chance"),
    )
