"""Outcomes of many runs as rates with intervals: a table for people, JSON for programs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.bench.health import Health
from agent.bench.scoring import Outcome
from logs.text import markdown_table
from tools.instruments.intervals import clopper_pearson

PROMPT = 2
"""Turns within which a fault should be seen."""


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n with an exact 95 % interval; nothing of nothing is undefined."""

    k: int
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "-"
        low, high = clopper_pearson(self.k, self.n, level=0.95)
        return f"{self.k}/{self.n} ({low:.2f}-{high:.2f})"

    def as_plain(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"k": self.k, "n": self.n}


def rate(values: Iterable[bool | None]) -> Rate:
    """How many of those that are known are true."""
    known = [value for value in values if value is not None]
    return Rate(sum(known), len(known))


HEADERS = (
    "decider",
    "scenario",
    "runs",
    "seen within 2 turns",
    "delay",
    "named rightly",
    "acted rightly",
    "false interventions",
    "gold before, worst, end",
    "labels",
    "seconds",
    "violations",
)


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """One row per decider and scenario, and one per decider over all faults."""
    groups: Mapping[tuple[str, str], list[Outcome]] = _grouped(outcomes)
    return [(decider, name, *_cells(found)) for (decider, name), found in groups.items()]


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Per decider what the benchmark is read for."""
    by: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by[outcome.decider].append(outcome)
    return {decider: _summed(found) for decider, found in sorted(by.items())}


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The table of the documentation."""
    return markdown_table(HEADERS, rows(outcomes))


def markdown_of_starts(starts: Mapping[int, Health]) -> str:
    """What was right with the judges before anything was planted, by grades no session saw."""
    flaws = sorted({flaw for health in starts.values() for flaw in health.flawed})
    headers = (
        "seed",
        "pairs ordered rightly",
        *(f"right answers lifted by {f}" for f in flaws),
        "ills",
    )
    cells = (
        (
            str(seed),
            str(Rate(*health.ordered)),
            *(str(Rate(*health.flawed.get(flaw, (0, 0)))) for flaw in flaws),
            "; ".join(health.ills) or "none",
        )
        for seed, health in sorted(starts.items())
    )
    return markdown_table(headers, cells)


ALL_FAULTS = "all single faults"


def _grouped(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda o: (o.decider, o.hunted, o.scenario, o.seed)):
        groups[outcome.decider, outcome.scenario].append(outcome)
    for decider in sorted({o.decider for o in outcomes}):
        faults = [o for o in outcomes if o.decider == decider and _single(o)]
        groups[decider, ALL_FAULTS] = faults
    return groups


def _single(outcome: Outcome) -> bool:
    return outcome.hunted and outcome.faults == 1


def _cells(found: Sequence[Outcome]) -> tuple[str, ...]:
    delays = sorted(o.detected for o in found if o.detected is not None)
    return (
        str(len(found)),
        str(rate(seen(o) for o in found)),
        str(delays[len(delays) // 2]) if delays else "-",
        str(rate(o.diagnosed for o in found)),
        str(rate(o.acted for o in found)),
        str(Rate(sum(o.false for o in found), sum(o.calm for o in found))),
        ", ".join(
            _mean([getattr(o, f"gold_{k}") for o in found]) for k in ("before", "worst", "end")
        ),
        str(sum(o.labels for o in found)),
        f"{sum(o.seconds for o in found):.0f}",
        str(sum(o.violations for o in found)),
    )


def seen(outcome: Outcome) -> bool | None:
    """Whether the fault was seen in time; None where there was none to see."""
    if not outcome.hunted:
        return None
    return outcome.detected is not None and outcome.detected <= PROMPT


def _mean(values: Sequence[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{sum(known) / len(known):.3f}" if known else "-"


def _summed(found: Sequence[Outcome]) -> dict[str, Any]:
    calm, single = [o for o in found if not o.hunted], [o for o in found if _single(o)]
    turns = Rate(sum(o.false for o in calm), sum(o.calm for o in calm))
    gained = [o for o in found if o.gold_end is not None and o.gold_before is not None]
    gain = sum((o.gold_end or 0.0) - (o.gold_before or 0.0) for o in gained)
    labels = sum(o.labels for o in gained)
    minutes = sum(o.seconds for o in gained) / 60
    return {
        "runs": len(found),
        "seen_in_time": rate(seen(o) for o in single).as_plain(),
        "named_rightly": rate(o.diagnosed for o in single).as_plain(),
        "acted_rightly": rate(o.acted for o in single).as_plain(),
        "two_faults_seen": rate(seen(o) for o in found if o.faults > 1).as_plain(),
        "false_turns_in_calm": turns.as_plain(),
        "calm_sessions_with_a_false_one": rate(o.false > 0 for o in calm).as_plain(),
        "gold_per_100_labels": round(100 * gain / labels, 4) if labels else None,
        "gold_per_minute_of_jobs": round(gain / minutes, 4) if minutes else None,
        "violations": sum(o.violations for o in found),
        "labels": sum(o.labels for o in found),
        "seconds": round(sum(o.seconds for o in found), 1),
    }
