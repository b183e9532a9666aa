"""Gate, commit, record: the law rules, HEAD moves or not, the turn is closed."""

from decimal import Decimal
from typing import Any

from langgraph.runtime import Runtime

from agent.claiming import GAIN, claim_gain
from agent.deciders import find
from agent.golden import measure_gold
from agent.inbox import ANSWER, ASK
from agent.meta import META, measure_meta
from agent.model_costs import model_costs
from agent.parking import PARK, PARKED, closes, is_left, park
from agent.remote_usage import ASKED_OF, told_in
from agent.ruling import net_ledgers, ruled, ruling, ruling_of
from agent.state import Context, Turn, failure, once
from invariants import gate as law
from invariants.facts import Case
from invariants.nearest import offers
from invariants.seals import standing
from invariants.tiers import weight_step
from logs.canonical import digest_of
from logs.errors import Stale
from logs.model_rows import MODELS
from logs.scales import JUDGED, scale_of
from logs.vocabulary import (
    Commit,
    Decision,
    EntryKind,
    Evidence,
    Ledgers,
    LogEntry,
    Observation,
    Outcome,
    Prediction,
    Proposal,
    Verdict,
)


def gate(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record the Verdict of the law on this turn's proposal."""
    context = runtime.context

    def run() -> None:
        context.log(state, "gate", EntryKind.RULED, ruled(state, context))

    once(context, state, "gate", run)
    verdict = context.word(state, "gate", Verdict)
    if verdict.holds:
        return {"way": "commit"}
    ask = law.needs_person(verdict) and not park(context, state)
    return {"way": "ask" if ask else "record"}


def commit(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Move HEAD and record it, in one transaction; doing it twice does it once."""
    context = runtime.context
    known = context.entry(state, "commit")
    if known and known.kind is EntryKind.FAILED:
        return {"way": "record"}
    proposal = context.word(state, "act", Proposal)
    made = Commit(
        parent=proposal.base,
        restores=proposal.restores,
        session=state["session"],
        iteration=state["iteration"],
        state=proposal.new,
        proposal=digest_of(proposal),
        evidence=digest_of(context.word(state, "trial", Evidence)),
        verdict=digest_of(ruling_of(context, state, Verdict)),
    )
    step = weight_step(context.commit_at(proposal.base).state, proposal.new)
    path = Decimal(step.numerator) / Decimal(step.denominator) if not proposal.restores else None
    spend = context.meter.priced(Ledgers(weight_path=path) if path else None)
    try:
        if known is None:
            _require_same_law(context, ruling_of(context, state, Verdict))
        entry = context.journal.commit(made, expected_head=proposal.base, spend=spend)
        context.listener.entry(entry)
    except Stale as stale:
        context.log(state, "commit", EntryKind.FAILED, failure(stale))
    return {"way": "record"}


def _require_same_law(context: Context, verdict: Verdict) -> None:
    """Commit only what the policy in force ruled on: a planned turn may wait for days.

    Raises:
        Stale: people put another policy in force since the gate.
    """
    if verdict.policy != context.policy.digest:
        raise Stale(
            "The policy changed since this proposal was ruled on.",
            saw=f"policy {context.policy.digest[:12]}",
            wanted=f"policy {verdict.policy[:12]}, as at the gate",
            try_this="nothing: the next turn is ruled on by the policy in force",
        )


def record(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Close the turn: refusal or not, gold and claims for people, prediction against outcome."""
    context = runtime.context
    once(context, state, "refuse", lambda: _refuse(state, context))
    once(context, state, "gold", lambda: measure_gold(state, context))
    once(context, state, META, lambda: measure_meta(state, context))
    ends = waits(state, context) or _is_over(state, context)
    if ends or state["iteration"] % context.config.world.gain_every == 0:
        once(context, state, GAIN, lambda: claim_gain(state, context))
    once(context, state, "record", lambda: _close(state, context))
    if ends:
        return {"way": "end"}
    context.meter.require_left()
    return {"way": "observe", "iteration": state["iteration"] + 1}


def _is_over(turn: Turn, context: Context) -> bool:
    """Whether no turn follows: none is planned any more, and nothing is parked for people."""
    last = turn["iteration"] >= context.config.session.iterations
    done = last or _stops(turn, context) or closes(context, turn)
    return done and not is_left(context, turn)


def waits(turn: Turn, context: Context) -> bool:
    """Whether people were asked in this turn and have not answered."""
    return context.entry(turn, ASK) is not None and context.entry(turn, ANSWER) is None


def _stops(turn: Turn, context: Context) -> bool:
    return context.word(turn, "decide", Decision).intervention == "stop"


def _refuse(turn: Turn, context: Context) -> None:
    """A refusal by the law or by people, with the values that decided it."""
    entry, answer = ruling(context, turn), context.entry(turn, ANSWER)
    if entry is None or waits(turn, context) or context.entry(turn, PARK):
        return
    verdict = Verdict.model_validate(entry.body)
    if verdict.holds:  # committed, or HEAD moved while nobody looked: no refusal by the law
        return
    broken = [r for r in verdict.rulings if r.outcome is not Outcome.HOLDS]
    said = "; ".join(r.say for r in broken) or f"z3 says {verdict.second_opinion}"
    body = {
        "verdict": digest_of(verdict),
        "rulings": [r.model_dump(mode="json") for r in broken],
        "because": f"{answer.body['because']}; {said}" if answer else said,
        # Who says no owes no other way, and a proposal near to one that people refused is none.
        "offers": [] if answer else _offers(turn, context),
    }
    context.log(turn, "refuse", EntryKind.REFUSED, body)


def _offers(turn: Turn, context: Context) -> list[dict[str, Any]]:
    """The closest lawful weights of each tier, if the law refused a reweighting."""
    proposal = context.word(turn, "act", Proposal)
    if proposal.restores is not None:
        return []
    case = Case(
        founding=context.anchor,
        old=context.commit_at(proposal.base).state,
        proposal=proposal,
        evidence=context.word(turn, "trial", Evidence),
        ledgers=net_ledgers(context),
        approvals=0,
    )
    return [offer.model_dump(mode="json") for offer in offers(context.policy, case)]


def _committed(turn: Turn, context: Context) -> bool:
    entry = context.entry(turn, "commit")
    return entry is not None and entry.kind is EntryKind.COMMITTED


def _close(turn: Turn, context: Context) -> None:
    decision = context.word(turn, "decide", Decision)
    refusal = context.entry(turn, "refuse")
    body = {
        "outcome": _outcome(turn, context, refusal),
        "policy_signed": standing(context.policy),
        "refused_by": [r["invariant"] for r in refusal.body["rulings"]] if refusal else [],
        "predicted": decision.predicted.model_dump(mode="json") if decision.predicted else None,
        "seconds": {k: round(v, 3) for k, v in context.hands.spent.seconds.items()},
        "agent_cpu_seconds": round(context.hands.spent.own_seconds(), 3),
        "peak_rss_mb": round(context.hands.spent.peak_rss_bytes / 2**20),
        "disk_bytes": context.meter.disk_bytes,
        **_asked(turn, context),
        "gpus": context.hands.gpus.taken(),
        **context.hands.spent.said(),
        "budgets": [line.row() for line in context.meter.lines()],
        **_compared(turn, context),
    }
    context.hands.spent.seconds.clear()
    context.hands.spent.notes.clear()
    context.log(turn, "record", EntryKind.RECORDED, body)


def _asked(turn: Turn, context: Context) -> dict[str, Any]:
    """What models were asked since the record before this one, if there are any."""
    asked = context.hands.remotes.asked(told_in(context.journal))
    entries = context.journal.entries_of(turn["session"], turn["iteration"])
    costs = model_costs(context.config, entries, asked)
    return ({ASKED_OF: asked} if asked else {}) | ({MODELS: costs} if costs else {})


def _outcome(turn: Turn, context: Context, refusal: LogEntry | None) -> str:
    if _committed(turn, context):
        return "committed"
    if refusal:
        return "refused"
    if waits(turn, context):
        return "waits"
    if context.entry(turn, PARK):
        return PARKED
    acted = context.entry(turn, "act")
    if acted and acted.kind is EntryKind.FAILED and acted.body["error"] == "nothing to propose":
        return "kept"
    return "stopped" if acted is None else "failed"


def _compared(turn: Turn, context: Context) -> dict[str, Any]:
    """Last turn's prediction against what this turn observed."""
    earlier = context.journal.find(turn["session"], turn["iteration"] - 1, "decide")
    if earlier is None or not earlier.body["predicted"]:
        return {"actual": None, "as_predicted": None}
    predicted = Prediction.model_validate(earlier.body["predicted"])
    name, _, of = predicted.metric.removesuffix("]").partition("[")
    now = context.word(turn, "observe", Observation)
    seen = find(now, name, of)
    if seen is None or seen.estimate is None:
        return {"actual": None, "as_predicted": None}
    told = {
        "of_iteration": turn["iteration"] - 1,
        "metric": predicted.metric,
        "actual": seen.estimate,
    }
    if name in JUDGED and _scale_moved(turn, context, now):
        return {**told, "as_predicted": None, "other_scale": True}
    return {**told, "as_predicted": predicted.low <= seen.estimate <= predicted.high}


def _scale_moved(turn: Turn, context: Context, now: Observation) -> bool:
    """Whether the panel that scores now is another than when the last turn predicted."""
    then = context.journal.find(turn["session"], turn["iteration"] - 1, "observe")
    if then is None:
        return True
    before, after = (scale_of(context.commit_at(h).state) for h in (then.body["head"], now.head))
    return before != after
