"""Run a study: the same judge, items and treatments under every strategy, with one correction.

    examined = examine(study, {strategy.id: judge, ...}, pairs, treatments, ...)

A judge is any `audit.Judge`. Shifts are corrected by Holm over all strategies and biases
together, and so are the differences to the base strategy, which are paired item by item.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy import stats

from logs.vocabulary import Finite, Measurement, Status, Word
from tools.audit import audit, measuring
from tools.audit.findings import Audit, Bias
from tools.audit.items import Pair
from tools.audit.records import BASE, Verdict, tables
from tools.audit.studies import Strategy, Study
from tools.audit.treatments import Treatment
from tools.instruments.audit import holm
from tools.instruments.audit.bounds import ALPHA
from tools.instruments.estimates import mean

ACCURACY = "both_orders_accuracy"


class Examined(Word):
    """One strategy: its audit, its shifts corrected for all strategies of the study."""

    strategy: str
    says: str
    mode: str
    audit: Audit


class Difference(Word):
    """What one strategy changes against the base, on the same items."""

    strategy: str
    name: str
    """A bias, or `both_orders_accuracy`."""
    difference: Measurement
    p: Finite
    p_holm: Finite
    """Corrected for every difference of the study."""


class Result(Word):
    """A whole study."""

    study: str
    judge: str
    base: str
    items: int
    seed: int
    calls: int
    strategies: tuple[Examined, ...]
    differences: tuple[Difference, ...]
    same: dict[str, str] = Field(default_factory=dict)
    """Strategies that this judge cannot tell from another, and why; they were not run."""
    statement: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What every strategy is asked."""

    pairs: Sequence[Pair]
    treatments: Sequence[Treatment]
    judge_hash: str
    prompt_hashes: Mapping[str, str]
    """Strategy -> the digest of its prompt: constitution, template and mode."""


def examine(
    study: Study,
    name: str,
    judges: Mapping[str, audit.Judge],
    asked: Asked,
    *,
    same: Mapping[str, str] | None = None,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> Result:
    """Audit every strategy that has a judge, and compare each with the base.

    Args:
        name: of the judge.
        judges: strategy -> judge; the base strategy must have one.
        same: strategies without a judge of their own, and why.
    """
    cases = audit.cases(asked.pairs, asked.treatments)
    run = [s for s in study.strategies if s.id in judges]
    said: dict[str, list[Verdict]] = {}
    for at, strategy in enumerate(run):
        progress(at, len(run), f"strategy {strategy.id}")
        said[strategy.id] = audit.run(
            judges[strategy.id],
            asked.pairs,
            cases,
            judge_hash=asked.judge_hash,
            prompt_hash=asked.prompt_hashes[strategy.id],
            repeats=1,
            seed=study.seed,
        )
    progress(len(run), len(run), "strategies")
    faults = audit.faults(asked.treatments)
    found = {i: measuring.measure(v, faults=faults) for i, v in said.items()}
    corrected = _corrected(found)
    return Result(
        study=study.name,
        judge=name,
        base=study.base,
        items=len(asked.pairs),
        seed=study.seed,
        calls=sum(map(len, said.values())),
        strategies=tuple(
            Examined(strategy=s.id, says=s.says, mode=s.mode, audit=corrected[s.id]) for s in run
        ),
        differences=tuple(_differences(study.base, said)),
        same=dict(same or {}),
        statement=_statement(run, found),
    )


def _statement(run: Sequence[Strategy], found: Mapping[str, Audit]) -> tuple[str, ...]:
    biases = sum(len(a.biases) for a in found.values())
    return (
        "randomised: pairs, sides, slips and the order of calls; each item in both orders, once",
        "reused: the same items and treatments under every strategy, so differences are paired",
        f"looks: one; red after Holm over {biases} shifts of {len(run)} strategies together",
        "differences: 95 % t intervals over prompts, p after Holm over all differences together",
    )


# --- one correction for the whole study --------------------------------------------
def _corrected(found: Mapping[str, Audit]) -> dict[str, Audit]:
    """Every shift with its p-value corrected for all strategies and biases of the study."""
    each = [(i, at, b.p) for i, a in found.items() for at, b in enumerate(a.biases)]
    adjusted = holm([p for *_, p in each]).tolist() if each else []
    p_of = {(i, at): p for (i, at, _), p in zip(each, adjusted, strict=True)}
    return {
        i: a.model_copy(
            update={"biases": tuple(_amended(b, p_of[i, at]) for at, b in enumerate(a.biases))}
        )
        for i, a in found.items()
    }


def _amended(bias: Bias, p: float) -> Bias:
    """Red needs the corrected p-value; without it the audit was too small to tell."""
    shift = bias.shift
    if shift.status is Status.RED and p >= ALPHA:
        shift = shift.model_copy(update={"status": Status.INSUFFICIENT, "estimate": None})
    return bias.model_copy(update={"p_holm": p, "shift": shift})


# --- against the base --------------------------------------------------------------
Effects = dict[str, tuple[Hashable, float]]
"""Item -> (cluster, value)."""


def effects(verdicts: Sequence[Verdict]) -> dict[str, Effects]:
    """Per bias, by how much the treatment moved each item; and whether it was judged rightly."""
    by = tables(verdicts, complete=False)
    found: dict[str, Effects] = {}
    for name, control in measuring.controls_of(verdicts).items():
        before, after = measuring.joined_tables(by[control], by[name])
        moved = (after.preference - before.preference).mean(axis=(1, 2))
        rows = zip(after.items, after.clusters, moved.tolist(), strict=True)
        found[name] = {item: (cluster, value) for item, cluster, value in rows}
    plain = by[BASE]
    right = np.array([[1.0 if g == "A" else 0.0] for g in plain.gold])[:, :, None]
    both = (plain.for_a == right).all(axis=(1, 2))
    found[ACCURACY] = {
        item: (cluster, float(hit))
        for item, cluster, hit, gold in zip(
            plain.items, plain.clusters, both.tolist(), plain.gold, strict=True
        )
        if gold is not None
    }
    return found


def _differences(base: str, said: Mapping[str, Sequence[Verdict]]) -> list[Difference]:
    before = effects(said[base])
    made = [
        (strategy, name, *_difference(strategy, name, before[name], found))
        for strategy, verdicts in said.items()
        if strategy != base
        for name, found in effects(verdicts).items()
    ]
    adjusted = holm([p for *_, p in made]).tolist() if made else []
    return [
        Difference(strategy=s, name=n, difference=m, p=p, p_holm=corrected)
        for (s, n, m, p), corrected in zip(made, adjusted, strict=True)
    ]


def _difference(
    strategy: str, name: str, before: Effects, after: Effects
) -> tuple[Measurement, float]:
    """Mean over prompts of what the strategy changes, and its p-value."""
    shared = [item for item in before if item in after]
    values = [after[i][1] - before[i][1] for i in shared]
    clusters = [before[i][0] for i in shared]
    told = mean(
        "strategy_difference",
        values,
        units="probability",
        clusters=clusters,
        of=f"{strategy}/{name}",
        lower=-2.0,
        upper=2.0,
        null=0.0,
        assumptions=("the same items under both strategies",),
    )
    grouped: dict[Hashable, list[float]] = {}
    for cluster, value in zip(clusters, values, strict=True):
        grouped.setdefault(cluster, []).append(value)
    means = [float(np.mean(v)) for v in grouped.values()]
    return told, _p(means)


def _p(means: Sequence[float]) -> float:
    """Two-sided t test over prompts; where nothing differs there is nothing to test."""
    if len(means) < 2 or not any(means):
        return 1.0
    if len(set(means)) == 1:  # all changed alike: the sign test's p
        return float(2.0 ** (1 - len(means)))
    return float(stats.ttest_1samp(means, 0.0).pvalue)
