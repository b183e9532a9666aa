"""Act: turn a decision into a typed proposal with its artefacts. Commits nothing."""

from collections.abc import Callable

from langgraph.runtime import Runtime

from agent.interventions import (
    add_judge,
    change_recipe,
    edit_constitution,
    recalibrate_judge,
    refit_judge,
    refresh_prompts,
    regenerate_data,
    reinitialise_judge,
    reweight_panel,
    roll_back,
    swap_judge,
    train,
)
from agent.made import Made, Making
from agent.priors import seconds_of
from agent.state import Context, Turn, ends_the_session, failure
from invariants.diff import diff
from logs.errors import IntegrityError, PlimsollError, Stale
from logs.vocabulary import Decision, Digest, EntryKind, Intervention, Observation, Proposal

MAKERS: dict[Intervention, Callable[[Making], Made | str]] = {
    Intervention.TRAIN: train.make,
    Intervention.REGENERATE_DATA: regenerate_data.make,
    Intervention.REFRESH_PROMPTS: refresh_prompts.make,
    Intervention.CHANGE_RECIPE: change_recipe.make,
    Intervention.RECALIBRATE_JUDGE: recalibrate_judge.make,
    Intervention.REFIT_JUDGE: refit_judge.make,
    Intervention.REINITIALISE_JUDGE: reinitialise_judge.make,
    Intervention.SWAP_JUDGE: swap_judge.make,
    Intervention.ADD_JUDGE: add_judge.make,
    Intervention.REWEIGHT_PANEL: reweight_panel.make,
    Intervention.EDIT_CONSTITUTION: edit_constitution.make,
    Intervention.ROLL_BACK: roll_back.make,
}


def act(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record a Proposal, or why the decision led to none.

    Raises:
        IntegrityError: an artefact in force is missing or damaged.
        PlimsollError: this machine cannot store what was made.
    """
    context = runtime.context
    entry = context.entry(state, "act")
    if entry is None:
        try:
            _propose(state, context)
        except IntegrityError:
            raise  # what is in force is damaged: nothing is built on it, and nothing goes on
        except PlimsollError as error:
            if ends_the_session(error):
                raise
            context.log(state, "act", EntryKind.FAILED, failure(error))
        entry = context.entry(state, "act")
    proposed = entry is not None and entry.kind is EntryKind.PROPOSED
    return {"way": "trial" if proposed else "record"}


def _unmoved_head(turn: Turn, context: Context) -> Digest:
    """HEAD, if it is still the one that was observed.

    Raises:
        Stale: a person rolled back while this turn was interrupted.
    """
    head, observed = context.head(), context.word(turn, "observe", Observation).head
    if head != observed:
        raise Stale(
            "HEAD moved since this turn began.",
            saw=f"HEAD {head[:12]}",
            wanted=f"HEAD {observed[:12]}, as observed",
            try_this="nothing: the next turn observes the new HEAD",
        )
    return head


def _propose(turn: Turn, context: Context) -> None:
    head = _unmoved_head(turn, context)
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
        cost_seconds=seconds_of(decision.intervention, now.recipe),
        undo=made.undo,
        inputs=made.inputs,
        seeds=made.seeds,
        validation=made.accuracy,
    )
    context.log(turn, "act", EntryKind.PROPOSED, proposal)
