"""Gold, measured for people: sealed from the decider, which reads no entry of this kind."""

from collections import defaultdict

from agent.seeds import seed_of
from agent.state import Context, Turn
from logs.vocabulary import EntryKind, Measurement, State
from tools import instruments as measure


def measure_gold(turn: Turn, context: Context) -> None:
    """Record gold of HEAD after this turn; an unchanged policy keeps its measurement."""
    head = context.head()
    state = context.commit_at(head).state
    found = _known(turn, context, state) or measured(context, state, turn["iteration"])
    body = {"head": head, "measurements": [m.model_dump(mode="json") for m in found]}
    context.log(turn, "gold", EntryKind.MEASURED, body)


def measured(context: Context, state: State, iteration: int) -> list[Measurement]:
    """Gold at temperature 1 and greedy, and per skill, on the vault's prompts."""
    prompts = context.task.gold_prompts(context.config.world.gold_prompts)
    seed = seed_of(context.config, iteration, "gold")
    lists = {
        "gold": {"prompts": prompts, "temperature": 1.0, "of": "candidate"},
        "greedy": {"prompts": prompts, "temperature": 0.0, "of": "candidate"},
    }
    answers, _ = context.hands.try_out(state, state, lists, divergence=[], seed=seed)
    grades = {
        name: [context.task.grade(p, a) for p, a in zip(prompts, said, strict=True)]
        for name, said in answers.items()
    }
    by_skill: dict[str, list[bool]] = defaultdict(list)
    for prompt, right in zip(prompts, grades["gold"], strict=True):
        by_skill[context.task.skill(prompt)].append(right)
    return [
        measure.gold(sum(grades["gold"]), len(prompts)),
        measure.gold(sum(grades["greedy"]), len(prompts), greedy=True),
        *(
            measure.gold(sum(rows), len(rows), skill=skill)
            for skill, rows in sorted(by_skill.items())
        ),
    ]


def _known(turn: Turn, context: Context, now: State) -> list[Measurement]:
    """The measurement of the last turn, if it was of the same weights."""
    before = context.journal.find(turn["session"], turn["iteration"] - 1, "gold")
    if before is None:
        return []
    then = context.commit_at(before.body["head"]).state
    if (then.base, then.adapter) != (now.base, now.adapter):
        return []
    return [Measurement.model_validate(m) for m in before.body["measurements"]]
