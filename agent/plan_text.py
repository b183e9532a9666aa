"""A plan for people: the verdict first, then each change, what was checked, what it costs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from agent.budget import Line
from agent.fitting import named
from agent.pace import spoken
from agent.plans import Outlook, Plan
from invariants.policy import Policy
from logs.content import hidden, written_by_model
from logs.reading import Reader
from logs.story import change as changed
from logs.text import paragraphs, short, visible
from logs.vocabulary import Change, Decision, Outcome, Prediction, Proposal, Ruling, Tier, Verdict

HANGING = 6
GB = 10**9
MOVED = {Tier.LOW: "automatic", Tier.MEDIUM: "automatic, after validation"}
"""What becomes of a change of this tier when every invariant holds."""

COUNTED = {
    Outcome.HOLDS: "hold",
    Outcome.BROKEN: "broken",
    Outcome.UNDECIDED: "undecided",
    Outcome.MISSING: "missing",
}
"""Outcomes of invariants, in the order in which they are counted."""


def facts_of(journal: Reader, plan: Plan, policy: Policy, *, content: bool) -> dict[str, Any]:
    """What is shown of a plan beside its digests, as data; the log has it all."""
    found = {s: journal.find(plan.session, plan.iteration, s) for s in ("decide", "act", "gate")}
    decided, acted, ruled = found["decide"], found["act"], found["gate"]
    decision = Decision.model_validate(decided.body if decided else {})
    proposal = Proposal.model_validate(acted.body) if acted and plan.proposal else None
    verdict = Verdict.model_validate(ruled.body) if ruled else None
    hide = written_by_model(decision) and not content
    rulings = verdict.rulings if verdict else ()
    return {
        "rule": decision.rule,
        "because": hidden(decision.because) if hide else decision.because,
        "changes": [changed(_shortened(c), content) for c in proposal.changes] if proposal else [],
        "expected": _expected(decision.predicted, proposal),
        "checked": dict(Counter(str(r.outcome) for r in rulings)),
        "broken": [_broken(r) for r in rulings if r.outcome is not Outcome.HOLDS],
        "second_opinion": str(verdict.second_opinion) if verdict else None,
        "goals": len(policy.goals),
        "undo": proposal.undo if proposal else None,
        "why_not": _why_not(acted.body) if acted and not proposal else None,
    }


def told(
    plan: Plan, facts: dict[str, Any], budgets: Sequence[Line], *, saved: str, width: int
) -> str:
    """The screen of a plan."""
    head = paragraphs(f"Verdict: {verdict_line(plan, facts)}", width)
    blocks = [head, list(_change(plan, facts, width))]
    blocks.append(named(list(_below(plan, facts, budgets)), width).split("\n"))
    kept = f"saved {saved}; next: plimsoll apply {saved}" if saved else "not saved; --out FILE does"
    base = f"base {short(plan.base)}, valid until HEAD, policy or settings change"
    blocks.append([f"plan sha256:{plan.digest}", *paragraphs(base, width), visible(kept)])
    return "\n\n".join("\n".join(block) for block in blocks)


def verdict_line(plan: Plan, facts: dict[str, Any]) -> str:
    """One sentence: what would become of the turn."""
    n = len(facts["changes"])
    changes = f"{n} change{'s'[: n != 1]}"
    return {
        Outlook.COMMIT: f"yes, {changes} would go automatically. No invariant is broken.",
        Outlook.ASK: f"a person decides on {changes}; nothing goes automatically."
        if n
        else "the agent has a question for people, and proposes nothing.",
        Outlook.REFUSED: f"no, the law refuses {changes}; what does not hold:"
        f" {len(facts['broken'])} of its invariants. Nothing would be committed.",
        Outlook.FAILED: "no, the turn failed before there was anything to rule on.",
        Outlook.KEPT: "nothing would change: there is nothing to propose.",
        Outlook.STOP: "the agent would stop here, and proposes nothing.",
    }[plan.outlook]


def _change(plan: Plan, facts: dict[str, Any], width: int) -> Iterator[str]:
    how = "needs approval" if plan.outlook is Outlook.ASK else MOVED.get(plan.tier or Tier.LOW, "")
    if plan.outlook in (Outlook.REFUSED, Outlook.FAILED):
        how = str(plan.outlook)
    tier = f"  tier {plan.tier}" if plan.tier else ""
    how = f"  {how}" if plan.tier else ""
    yield f"  {'~' if facts['changes'] else '.'} {plan.intervention}{tier}{how}"
    said = [f"because {facts['because']} (rule {facts['rule']})"]
    said += [f"law     {one}" for one in facts["broken"]]
    said += [one for one in (facts["why_not"], facts["expected"]) if one]
    for text in (*facts["changes"], *said):
        yield from paragraphs(text, width, " " * HANGING)


def _below(plan: Plan, facts: dict[str, Any], budgets: Sequence[Line]) -> Iterator[tuple[str, str]]:
    if facts["checked"]:
        counted = ", ".join(f"{facts['checked'].get(o, 0)} {say}" for o, say in COUNTED.items())
        total = sum(facts["checked"].values())
        yield "invariants", f"{total} checked: {counted}; z3 on the same: {facts['second_opinion']}"
        yield "goals", f"{facts['goals']}, proved for every sequence of automatic changes"
    yield "cost", cost_of_turn(plan.cost)
    yield "rest", cost_of_rest(plan.cost["rest"], plan.cost["turns_left"])
    for line in budgets:
        if line.limit is not None:
            yield "budget", f"{line.name} {line.said()}"
    if facts["undo"] and plan.outlook in (Outlook.COMMIT, Outlook.ASK):
        yield "undo", facts["undo"]


def cost_of_turn(cost: dict[str, Any]) -> str:
    """What this turn took so far, and what such a turn takes."""
    whole = _range(cost["turn"].get("seconds"), spoken)
    return f"{spoken(cost['so_far'])} so far; such a turn takes {whole} ({cost['turn']['source']})"


def cost_of_rest(rest: dict[str, Any], turns: int) -> str:
    """What the rest of the session takes."""
    if not turns:
        return "this is the last turn"
    parts = [f"{turns} more turn{'s'[: turns != 1]}: {_range(rest.get('seconds'), spoken)}"]
    for kind, say in (("cpu_seconds", _cpu), ("labels", _labels), ("tokens", _tokens)):
        if kind in rest and rest[kind]["middle"]:
            parts.append(_range(rest[kind], say))
    if "disk_bytes" in rest:
        parts.append(_range(rest["disk_bytes"], lambda b: f"{b / GB:.3g} GB of disk"))
    return f"{', '.join(parts)} ({rest['source']})"


def _range(found: dict[str, Any] | None, say: Any) -> str:
    if found is None:
        return "an unknown time"
    if "low" not in found:
        return f"about {say(found['middle'])}"
    return f"about {say(found['middle'])} [{say(found['low'])}, {say(found['high'])}]"


def _cpu(seconds: float) -> str:
    return f"{spoken(seconds)} of CPU"


def _labels(count: float) -> str:
    return f"{count:.0f} audit labels"


def _tokens(count: float) -> str:
    return f"{count:.0f} tokens"


def _expected(predicted: Prediction | None, proposal: Proposal | None) -> str | None:
    parts = []
    if predicted:
        parts.append(
            f"the next observation of {predicted.metric} in"
            f" [{predicted.low:.3g}, {predicted.high:.3g}]"
        )
    if proposal and proposal.validation:
        right, tried = proposal.validation
        parts.append(f"the changed judge right on {right} of {tried} audited pairs")
    return visible(f"expected {'; '.join(parts)}") if parts else None


def _broken(ruling: Ruling) -> str:
    return f"{ruling.invariant} {ruling.outcome}: {ruling.say} ({', '.join(ruling.values)})"


def _why_not(body: dict[str, Any]) -> str:
    """Why a decision led to no proposal: the name of the error; its text may quote a model."""
    return f"{body.get('error')}: {body.get('what')}"


def _shortened(change: Change) -> Change:
    """Digests as people quote them."""
    old, new = (
        short(v) if v is not None and len(v) == 64 and v.isalnum() else v
        for v in (change.old, change.new)
    )
    return change.model_copy(update={"old": old, "new": new})
