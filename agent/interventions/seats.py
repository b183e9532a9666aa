"""Who leads a panel, and who stays beside the new leader."""

from decimal import Decimal

from agent.past import leader_of
from logs.vocabulary import Judge, Panel

LEADS, STAYS = Decimal("0.7"), Decimal("0.3")
"""Shares of a new leader and of the judge it replaces, who stays: dropping a family of judges is
for people to decide, and a panel of one has nobody to differ with."""


def led_by(panel: Panel, leader: Judge) -> Panel:
    """The panel with `leader` in front; the old leader keeps a seat, others keep theirs."""
    old = leader_of(panel)
    if old.id == leader.id:
        return _with(panel, leader.model_copy(update={"weight": old.weight}))
    stays = old.model_copy(update={"weight": STAYS})
    leads = leader.model_copy(update={"weight": LEADS})
    others = (j for j in panel.judges if j.id not in (old.id, leader.id))
    return panel.model_copy(update={"judges": (leads, stays, *others)})


def with_versions(panel: Panel, newer: dict[str, Judge]) -> Panel:
    """The panel with newer versions of its judges, at their present weights."""
    for judge in panel.judges:
        if judge.id in newer:
            panel = _with(panel, newer[judge.id].model_copy(update={"weight": judge.weight}))
    return panel


def _with(panel: Panel, judge: Judge) -> Panel:
    seats = tuple(judge if j.id == judge.id else j for j in panel.judges)
    return panel.model_copy(update={"judges": seats})
