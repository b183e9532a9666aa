"""Practise on other prompts: on fresh ones, or with more of what is weak or about to be learnt.

(no mode)   more of the skills on which siblings still disagree
fresh       the next stream, all skills in their natural proportion
weak        against measured weaknesses: audited errors, disputes with the bench, doubts
level       a curriculum: levels at which siblings are right about half the time
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from agent.emphasis import bounded, learnable, relative, weak
from agent.groups import Group, calibrations, read_groups
from agent.made import Made, Making
from agent.past import AUDIT_WINDOW, recent
from agent.switches import MODE

MOST = 2.0
Emphasis = dict[str, float]


def make(making: Making) -> Made | str:
    """The next stream of prompts, with the emphasis of the mode; or that nothing speaks for one."""
    now, observation = making.state, making.observation
    store = making.context.hands.store
    groups = read_groups(store, observation.samples, observation.verdicts, now.panel)
    mode = making.decision.arguments.get(MODE, "")
    if mode not in BY_MODE:
        return f"there is no way to refresh prompts named {mode!r}"
    emphasis = BY_MODE[mode](making, groups)
    if not emphasis and mode in ("weak", "level"):
        return f"nothing measured speaks for one skill more than for another (mode {mode})"
    pool = now.prompts.model_copy(update={"seed": now.prompts.seed + 1, "emphasis": emphasis})
    return Made(
        new=now.model_copy(update={"prompts": pool}), inputs={"samples": observation.samples}
    )


def _undecided(making: Making, groups: list[Group]) -> Emphasis:
    """More of the skills whose siblings still differ in score."""
    context, now = making.context, making.state
    open_by_skill: dict[str, list[bool]] = defaultdict(list)
    for group in groups[: now.recipe.prompts]:
        open_by_skill[_skill(context.task.skill(group.prompt))].append(group.ends() is not None)
    overall = sum(map(sum, open_by_skill.values())) / max(1, sum(map(len, open_by_skill.values())))
    return {
        skill: round(min(MOST, (sum(rows) / len(rows) + 0.05) / (overall + 0.05)), 3)
        for skill, rows in sorted(open_by_skill.items())
    }


def _weak(making: Making, groups: list[Group]) -> Emphasis:
    """More of the skills in which the policy is wrong, doubted or disputed."""
    context, now = making.context, making.state
    task, store = context.task, context.hands.store
    judged = [(_skill(task.skill(g.prompt)), g) for g in groups]
    audited = [
        (_skill(task.skill(row["prompt"])), row)
        for seen in recent(context, making.observation, AUDIT_WINDOW)
        if seen.labels
        for row in store.get_lines(seen.labels)
    ]
    need = weak(judged, audited, now.panel, calibrations(store, now.panel))
    return bounded(need, by_skill(task.strata()))


def _level(making: Making, groups: list[Group]) -> Emphasis:
    """More of the skills and levels at which siblings differ most in being right."""
    context, now = making.context, making.state
    known = calibrations(context.hands.store, now.panel)

    def values() -> Iterator[tuple[str, float]]:
        for group in groups:
            value = learnable(group, now.panel, known)
            if value is not None:
                yield context.task.skill(group.prompt), value

    return bounded(relative(values()), context.task.strata())


def by_skill(strata: Mapping[str, float]) -> dict[str, float]:
    """Natural shares of skills, all levels of one together."""
    found: dict[str, float] = defaultdict(float)
    for name, share in strata.items():
        found[_skill(name)] += share
    return dict(found)


def _skill(stratum: str) -> str:
    return stratum.split("-")[0]


BY_MODE: Mapping[str, Callable[[Making, list[Group]], Emphasis]] = {
    "": _undecided,
    "fresh": lambda _making, _groups: {},
    "weak": _weak,
    "level": _level,
}
