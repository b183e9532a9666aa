"""Answer: what people said of a proposal that waits, and the law's word on it after that.

Nothing here waits: while people have not said enough, the session ends its process with the
turn left open, and the next `plimsoll resume` asks again.
"""

from datetime import datetime, timedelta
from typing import Any

from langgraph.runtime import Runtime

from agent import finding
from agent.inbox import ANSWER, Pending, ballot_of, pending_at, tally_of
from agent.ruling import AGAIN, ruled, ruling_of
from agent.state import Context, Turn, once
from invariants.approvals import Ballot, Tally
from invariants.gate import binding_of
from invariants.papers import Paper
from invariants.roles import Role
from logs.vocabulary import Decision, EntryKind, Evidence, Proposal, Verdict

APPROVED = "approved"


def ask(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record what only a person may decide; a proposal with its digests and its time."""
    context = runtime.context

    def run() -> None:
        context.meter.require_left(asking=True)
        decision = context.word(state, "decide", Decision)
        found = context.entry(state, "gate")
        body = {
            "question": decision.because,
            "proposal": found.body["proposal"] if found else None,
            "default": "no",
        }
        role = context.policy.charter.approve
        if found and role:
            body |= _waiting(state, context, role)
        context.log(state, "ask", EntryKind.ASKED, body)

    once(context, state, "ask", run)
    return {"way": "answer"}


def answer(state: Turn, runtime: Runtime[Context]) -> dict[str, object]:
    """Record the answer of people once there is one, and rule again on what they approved."""
    context = runtime.context
    pending = pending_at(context.journal, state["session"], state["iteration"])
    if pending is None:  # a question without a proposal, or a policy that names no approver
        return {"way": "record"}
    once(context, state, ANSWER, lambda: _answer(state, context, pending))
    entry = context.entry(state, ANSWER)
    if entry is None:
        return {"way": "wait"}
    if entry.body["decision"] != APPROVED:
        return {"way": "record"}
    once(context, state, AGAIN, lambda: _rule_again(state, context, pending, entry.body))
    verdict = ruling_of(context, state, Verdict)
    return {"way": "commit" if verdict.holds else "record"}


def _waiting(turn: Turn, context: Context, role: Role) -> dict[str, Any]:
    """What an approval must name, and until when it may come."""
    proposal = context.word(turn, "act", Proposal)
    evidence = context.word(turn, "trial", Evidence)
    expires = finding.now() + timedelta(hours=role.wait_hours)
    return {
        **binding_of(context.policy, proposal.base, proposal, evidence).model_dump(),
        "needed": role.threshold,
        "expires": expires.isoformat(timespec="seconds"),
    }


def _answer(turn: Turn, context: Context, pending: Pending) -> None:
    """Write the answer, if there is one by now."""
    now, role = finding.now(), context.policy.charter.approve
    tally = tally_of(context.journal, pending, role, now)
    decided = _decided(context, pending, tally, role, now)
    if decided is None:
        return
    decision, because = decided
    body = {
        "decision": decision,
        "because": because,
        "proposal": pending.digest,
        "at": now.isoformat(),
        "papers": [paper.model_dump() for paper in pending.papers],
    }
    context.log(turn, ANSWER, EntryKind.ANSWERED, body)


def _decided(
    context: Context, pending: Pending, tally: Tally, role: Role | None, now: datetime
) -> tuple[str, str] | None:
    """The decision and its reason; None while it is open. The default is no."""
    binding, head = pending.binding, context.head()
    if head != binding.head:
        return "stale", f"stale HEAD: made for {binding.head[:12]}, HEAD is {head[:12]}"
    if context.policy.digest != binding.policy:
        return "stale", "another policy came into force while it waited"
    if now >= pending.expires:
        return "expired", f"expired at {pending.expires.isoformat()}: the default is no"
    if role and tally.reject:
        said = "; ".join(f"{role.name_of(k)}: {s.reason}" for k, s in tally.reject.items())
        return "rejected", f"rejected by {said}"
    if role and tally.approvals >= role.threshold:
        said = "; ".join(f"{role.name_of(k)}: {s.reason}" for k, s in tally.approve.items())
        return APPROVED, f"approved by {said}"
    return None


def _rule_again(turn: Turn, context: Context, pending: Pending, said: dict[str, Any]) -> None:
    """The same law on the same transition, with the papers that the answer names."""
    papers = tuple(Paper.model_validate(paper) for paper in said["papers"])
    others = ballot_of(context.journal, pending, finding.now()).spent
    ballot = Ballot(papers, datetime.fromisoformat(said["at"]), others)
    context.log(turn, AGAIN, EntryKind.RULED, ruled(turn, context, ballot))
