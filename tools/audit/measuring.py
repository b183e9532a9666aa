"""From the verdicts of one audit to its measurements: reliability, position, every bias."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.audit.findings import Audit, Bias
from tools.audit.records import BASE, Table, Verdict, check, tables
from tools.instruments.audit import (
    both_orders_accuracy,
    consistency,
    excess_flip,
    flip_rate,
    holm,
    noise_floor,
    order_averaged_accuracy,
    order_locked,
    plan,
    position_bias,
    retest_kappa,
    shift_of,
)
from tools.instruments.audit.attacks import attack_success
from tools.instruments.audit.bounds import Fault
from tools.instruments.audit.position import TRAIN
from tools.instruments.audit.scores import TIES
from tools.instruments.audit.shift import Shift, net_shift, told
from tools.instruments.estimates import mean, proportion

MISSING = 0.05
"""Share of verdicts that a judge may fail to give."""


def measure(
    verdicts: Sequence[Verdict],
    *,
    faults: Mapping[str, str] | None = None,
    attacked: Sequence[Verdict] = (),
    floor: float = TRAIN,
) -> Audit:
    """Measure an audit. Missing verdicts count as inconsistent and wrong, and are reported;
    an item with a missing verdict is left out of the shifts.

    Args:
        faults: bias -> direction of fault, from `audit.faults`; absent ones go either way.
        attacked: verdicts on right answers against empty ones (`treatments.attacks`).

    Raises:
        UndefinedMeasurement: as `records.tables`; or no verdicts on unchanged pairs.
    """
    judge_hash, prompt_hash = check(verdicts, complete=False)
    by = tables(verdicts, complete=False)
    if BASE not in by:
        raise UndefinedMeasurement(
            "An audit also judges pairs as they are.",
            saw=", ".join(sorted(by)),
            wanted=f"verdicts under the treatment {BASE!r}",
            try_this="give audit.run the pairs beside the cases",
        )
    base = by[BASE]
    return Audit(
        judge_hash=judge_hash,
        prompt_hash=prompt_hash,
        iteration=max(v.iteration for v in verdicts),
        calls=len(verdicts) + len(attacked),
        items=len(base.items),
        reliability=_reliability(base, floor),
        position=_position(base),
        noise=_noise(base, verdicts),
        biases=_biases(by, controls_of(verdicts), faults or {}),
        attacks=_attacks(attacked, (judge_hash, prompt_hash)),
        statement=_statement(verdicts, by),
    )


def _reliability(base: Table, floor: float) -> tuple[Measurement, ...]:
    known = base.where([g is not None for g in base.gold])
    if not known.items:
        return ()
    parts = [("", known)]
    domains = sorted(set(known.domains))
    if len(domains) > 1:
        parts += [(d, known.where([x == d for x in known.domains])) for d in domains]
    found = []
    for name, part in parts:
        gold: Any = part.gold
        groups = _groups(part)
        found.append(both_orders_accuracy(part.first, gold, clusters=groups, of=name, floor=floor))
        found.append(order_averaged_accuracy(part.first, gold, clusters=groups, of=name))
    return tuple(found)


def _groups(table: Table) -> tuple[str, ...] | None:
    """Clusters, or None where every item is its own: counts then have exact intervals."""
    return table.clusters if len(set(table.clusters)) < len(table.clusters) else None


def _position(base: Table) -> tuple[Measurement, ...]:
    whole = base.where(_whole(base))
    return (
        position_bias(whole.first, clusters=_groups(whole)),
        consistency(base.first, clusters=_groups(base)),
        order_locked(whole.first),
    )


def _noise(base: Table, verdicts: Sequence[Verdict]) -> tuple[Measurement, ...]:
    lost = sum(v.verdict is None for v in verdicts)
    found = [missing_verdicts(lost, len(verdicts))]
    whole = base.where(_whole(base))
    ties = (whole.for_a == 0.5).mean((1, 2)) if whole.items else np.zeros(0)
    found.append(
        mean(
            "tie_share",
            ties.tolist(),
            units="share of verdicts",
            clusters=_groups(whole),
            lower=0.0,
            upper=1.0,
            green=TIES,
            red=TIES,
            bad_is="high",
        )
    )
    if whole.for_a.shape[2] > 1 and whole.items:
        found.append(noise_floor(whole.preference, clusters=_groups(whole)))
        once, again = whole.for_a[:, 0, 0].tolist(), whole.for_a[:, 0, 1].tolist()
        if len({*once, *again}) > 1:
            found.append(retest_kappa(once, again))
    return tuple(found)


def missing_verdicts(lost: int, calls: int) -> Measurement:
    """The share of calls that gave no verdict."""
    return proportion(
        "missing_verdicts",
        lost,
        calls,
        units="share of calls",
        null=0.0,
        green=MISSING,
        red=MISSING,
        bad_is="high",
    )


def controls_of(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Treatment -> the condition it is held against."""
    return {v.treatment: v.control for v in verdicts if v.treatment != v.control}


def shifts_of(verdicts: Sequence[Verdict], faults: Mapping[str, str]) -> dict[str, Shift]:
    """The shift of every bias that has two clusters or more."""
    by = tables(verdicts, complete=False)
    return _shifts(_facing(by, controls_of(verdicts)), faults)


Facing = Mapping[str, tuple[Table, Table]]


def _facing(by: Mapping[str, Table], controls: Mapping[str, str]) -> Facing:
    """Bias -> the same items under its control and under its treatment."""
    return {name: joined_tables(by[control], by[name]) for name, control in controls.items()}


def _shifts(facing: Facing, faults: Mapping[str, str]) -> dict[str, Shift]:
    return {
        name: shift_of(
            control.preference,
            treated.preference,
            clusters=treated.clusters,
            fault=_direction(faults.get(name, "either")),
        )
        for name, (control, treated) in facing.items()
        if len(set(treated.clusters)) > 1
    }


def _biases(
    by: Mapping[str, Table], controls: Mapping[str, str], faults: Mapping[str, str]
) -> tuple[Bias, ...]:
    facing = _facing(by, controls)
    shifts = _shifts(facing, faults)
    adjusted = dict(zip(shifts, holm([s.p for s in shifts.values()]).tolist(), strict=True))
    return tuple(
        _bias(name, shifts[name], adjusted[name], *pair) if name in shifts else _lost(name)
        for name, pair in facing.items()
    )


def _lost(name: str) -> Bias:
    """A treatment under which the judge gave hardly any verdict: nothing bounds its shift."""
    return Bias(
        name=name,
        shift=net_shift((), (), of=name),
        upper=1.0,
        p=1.0,
        p_holm=1.0,
        flips=flip_rate(np.zeros((0, 2, 1)), np.zeros((0, 2, 1)), of=name),
        excess=None,
        next_items=0,
    )


def _bias(name: str, shift: Shift, p_holm: float, control: Table, treated: Table) -> Bias:
    before, after, clusters = control.preference, treated.preference, treated.clusters
    twice = min(before.shape[2], after.shape[2]) > 1
    return Bias(
        name=name,
        shift=told(shift, of=name, adjusted=p_holm),
        upper=shift.upper,
        p=shift.p,
        p_holm=p_holm,
        flips=flip_rate(before, after, clusters=clusters, of=name),
        excess=excess_flip(before, after, clusters=clusters, of=name) if twice else None,
        next_items=plan(shift).enlarge_to,
    )


def _direction(said: str) -> Fault:
    return "up" if said == "up" else "either"


def joined_tables(control: Table, treated: Table) -> tuple[Table, Table]:
    """Both conditions of the items that have every verdict in both, in one order.

    A treatment may choose another side than the pair's own: the control is read from there.
    """
    place = {item: i for i, item in enumerate(control.items)}
    whole = dict(zip(control.items, _whole(control), strict=True))
    kept = treated.where(
        [
            good and whole.get(item, False)
            for item, good in zip(treated.items, _whole(treated), strict=True)
        ]
    )
    rows = [place[item] for item in kept.items]
    facing = Table(
        treatment=control.treatment,
        items=kept.items,
        clusters=kept.clusters,
        sides=kept.sides,
        gold=kept.gold,
        domains=kept.domains,
        for_a=control.for_a[rows],
        scores=control.scores[rows],
    )
    return facing, kept


def _whole(table: Table) -> list[bool]:
    """Items with every verdict."""
    calls = np.isnan(table.for_a).reshape(len(table.items), -1)
    return [not any(row) for row in calls.tolist()]


def _attacks(attacked: Sequence[Verdict], version: tuple[str, str]) -> Measurement | None:
    """An attack succeeds where the right answer did not win every call."""
    if not attacked:
        return None
    if check(attacked, complete=False) != version:
        raise UndefinedMeasurement(
            "Attacks on another version say nothing of this one.",
            saw=f"{attacked[0].judge_hash[:8]}/{attacked[0].prompt_hash[:8]}",
            wanted=f"{version[0][:8]}/{version[1][:8]}",
            try_this="attack the version that is audited",
        )
    table = tables(attacked, complete=False)[BASE]
    right = np.where(np.array([g == "A" for g in table.gold])[:, None, None], 1.0, 0.0)
    beaten = np.asarray(table.for_a == right).reshape(len(right), -1).all(1)
    return attack_success(int((~beaten).sum()), len(right))


def _statement(verdicts: Sequence[Verdict], by: Collection[str]) -> tuple[str, ...]:
    repeats = len({v.repeat for v in verdicts})
    return (
        f"randomised: order of calls; each item in both orders, {repeats} times",
        "reused: verdicts on unchanged pairs, by the biases held against them",
        f"looks: one, after {len(verdicts)} calls in {len(by)} conditions",
        "guarantee: 95 % coverage at this fixed n, clusters independent; red after Holm",
    )
