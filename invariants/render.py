"""A policy, what z3 found out about it, and a verdict, as plain text and as JSON."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from invariants.policy import Policy
from invariants.values import shown
from logs.vocabulary import Outcome, Ruling, Verdict

if TYPE_CHECKING:
    from invariants.proof import PolicyReport

_ANSWER = {
    Outcome.HOLDS: "yes",
    Outcome.BROKEN: "NO",
    Outcome.UNDECIDED: "undecided",
    Outcome.MISSING: "missing",
}


def show(policy: Policy) -> str:
    """The policy as people read it: parameters with their reasons, rules with their sentences."""
    params = [(name, shown(p.value), p.why) for name, p in policy.params.items()]
    metrics = [(name, m.kind, m.unit) for name, m in policy.metrics.items()]
    raised = [(f"{kind}", f"{tier}") for kind, tier in policy.raises.items()]
    rules = [(r.id, r.on, r.say) for r in policy.rules]
    goals = [(g.id, "for ever", g.say) for g in policy.goals]
    parts = [
        f"policy {policy.id} version {policy.version}  {_expiry(policy)}\nsha256:{policy.digest}",
        _section("invariants", rules),
        _section("goals", goals),
        _section("params", params),
        _section("metrics", metrics),
        _section("raised tiers", raised),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(policy: Policy) -> dict[str, Any]:
    """The policy as data; numbers are exact text."""
    return {
        "id": policy.id,
        "version": policy.version,
        "digest": policy.digest,
        "expires": policy.expires.isoformat() if policy.expires else None,
        "params": {
            name: {"type": p.kind, "value": str(p.value), "why": p.why}
            for name, p in policy.params.items()
        },
        "metrics": {
            name: {
                "kind": m.kind,
                "unit": m.unit,
                "alpha": str(m.alpha),
                "guarantee": m.guarantee,
                "why": m.why,
            }
            for name, m in policy.metrics.items()
        },
        "tiers": {str(kind): str(tier) for kind, tier in policy.raises.items()},
        "invariants": [
            {"id": r.id, "on": r.on, "need": r.need, "say": r.say} for r in policy.rules
        ],
        "goals": [{"id": g.id, "need": g.need, "say": g.say} for g in policy.goals],
    }


def checked(policy: Policy, report: "PolicyReport | None" = None) -> str:
    """The result of `policy check`; without a report, that the file loads and type-checks."""
    head = (
        f"policy {policy.id} version {policy.version} loads: {len(policy.rules)} invariants, "
        f"{len(policy.goals)} goals, every name and type known."
    )
    if report is None:
        return head + "\nNothing was proved; ask for the proof to activate it.\n"
    about = "this founding state" if report.founding else "a generic founding state"
    tiers = [(t.tier.value, _ANSWER[t.satisfiable], ", ".join(t.core)) for t in report.tiers]
    rules = [(r.invariant, _ANSWER[r.violable], _ANSWER[r.needed]) for r in report.rules]
    goals = [
        (g.goal, g.tier.value, _proved(g.proved), _start(g.start), "; ".join(g.witness))
        for g in report.goals
    ]
    parts = [
        head,
        _section("tier: can a change satisfy all its rules?", tiers),
        _section("rule: can it be broken? do the others leave it work?", rules),
        _section(f"goal: is it inductive? (about {about})", goals),
        "May be activated: " + ("yes" if report.sound else "NO"),
    ]
    return "\n\n".join(parts) + "\n"


def ruled(verdict: Verdict) -> str:
    """A verdict, what failed first, each with its numbers."""
    failed = [r for r in verdict.rulings if r.outcome is not Outcome.HOLDS]
    held = len(verdict.rulings) - len(failed)
    lines = [
        f"tier {verdict.tier}: {'holds' if verdict.holds else 'DENIED'}, "
        f"{held} of {len(verdict.rulings)} rules hold, z3 says {verdict.second_opinion}"
    ]
    for one in failed:
        lines.append(f"  {one.invariant} {one.outcome.value}: {one.say}")
        lines += [f"      {value}" for value in one.values]
    return "\n".join(lines) + "\n"


def explained(ruling: Ruling, need: str | None = None) -> str:
    """What one rule said: its sentence, its formula if that is known, and the values it saw."""
    mark = "holds" if ruling.outcome is Outcome.HOLDS else ruling.outcome.value.upper()
    lines = [f"  {ruling.invariant} {mark}", f"      says: {ruling.say}"]
    if need is not None and ruling.outcome is not Outcome.HOLDS:
        lines.append(f"      need: {' '.join(need.split())}")
    return "\n".join([*lines, *(f"      saw:  {value}" for value in ruling.values)])


def _expiry(policy: Policy) -> str:
    return f"expires {policy.expires:%Y-%m-%d}" if policy.expires else "does not expire"


def _proved(outcome: Outcome) -> str:
    return {Outcome.HOLDS: "proved", Outcome.BROKEN: "NOT PROVED"}.get(outcome, "unknown")


def _start(outcome: Outcome | None) -> str:
    return {None: "", Outcome.HOLDS: "holds at the start"}.get(outcome, "NOT MET AT THE START")


def _section(title: str, rows: Sequence[Sequence[str]]) -> str:
    return "\n".join((title, *_columns(rows))) if rows else ""


def _columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
