"""Where there is something left to learn, and where the policy is wrong: by skill and level."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from agent.auditing import Graded
from agent.emphasis import Known, learnable, right
from agent.groups import Group
from logs.vocabulary import Measurement, Panel
from tools import instruments as measure
from tools.task import Task

WINDOW = 36
"""Audited prompts that are read, the newest: three turns of a default session. Older ones speak
of a policy that is gone."""


def of_skills(
    task: Task, groups: Sequence[Group], rows: Sequence[Graded], panel: Panel, known: Known
) -> Iterator[Measurement]:
    """`learnable` by skill and level, and `audited_right` by skill.

    Args:
        groups: this turn's judged answers; one prompt is one observation.
        rows: graded answers of the session, oldest first.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for group in groups:
        value = learnable(group, panel, known)
        if value is not None:
            found[task.skill(group.prompt)].append(value)
    for name in task.strata():
        yield measure.mean(
            "learnable",
            found[name],
            units="variance of P(right) between siblings",
            of=name,
            lower=0.0,
            upper=0.25,
        )
    yield from _audited(task, rows)


def _audited(task: Task, rows: Sequence[Graded]) -> Iterator[Measurement]:
    """Of the answers that the policy gives most often, on audited prompts."""
    told = [(row, r) for row in rows if (r := right(row)) is not None][-WINDOW:]
    by_skill: dict[str, list[bool]] = defaultdict(list)
    for row, correct in told:
        by_skill[task.skill(row["prompt"]).split("-")[0]].append(correct)
    for skill in sorted({name.split("-")[0] for name in task.strata()}):
        yield measure.proportion(
            "audited_right",
            sum(by_skill[skill]),
            len(by_skill[skill]),
            units="share of audited prompts",
            of=skill,
            assumptions=(f"the newest {WINDOW} audited prompts",),
        )
