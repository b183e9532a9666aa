"""Act: turn a decision into a typed proposal with its artefacts. Commits nothing."""

from collections.abc import Callable

from langgraph.runtime import Runtime

from agent.interventions import (
    edit_constitution,
    refit_judge,
    refresh_prompts,
    roll_back,
    swap_judge,
    train,
)
from agent.made import Made, Making
from agent.state import Context, Turn
from invariants.diff import diff
from logs.errors import PlimsollError
from logs.vocabulary import Decision, EntryKind, Intervention, Observation, Proposal

MAKERS: dict[Intervention, Callable[[Making], Made | str]] = {
    Intervention.TRAIN: train.make,
    Intervention.REGENERATE_DATA: refresh_prompts.make,
    Intervention.REFRESH_PROMPTS: refresh_prompts.make,
    Intervention.REFIT_JUDGE: refit_judge.make,
    Intervention.SWAP_JUDGE: swap_judge.make,
    Intervention.EDIT_CONSTITUTION: edit_constitution.make,
    Intervention.ROLL_BACK: roll_back.make,
}


def act(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record a Proposal, or why the decision led to none."""
    context = runtime.context
    entry = context.entry(state, "act")
    if entry is None:
        try:
            _propose(state, context)
        except PlimsollError as error:
            body = {"error": type(error).__name__, "what": error.what, "saw": error.saw}
            context.log(state, "act", EntryKind.FAILED, body)
        entry = context.entry(state, "act")
    proposed = entry is not None and entry.kind is EntryKind.PROPOSED
    return {"way": "trial" if proposed else "record"}


def _propose(turn: Turn, context: Context) -> None:
    head = context.head()
    decision = context.word(turn, "decide", Decision)
    now = context.commit_at(head).state
    making = Making(
        context=context,
        turn=turn,
        decision=decision,
        observation=context.word(turn, "observe", Observation),
        state=now,
    )
    made = MAKERS[decision.intervention](making)
    if isinstance(made, str):
        context.log(turn, "act", EntryKind.FAILED, {"error": "nothing to propose", "what": made})
        return
    proposal = Proposal(
        iteration=turn["iteration"],
        base=head,
        intervention=decision.intervention,
        new=made.new,
        changes=diff(now, made.new),
        restores=made.restores,
        predicted=decision.predicted,
        undo=made.undo,
        inputs=made.inputs,
        seeds=made.seeds,
        validation=made.accuracy,
    )
    context.log(turn, "act", EntryKind.PROPOSED, proposal, made.spend)
