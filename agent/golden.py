"""Gold, measured for people: sealed from the decider, which reads no entry of this kind."""

from collections import defaultdict

from agent.seeds import seed_of
from agent.state import Context, Turn
from logs.vocabulary import Commit, EntryKind, Measurement, State
from tools import instruments as measure


def measure_gold(turn: Turn, context: Context) -> None:
    """Record gold of HEAD after this turn; an unchanged policy keeps its measurement."""
    commit = context.commit_at(context.head())
    earlier = _known(turn, context, commit)
    found = earlier or measured(context, commit.state, turn["iteration"])
    body = {"measurements": [m.model_dump(mode="json") for m in found]}
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


def _known(turn: Turn, context: Context, commit: Commit) -> list[Measurement]:
    """The measurement of the last turn, if the adapter is still the same."""
    before = context.journal.find(turn["session"], turn["iteration"] - 1, "gold")
    if before is None or commit.parent is None:
        return []
    committed = context.journal.find(turn["session"], turn["iteration"], "commit")
    moved = committed is not None and committed.kind is EntryKind.COMMITTED
    if moved and commit.state.adapter != context.commit_at(commit.parent).state.adapter:
        return []
    return [Measurement.model_validate(m) for m in before.body["measurements"]]
