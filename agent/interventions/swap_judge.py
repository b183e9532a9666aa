"""Replace the panel's leading judge by one from the bench."""

from agent.deciders import find
from agent.made import Made, Making
from agent.past import bench_of


def make(making: Making) -> Made:
    """A panel led by another judge; answers that the old one chose are not replayed."""
    now = making.state
    chosen = next(
        j for j in bench_of(making.context, now) if j.id == making.decision.arguments["judge"]
    )
    leader = max(now.panel.judges, key=lambda j: j.weight)
    seated = chosen.model_copy(update={"weight": leader.weight})
    judges = tuple(seated if j.id == leader.id else j for j in now.panel.judges)
    panel = now.panel.model_copy(update={"judges": judges})
    update = {"panel": panel, "judge_updates": now.judge_updates + 1, "replay": None}
    measured = find(making.observation, "judge_accuracy", chosen.id)
    counted = (measured.count or 0, measured.n) if measured else None
    labels = making.observation.labels
    return Made(
        new=now.model_copy(update=update),
        inputs={"labels": labels} if labels else {},
        accuracy=counted,
    )
