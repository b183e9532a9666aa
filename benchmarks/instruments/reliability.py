"""Whether a judge can be believed: false alarms, power and coverage of each instrument.

python -m benchmarks.instruments.reliability --out benchmarks/results/instruments/reliability.json
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import expit

import plimsoll  # noqa: F401  puts this checkout first on the path
from benchmarks.instruments.rates import Row, publish, row
from benchmarks.instruments.reliability_gold import differences, graded, helped
from benchmarks.instruments.reliability_panels import agreed, cycles, panels, positions
from logs.errors import Refused
from logs.vocabulary import Status
from tools.instruments import reliability as r
from tools.instruments.reliability.calibration import binned, ece_consistency

SHARPER = 1.7
"""A judge whose logits are so many times too large: temperature 1/1.7."""
POPULATIONS = {"confidence": (1.5, 1.0), "symmetric": (0.0, 1.2)}
"""Mean and spread of true logits. `confidence`, of a judge that is mostly right, gives the
calibrated and overconfident ECE of the specification, .067 at n=200 and .081."""


def claims(
    rng: np.random.Generator, n: int, population: str, sharper: float = 1.0
) -> tuple[Any, Any]:
    """Claims of a judge, and labels drawn from the truth."""
    mean, spread = POPULATIONS[population]
    logits = mean + spread * rng.normal(size=n)
    labels = (rng.random(n) < expit(logits)).astype(np.float64)
    return expit(sharper * logits), labels


def truth(population: str, sharper: float) -> tuple[float, float]:
    """True mean squared distance of claims, and the variance of the true probabilities."""
    mean, spread = POPULATIONS[population]
    logits = mean + spread * np.random.default_rng(99).normal(size=2_000_000)
    q = expit(logits)
    return float(((expit(sharper * logits) - q) ** 2).mean()), float(q.var())


def over(seeds: int, seed: int, one: Callable[[np.random.Generator], Any]) -> list[Any]:
    """The same simulation again and again, from one seed."""
    rng = np.random.default_rng(seed)
    return [one(rng) for _ in range(seeds)]


def red(measured: Any) -> bool:
    """Whether an instrument alarms."""
    return bool(measured.status is Status.RED)


def covers(measured: Any, value: float) -> bool:
    """Whether the interval holds the truth."""
    return bool(measured.low <= value <= measured.high)


def tests() -> Iterator[Row]:
    """B1: false alarms and power of the three tests of calibration."""
    instruments: dict[str, Callable[[Any, Any], bool]] = {
        "ECE consistency test": lambda p, y: ece_consistency(p, y, draws=199).p_value <= 0.05,
        "Spiegelhalter Z": lambda p, y: red(r.spiegelhalter_z(p, y)),
        "calibration e-process": lambda p, y: red(r.calibration_e_process(p, y)),
    }
    for population in POPULATIONS:
        for name, alarm in instruments.items():
            bound = 0.05 if "process" in name else 0.08
            for n in (100, 200, 500):
                null = over(2000, n, lambda g, n=n: alarm(*claims(g, n, population)))  # type: ignore[misc] # noqa: B023
                yield row(name, f"calibrated, {population}", null, n=n, asked="<=", bound=bound)
                found = over(1000, n + 1, lambda g, n=n: alarm(*claims(g, n, population, SHARPER)))  # type: ignore[misc] # noqa: B023
                asked = ">=" if n == 200 and "ECE" in name and population == "confidence" else ""
                situation = f"T=1/1.7, {population}"
                yield row(name, situation, found, n=n, asked=asked, bound=0.75 if asked else None)  # type: ignore[arg-type]


def errors() -> Iterator[Row]:
    """B1: bias of the plug-in and of CE2, and coverage of its interval."""
    for n in (100, 200, 500, 2000):
        found = over(500, n, lambda g, n=n: binned(*claims(g, n, "confidence")))  # type: ignore[misc]
        plug, debiased = ([getattr(b, k) for b in found] for k in ("ece", "debiased"))
        yield row("plug-in ECE", "calibrated", plug, n=n, what="mean")
        off = np.array(debiased) * np.sign(np.mean(debiased))
        yield row(
            "CE2", "calibrated", off, n=n, what="abs mean", asked="<=", bound=3e-4, allow_se=2
        )
    for population in POPULATIONS:
        for sharper in (1.0, SHARPER):
            true, _ = truth(population, sharper)
            for n in (200, 1000):
                inside = over(
                    500,
                    n,
                    lambda g, n=n, s=sharper, t=true, q=population: covers(  # type: ignore[misc]
                        r.calibration_error(*claims(g, n, q, s)), t
                    ),
                )
                situation = f"{'calibrated' if sharper == 1 else 'T=1/1.7'}, {population}"
                yield row(
                    "CE2",
                    situation,
                    inside,
                    n=n,
                    what="coverage",
                    asked=">=",
                    bound=0.95,
                    allow_se=2,
                )


def parts() -> Iterator[Row]:
    """B2: alarms and coverage of miscalibration and discrimination."""
    for sharper in (1.0, SHARPER):
        miss, worth = truth("confidence", sharper)
        situation = "calibrated" if sharper == 1 else "T=1/1.7"
        for n in (200, 500):
            found = over(
                200,
                n,
                lambda g, n=n, s=sharper: [  # type: ignore[misc]
                    part(*claims(g, n, "confidence", s), draws=199)
                    for part in (r.miscalibration, r.discrimination)
                ],
            )
            for i, (name, true) in enumerate((("MCB", miss), ("DSC", worth))):
                inside = [covers(m[i], true) for m in found]
                yield row(name, situation, inside, n=n, what="coverage", asked=">=", bound=0.9)
            alarms = [red(m[0]) for m in found]
            asked, bound = ("<=", 0.08) if sharper == 1 else ("", None)
            yield row("MCB", situation, alarms, n=n, what="red", asked=asked, bound=bound)  # type: ignore[arg-type]
            yield row("DSC", situation, [red(m[1]) for m in found], n=n, what="red")
    coin = over(
        200,
        5,
        lambda g: red(r.discrimination(g.random(200), (g.random(200) < 0.5) * 1.0, draws=199)),
    )
    yield row("DSC", "claims at random", coin, n=200, what="red", asked=">=", bound=0.92)


def recalibrations() -> Iterator[Row]:
    """B3: how often it is refused, and what is left of the miscalibration."""
    for n, method in ((100, "temperature"), (200, "platt"), (1000, "isotonic"), (1000, "platt")):
        for sharper in (1.0, SHARPER):
            seeds = 500 if n < 1000 else 200
            found = over(seeds, n, lambda g, n=n, s=sharper, m=method: recalibrated(g, n, s, m))  # type: ignore[misc]
            situation = f"{'calibrated' if sharper == 1 else 'T=1/1.7'}, {method}"
            yield row("recalibration", situation, [f[0] for f in found], n=n, what="refused")
            left = [f[1] for f in found]
            yield row("recalibration", situation, left, n=n, what="true ECE afterwards")


def recalibrated(
    rng: np.random.Generator, n: int, sharper: float, method: Any
) -> tuple[bool, float]:
    """Refused or not, and the true ECE of what is then used."""
    p, y = claims(rng, n, "confidence", sharper)
    mean, spread = POPULATIONS["confidence"]
    logits = mean + spread * np.random.default_rng(3).normal(size=20_000)
    fresh, q = expit(sharper * logits), expit(logits)
    try:
        fitted, _ = r.recalibrated(p, y, method=method)
    except Refused:
        return True, float(np.abs(fresh - q).mean())
    return False, float(np.abs(fitted(fresh) - q).mean())


def main() -> None:
    """Measure, print, write."""
    every = (
        tests,
        errors,
        parts,
        recalibrations,
        agreed,
        cycles,
        panels,
        positions,
        helped,
        differences,
        graded,
    )
    publish([one for part in every for one in part()], __doc__ or "")


if __name__ == "__main__":
    main()
