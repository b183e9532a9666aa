"""Practise on other prompts, with more of what siblings still disagree on."""

from collections import defaultdict

from agent.groups import read_groups
from agent.made import Made, Making

MOST = 2.0


def make(making: Making) -> Made:
    """The next stream of prompts, leaning towards skills that are not yet settled."""
    context, now = making.context, making.state
    observation = making.observation
    groups = read_groups(context.hands.store, observation.samples, observation.verdicts, now.panel)
    open_by_skill: dict[str, list[bool]] = defaultdict(list)
    for group in groups[: now.recipe.prompts]:
        skill = context.task.skill(group.prompt).split("-")[0]
        open_by_skill[skill].append(group.ends() is not None)
    overall = sum(map(sum, open_by_skill.values())) / max(1, sum(map(len, open_by_skill.values())))
    emphasis = {
        skill: round(min(MOST, (sum(rows) / len(rows) + 0.05) / (overall + 0.05)), 3)
        for skill, rows in sorted(open_by_skill.items())
    }
    pool = now.prompts.model_copy(update={"seed": now.prompts.seed + 1, "emphasis": emphasis})
    return Made(
        new=now.model_copy(update={"prompts": pool}), inputs={"samples": observation.samples}
    )
