"""Anytime-valid instruments: false alarms on nulls, power and delay on planted effects.

python -m benchmarks.instruments.sequential --out benchmarks/results/instruments/sequential.json
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import plimsoll  # noqa: F401  puts this checkout first on the path
from benchmarks.instruments.rates import Row, first, publish, quantile_row, row
from benchmarks.instruments.sequential_gain import gain
from benchmarks.instruments.sequential_many import many
from tools.instruments.sequential import betting, confidence, detectors, mixture

ALPHA, NEEDED = 0.05, math.log(20)
PATHS, ITEMS, AT_ONCE = 2000, 3000, 50


def paths(seed: int, p: float, count: int = PATHS, items: int = ITEMS) -> Iterator[Any]:
    """Bernoulli paths, few at once so that they stay in the cache."""
    rng = np.random.default_rng(seed)
    for _ in range(0, count, AT_ONCE):
        yield (rng.random((AT_ONCE, items)) < p).astype(np.float64)


def ever(seed: int, p: float, wrong: Callable[[Any], Any], **size: int) -> Any:
    """Whether each path was ever wrong."""
    return np.concatenate([wrong(x) for x in paths(seed, p, **size)])


def z_test(x: Any, p: float, every: int) -> Any:
    """What people do instead: a z-test, again every so many items."""
    t = np.arange(1, x.shape[-1] + 1)
    z = (np.cumsum(x, -1) - t * p) / np.sqrt(t * p * (1 - p))
    return (np.abs(z[:, every - 1 :: every]) > 1.96).any(-1)


def misses(band: Callable[[Any], Any], p: float) -> Callable[[Any], Any]:
    """Whether a confidence sequence ever leaves the truth out."""

    def missed(x: Any) -> Any:
        low, high = band(x)
        return (low[:, -1] > p) | (high[:, -1] < p)

    return missed


def nulls() -> Iterator[Row]:
    """D1 to D3 where nothing is going on."""
    for seed, p in enumerate((0.1, 0.5, 0.9)):
        tests: dict[str, Callable[[Any], Any]] = {
            f"betting, {c}": lambda x, c=c, p=p: (  # type: ignore[misc]
                (betting.log_wealth(x, p, claim=c) >= NEEDED).any(-1)
            )
            for c in ("above", "below", "different")
        }
        tests["beta mixture"] = lambda x, p=p: (  # type: ignore[misc]
            (mixture.log_evidence(np.cumsum(x, -1), np.cumsum(1 - x, -1), p) >= NEEDED).any(-1)
        )
        tests["normal mixture"] = misses(confidence.normal_mixture, p)
        tests["empirical Bernstein"] = misses(confidence.empirical_bernstein, p)
        for name, wrong in tests.items():
            found = ever(seed, p, wrong)
            yield row(name, f"null p={p}", found, n=ITEMS, asked="<=", bound=ALPHA, allow_se=2)
        for every in (100, 1):
            found = ever(seed, p, lambda x, p=p, every=every: z_test(x, p, every))  # type: ignore[misc]
            yield row("z-test, for comparison", f"null p={p}, look every {every}", found, n=ITEMS)


def grids() -> Iterator[Row]:
    """D3c, one path at a time, with and without replacement."""
    rng = np.random.default_rng(7)
    for p in (0.1, 0.5, 0.9):
        found = []
        for _ in range(100):
            low, high = confidence.betting_grid((rng.random(500) < p).astype(float))
            found.append(low[-1] > p or high[-1] < p)
        yield row("betting grid", f"null p={p}", found, n=500, asked="<=", bound=ALPHA, allow_se=2)
        pool = (np.arange(500) < 500 * p).astype(float)
        found = []
        for _ in range(100):
            low, high = confidence.betting_grid(rng.permutation(pool), population=500)
            found.append((low > p + 1e-9).any() or (high < p - 1e-9).any())
        situation = f"pool of 500, all drawn, p={p}"
        yield row("betting grid", situation, found, n=500, asked="<=", bound=ALPHA, allow_se=2)


def widths() -> Iterator[Row]:
    """Half-widths of the confidence sequences."""
    bands = {
        "normal mixture": (confidence.normal_mixture, {100: 0.159, 300: 0.080, 1000: 0.042}),
        "empirical Bernstein": (confidence.empirical_bernstein, {}),
        "beta mixture": (mixture.beta_mixture, {}),
    }
    for p in (0.5, 0.9):
        x = np.concatenate(list(paths(11, p, 200, 1000)))
        for name, (band, wanted) in bands.items():
            low, high = band(x)
            for n in (100, 300, 1000):
                half = (high - low)[:, n - 1] / 2
                bound = wanted.get(n)
                asked: Any = {"asked": "<=", "bound": bound * 1.25} if bound else {}
                yield row(name, f"p={p}", half, n=n, what="half-width", **asked)
        grid = [confidence.betting_grid(one) for one in x[:20]]
        for n in (100, 300, 1000):
            half = np.array([(high - low)[n - 1] / 2 for low, high in grid])
            yield row("betting grid", f"p={p}", half, n=n, what="half-width")


def stops() -> Iterator[Row]:
    """D1 where the mean is higher than the null of 1/2."""
    for p, median, most in ((0.55, 858, 1524), (0.60, 187, 347), (0.65, 75, 143)):
        delays = np.concatenate([first(betting.log_wealth(x, 0.5) >= NEEDED) for x in paths(21, p)])
        name = f"mean {p} against 0.5"
        yield quantile_row("betting, above", name, delays, 0.5, n=ITEMS, bound=median * 1.25)
        bound = 350 if p == 0.60 else most * 1.25
        yield quantile_row("betting, above", name, delays, 0.8, n=ITEMS, bound=bound)


def mutations() -> Iterator[Row]:
    """Bets that look at the item they bet on: how far the null test sees it."""
    honest = betting._shifted
    for name, first_value in (("mean", 0.5), ("spread", 0.25)):

        def peeking(start: float, path: Any, of: float = first_value) -> Any:
            return path if start == of else honest(start, path)

        betting._shifted = peeking
        for p, claim in ((0.1, "below"), (0.5, "above"), (0.9, "above")):
            found = ever(
                31,
                p,
                lambda x, p=p, claim=claim: (  # type: ignore[misc]
                    (betting.log_wealth(x, p, claim=claim) >= NEEDED).any(-1)
                ),
            )
            label = f"planted: {name} includes the item; null p={p}, {claim}"
            yield row("betting, mutated", label, found, n=ITEMS)
        betting._shifted = honest


def alarms() -> Iterator[Row]:
    """D4: average run, false alarms within a run, delays."""
    run, before = 2000, 500
    null = list(paths(41, 0.1, 1000, 4000))
    for kind in ("sr", "cusum"):
        at = np.concatenate([first(detectors.path(x, 0.1, kind=kind) >= 200) for x in null])
        yield row(
            kind,
            "m0=.1, A=200, no change",
            np.minimum(at, 4000),
            n=4000,
            asked=">=",
            bound=200,
            what="average run, cut at 4000",
        )
        yield row(kind, "m0=.1, A=200, no change, first 200", at <= 200, n=200)
    for seed, (m0, direction) in enumerate(((0.1, "up"), (0.5, "up"), (0.9, "down"))):
        for kind in ("sr", "cusum"):
            found = ever(
                50 + seed,
                m0,
                lambda x, m0=m0, k=kind, d=direction: (  # type: ignore[misc]
                    (detectors.path(x, m0, kind=k, direction=d) >= run / 0.05).any(-1)
                ),
                items=run,
            )
            yield row(
                f"{kind}, horizon",
                f"no change, m0={m0} {direction}",
                found,
                n=run,
                asked="<=",
                bound=0.05,
                allow_se=2,
            )
    changed = [
        np.hstack([a, b])
        for a, b in zip(paths(61, 0.1, items=before), paths(62, 0.2, items=1500), strict=True)
    ]
    for kind, threshold, median, most in (
        ("sr", 200, 44, 68),
        ("cusum", 200, 85, 157),
        ("sr", 1000, 72, 120),
        ("cusum", 1000, 123, 212),
        ("sr", run / 0.05, 139, 213),
    ):
        moved = [detectors.path(x, 0.1, kind=kind) for x in changed]
        at = np.concatenate([first(s >= threshold) for s in moved])
        delays = (at - before)[at > before]
        name = f".10 to .20 after {before}, A={threshold:g}"
        yield quantile_row(kind, name, delays, 0.5, n=1500, bound=median * 1.25)
        yield quantile_row(kind, name, delays, 0.8, n=1500, bound=most * 1.25)


def unknown_baseline() -> Iterator[Row]:
    """D4 when m0 comes from 300 calibration items and .025 of delta pays for it."""
    rng = np.random.default_rng(71)
    for p in (0.1, 0.5):
        found = []
        for x in paths(72, p, 1000, 2000):
            for one in x:
                known = detectors.baseline(list((rng.random(300) < p).astype(float)))
                found.append(bool((detectors.path(one[None], known.mean) >= 2000 / 0.025).any()))
        situation = f"no change, m0={p} from 300 items"
        yield row("sr, horizon, unknown m0", situation, found, n=2000, asked="<=", bound=0.05)


def main() -> None:
    """Measure, print, write."""
    parts = (nulls, stops, mutations, widths, grids, alarms, unknown_baseline, many, gain)
    publish([one for part in parts for one in part()], __doc__ or "")


if __name__ == "__main__":
    main()
