"""A decider that learns from turns that are over which kind of intervention pays.

Each kind on the menu, and what the decision table would choose, is drawn from what is believed of
its return in this context (`agent.deciding.thompson`); the highest draw is done. Without any
experience the table's choice is done. It ends a session only where the table does.

Luck alone decides nothing. A choice of the table that is believed to pay is left only for what may
well be better (PLAUSIBLE); where nothing is wrong, what is more than upkeep must be better with
chance SURE. So a stage of conservative Thompson sampling goes (Moradipari, Thrampoulidis & Alizadeh
2020, "Stage-wise conservative linear bandits"): the draw is followed where it is safe beside the
baseline, else the baseline is.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from agent.config import Config
from agent.deciders import Decider, View
from agent.deciding.experience import LEARNS
from agent.deciding.lessons import ENDINGS, FEATURES, Lesson, context_of, vector_of
from agent.deciding.menu import Choice, Item, arguments_of, barred, is_barred, possible
from agent.deciding.thompson import (
    Belief,
    Learnt,
    belief,
    better,
    chances,
    drawn,
    learnt,
    nothing,
)
from agent.recall import UPKEEP, alarms, is_repair
from agent.rules import decide as by_table
from agent.rules import train_always
from agent.seeds import seed_of
from logs.vocabulary import Alternative, Decision, Intervention

SURE = 0.95
"""Chance of being better than the table's choice from which a repair needs no alarm."""
PLAUSIBLE = 0.05
"""That chance from which a kind may take the place of what pays: of nine that are hopeless, one
draws the highest every tenth time."""
BEST = {"judge": "judge_accuracy", "flaw": "flaw_pays"}
"""Argument of a choice -> what it is measured by; the largest estimate is taken."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One kind that may be done: what is believed of it, and what was drawn."""

    kind: Intervention
    item: Item | None
    """None where only the table has it."""
    belief: Belief
    draw: float


def bandit(config: Config) -> Decider:
    """A decider that learns; draws come from the session's seed and the turn, kind by kind."""

    def decide(view: View) -> Decision:
        whole = by_table(view)
        if whole.intervention in ENDINGS:
            return _ended(whole)
        table = _live(view, whole)
        weighed = list(_weighed(view, table, config))
        best = max(_open(view, table, weighed), key=lambda w: w.draw)
        return _decision(view, table, whole, weighed, best)

    return decide


def context_now(view: View) -> dict[str, float]:
    """The context of the decision at hand."""
    repaired = max((p.iteration for p in view.past if is_repair(p)), default=0)
    most = float(view.limits["audit_labels_max"])
    return context_of(
        view.diagnosis,
        calibrated=view.calibrated,
        labels_spent=view.ledgers.audit_labels / most if most else 1.0,
        since_repair=view.iteration - repaired,
    )


def learnt_by_kind(lessons: Sequence[Lesson]) -> dict[Intervention, Learnt]:
    """What the lessons of each kind say; sorted first, so that their order changes no bit."""
    found: dict[Intervention, list[Lesson]] = {}
    for lesson in sorted(lessons, key=lambda x: x.of):
        found.setdefault(lesson.intervention, []).append(lesson)
    return {
        kind: learnt(
            np.array([vector_of(x.context) for x in of]),
            np.array([x.returned for x in of]),
            np.array([x.variance for x in of]),
        )
        for kind, of in found.items()
    }


def _ended(whole: Decision) -> Decision:
    """What ends a session is for the table to say: nothing that is learnt weighs against it."""
    because = f"the decision table ends the session by {whole.rule}: {whole.because}"
    return whole.model_copy(update={"rule": LEARNS, "because": because})


def _live(view: View, whole: Decision) -> Decision | None:
    """The table's choice; where that is a dead end, that of its next line which is on the menu."""
    offered = {item.intervention for item in possible(view) if not item.ends}
    found, without = whole, view.without
    while is_barred(view, found.intervention, found.arguments):
        if found.intervention is Intervention.TRAIN:  # the table's last line: there is no other
            return None
        without = without | {found.intervention}
        found = by_table(replace(view, without=without))
        if found.intervention not in offered:
            return None
    return found


def _weighed(view: View, table: Decision | None, config: Config) -> Iterator[Weighed]:
    items = {item.intervention: item for item in possible(view) if not item.ends}
    kinds = list(dict.fromkeys([*items, *([table.intervention] if table else [])]))
    known = learnt_by_kind(view.experience)
    x = vector_of(context_now(view))
    for kind in kinds:
        tabled = table is not None and kind is table.intervention
        believed = belief(known.get(kind, nothing(len(FEATURES))), x, tabled=tabled)
        (draw,) = drawn([believed], [_normal(config, view.iteration, kind)])
        yield Weighed(kind, items.get(kind), believed, draw)


def needed(kind: Intervention, table: Belief, *, calm: bool) -> float:
    """Chance of being better than the table's choice from which a kind may be drawn.

    Args:
        table: what is believed of the table's choice.
        calm: whether nothing is wrong.
    """
    if calm and kind not in UPKEEP:
        return SURE
    return PLAUSIBLE if table.mean > 0 else 0.0


def _open(view: View, table: Decision | None, weighed: Sequence[Weighed]) -> list[Weighed]:
    """What may be done by a draw: the table's choice, and what may well be better."""
    ours = next((w for w in weighed if table and w.kind is table.intervention), None)
    if ours is None:
        return list(weighed)
    calm = not alarms(view.diagnosis)
    return [
        w
        for w in weighed
        if w is ours or better(w.belief, ours.belief) >= needed(w.kind, ours.belief, calm=calm)
    ]


def _normal(config: Config, iteration: int, kind: Intervention) -> float:
    """A standard normal of this kind alone: another kind on the menu changes no draw."""
    seed = seed_of(config, iteration, f"{LEARNS}:{kind}")
    return NormalDist().inv_cdf(random.Random(seed).uniform(1e-12, 1 - 1e-12))


def _decision(
    view: View,
    table: Decision | None,
    whole: Decision,
    weighed: Sequence[Weighed],
    best: Weighed,
) -> Decision:
    chance = chances({w.kind: w.belief for w in weighed})
    as_table = table is not None and best.kind is table.intervention
    return Decision(
        iteration=view.iteration,
        intervention=best.kind,
        rule=LEARNS,
        because=_because(table, weighed, best, chance[best.kind]),
        evidence=(*train_always(view).evidence, *_evidence(view)),
        alternatives=tuple(_alternatives(view, whole, weighed, best, chance)),
        predicted=table.predicted if table and as_table else None,
        arguments=table.arguments if table and as_table else _arguments(view, best.item),
    )


def _because(
    table: Decision | None, weighed: Sequence[Weighed], best: Weighed, chance: float
) -> str:
    said = (
        f"of {len(weighed)} kinds it drew the highest return: {best.draw:+.3f} of right answers, "
        f"from {_say(best.belief)}; best with chance {chance:.2f}"
    )
    if table is None:
        return f"{said}; the decision table has nothing that was not tried here in vain"
    if best.kind is table.intervention:
        return f"{said}; as the decision table by {table.rule}: {table.because}"
    draw = next(w.draw for w in weighed if w.kind is table.intervention)
    return f"{said}; the decision table's {table.intervention} ({table.rule}) drew {draw:+.3f}"


def _say(b: Belief) -> str:
    return f"mean {b.mean:+.3f}, sd {b.sd:.3f} after {b.turns} turns"


def _evidence(view: View) -> Iterator[str]:
    """The context and what was learnt from, so that the draw can be made again."""
    context = {n: v for n, v in context_now(view).items() if n != FEATURES[0]}
    yield "context: " + (", ".join(f"{n} {v:g}" for n, v in context.items()) or "nothing to report")
    yield f"experience: {len(view.experience)} turns"


def _alternatives(
    view: View,
    whole: Decision,
    weighed: Sequence[Weighed],
    best: Weighed,
    chance: Mapping[str, float],
) -> Iterator[Alternative]:
    if whole.intervention is not best.kind:
        because = f"the decision table would choose it by {whole.rule}: {whole.because}"
        yield Alternative(intervention=whole.intervention, because=because)
    for w in sorted(weighed, key=lambda w: -chance[w.kind]):
        if w is not best:
            said = f"drew {w.draw:+.3f}: {_say(w.belief)}; best with chance {chance[w.kind]:.2f}"
            yield Alternative(intervention=w.kind, because=said)
    yield from barred(view)


def _arguments(view: View, item: Item | None) -> dict[str, str]:
    """What a kind is done with: kinds are learnt, arguments go by what is measured.

    The judge that is most often right, the flaw that pays most, the newest commit, all labels.
    """
    if item is None:
        raise AssertionError("what is not on the menu is the table's, with its arguments")
    taken = {
        name: _value(view, name, kind) if isinstance(kind, Choice) else str(kind.high)
        for name, kind in item.arguments.items()
    }
    return arguments_of(item, taken)


def _value(view: View, name: str, kind: Choice) -> str:
    def measured(value: str) -> float:
        m = view.measured(BEST[name], value) if name in BEST else None
        return m.estimate if m and m.estimate is not None else -1.0

    return max(reversed(list(kind.values.values())), key=measured)
