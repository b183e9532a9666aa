"""Simulated verdicts for the audit's benchmark: rates over many seeds, each with its bound."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tools.instruments.audit import (
    certify,
    equal_opportunity_gap,
    excess_flip,
    holm,
    length_slope,
    mcnemar,
    newcombe,
    retest_icc,
    shift_of,
    worst_group,
)
from tools.instruments.audit.attacks import upper_bound
from tools.instruments.audit.paired import Paired

Rng = np.random.Generator
TABLE = (
    (0.25, 0.10, 194, 215),
    (0.25, 0.05, 783, 857),
    (0.15, 0.05, 469, 514),
    (0.10, 0.05, 312, 343),
    (0.30, 0.15, 103, 115),
)
"""A1: psi, shift or margin, n to detect, n to certify."""
POWERS = ((0.81, 0.78), (0.81, 0.79), (0.81, 0.78), (0.81, 0.76), (0.81, 0.76))
"""The specification's simulated power: mid-p, exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured rate."""

    instrument: str
    situation: str
    seeds: int
    n: int
    rate: float
    error: float
    bound: str
    met: bool


def row(
    instrument: str, situation: str, hits: Any, *, n: int, least: float = 0.0, most: float = 1.0
) -> Row:
    """A rate held against its bounds; missed is a bound by more than two Monte-Carlo errors."""
    hits = np.asarray(hits, dtype=float)
    rate = float(hits.mean())
    error = float(hits.std() / len(hits) ** 0.5)
    both = (f">= {least:g}" if least > 0 else "", f"<= {most:g}" if most < 1 else "")
    return Row(
        instrument=instrument,
        situation=situation,
        seeds=len(hits),
        n=n,
        rate=rate,
        error=error,
        bound=" and ".join(x for x in both if x),
        met=least - 2 * error <= rate <= most + 2 * error,
    )


def as_json(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows for the results file."""
    return [asdict(r) for r in rows]


def detecting(seeds: int = 100_000) -> Iterator[Row]:
    """Power and false alarm of McNemar's test at the planned n: the table of A1."""
    rng = np.random.default_rng(1)
    for (psi, d, n, _), (by_mid, by_exact) in zip(TABLE, POWERS, strict=True):
        for shift, name in ((d, "power"), (0.0, "false alarm")):
            p = [(psi + shift) / 2, (psi - shift) / 2, 1 - psi]
            gained, lost, _ = rng.multinomial(n, p, size=seeds).T
            for mid, asked in ((True, by_mid), (False, by_exact)):
                hits = mcnemar(gained, lost, mid=mid) < 0.05
                test = f"McNemar {'mid-p' if mid else 'exact'}"
                bounds = {"least": asked - 0.01} if shift else {"most": 0.05}
                yield row(test, f"{name}, psi {psi:g}, shift {shift:g}", hits, n=n, **bounds)


def certifying(seeds: int = 4000) -> Iterator[Row]:
    """Power of TOST at the planned n, and how often it certifies a shift at the margin."""
    rng = np.random.default_rng(2)
    for psi, margin, _, n in (*TABLE, (0.06, 0.05, 0, 200)):
        for shift, name in ((0.0, "certified, no shift"), (margin, "certified, shift = margin")):
            base, treated = _verdicts(rng, psi, shift, n, seeds)
            hits = [
                certify(shift_of(b, t), margin=margin).yes
                for b, t in zip(base, treated, strict=True)
            ]
            bounds = {"most": 0.05} if shift else {"least": 0.78 if psi > 0.06 else 0.70}
            yield row("TOST", f"{name}, psi {psi:g}, margin {margin:g}", hits, n=n, **bounds)


def _verdicts(
    rng: Rng, psi: float, shift: float, n: int, seeds: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Paired yes-or-no verdicts with discordance psi and net shift."""
    u, base = rng.random((seeds, n)), (rng.random((seeds, n)) < 0.5).astype(float)
    gained, lost = u < (psi + shift) / 2, (u >= (psi + shift) / 2) & (u < psi)
    return np.where(gained, 0, np.where(lost, 1, base)), np.where(
        gained, 1, np.where(lost, 0, base)
    )


def planted_shift(seeds: int = 2000) -> Iterator[Row]:
    """A-tests: a planted bonus, noise without bias, order in time, permuted labels."""
    rng = np.random.default_rng(3)
    base, treated = _verdicts(rng, 0.25, 0.10, 194, seeds)
    found = [shift_of(b, t) for b, t in zip(base, treated, strict=True)]
    yield row("net_shift", "planted .10, psi .25", [s.detected for s in found], n=194, least=0.78)
    inside = [s.low <= 0.10 <= s.high for s in found]
    yield row("net_shift", "interval covers .10", inside, n=194, least=0.94, most=0.97)
    truth = rng.random((seeds, 200)) < 0.85
    flips = rng.random((2, seeds, 200)) < 0.15
    before, after = (truth ^ flips[0]).astype(float), (truth ^ flips[1]).astype(float)
    quiet = [shift_of(b, t).detected for b, t in zip(before, after, strict=True)]
    yield row("net_shift", "unbiased, 15 % random flips", quiet, n=200, most=0.06)
    swap = rng.random(base.shape) < 0.5
    mixed = [
        shift_of(b, t).detected
        for b, t in zip(np.where(swap, treated, base), np.where(swap, base, treated), strict=True)
    ]
    yield row("net_shift", "planted .10, labels permuted per item", mixed, n=194, most=0.06)
    yield row(
        "net_shift, clustered", "40 templates x 5, null", _clustered(rng, True), n=200, most=0.06
    )
    yield row("net_shift, not clustered", "the same: why clusters", _clustered(rng, False), n=200)


def _clustered(rng: Rng, aware: bool, seeds: int = 2000) -> list[bool]:
    groups = [i // 5 for i in range(200)]
    lean = np.repeat(rng.normal(0, 1.5, (seeds, 40)), 5, axis=1)
    treated = (rng.random((seeds, 200)) < 1 / (1 + np.exp(-lean))).astype(float)
    half = np.full(200, 0.5)
    return [shift_of(half, t, clusters=groups if aware else None).detected for t in treated]


def lengths(seeds: int = 1000) -> Iterator[Row]:
    """Power and false alarm of the slope on length, quality held fixed."""
    rng = np.random.default_rng(4)
    cases = ((1.6, 200, {"least": 0.75}), (1.35, 800, {"least": 0.90}))
    for odds, n, bounds in (*cases, (1.0, 200, {"most": 0.07}), (1.0, 800, {"most": 0.07})):
        hits = []
        for _ in range(seeds):
            z, quality = rng.normal(size=n), rng.choice((-0.5, 0.5), n)
            p = 1 / (1 + np.exp(-np.log(odds) * z - 2 * quality))
            slope = length_slope((rng.random(n) < p).astype(float), 20 * z, quality=quality)
            hits.append((slope.low is not None and slope.low > 0) or (slope.high or 0) < 0)
        yield row("length_slope", f"odds ratio {odds:g} per SD", hits, n=n, **bounds)


def intervals(seeds: int = 2000) -> Iterator[Row]:
    """How often intervals contain what they are of, and families stay silent."""
    rng = np.random.default_rng(5)
    tables = rng.multinomial(200, [0.45, 0.15, 0.10, 0.30], size=seeds)
    inside = _covered(tables)
    yield row("newcombe", "interval covers .05, n = 200", inside, n=200, least=0.94, most=0.97)
    yield row("equal_opportunity_gap", "covers .10", _gaps(rng, seeds), n=400, least=0.94)
    yield row("retest_icc", "covers .60", _iccs(rng, seeds), n=200, least=0.93)
    yield row(
        "excess_flip", "noise only: interval excludes 0", _excess(rng, seeds), n=200, most=0.06
    )
    p = rng.random((20_000, 16))
    family = [bool((holm(x) < 0.05).any()) for x in p]
    yield row("holm", "16 nulls: any rejected", family, n=16, most=0.05)
    yield row("worst_group", "bound covers the worst of 6", _worst(rng, seeds), n=1200, least=0.95)
    successes = rng.binomial(300, 0.01, size=20_000)
    covered = [upper_bound(int(k), 300) >= 0.01 for k in successes]
    yield row("attack_success", "bound covers .01", covered, n=300, least=0.95)


def _covered(tables: np.ndarray[Any, Any]) -> list[bool]:
    found = []
    for both, gained, lost, neither in tables.tolist():
        low, high = newcombe(Paired(both=both, gained=gained, lost=lost, neither=neither))
        found.append(low <= 0.05 <= high)
    return found


def _gaps(rng: Rng, seeds: int) -> list[bool]:
    gold: Any = ["self"] * 200 + ["other"] * 200
    found = []
    for _ in range(seeds):
        picks = np.r_[rng.random(200) < 0.85, rng.random(200) < 0.25].astype(float)
        gap = equal_opportunity_gap(picks, gold)
        found.append((gap.low or 0) <= 0.10 <= (gap.high or 0))
    return found


def _iccs(rng: Rng, seeds: int) -> list[bool]:
    found = []
    for _ in range(seeds):
        scores = rng.normal(0, 0.6**0.5, (200, 1)) + rng.normal(0, 0.4**0.5, (200, 2))
        icc = retest_icc(scores)
        found.append((icc.low or 0) <= 0.60 <= (icc.high or 0))
    return found


def _excess(rng: Rng, seeds: int) -> list[bool]:
    found = []
    for _ in range(seeds):
        truth = rng.random((200, 1, 1)) < 0.8
        base, treated = ((truth ^ (rng.random((200, 2, 2)) < 0.15)).astype(float) for _ in "bt")
        m = excess_flip(base, treated)
        found.append((m.low or 0) > 0 or (m.high or 0) < 0)
    return found


def _worst(rng: Rng, seeds: int) -> list[bool]:
    shifts = (0.0, 0.02, -0.04, 0.08, 0.08, -0.08)
    found = []
    for _ in range(seeds):
        groups = {}
        for i, d in enumerate(shifts):
            base, treated = _verdicts(rng, 0.25, d, 200, 1)
            groups[str(i)] = shift_of(base[0], treated[0])
        found.append((worst_group(groups).high or 0) >= 0.08)
    return found


PARTS: tuple[Callable[[], Iterator[Row]], ...] = (
    detecting,
    certifying,
    planted_shift,
    lengths,
    intervals,
)
