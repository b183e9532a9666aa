"""Bring a judge back to where it was founded, if it has grown used to the policy that it judges."""

from agent.audited import asked, founding_judges
from agent.interventions.refit_judge import RIDGE
from agent.interventions.seats import newer, with_versions
from agent.made import Made, Making
from agent.past import label_rows
from logs.vocabulary import Digest, Judge, JudgeKind, Panel

TO = "to"
FOUNDING, GRADES = "founding", "grades"
"""To the founding artefact itself, or to a refit that begins at the founding weights."""


def make(making: Making) -> Made | str:
    """The panel with one judge as it was founded, or refitted from there. No label is bought.

    Answers that the judge chose as it was are not replayed.
    """
    name, to = (making.decision.arguments[key] for key in ("judge", TO))
    judge = next((j for j in making.state.panel.judges if j.id == name), None)
    founded = founding_judges(making).get(name)
    if judge is None or founded is None:
        return f"the panel has no judge {name!r} that was founded"
    if to == GRADES:
        return _from_grades(making, judge, founded)
    if to != FOUNDING:
        return f"a judge goes back to {FOUNDING!r} or to {GRADES!r}, not to {to!r}"
    return _from_anchor(making, judge, founded)


def _from_anchor(making: Making, judge: Judge, founded: Judge) -> Made | str:
    if judge.artefact == founded.artefact:
        return f"{judge.id!r} is as it was founded"
    audited = asked(making, [founded], founded=True)
    return _made(
        making,
        with_versions(making.state.panel, {judge.id: newer(judge, founded.artefact)}),
        {"labels": making.context.hands.store.put_lines(audited.rows)},
        audited.counts(founded.id),
    )


def _from_grades(making: Making, judge: Judge, founded: Judge) -> Made | str:
    """A refit on the grades at hand that stays close to the founding judge."""
    if judge.kind is not JudgeKind.FEATURE:
        return f"{judge.id!r} cannot be refitted on grades"
    hands, now = making.context.hands, making.state
    labels = hands.store.put_lines(label_rows(making.context, making.turn))
    fitted, report = hands.refit(founded, labels, now.constitution, ridge=RIDGE, keep_prior=True)
    return _made(
        making,
        with_versions(now.panel, {judge.id: newer(judge, fitted)}),
        {"labels": labels, "fits": hands.store.put_json({judge.id: report})},
        (report["correct"], report["tried"]),
    )


def _made(
    making: Making, panel: Panel, inputs: dict[str, Digest], accuracy: tuple[int, int]
) -> Made:
    now = making.state
    update = {"panel": panel, "judge_updates": now.judge_updates + 1, "replay": None}
    return Made(new=now.model_copy(update=update), inputs=inputs, accuracy=accuracy)
