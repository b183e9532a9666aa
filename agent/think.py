"""Diagnose and decide: read what was measured, choose one intervention, record why."""

from decimal import Decimal

from langgraph.runtime import Runtime

from agent.auditing import informative
from agent.auditing_more import audit_more, worth_buying
from agent.deciders import View
from agent.deciding.experience import bring, experience_of
from agent.diagnose import diagnose as explain
from agent.groups import calibrations
from agent.meta import CLAIMS, file_claims
from agent.past import (
    TELLING,
    bench_of,
    label_rows,
    labels_left,
    observations,
    past_turns,
    spent_before,
    under_this_panel,
)
from agent.ruling import net_ledgers
from agent.state import Context, Turn, once
from logs.vocabulary import Decision, Diagnosis, EntryKind, Intervention, Observation

TIMELESS = {"seconds": Decimal(0), "cpu_seconds": Decimal(0)}


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
        context.log(state, "decide", EntryKind.DECIDED, context.decider(view_of(state, context)))

    once(context, state, "decide", run)
    once(context, state, CLAIMS, lambda: file_claims(state, context))
    decision = context.word(state, "decide", Decision)
    if decision.intervention is Intervention.STOP:
        return {"way": "record"}
    return {"way": "ask" if decision.intervention is Intervention.ASK_PERSON else "act"}


def view_of(turn: Turn, context: Context) -> View:
    """What the decider may read; built from the log alone, so that it can be replayed."""
    observed = context.word(turn, "observe", Observation)
    now = context.commit_at(observed.head).state
    spent = spent_before(context, turn, "decide")
    limits = {
        name: Decimal(value.numerator) / Decimal(value.denominator)
        for name, value in context.policy.values.items()
    }
    return View(
        iteration=turn["iteration"],
        head=observed.head,
        state=now,
        observation=observed,
        diagnosis=context.word(turn, "diagnose", Diagnosis),
        past=past_turns(context, turn),
        # No decision reads a clock: it also ticks while gold is measured, and never alike.
        ledgers=net_ledgers(context, spent).model_copy(update=TIMELESS),
        limits=limits,
        labels_left=labels_left(context, spent),
        bench=bench_of(context, now),
        calibrated=len(calibrations(context.hands.store, now.panel)) == len(now.panel.judges),
        graded_prompts=informative(label_rows(context, turn)),
        without=frozenset(context.config.session.without),
        raises=context.policy.raises,
        experience=experience_of(turn, context),
    )
