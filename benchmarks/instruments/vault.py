"""Gold under attack: what an adaptive agent can gain from each way of answering.

    python -m benchmarks.instruments.vault --out benchmarks/results/instruments/vault.json

Labels are random, so the truth about every submission is exactly 1/2, and everything above it is
inflation.
"""

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

import plimsoll  # noqa: F401  puts this checkout first on the path
from benchmarks.instruments.rates import Row, publish, row
from invariants.canaries import leaks
from invariants.gold_ledger import GoldPlan
from invariants.ladder import PROMOTE, RELEASE, Ladder

Losses = Any
Release = Callable[[Losses], float]
"""Takes losses on gold, gives the number that is released."""

QUERIES, SEEDS = 200, 100


def naive() -> Release:
    """The mean loss, whatever was asked before."""
    return lambda losses: float(losses.mean())


def ladder(errors: int) -> Release:
    """The Ladder; the number it released last."""
    state = [Ladder(errors)]

    def release(losses: Losses) -> float:
        state[0] = state[0].after(losses.tolist())
        return float(state[0].released or 0)

    return release


def majority(rng: np.random.Generator, n: int, release: Release) -> tuple[float, float]:
    """Blum & Hardt's attack: the majority of the random submissions that looked better.

    Returns the last released score and the raw accuracy of the last submission, less 1/2.
    """
    truth = rng.integers(0, 2, n)
    votes, seen = np.zeros(n), 0.5
    for _ in range(QUERIES - 1):
        guess = rng.integers(0, 2, n)
        told = release((guess != truth).astype(int))
        # A Ladder repeats itself: only a number that moved below 1/2 tells of this guess.
        if told < 0.5 and told != seen:
            votes += 2 * guess - 1
        seen = told
    final = np.where(votes == 0, rng.integers(0, 2, n), votes > 0).astype(int)
    losses = (final != truth).astype(int)
    return 0.5 - release(losses), 0.5 - float(losses.mean())


def climb(
    rng: np.random.Generator, n: int, release: Release, change: float = 0.1
) -> tuple[float, float]:
    """A stronger attack: change some answers of the best so far, keep what was released lower."""
    truth, best = rng.integers(0, 2, n), rng.integers(0, 2, n)
    told = release((best != truth).astype(int))
    for _ in range(QUERIES - 1):
        tried = np.where(rng.random(n) < change, 1 - best, best)
        new = release((tried != truth).astype(int))
        if new < told:
            best, told = tried, new
    return 0.5 - told, 0.5 - float((best != truth).mean())


def small_climb(rng: np.random.Generator, n: int, release: Release) -> tuple[float, float]:
    """The same in small strides: the strongest found."""
    return climb(rng, n, release, change=0.02)


def attacks() -> Iterator[Row]:
    """Inflation of released scores under two attacks."""
    kinds: dict[str, Callable[[], Release]] = {
        "naive release": naive,
        "Ladder, 1 s": lambda: ladder(RELEASE),
        "Ladder, 2 s (promotions)": lambda: ladder(PROMOTE),
    }
    for attack in (majority, climb, small_climb):
        for n in (500, 2000):
            for name, make in kinds.items():
                rng = np.random.default_rng(n)
                told, raw = zip(*(attack(rng, n, make()) for _ in range(SEEDS)), strict=True)
                asked: Any = {}
                if n == 500 and name != "naive release":
                    asked = {"asked": "<=", "bound": 0.06}
                elif n == 500 and attack is majority:
                    asked = {"asked": ">=", "bound": 0.12}
                situation = f"{attack.__name__} attack, k={QUERIES}"
                yield row(
                    name, situation, told, n=n, what="inflation of the released score", **asked
                )
                yield row(name, situation, raw, n=n, what="inflation of the attacker's model")


def improving(rng: np.random.Generator, n: int, churn: float) -> Iterator[Losses]:
    """21 honest models from .40 to .30; each changes a share of its answers by chance too."""
    hard = rng.random(n)
    for rate in np.linspace(0.40, 0.30, 21):
        again = rng.random(n) < churn
        hard = np.where(again, rng.random(n), hard)
        yield (hard < rate).astype(int)


def honest() -> Iterator[Row]:
    """What the Ladder withholds from an honest agent at the end, beside the naive number."""
    for churn in (0.0, 0.05):
        for n in (500, 2000):
            for name, errors in (("Ladder, 1 s", RELEASE), ("Ladder, 2 s (promotions)", PROMOTE)):
                rng = np.random.default_rng(9)
                lost, off = [], []
                for _ in range(SEEDS):
                    release, told, losses = ladder(errors), 0.0, np.zeros(n, dtype=int)
                    for losses in improving(rng, n, churn):
                        told = release(losses)
                    lost.append(told - losses.mean())
                    off.append(told - 0.30)
                asked: Any = {"asked": "<=", "bound": 0.01} if errors == RELEASE else {}
                situation = f"21 honest steps, .40 to .30, churn {churn:g}"
                yield row(name, situation, lost, n=n, what="last release above the naive number")
                yield row(name, situation, off, n=n, what="last release above the truth", **asked)


def ledger() -> Iterator[Row]:
    """Random adaptive analysts: is every answer within the eps that was shown with it?"""
    for paired in (False, True):
        for n, k, c in ((500, 20, 3), (1000, 50, 5)):
            plan = GoldPlan(n=n, questions=k, yes=c, paired=paired)
            shown = np.array([float(plan.eps(i)) for i in range(1, k + 1)])
            rng = np.random.default_rng(n + paired)
            found = [_analyst(rng, n, k, c, paired) for _ in range(1000)]
            inside = [(np.array(d) <= shown[: len(d)]).all() for d in found]
            situation = f"adaptive analysts, k={k}, c={c}, {'paired' if paired else 'one model'}"
            yield row(
                "gold ledger",
                situation,
                inside,
                n=n,
                asked=">=",
                bound=0.95,
                what="all answers within eps",
            )
            yield row(
                "gold ledger", situation, [max(d) for d in found], n=n, what="largest deviation"
            )
            yield row(
                "gold ledger",
                situation,
                [shown[len(d) - 1] for d in found],
                n=n,
                what="eps at the last question",
            )


def _analyst(rng: np.random.Generator, n: int, k: int, c: int, paired: bool) -> list[float]:
    """Deviations of the answers one analyst got, who builds each question on the bits before."""
    truth, best = rng.integers(0, 2, n), rng.integers(0, 2, n)
    change, line = rng.choice([0.05, 0.1, 0.3, 0.5]), rng.choice([0.0, 0.01, 0.02])
    deviations: list[float] = []
    yes = 0
    while len(deviations) < k and yes < c:
        tried = np.where(rng.random(n) < change, 1 - best, best)
        gain = float((tried == truth).mean() - (best == truth).mean())
        right = float((tried == truth).mean()) - 0.5
        deviations.append(abs(gain if paired else right))
        if gain > line:
            best, yes = tried, yes + 1
    return deviations


def contamination() -> Iterator[Row]:
    """Canaries: planted copies of gold found, honest texts let through."""
    rng = random.Random(5)
    lexicon = [f"w{i}" for i in range(5000)]
    odds = [1 / (i + 1) for i in range(5000)]
    gold = [" ".join(rng.choices(lexicon, odds, k=rng.randint(8, 40))) for _ in range(400)]
    long = [g for g in gold if len(g.split()) >= 25]
    planted = {
        "copy in capitals, with punctuation": [f"** {g.upper()} !?" for g in gold],
        "inside a long text": [f"{' '.join(rng.choices(lexicon, odds, k=200))} {g}" for g in gold],
        "one word in 25 changed": [_one_changed(rng, g) for g in long],
        "words in another order": [" ".join(rng.sample(g.split(), len(g.split()))) for g in long],
    }
    for name, texts in planted.items():
        found = {leak.text for leak in leaks(gold, texts)}
        yield row(
            "canaries",
            name,
            [i in found for i in range(len(texts))],
            n=len(gold),
            what="found",
            asked=">=",
            bound=1.0,
        )
    texts = [" ".join(rng.choices(lexicon, odds, k=rng.randint(5, 60))) for _ in range(20000)]
    found = {leak.text for leak in leaks(gold, texts)}
    yield row(
        "canaries",
        "honest texts, Zipf words",
        [i in found for i in range(len(texts))],
        n=len(gold),
        what="blocked",
        asked="<=",
        bound=0.001,
    )
    sums = [f"What is {a} plus {b}, please?" for a in range(60) for b in range(60)]
    rng.shuffle(sums)
    found = {leak.text for leak in leaks(sums[:400], sums[400:])}
    yield row(
        "canaries",
        "one template, other numbers",
        [i in found for i in range(3200)],
        n=400,
        what="blocked",
        asked="<=",
        bound=0.001,
    )


def _one_changed(rng: random.Random, text: str) -> str:
    words = text.split()
    words[rng.randrange(len(words))] = "changed"
    return " ".join(words)


def sizes() -> Iterator[Row]:
    """The eps that a plan promises at its last question."""
    plans = ((500, 20, 3, 0.117, 0.127), (1000, 50, 5, 0.105, 0.111), (2000, 50, 5, 0.074, 0.073))
    for n, k, c, one, paired in plans:
        for name, eps, wanted in (
            ("one model", GoldPlan(n=n, questions=k, yes=c, paired=False).eps(k), one),
            (
                "paired, variance .15",
                GoldPlan(n=n, questions=k, yes=c, variance=Fraction(3, 20)).eps(k),
                paired,
            ),
            ("paired, any variance", GoldPlan(n=n, questions=k, yes=c).eps(k), None),
        ):
            asked: Any = {"asked": "<=", "bound": wanted + 0.0005} if wanted else {}
            yield row(
                "gold ledger", f"k={k}, c={c}, {name}", [float(eps)], n=n, what="eps", **asked
            )


def main() -> None:
    """Measure, print, write."""
    parts = (sizes, attacks, honest, ledger, contamination)
    publish([one for part in parts for one in part()], __doc__ or "")


if __name__ == "__main__":
    main()
