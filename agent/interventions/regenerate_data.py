"""Throw away what would be trained on, and generate it anew.

Each turn draws its answers afresh, so what outlives a turn is the replay buffer and the stream of
prompts. Both are what a fault can hide in: replayed answers are not held against this turn's
samples, and a stream that repeats or leaks goes on doing so. So the buffer is emptied, or freed
of one skill, and the stream moves on; the next turn observes, judges and trains on what is drawn
from there alone. Emphasis, adapter, judges and recipe stay as they are.
"""

from agent.made import Made, Making
from agent.switches import ALL, SLICE


def make(making: Making) -> Made | str:
    """The state without the suspected data; what was thrown away is among the inputs."""
    context, now = making.context, making.state
    hands, task = context.hands, context.task
    which = making.decision.arguments.get(SLICE, ALL)
    skills = {name.split("-")[0] for name in task.strata()}
    if which != ALL and which not in skills:
        return (
            f"there is no slice {which!r} of the data; slices: {ALL}, {', '.join(sorted(skills))}"
        )
    buffer = hands.get_shown(now.replay)
    kept = [s for s in buffer if which != ALL and task.skill(s.prompt).split("-")[0] != which]
    thrown = [s for s in buffer if s not in set(kept)]
    pool = now.prompts.model_copy(update={"seed": now.prompts.seed + 1})
    replay = hands.put_shown(kept) if kept else None
    return Made(
        new=now.model_copy(update={"prompts": pool, "replay": replay}),
        inputs={"samples": making.observation.samples, "thrown": hands.put_shown(thrown)},
    )
