"""Who leads a panel, who stays beside the new leader, and what each weighs."""

from collections.abc import Mapping
from decimal import Decimal

from agent.past import leader_of
from logs.vocabulary import Digest, Judge, Panel

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


def newer(judge: Judge, artefact: Digest) -> Judge:
    """The next version of a judge."""
    return judge.model_copy(update={"artefact": artefact, "version": judge.version + 1})


def weighing(judges: tuple[Judge, ...], shares: Mapping[str, Decimal]) -> Panel:
    """These judges, each with its share."""
    seats = tuple(j.model_copy(update={"weight": shares[j.id]}) for j in judges)
    return Panel(judges=seats)


def with_versions(panel: Panel, newer: dict[str, Judge]) -> Panel:
    """The panel with newer versions of its judges, at their present weights."""
    for judge in panel.judges:
        if judge.id in newer:
            panel = _with(panel, newer[judge.id].model_copy(update={"weight": judge.weight}))
    return panel


def _with(panel: Panel, judge: Judge) -> Panel:
    seats = tuple(judge if j.id == judge.id else j for j in panel.judges)
    return panel.model_copy(update={"judges": seats})
