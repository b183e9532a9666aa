"""Diagnose and decide: read what was measured, choose one intervention, record why."""

from langgraph.runtime import Runtime

from agent.auditing_more import audit_more, worth_buying
from agent.deciding.experience import bring
from agent.diagnose import diagnose as explain
from agent.meta import CLAIMS, file_claims
from agent.parking import choose
from agent.past import (
    TELLING,
    observations,
    past_turns,
    under_this_panel,
)
from agent.state import Context, Turn, once
from agent.viewing import view_of
from logs.vocabulary import Decision, Diagnosis, EntryKind, Intervention, Observation

__all__ = ["decide", "diagnose", "view_of"]


def diagnose(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record a Diagnosis of this turn's observation."""
    context = runtime.context

    def run() -> None:
        found = _explained(state, context)
        telling = found.telling
        if telling and worth_buying(context, telling):
            once(context, state, TELLING, lambda: audit_more(state, context, telling))
            found = _explained(state, context)
        context.log(state, "diagnose", EntryKind.DIAGNOSED, found)

    once(context, state, "diagnose", run)
    return {"way": "decide"}


def _explained(turn: Turn, context: Context) -> Diagnosis:
    observed = context.word(turn, "observe", Observation)
    return explain(
        observed,
        observations(context, turn),
        under_this_panel(context, observed)[:-1],
        kl_max=float(context.policy.values["kl_max"]),
        past=past_turns(context, turn),
        judge_floor=float(context.policy.values.get("judge_floor", 0)),
        judge_n=int(context.policy.values.get("judge_n", 0)),
    )


def decide(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record a Decision."""
    context = runtime.context

    def run() -> None:
        context.meter.require_left()  # a decider may ask a model, which costs
        bring(state, context)
        context.log(
            state, "decide", EntryKind.DECIDED, choose(view_of(state, context), context.decider)
        )

    once(context, state, "decide", run)
    once(context, state, CLAIMS, lambda: file_claims(state, context))
    decision = context.word(state, "decide", Decision)
    if decision.intervention is Intervention.STOP:
        return {"way": "record"}
    return {"way": "ask" if decision.intervention is Intervention.ASK_PERSON else "act"}
