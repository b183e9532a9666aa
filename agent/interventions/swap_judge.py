"""Let a judge of the bench lead the panel."""

from agent.deciders import find
from agent.interventions.seats import led_by
from agent.made import Made, Making
from agent.past import bench_of


def make(making: Making) -> Made:
    """A panel led by another judge; answers that the old one chose are not replayed."""
    now = making.state
    chosen = next(
        j for j in bench_of(making.context, now) if j.id == making.decision.arguments["judge"]
    )
    update = {
        "panel": led_by(now.panel, chosen),
        "judge_updates": now.judge_updates + 1,
        "replay": None,
    }
    counted = _shown_by(making, chosen.id)
    labels = making.observation.labels
    return Made(
        new=now.model_copy(update=update),
        inputs={"labels": labels} if labels else {},
        accuracy=counted,
    )


def _shown_by(making: Making, judge: str) -> tuple[int, int] | None:
    """(right, tried) where its favourite differed from the panel's, or on this turn's pairs.

    Neither set of grades was used to fit it.
    """
    both = [find(making.observation, name, judge) for name in ("favourite_wins", "judge_accuracy")]
    counts = [(m.count or 0, m.n) for m in both if m and m.n]
    return max(counts, key=lambda c: c[0] / c[1] * min(1.0, c[1] / ENOUGH), default=None)


ENOUGH = 10
"""Grades from which on more of them no longer count for more."""
