"""Let a judge of the bench lead the panel."""

from agent.deciders import find
from agent.interventions.seats import led_by
from agent.made import Made, Making
from agent.past import bench_of
from logs.vocabulary import Judge, Observation, State


def make(making: Making) -> Made:
    """A panel led by another judge; answers that the old one chose are not replayed."""
    now = making.state
    chosen = next(
        j for j in bench_of(making.context, now) if j.id == making.decision.arguments["judge"]
    )
    labels = making.observation.labels
    return Made(
        new=swapped(now, chosen),
        inputs={"labels": labels} if labels else {},
        accuracy=shown_by(making.observation, chosen.id),
    )


def swapped(now: State, chosen: Judge) -> State:
    """The state that another leader would bring."""
    update = {
        "panel": led_by(now.panel, chosen),
        "judge_updates": now.judge_updates + 1,
        "replay": None,
    }
    return now.model_copy(update=update)


def shown_by(observation: Observation, judge: str) -> tuple[int, int] | None:
    """(right, tried) where its favourite differed from the panel's, or on this turn's pairs.

    Neither set of grades was used to fit it.
    """
    both = [find(observation, name, judge) for name in ("favourite_wins", "judge_accuracy")]
    counts = [(m.count or 0, m.n) for m in both if m and m.n]
    return max(counts, key=lambda c: c[0] / c[1] * min(1.0, c[1] / ENOUGH), default=None)


ENOUGH = 10
"""Grades from which on more of them no longer count for more."""
