"""Seat a judge of the bench beside those of the panel, with weights from audited pairs."""

from agent.audited import asked
from agent.interventions.reweight_panel import shares_of
from agent.interventions.seats import weighing
from agent.made import Made, Making
from agent.past import bench_of


def make(making: Making) -> Made | str:
    """A panel of one judge more; answers that the smaller one chose are not replayed."""
    now = making.state
    name = making.decision.arguments["judge"]
    added = next((j for j in bench_of(making.context, now) if j.id == name), None)
    if added is None:
        return f"no judge {name!r} sits on the bench"
    judges = (*now.panel.judges, added)
    audited = asked(making, judges)
    shares = shares_of(making, audited, judges)
    if isinstance(shares, str):
        return shares
    update = {
        "panel": weighing(judges, shares),
        "judge_updates": now.judge_updates + 1,
        "replay": None,
    }
    return Made(
        new=now.model_copy(update=update),
        inputs={"labels": making.context.hands.store.put_lines(audited.rows)},
        accuracy=audited.counts(added.id),
    )
