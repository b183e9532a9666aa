"""What a change of panel does to scores: false alarms, power and coverage of the exchange.

python -m benchmarks.instruments.exchange --out benchmarks/results/instruments/exchange.json
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

import plimsoll  # noqa: F401  puts this checkout first on the path
from benchmarks.instruments.rates import Row, publish, row
from tools.instruments import reliability as r
from tools.instruments.reliability.exchange import line_of

SEEDS = 2000
PROMPTS, SIBLINGS = 200, 8
SLOPE, SHIFT = 1.8, 0.3


class Seen(NamedTuple):
    """What the instruments said of one pair of panels."""

    shift: Any
    rate: Any
    correlation: Any
    forward: float
    backward: float


def pair(
    rng: np.random.Generator,
    *,
    noise: tuple[float, float],
    slope: float = 1.0,
    shift: float = 0.0,
    prompts: int = PROMPTS,
    shared: float = 0.0,
    heavy: bool = False,
) -> r.Overlap:
    """Answers with a worth that both panels see through noise of their own.

    Args:
        noise: standard deviations of the old panel's noise and of the new one's, in units of worth.
        shared: share of the noise variance that siblings of one prompt have in common.
        heavy: draw worth and noise from Student's t with 5 degrees of freedom.
    """

    def drawn(*shape: int) -> Any:
        if heavy:
            return rng.standard_t(5, size=shape) / np.sqrt(5 / 3)
        return rng.normal(size=shape)

    def noisy(size: float) -> Any:
        common = np.sqrt(shared) * drawn(prompts, 1)
        return size * (common + np.sqrt(1 - shared) * drawn(prompts, SIBLINGS))

    worth = np.sqrt(0.5) * (drawn(prompts, 1) + drawn(prompts, SIBLINGS))
    old = worth + noisy(noise[0])
    new = shift + slope * (worth + noisy(noise[1]))
    return r.Overlap(
        old=old.ravel(),
        new=new.ravel(),
        groups=np.repeat(np.arange(prompts), SIBLINGS),
        names=tuple(map(str, range(prompts))),
        rankings=(),
        whole=(),
        asked=old.size,
        failed=(0, 0),
    )


def over(seed: int, seeds: int = SEEDS, **planted: Any) -> list[Seen]:
    """The instruments on many pairs of panels."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(seeds):
        both = pair(rng, **planted)
        line = line_of(both)
        found.append(
            Seen(
                r.exchange_shift(both),
                r.exchange_rate(both),
                r.exchange_correlation(both),
                line.forward,
                line.backward,
            )
        )
    return found


def inside(measured: Any, value: float) -> bool:
    """Whether the interval holds the truth."""
    return measured.low is not None and bool(measured.low <= value <= measured.high)


def nulls() -> Iterator[Row]:
    """Two panels that mean the same: neither shift nor another unit may be seen."""
    situations: tuple[tuple[str, dict[str, Any]], ...] = (
        ("equal noise", {"noise": (0.5, 0.5)}),
        ("equal noise, half of it shared by siblings", {"noise": (0.5, 0.5), "shared": 0.5}),
        ("equal noise, heavy tails", {"noise": (0.5, 0.5), "heavy": True}),
        ("equal noise, 40 prompts", {"noise": (0.5, 0.5), "prompts": 40}),
    )
    for at, (name, planted) in enumerate(situations):
        seen = over(100 + at, **planted)
        n = planted.get("prompts", PROMPTS) * SIBLINGS
        for what, alarms in (
            ("exchange_shift", [not inside(s.shift, 0.0) for s in seen]),
            ("exchange_rate", [not inside(s.rate, 1.0) for s in seen]),
        ):
            yield row(what, f"null: {name}", alarms, n=n, asked="<=", bound=0.05, allow_se=2)
    same = [pair(np.random.default_rng(i), noise=(0.0, 0.0)) for i in range(50)]
    exact = [
        r.exchange_shift(b).estimate == 0 and abs((r.exchange_rate(b).estimate or 0) - 1) < 1e-12
        for b in same
    ]
    yield row("both", "the very same panel: shift 0, rate 1", exact, n=1600, asked=">=", bound=1)


def planted() -> Iterator[Row]:
    """Another unit and another zero: are they found, and do the intervals hold them?"""
    truth = {"slope": SLOPE, "shift": SHIFT}
    situations: tuple[tuple[str, dict[str, Any]], ...] = (
        ("equal reliability .80", {"noise": (0.5, 0.5)}),
        ("equal reliability .50", {"noise": (1.0, 1.0)}),
        ("equal reliability .80, shared noise", {"noise": (0.5, 0.5), "shared": 0.5}),
        ("equal reliability .80, heavy tails", {"noise": (0.5, 0.5), "heavy": True}),
        ("equal reliability .80, 40 prompts", {"noise": (0.5, 0.5), "prompts": 40}),
    )
    for at, (name, how) in enumerate(situations):
        seen = over(200 + at, **how, **truth)
        n = how.get("prompts", PROMPTS) * SIBLINGS
        for what, value in (("shift", SHIFT), ("rate", SLOPE)):
            held = [inside(getattr(s, what), value) for s in seen]
            yield row(
                f"exchange_{what}",
                name,
                held,
                n=n,
                what="coverage",
                asked=">=",
                bound=0.95,
                allow_se=2,
            )
    seen = over(300, noise=(0.5, 0.5), shift=0.1)
    found = [not inside(s.shift, 0.0) for s in seen]
    yield row("exchange_shift", "shift .1 found", found, n=1600, what="power")
    seen = over(301, noise=(0.5, 0.5), slope=1.1)
    found = [not inside(s.rate, 1.0) for s in seen]
    yield row("exchange_rate", "rate 1.1 found", found, n=1600, what="power")


def unequal() -> Iterator[Row]:
    """Panels of unequal reliability: the linked slope is off, the two lines still hold it."""
    for at, noise in enumerate(((0.25, 1.0), (1.0, 0.25))):
        reliability = [1 / (1 + s * s) for s in noise]
        name = f"reliability {reliability[0]:.2f} to {reliability[1]:.2f}"
        seen = over(400 + at, noise=noise, slope=SLOPE)
        estimate = [s.rate.estimate / SLOPE for s in seen if s.rate.estimate]
        yield row("exchange_rate", f"{name}: estimate / truth", estimate, n=1600, what="ratio")
        held = [inside(s.rate, SLOPE) for s in seen]
        yield row("exchange_rate", name, held, n=1600, what="coverage")
        between = [s.forward <= SLOPE <= s.backward for s in seen]
        yield row(
            "the two least-squares lines",
            name,
            between,
            n=1600,
            what="hold the truth",
            asked=">=",
            bound=0.95,
        )
        least = [s.forward / SLOPE for s in seen]
        yield row("least squares", f"{name}: slope / truth", least, n=1600, what="ratio")


def agreement() -> Iterator[Row]:
    """The correlation, and how often a rate is refused where there is nothing to convert."""
    for at, noise in enumerate((0.25, 0.5, 1.0)):
        true = 1 / (1 + noise * noise)
        seen = over(500 + at, noise=(noise, noise))
        held = [inside(s.correlation, true) for s in seen]
        yield row(
            "exchange_correlation",
            f"true {true:.2f}",
            held,
            n=1600,
            what="coverage",
            asked=">=",
            bound=0.95,
            allow_se=2,
        )
    rng = np.random.default_rng(600)
    told = []
    for _ in range(SEEDS):
        one, other = pair(rng, noise=(0.5, 0.5)), pair(rng, noise=(0.5, 0.5))
        both = r.Overlap(
            old=one.old,
            new=other.new,
            groups=one.groups,
            names=one.names,
            rankings=(),
            whole=(),
            asked=one.asked,
            failed=(0, 0),
        )
        told.append(r.exchange_rate(both).estimate is not None)
    yield row(
        "exchange_rate",
        "null: unrelated panels, a rate is told",
        told,
        n=1600,
        asked="<=",
        bound=0.05,
        allow_se=2,
    )


def ignoring_prompts() -> Iterator[Row]:
    """Why prompts are the unit: the same interval with every answer taken for a prompt."""
    rng = np.random.default_rng(700)
    alarms = []
    for _ in range(SEEDS):
        both = pair(rng, noise=(0.5, 0.5), shared=0.5)
        n = len(both.old)
        alone = r.Overlap(
            old=both.old,
            new=both.new,
            groups=np.arange(n),
            names=tuple(map(str, range(n))),
            rankings=(),
            whole=(),
            asked=n,
            failed=(0, 0),
        )
        alarms.append(not inside(r.exchange_shift(alone), 0.0))
    yield row("exchange_shift, answers taken for prompts", "null: shared noise", alarms, n=1600)


def main() -> None:
    """Measure everything."""
    rows = [*nulls(), *planted(), *unequal(), *agreement(), *ignoring_prompts()]
    publish(rows, __doc__.partition("\n")[0])


if __name__ == "__main__":
    main()
