"""How often does the bias audit find what was planted, and nothing else?

python -m benchmarks.instruments.audit --out benchmarks/results/instruments/audit.json
python -m benchmarks.instruments.audit --published FOLDER   LLMBar's published verdicts again
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import plimsoll  # noqa: F401  puts this checkout first on the path
from benchmarks.instruments.audit_nulls import PARTS, Row, as_json, row
from logs.vocabulary import Status
from tools.audit import audit, card, measuring, world
from tools.audit.formats import published
from tools.audit.items import Pair
from tools.audit.planted import PLANTED, Taste, of_taste, planted
from tools.audit.records import BASE, Side, Table, tables
from tools.audit.treatments import Treatment, attacks
from tools.instruments.audit import (
    both_orders_accuracy,
    consistency,
    excess_flip,
    flip_rate,
    holm,
    order_averaged_accuracy,
    order_locked,
    position_bias,
    shift_of,
    wilson,
)
from tools.instruments.audit.shift import told

JUDGE, PROMPT = "0" * 64, "1" * 64
FADED = 4
"""Iterations after which the degrading judge is audited again."""


def carded(name: str, seed: int, iteration: int = 0) -> card.JudgeCard:
    """One planted judge through a whole audit of the default size, to its card."""
    treatments = world.treatments()
    pairs = world.pairs(audit.ITEMS, seed=2 * seed)
    judge = planted(name, seed=seed, iteration=iteration)
    names: Any = {"judge_hash": JUDGE, "prompt_hash": PROMPT, "iteration": iteration}
    verdicts = audit.run(judge, pairs, audit.cases(pairs, treatments), seed=seed, **names)
    empty = attacks(world.pairs(300, seed=2 * seed + 1), world.NULLS)
    attacked = audit.run(judge, empty, (), repeats=1, seed=seed, **names)
    found = measuring.measure(verdicts, faults=audit.faults(treatments), attacked=attacked)
    return card.make(name, found, required=[t.bias for t in treatments])


def right_card(name: str, made: card.JudgeCard) -> bool:
    """Whether a card says of a planted judge what was planted, and nothing else.

    Whether the honest one is also cleared to promote is a matter of power, and another row.
    """
    red = {b.name for b in made.audit.biases if b.shift.status is Status.RED}
    may = {use.purpose.value for use in made.uses if use.allowed}
    position = made.audit.position[0].status is Status.RED
    fooled = any("more than wrong ones" in why for u in made.uses for why in u.against)
    tied = any(why.startswith("tie_share") for u in made.uses for why in u.against)
    wanted: dict[str, tuple[set[str], set[str], bool, bool, bool]] = {
        "honest": (set(), {"rank", "train"}, False, False, False),
        "noisy": (set(), {"rank", "train"}, False, False, False),
        "length-biased": ({"length"}, {"rank"}, False, False, False),
        "sycophantic": ({"sycophancy"}, {"rank"}, False, False, False),
        "self-preferring": ({"self_preference"}, {"rank"}, False, False, False),
        "position-locked": (set(), set(), True, False, False),
        "saturated": (set(), set(), False, False, True),
        "fooled": (set(), {"rank"}, False, True, False),
    }
    may = may - {"promote"} if name == "honest" else may
    return (red, may, position, fooled, tied) == wanted[name]


def one_card(name: str, seed: int) -> tuple[bool, bool]:
    """Whether a planted judge gets the right card, and whether it may promote; the degrading
    one is fit at first, and then caught."""
    if name != "degrading":
        made = carded(name, seed)
        return right_card(name, made), made.use(card.Purpose.PROMOTE).allowed
    early, late = (carded(name, 2 * seed + k, k * FADED) for k in (0, 1))
    lost = card.compare(early, late)[0].status is Status.RED
    fit = late.use(card.Purpose.TRAIN).allowed
    return right_card("honest", early) and lost and not fit, False


def cards(seeds: int, pool: ProcessPoolExecutor) -> Iterator[Row]:
    """Every planted judge, over seeds."""
    for name in PLANTED:
        hits = list(pool.map(partial(one_card, name), range(seeds), chunksize=5))
        yield row("card", f"{name}: right in all", [x for x, _ in hits], n=audit.ITEMS, least=0.95)
        if name == "honest":
            cleared = [x for _, x in hits]
            yield row("card", "honest: cleared of 13 biases at once", cleared, n=audit.ITEMS)


def rates(part: Callable[[], Iterator[Row]]) -> list[Row]:
    """The rows of one part, in a process of its own."""
    return list(part())


def extremes() -> Iterator[Row]:
    """A-tests without chance: a judge of length alone, of scores, of places."""
    pairs = [longer_rival(pair) for pair in world.pairs(audit.ITEMS, seed=5)]
    treatments = [t for t in world.treatments() if t.bias == "length"]
    by_length = tables_of(audit.from_scores(lambda _, x: len(x.split())), pairs, treatments)
    placed = tables_of(of_taste(Taste(place=60.0), seed=0), pairs, treatments)
    shift = shift_of(by_length[BASE].preference, by_length["length"].preference).estimate
    scalar = position_bias(by_length[BASE].first).estimate
    beta, same = (f(placed[BASE].first).estimate for f in (position_bias, consistency))
    n = len(pairs)
    yield row("net_shift", "length only, the shorter padded: > .9", [shift > 0.9], n=n, least=1.0)
    yield row("position_bias", "scalar judge: exactly 0", [scalar == 0.0], n=n, least=1.0)
    locked = [same == 0.0 and beta == 0.5]
    yield row("position_bias", "order-locked: PC 0, beta .5", locked, n=n, least=1.0)


def longer_rival(pair: Pair) -> Pair:
    """The rival of the treated answer is longer by two words, of the padding's four."""
    rival: Side = "B" if pair.side == "A" else "A"
    return pair.with_answer(rival, f"{pair.answer(pair.side)} well indeed")


def tables_of(
    judge: audit.Judge, pairs: Sequence[Pair], treatments: Sequence[Treatment]
) -> dict[str, Table]:
    """Verdicts of a judge, in tables."""
    cases = audit.cases(pairs, treatments)
    return tables(audit.run(judge, pairs, cases, judge_hash=JUDGE, prompt_hash=PROMPT))


def seconds() -> Row:
    """CPU seconds of a full audit's statistics: 200 items x 2 orders x 2 repeats x 16 biases."""
    rng = np.random.default_rng(0)
    cubes = rng.integers(0, 2, (17, 200, 2, 2)).astype(float)
    gold: Any = ["A", "B"] * 100
    started = time.process_time()
    shifts = [shift_of(cubes[0], treated) for treated in cubes[1:]]
    adjusted = holm([s.p for s in shifts])
    _ = [told(s, adjusted=float(p)) for s, p in zip(shifts, adjusted, strict=True)]
    _ = [(flip_rate(cubes[0], t), excess_flip(cubes[0], t)) for t in cubes[1:]]
    _ = position_bias(cubes[0]), consistency(cubes[0]), order_locked(cubes[0])
    _ = both_orders_accuracy(cubes[0], gold), order_averaged_accuracy(cubes[0], gold)
    spent = time.process_time() - started
    return Row(
        instrument="all statistics",
        situation="CPU seconds, 200 x 2 x 2 x 16",
        seeds=1,
        n=200,
        rate=spent,
        error=0.0,
        bound="<= 2",
        met=spent <= 2,
    )


def again(folder: Path) -> str:
    """LLMBar's published verdicts, judge by judge and prompt by prompt."""
    lines = [
        "| judge | prompt | consistent | right in both orders | right on average | always first |",
        "|---|---|---|---|---|---|",
    ]
    for judge, prompts in published.judges(folder).items():
        for prompt in prompts:
            table = tables(published.verdicts(folder, judge, prompt), complete=False)[BASE]
            gold: Any = table.gold
            same = consistency(table.first)
            both = both_orders_accuracy(table.first, gold)
            average = order_averaged_accuracy(table.first, gold)
            locked = order_locked(table.first)
            cells = [_of(m.count or 0, m.n) for m in (same, both)]
            lines.append(
                f"| {judge} | {prompt} | {cells[0]} | {cells[1]} | {average.estimate:.3f} "
                f"| {locked.count} of {locked.n} |"
            )
    return "\n".join(lines)


def _of(k: int, n: int) -> str:
    low, high = wilson(k, n)
    return f"{k / n:.3f} ({low:.3f}-{high:.3f})"


def markdown(rows: list[Row]) -> str:
    """The table of the documentation."""
    lines = [
        "| instrument | situation | seeds | n | rate | MC error | asked | met |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.instrument} | {r.situation} | {r.seeds} | {r.n} | {r.rate:.4g} | {r.error:.2g} "
        f"| {r.bound or 'shown'} | {'yes' if r.met else '**no**'} |"
        for r in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure all rates, print them, and write them."""
    parser = argparse.ArgumentParser(description="Rates of the bias audit.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cards", type=int, default=200, help="seeds per planted judge")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--published", type=Path, help="only re-analyse LLMBar's verdicts")
    arguments = parser.parse_args()
    if arguments.published:
        print(again(arguments.published))
        return
    rows = [seconds(), *extremes()]
    with ProcessPoolExecutor(arguments.workers) as pool:
        parts = [pool.submit(rates, part) for part in PARTS]
        found = []
        for last in cards(arguments.cards, pool):
            found.append(last)
            print(last, flush=True)
        rows += [*(r for part in parts for r in part.result()), *found]
    print(markdown(rows))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(as_json(rows), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
