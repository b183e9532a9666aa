"""How long z3 takes: the proof at activation, and the second opinion on one change.

    python -m benchmarks.proofs [--sizes 5 25 100] [--repeats 3]

CPU seconds of this process beside wall seconds, because machines are shared. Even they grow
when another process shares the core, so each line says how long a fixed loop took beside it.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import plimsoll  # noqa: F401  puts this checkout first on the path
from invariants.chains import example
from invariants.facts import Case, facts_of
from invariants.policy import Policy, default_bytes, load
from invariants.proof import check_policy
from invariants.solver import Desk, second_opinion
from logs.canonical import digest_of
from logs.vocabulary import (
    Constitution,
    Evidence,
    Intervention,
    Ledgers,
    Metric,
    Principle,
    PrincipleTier,
    Proposal,
    State,
    Tier,
)

RULES = 15
"""The first so many rules of the default policy, and all its goals."""


def founding(principles: int) -> State:
    """A founding state with a fifth of its principles immutable, two fifths core."""
    tiers = (
        PrincipleTier.IMMUTABLE,
        PrincipleTier.CORE,
        PrincipleTier.CORE,
        PrincipleTier.CORE,
        PrincipleTier.ADAPTIVE,
    )
    weight = Decimal(1) / Decimal(principles)
    rows = tuple(
        Principle(id=f"p{i}", text=f"principle {i}", weight=weight, tier=tiers[i % 5])
        for i in range(principles)
    )
    return example().model_copy(update={"constitution": Constitution(version=1, principles=rows)})


def policy_for(principles: int) -> Policy:
    """The default policy with its first rules, and a floor that so many principles can meet."""
    whole = load(default_bytes())
    floor = whole.params["weight_floor"]
    params = {**whole.params, "weight_floor": replace(floor, value=floor.value / principles)}
    return replace(whole, rules=whole.rules[:RULES], params=params)


def activation(principles: int) -> dict[str, Any]:
    """Everything that is asked of a policy before it is in force."""
    desk, policy, start = Desk(), policy_for(principles), founding(principles)
    report: list[bool] = []
    wall, cpu = timed(lambda: report.append(check_policy(policy, start, desk=desk).sound))
    return {
        "rules": len(policy.rules),
        "principles": principles,
        "sound": report[0],
        "questions": len(desk.asked),
        "wall_s": round(wall, 3),
        "cpu_s": round(cpu, 3),
        "slowest": max(((round(a.ms / 1000, 3), a.name) for a in desk.asked), default=None),
        "undecided": [a.name for a in desk.asked if a.found == "unknown"],
        "loop_ms": loop(),
    }


def opinion(principles: int, repeats: int) -> dict[str, Any]:
    """One second opinion over all rules of the default policy, on a lawful reweighting."""
    policy, old = load(default_bytes()), founding(principles)
    rows = list(old.constitution.principles)
    rows[0] = rows[0].model_copy(update={"weight": rows[0].weight + Decimal("0.01")})
    new = old.model_copy(update={"constitution": Constitution(version=2, principles=tuple(rows))})
    proposal = Proposal(
        iteration=1,
        base="e" * 64,
        intervention=Intervention.EDIT_CONSTITUTION,
        new=new,
        changes=(),
        undo="plimsoll rollback HEAD~1",
    )
    drills = tuple(Metric(name=f"rollback_{k}", k=8, n=8) for k in ("stored", "tested"))
    gain = Metric(name="selfserving_gain", values=("0",) * 256)
    evidence = Evidence(
        proposal=digest_of(proposal),
        metrics=(*drills, gain),
        harness="f" * 64,
        sandbox_level=2,
    )
    case = Case(
        founding=old,
        old=old,
        proposal=proposal,
        evidence=evidence,
        ledgers=Ledgers(),
        approvals=0,
    )
    facts = facts_of(case, policy.metrics, policy.values)
    rules = [rule.expr for rule in policy.rules_for(Tier.LOW)]

    def ask() -> None:
        second_opinion(rules, facts.roots, timeout_ms=60_000)

    ask()
    taken = [timed(ask) for _ in range(repeats)]
    return {
        "rules": len(rules),
        "principles": principles,
        "wall_ms": round(statistics.median(wall for wall, _ in taken) * 1000, 1),
        "cpu_ms": round(statistics.median(cpu for _, cpu in taken) * 1000, 1),
    }


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def loop() -> float:
    """CPU milliseconds of a fixed loop: the pace of this core at this moment."""
    _, cpu = timed(lambda: sum(i * i % 7 for i in range(400_000)))
    return round(cpu * 1000, 1)


def main() -> None:
    """Print one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 25, 100])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for size in options.sizes:
        print(json.dumps({"opinion": opinion(size, options.repeats)}), flush=True)
    for size in options.sizes:
        for _ in range(options.repeats):
            print(json.dumps({"activation": activation(size)}), flush=True)


if __name__ == "__main__":
    main()
