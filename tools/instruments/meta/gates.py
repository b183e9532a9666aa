"""The gates of the meta-reward: each holds or the iteration is void. Unknown is not yes.

The sabotage control tells a working evaluator from a broken one without trusting any file: a
sealed degraded checkpoint and a null that always says the same are scored blind beside the
anchor, and must be ranked anchor > degraded > null.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from logs.canonical import digest_of
from logs.vocabulary import Digest, Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL, Interval, student

REQUIRED = (
    "plan",
    "integrity",
    "rescored",
    "ledger",
    "contamination",
    "safety",
    "capability",
    "budget",
    "sabotage",
)
"""Gates that every iteration must bring; one that is missing does not hold."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition without which nothing of an iteration counts."""

    name: str
    holds: bool | None
    """None is not known, which is not yes."""
    because: str


@dataclass(frozen=True, slots=True)
class LedgerMark:
    """Where a ledger stood: how many entries, and the digest of all of them."""

    entries: int
    digest: Digest


def integrity(filed: Mapping[str, Digest], seen: Mapping[str, Digest]) -> Gate:
    """Are judge weights, prompts, evaluator, definition and container those that were filed?"""
    names = sorted(set(filed) | set(seen))
    other = [name for name in names if filed.get(name) != seen.get(name)]
    if not filed:
        return Gate("integrity", None, "nothing was filed")
    return Gate("integrity", not other, f"changed: {', '.join(other)}" if other else _all(names))


def rescored(before: Sequence[float], now: Sequence[float], *, least: int = 50) -> Gate:
    """Does the evaluator give sealed anchors the same scores, to the last bit?"""
    if len(before) < least:
        return Gate("rescored", None, f"{len(before)} anchors, {least} are asked")
    same = [_bits(x) for x in before] == [_bits(x) for x in now]
    sane = all(map(math.isfinite, (*before, *now)))
    because = f"{len(before)} anchors, {'the same' if same else 'other'} scores"
    return Gate("rescored", same and sane, because if sane else f"{because}, not all finite")


def mark_of(entries: Sequence[str]) -> LedgerMark:
    """What is filed of an append-only ledger, so that no entry can go or change later."""
    return LedgerMark(len(entries), digest_of(list(entries)))


def ledger(filed: LedgerMark, entries: Sequence[str]) -> Gate:
    """Does the ledger go on from where it stood?"""
    if len(entries) < filed.entries:
        return Gate("ledger", False, f"{filed.entries} entries were there, {len(entries)} are left")
    same = mark_of(entries[: filed.entries]) == filed
    return Gate("ledger", same, "continued" if same else "earlier entries changed")


def contamination(leaks: int | None) -> Gate:
    """Is the training data free of gold?"""
    holds = None if leaks is None else leaks == 0
    return Gate("contamination", holds, "not looked for" if leaks is None else f"{leaks} texts")


def at_least(name: str, measured: Measurement | None, floor: float) -> Gate:
    """Is a measured value surely at least a floor: by its lower bound, not by its estimate?"""
    if measured is None or measured.low is None:
        return Gate(name, None, "not measured")
    return Gate(name, measured.low >= floor, f"at least {measured.low:.4g}, asked {floor:g}")


def budget(spent: float, limit: float) -> Gate:
    """Was no more spent than there was?"""
    if not (math.isfinite(spent) and math.isfinite(limit)) or min(spent, limit) < 0:
        return Gate("budget", None, f"spent {spent}, limit {limit}")
    return Gate("budget", spent <= limit, f"spent {spent:g} of {limit:g}")


def sabotage(control: Measurement | None) -> Gate:
    """Did the evaluator surely rank anchor > degraded > null?"""
    if control is None:
        return Gate("sabotage", None, "no sabotage control was run")
    return Gate("sabotage", control.status is Status.GREEN, "; ".join(control.assumptions[:2]))


def sabotage_control(
    anchor: Sequence[float],
    degraded: Sequence[float],
    null: Sequence[float],
    *,
    of: str = "",
) -> Measurement:
    """The smaller of (anchor - degraded) and (degraded - null), paired by sealed item.

    Green when both are surely above 0, by t intervals over items; red when one surely is not, or
    no item tells the two apart; insufficient when there are too few items to say.

    Args:
        anchor: the evaluator's scores of the anchor's answers, given blind; one per item.
        degraded: of a checkpoint that was made worse on purpose.
        null: of an output that is the same for every item.

    Raises:
        UndefinedMeasurement: unequal numbers of items, or a score that is not finite.
    """
    sides = {"anchor": anchor, "degraded": degraded, "null": null}
    refuse_unequal("sabotage_control", {name: len(side) for name, side in sides.items()})
    for side in sides.values():
        refuse_impossible("sabotage_control", side)
    n = len(anchor)
    a, d, z = (np.asarray(side, dtype=np.float64) for side in sides.values())
    steps = {"anchor - degraded": a - d, "degraded - null": d - z} if n else {}
    spans = {name: student(x.tolist()) for name, x in steps.items()} if n > 1 else {}
    worst = min(steps, key=lambda name: float(steps[name].mean()), default="")
    status = _ranked(list(spans.values()))
    return Measurement(
        instrument="sabotage_control",
        estimate=None if status is Status.INSUFFICIENT else float(steps[worst].mean()),
        units="score of the evaluator",
        low=spans[worst][0] if spans else None,
        high=spans[worst][1] if spans else None,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=n,
        null=0.0,
        status=status,
        assumptions=(*_spans(spans), "items sealed, the evaluator blind to whose answer is whose"),
        of=of,
    )


def _spans(spans: Mapping[str, Interval]) -> tuple[str, ...]:
    return tuple(f"{name} in [{low:+.4g}, {high:+.4g}]" for name, (low, high) in spans.items())


def throughout(iterations: Sequence[Sequence[Gate]]) -> tuple[Gate, ...]:
    """The gates of a run: each holds when it was there and held in every iteration."""
    names = list(dict.fromkeys(gate.name for gates in iterations for gate in gates))
    return tuple(_throughout(name, iterations) for name in names)


def _throughout(name: str, iterations: Sequence[Sequence[Gate]]) -> Gate:
    for number, gates in enumerate(iterations, start=1):
        found = next((gate for gate in gates if gate.name == name), Gate(name, None, "missing"))
        if found.holds is not True:
            return Gate(name, found.holds, f"iteration {number}: {found.because}")
    return Gate(name, True, f"in all of {len(iterations)} iterations")


def _ranked(spans: Sequence[Interval]) -> Status:
    if not spans:
        return Status.INSUFFICIENT
    if all(low > 0 for low, _ in spans):
        return Status.GREEN
    return Status.RED if any(high <= 0 for _, high in spans) else Status.INSUFFICIENT


def _bits(x: float) -> str:
    return float(x).hex()


def _all(names: Sequence[str]) -> str:
    return f"{len(names)} digests as filed"
