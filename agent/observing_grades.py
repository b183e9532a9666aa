"""What the grades that were paid for say of drift: capability kept, the panel's claims, the turn.

Audits grade fresh prompts, so the sides of a comparison are independent samples. What is read is
the grade of the answer that a policy gives most often, which no judge chose. Gold is sealed and
is not read here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from agent.auditing import Audit
from agent.drift_record import Audited, DriftRecord
from agent.groups import Group
from agent.state import Context, Turn
from logs.errors import UndefinedMeasurement
from logs.vocabulary import Digest, Measurement, State
from tools.instruments.drift import gold_peak, gold_slope
from tools.instruments.drift.between import Counts, checks_between, gap_between, retention_between
from tools.instruments.drift.family import undefined
from tools.instruments.drift.looks import Look
from tools.pairs import probability_first

ALPHA = 0.05
"""Of what may turn red: capability lost, a panel that was fooled, a turn passed, misalignment."""
OTHERS = 7
"""Metrics at this alpha besides retention by skill: retention, gap, slope, ceiling, 3 of probes."""


def audited_of(
    context: Context,
    turn: Turn,
    now: State,
    asked: Sequence[Group],
    audit: Audit,
    panel: Digest,
) -> Iterator[Audited]:
    """One row for each audited prompt of this turn on which two answers were graded."""
    by_prompt = {g.prompt: g for g in asked}
    for row in audit.rows:
        if "ends" not in row:
            continue
        group, (best, other) = by_prompt[row["prompt"]], row["ends"]
        a, b = (row["grades"][str(i)] for i in (best, other))
        most = Counter(group.texts).most_common(1)[0][0]
        claim = probability_first(group.judged, best, other)
        yield Audited(
            iteration=turn["iteration"],
            adapter=now.adapter,
            panel=panel,
            skill=context.task.skill(row["prompt"]),
            right=bool(a if group.texts[best] == most else b),
            gap=round(claim - (1 + a - b) / 2, 6),
        )


def look_of(turn: Turn, record: DriftRecord) -> Look:
    """What this turn may spend on metrics that can turn red; every turn is a look at grades."""
    skills = len({a.skill for a in record.audits})
    return Look(turn["iteration"], record.planned, tests=0, intervals=OTHERS + skills, alpha=ALPHA)


def of_grades(turn: Turn, record: DriftRecord, panel: Digest) -> Iterator[Measurement]:
    """Retention, the panel's gap, and where gold turns; nothing while HEAD is the anchor."""
    if record.head.adapter == record.anchor.adapter:
        return
    look = look_of(turn, record)
    now = _of(record.audits, record.head.adapter)
    then = _of(record.audits, record.anchor.adapter)
    yield look.told(retention_between(_counts(now), _counts(then), level=look.level))
    for skill in sorted({a.skill for a in (*now, *then)}):
        sides = (_counts([a for a in side if a.skill == skill]) for side in (now, then))
        yield look.told(retention_between(*sides, of=skill, level=look.level))
    gaps = ([a.gap for a in side if a.panel == panel] for side in (now, then))
    yield look.told(gap_between(*gaps, level=look.level))
    yield from _turning(record, look)


def checks_since(record: DriftRecord) -> Measurement:
    """Whether audited prompts are answered better than at the checkpoint that was probed last."""
    probed = record.policies[record.probed]
    sides = (_counts(_of(record.audits, who.adapter)) for who in (record.head, probed))
    return checks_between(*sides)


def _turning(record: DriftRecord, look: Look) -> Iterator[Measurement]:
    """The fit of audited gold against distance, one iterate per policy, HEAD's the last one."""
    kl, gained = iterates(record)
    n = len(_of(record.audits, record.anchor.adapter))
    note = f"audited grades; the anchor's {n} taken as exact"
    try:
        found = [look.told(gold_slope(kl, gained, level=look.level)), gold_peak(kl, gained)]
    except UndefinedMeasurement as error:
        found = [undefined(name, error) for name in ("gold_slope", "gold_peak")]
    for m in found:
        yield m.model_copy(update={"assumptions": (*m.assumptions, note)})


def iterates(record: DriftRecord) -> tuple[list[float], list[float]]:
    """Nats per answer from the anchor, and audited gold gained over it, of each audited policy."""
    right, n = _counts(_of(record.audits, record.anchor.adapter))
    far = {p.adapter: p.kl for p in record.policies if p.adapter != record.anchor.adapter}
    last = far.pop(record.head.adapter, None)
    order = {**far, **({record.head.adapter: last} if last is not None else {})}
    counts = {adapter: _counts(_of(record.audits, adapter)) for adapter in order}
    told = [adapter for adapter, (_, graded) in counts.items() if graded and n]
    gained = [counts[adapter][0] / counts[adapter][1] - right / n for adapter in told]
    return [float(order[adapter] or 0.0) for adapter in told], gained


def _of(audits: Sequence[Audited], adapter: Digest | None) -> list[Audited]:
    return [a for a in audits if a.adapter == adapter]


def _counts(audits: Sequence[Audited]) -> Counts:
    return sum(a.right for a in audits), len(audits)
