"""Rates of the rules for many metrics and many iterations; part of `sequential`."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.instruments.rates import Row, row
from tools.instruments.sequential import betting, multiplicity, spending

METRICS, REAL, ITEMS, SEEDS = 12, 3, 600, 1000


def wealth(seed: int, real: int, items: int = ITEMS, seeds: int = SEEDS) -> Any:
    """Log wealth of the metrics, the first `real` of which have mean .60 instead of .50."""
    rng = np.random.default_rng(seed)
    p = np.where(np.arange(METRICS) < real, 0.6, 0.5)
    draws = (rng.random((50, METRICS, items)) < p[:, None] for _ in range(0, seeds, 50))
    return np.concatenate([betting.log_wealth(x.astype(np.float64), 0.5) for x in draws])


def _named(values: Any) -> dict[str, float]:
    return {f"{i:02}": float(value) for i, value in enumerate(values)}


def _shares(found: list[multiplicity.Refuted], real: int) -> tuple[Any, Any, Any]:
    """False discovery proportion, share of the real found, whether any was false."""
    false = np.array([sum(int(name) >= real for name in one.names) for one in found])
    total = np.array([len(one.names) for one in found])
    return false / np.maximum(total, 1), (total - false) / max(real, 1), false > 0


def many() -> Iterator[Row]:
    """D5 and D6."""
    log = wealth(81, REAL)
    now, peak = np.exp(log[..., -1]), np.exp(np.maximum(log.max(-1), 0))
    cases = {
        "e-BH": [multiplicity.e_bh(_named(x)) for x in now],
        "e-BH of adjusted maxima": [
            multiplicity.e_bh({k: multiplicity.adjusted(v) for k, v in _named(x).items()})
            for x in peak
        ],
        "e-Holm of maxima": [multiplicity.e_holm(_named(x)) for x in peak],
    }
    for name, found in cases.items():
        situation = f"{METRICS} metrics, {REAL} real at .60"
        false, power, any_false = _shares(found, REAL)
        if name == "e-Holm of maxima":
            yield row(name, situation, any_false, n=ITEMS, asked="<=", bound=0.05, what="any false")
        else:
            yield row(
                name, situation, false, n=ITEMS, asked="<=", bound=0.1, what="false discovery rate"
            )
        asked: Any = {"asked": ">=", "bound": 0.9} if name == "e-BH" else {}
        yield row(name, situation, power, n=ITEMS, what="power", **asked)
    yield from _no_metric_is_real()
    yield from iterations()


def _no_metric_is_real() -> Iterator[Row]:
    peak = np.exp(np.maximum(wealth(82, 0, 1500).max(-1), 0))
    for name, rule in (
        ("e-BH of maxima, not promised", multiplicity.e_bh),
        ("e-Holm of maxima", multiplicity.e_holm),
    ):
        _, _, any_false = _shares([rule(_named(x)) for x in peak], 0)
        asked: Any = {"asked": "<=", "bound": 0.05} if rule is multiplicity.e_holm else {}
        yield row(
            name, f"{METRICS} metrics, none real", any_false, n=1500, what="any false", **asked
        )


def iterations() -> Iterator[Row]:
    """Ten iterations of 300 items, each with its share of alpha; and one claim over all."""
    rng = np.random.default_rng(83)
    each = np.concatenate(
        [
            betting.log_wealth((rng.random((50, 10, 300)) < 0.5).astype(np.float64), 0.5)
            for _ in range(0, SEEDS, 50)
        ]
    )
    levels = np.array([spending.alpha_of_iteration(k) for k in range(1, 11)])
    false = (each.max(-1) >= -np.log(levels)).any(-1)
    yield row(
        "alpha over iterations",
        "10 iterations, no gain",
        false,
        n=300,
        asked="<=",
        bound=0.05,
        allow_se=2,
    )
    flat = (each.max(-1) >= np.log(20)).any(-1)
    yield row("alpha .05 each, for comparison", "10 iterations, no gain", flat, n=300)
    for p, asked in ((0.5, "<="), (0.53, "")):
        if p != 0.5:
            draws = rng.random((SEEDS, 10, 300)) < p
            each = betting.log_wealth(draws.astype(np.float64), 0.5)
        product = np.cumsum(each[..., -1], -1)
        bound: Any = {"asked": asked, "bound": 0.05, "allow_se": 2} if asked else {}
        yield row(
            "standing claim",
            f"10 iterations, mean {p}",
            product.max(-1) >= np.log(20),
            n=300,
            **bound,
        )
