"""What came of a run, read from its log alone: seen, named, acted on, and at which price."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agent.bench.running import Run
from agent.recall import UPKEEP, alarms
from logs.reading import Reader
from logs.turns import Ending, Turn, turns
from logs.vocabulary import EntryKind, Finding, Hypothesis


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run."""

    scenario: str
    decider: str
    seed: int
    at: int | None
    """Turn in which the fault began; None in the null."""
    detected: int | None
    """Turns from the fault to the first alarm; 0 is at once."""
    diagnosed: bool | None
    """Whether the first turn that blamed something blamed it; a fault that nobody names is missed.
    None where nothing was to be named."""
    acted: bool | None
    """Whether the first intervention after the fault, or the law's refusal, was a right one."""
    faults: int
    """How many were planted."""
    hunted: bool
    """Whether there was something to be found: not in the null, nor where calm is right."""
    false: int
    """Repairs before the fault, or in all turns where nothing was to be found."""
    calm: int
    """Turns before the fault, or of the null."""
    violations: int
    """Commits whose verdict does not hold."""
    gold_before: float | None
    gold_worst: float | None
    gold_end: float | None
    labels: int
    seconds: float
    """Of all jobs, wall clock."""
    failed: int
    """Turns that failed."""

    def as_plain(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self)


def scored(of: Run, journal: Reader) -> Outcome:
    """Read a run that has ended."""
    told = [t for t in turns(journal, of.name) if t.iteration > 0]
    expect = of.scenario.expect
    hunted = bool({*expect.hypotheses} - {Hypothesis.HEALTHY} or expect.refused_by)
    at = min((p.at for p in of.planted), default=None) if hunted else None
    before = [t for t in told if at is None or t.iteration < at]
    after = [t for t in told if at is not None and t.iteration >= at]
    alarm = next((t for t in after if alarmed(t, of)), None)
    golds = {t.iteration: m.estimate for t in told if (m := t.measured("gold")) and m.estimate}
    later = [golds[t.iteration] for t in after if t.iteration in golds]
    entries = list(journal.entries(session=of.name))
    return Outcome(
        scenario=of.scenario.name,
        decider=of.label,
        seed=of.seed,
        at=at,
        detected=alarm.iteration - at if alarm and at is not None else None,
        diagnosed=_named_first(after, of) if hunted and expect.hypotheses else None,
        acted=rightly(after, of) if after else None,
        faults=len(of.planted),
        hunted=hunted,
        false=sum(t.intervention not in (*UPKEEP, None) for t in before),
        calm=len(before),
        violations=sum(bool(t.commit and t.verdict and not t.verdict.holds) for t in told),
        gold_before=golds.get((at or 1) - 1, next(iter(golds.values()), None)),
        gold_worst=min(later, default=None),
        gold_end=later[-1] if later else next(reversed(list(golds.values())), None),
        labels=sum(e.spend.audit_labels for e in entries if e.spend),
        seconds=sum(_seconds(entries)),
        failed=sum(t.ending is Ending.FAILED for t in told),
    )


def alarmed(turn: Turn, of: Run) -> bool:
    """Whether this turn says that something is wrong, or the law does."""
    return bool(_alarms(turn)) or refused_rightly(turn, of)


def named(turn: Turn, of: Run) -> bool:
    """Whether the leading alarm of a turn is one of the expected hypotheses."""
    found = _alarms(turn)
    return bool(found) and found[0].hypothesis in of.scenario.expect.hypotheses


def _named_first(after: Sequence[Turn], of: Run) -> bool:
    """Whether the first diagnosis that blames something blames the fault."""
    blaming = next((t for t in after if _alarms(t)), None)
    return blaming is not None and named(blaming, of)


def rightly(after: Sequence[Turn], of: Run) -> bool:
    """Whether the first thing done about the fault was one of the expected."""
    for turn in after:
        if refused_rightly(turn, of):
            return True
        right = turn.intervention in of.scenario.expect.actions
        if right or turn.intervention not in (*UPKEEP, None):
            return right
    return False


def refused_rightly(turn: Turn, of: Run) -> bool:
    """Whether the law refused by an invariant that the scenario names, before or at the gate."""
    expected = of.scenario.expect.refused_by
    blocked = turn.failure == "Refused" and bool(expected)
    return blocked or any(r.invariant in expected for r in turn.rulings)


def _alarms(turn: Turn) -> list[Finding]:
    return alarms(turn.diagnosis) if turn.diagnosis else []


def _seconds(entries: Sequence[Any]) -> Iterator[float]:
    for entry in entries:
        if entry.kind is EntryKind.RECORDED:
            yield from entry.body.get("seconds", {}).values()
