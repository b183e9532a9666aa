"""Gold with a judge's help, simulated: a part of `benchmarks.instruments.reliability`."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.instruments.rates import Row, row
from logs.vocabulary import Status
from tools.instruments import reliability as r
from tools.instruments.intervals import student
from tools.instruments.reliability.ppi import ppi

RUNS, GOLD, JUDGED = 2000, 200, 4000


def normal(rng: np.random.Generator, rho: float, n: int = GOLD, many: int = JUDGED) -> r.Labelled:
    """Gold and judge, normal with that correlation; the truth is 0."""
    shared = rng.normal(size=n)
    gold = rho * shared + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return r.Labelled(gold=gold, judge=shared, alone=rng.normal(size=many))


def binary(
    rng: np.random.Generator, share: float, right: tuple[float, float], gold: int = GOLD
) -> r.Labelled:
    """Good answers at that share, judged with sensitivity and specificity."""
    y = (rng.random(gold + JUDGED) < share) * 1.0
    said = np.where(y == 1, rng.random(len(y)) < right[0], rng.random(len(y)) > right[1]) * 1.0
    return r.Labelled(gold=y[:gold], judge=said[:gold], alone=said[gold:])


def clustered(rng: np.random.Generator, rho: float) -> r.Labelled:
    """100 gold prompts of 5 answers, 800 judged; half of the variance is the prompt's."""

    def draw(prompts: int) -> tuple[Any, Any, list[int]]:
        both = [rng.normal(size=(prompts, 1)) + rng.normal(size=(prompts, 5)) for _ in range(2)]
        judge = both[0].ravel()
        gold = rho * judge + np.sqrt(1 - rho**2) * both[1].ravel()
        return gold, judge, [i // 5 for i in range(prompts * 5)]

    (gold, judge, prompts), (_, alone, others) = draw(100), draw(800)
    return r.Labelled(
        gold=gold,
        judge=judge,
        alone=alone,
        clusters=prompts,
        alone_clusters=[100 + i for i in others],
    )


def helped() -> Iterator[Row]:
    """B7: coverage of PPI++, and its width against gold alone."""
    situations: dict[str, tuple[Any, float]] = {
        f"rho {rho}": (lambda g, rho=rho: normal(g, rho), 0.0) for rho in (0.75, 0.5, 0.25, 0.0)
    }
    situations["Se .9, Sp .85, truth .7"] = (lambda g: binary(g, 0.7, (0.9, 0.85)), 0.7)
    situations["hacked: Se .95, Sp .6, truth .5"] = (lambda g: binary(g, 0.5, (0.95, 0.6)), 0.5)
    situations["rare: Se .9, Sp .85, truth .05"] = (lambda g: binary(g, 0.05, (0.9, 0.85)), 0.05)
    situations["100 prompts x 5, rho .75"] = (lambda g: clustered(g, 0.75), 0.0)
    for seed, (name, (draw, true)) in enumerate(situations.items()):
        rng = np.random.default_rng(70 + seed)
        inside, naive, ratio = [], [], []
        for _ in range(RUNS):
            data = draw(rng)
            m = r.ppi_mean(data, lower=None, upper=None)
            inside.append(m.low <= true <= m.high)  # type: ignore[operator]
            found = ppi(data)
            ratio.append(found.se / found.gold_se)
            low, high = student(data.alone.tolist())
            naive.append(low <= true <= high)
        yield row("PPI++", name, inside, n=GOLD, what="coverage", asked=">=", bound=0.92)
        yield row("PPI++", name, inside, n=GOLD, what="coverage", asked="<=", bound=0.97)
        yield row("PPI++", name, ratio, n=GOLD, what="width / width of gold alone")
        widest = np.full(RUNS, max(ratio))
        yield row("PPI++", name, widest, n=GOLD, what="widest run", asked="<=", bound=1.05)
        yield row("gold multiplier", name, 1 / np.array(ratio) ** 2, n=GOLD, what="mean")
        if not name.startswith("rho"):
            yield row("judge alone", name, naive, n=JUDGED, what="coverage, for comparison")


def differences() -> Iterator[Row]:
    """B7: win rates on the same prompts, and the difference of two policies on others."""
    rng = np.random.default_rng(80)
    wins, apart = [], []
    for _ in range(RUNS):
        y = rng.choice([-1.0, 0.0, 1.0], p=[0.3, 0.3, 0.4], size=GOLD + JUDGED)
        f = np.where(rng.random(len(y)) < 0.7, y, rng.choice([-1.0, 0.0, 1.0], size=len(y)))
        m = r.ppi_win_rate(r.Labelled(gold=y[:GOLD], judge=f[:GOLD], alone=f[GOLD:]))
        wins.append(m.low <= 0.1 <= m.high)  # type: ignore[operator]
        d = r.ppi_difference(binary(rng, 0.6, (0.9, 0.85)), binary(rng, 0.5, (0.9, 0.7)))
        apart.append(d.low <= 0.1 <= d.high)  # type: ignore[operator]
    for name, found in (("PPI++ win rate", wins), ("PPI++ difference", apart)):
        situation = "true .1"
        yield row(name, situation, found, n=GOLD, what="coverage", asked=">=", bound=0.92)
        yield row(name, situation, found, n=GOLD, what="coverage", asked="<=", bound=0.97)


def graded() -> Iterator[Row]:
    """B8: coverage, what a judge that has worsened does to it, and the refusal."""
    rng = np.random.default_rng(81)
    for share, right, graded_as, each in (
        (0.6, (0.9, 0.85), None, 100),
        (0.95, (0.95, 0.9), None, 50),
        (0.1, (0.8, 0.95), None, 50),
        (0.5, (0.9, 0.7), (0.9, 0.85), 100),
        (0.5, (0.6, 0.55), None, 100),
    ):
        inside, off, refused = [], [], []
        for _ in range(RUNS):
            good = int(rng.binomial(JUDGED, share))
            yes = int(rng.binomial(good, right[0]) + rng.binomial(JUDGED - good, 1 - right[1]))
            se, sp = graded_as or right
            m = r.rogan_gladen(
                r.Counts(
                    yes=yes,
                    judged=JUDGED,
                    right_yes=int(rng.binomial(each, se)),
                    good=each,
                    right_no=int(rng.binomial(each, sp)),
                    bad=each,
                )
            )
            refused.append(m.status is Status.INSUFFICIENT)
            if m.estimate is not None:
                inside.append(m.low <= share <= m.high)  # type: ignore[operator]
                off.append(m.estimate - share)
        situation = f"truth {share}, Se {right[0]}, Sp {right[1]}"
        situation += f", graded at Sp {graded_as[1]}" if graded_as else ""
        weak = right[0] + right[1] - 1 < 0.2
        asked: Any = ">=" if weak else ""
        yield row(
            "Rogan-Gladen", situation, refused, n=2 * each, what="refused", asked=asked, bound=0.95
        )
        if not weak:
            bound: Any = "" if graded_as else ">="
            yield row(
                "Rogan-Gladen",
                situation,
                inside,
                n=2 * each,
                what="coverage",
                asked=bound,
                bound=0.92,
            )
            yield row("Rogan-Gladen", situation, off, n=2 * each, what="mean error")
