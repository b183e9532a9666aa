"""The meta-reward: how well a training process is run. It gates and ranks; it is no gradient.

    MR = 1[all gates] (1/2 min(D, J, S) + 1/2 C) - cost x share of gold spent - fines

Components are not averaged: the worst of data, judge and stability counts, so that no strength
buys off a weakness. What ranks is `low`, made of lower bounds alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible
from tools.instruments.intervals import LEVEL
from tools.instruments.meta.definition import DEFAULT, Definition
from tools.instruments.meta.gates import REQUIRED, Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """The four components, each a measurement of its own."""

    data: Measurement
    judge: Measurement
    stability: Measurement
    claims: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What the process cost."""

    gold: float
    """Share of the gold budget that is spent, in [0, 1]; more than 1 breaks the budget gate."""
    failed_audits: int = 0


def broken(gates: Sequence[Gate], required: Sequence[str] = REQUIRED) -> tuple[Gate, ...]:
    """Gates that do not hold, those that are missing among them.

    Raises:
        UndefinedMeasurement: a gate is given twice.
    """
    names = [gate.name for gate in gates]
    if len(set(names)) < len(names):
        raise UndefinedMeasurement(
            "A gate says one thing.",
            saw=f"{len(names)} gates with {len(set(names))} names",
            wanted="each name once",
            try_this="join what belongs to one gate before",
        )
    missing = (Gate(name, None, "missing") for name in required if name not in names)
    return tuple(gate for gate in (*gates, *missing) if gate.holds is not True)


def meta_reward(
    parts: Components,
    gates: Sequence[Gate],
    spending: Spending,
    *,
    definition: Definition = DEFAULT,
    required: Sequence[str] = REQUIRED,
    of: str = "",
) -> Measurement:
    """MR of one iteration or of a run, at most 1; `low` ranks, `estimate` is the plug-in value.

    Red when a gate does not hold: then only the costs are left. Insufficient when a component is.

    Raises:
        UndefinedMeasurement: components in each other's place, or spending that cannot be.
    """
    _refuse_misplaced(parts)
    refuse_impossible("meta_reward", [spending.gold, spending.failed_audits], lower=0.0)
    d = definition
    void = broken(gates, required)
    cost = d.gold_cost * spending.gold + d.audit_cost * d.fine * spending.failed_audits
    plain = _combined([m.estimate for m in _all(parts)], d)
    low = _combined([m.low for m in _all(parts)], d)
    estimate = -cost if void else None if plain is None else plain - cost
    status = Status.RED if void else Status.INSUFFICIENT if estimate is None else Status.GREEN
    return Measurement(
        instrument="meta_reward",
        version=d.version,
        estimate=estimate,
        units="score, at most 1",
        low=(0.0 if void or low is None else low) - cost,
        level=LEVEL,
        guarantee=Guarantee.FIXED_N,
        n=sum(m.n for m in _all(parts)),
        null=0.0,
        status=status,
        assumptions=(
            *(f"void: {gate.name}: {gate.because}" for gate in void),
            *(f"{m.instrument} {m.low if m.low is None else round(m.low, 4)}" for m in _all(parts)),
            f"cost {cost:.4g}",
            f"definition {d.digest[:12]}",
            "from bounds at 97.5 % each; a score that ranks, no gradient",
        ),
        of=of,
    )


def _all(parts: Components) -> tuple[Measurement, ...]:
    return parts.data, parts.judge, parts.stability, parts.claims


def _combined(values: Sequence[float | None], d: Definition) -> float | None:
    """The formula on four numbers; none, if one of them is not known."""
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return None
    return d.worst * min(known[:3]) + d.claims * known[3]


def _refuse_misplaced(parts: Components) -> None:
    wanted = ("data_quality", "judge_quality", "stability", "honest_claims")
    seen = tuple(m.instrument for m in _all(parts))
    if seen != wanted:
        raise UndefinedMeasurement(
            "The meta-reward is made of four components, each in its place.",
            saw=", ".join(seen),
            wanted=", ".join(wanted),
            try_this="pass what data_quality, judge_quality, stability, honest_claims returned",
        )
