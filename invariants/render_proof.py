"""What z3 proved of a policy and what it did not, line by line, for people."""

from collections.abc import Iterator, Sequence

from invariants.policy import Policy
from invariants.reports import GoalReport, PolicyReport
from invariants.solver import Asked
from logs.vocabulary import Outcome

_WORDS = ("PROVED", "VIOLATED", "UNDECIDED")
_SAID = {Outcome.HOLDS: "PROVED", Outcome.BROKEN: "VIOLATED"}
_MAX_STEPS = 12
"""Steps of a trace that are printed; the record has all."""


def proved(
    policy: Policy,
    report: PolicyReport,
    asked: Sequence[Asked],
    crossed: Sequence[str] | None = None,
) -> str:
    """The result of `policy prove`.

    Args:
        crossed: What a second solver answered otherwise; None when it was not asked.
    """
    about = "this founding state" if report.founding else "a generic founding state"
    head = f"policy {policy.id} version {policy.version}  sha256:{policy.digest}\nabout {about}"
    rows = [*_tiers(report), *_rules(report), *_goals(policy, report, asked), *_ways(report)]
    names = max(len(name) for name, *_ in rows)
    lines = [
        f"  {name.ljust(names)}  {_word(said):<9}  {more}".rstrip() for name, said, more in rows
    ]
    parts = [head, "\n".join(lines), *_attacks(report), _sum(rows, asked, crossed)]
    return "\n\n".join(parts) + "\n"


def _word(said: Outcome) -> str:
    return _SAID.get(said, "UNDECIDED")


def _tiers(report: PolicyReport) -> Iterator[tuple[str, Outcome, str]]:
    for tier in report.tiers:
        core = f"these exclude each other: {', '.join(tier.core)}" if tier.core else ""
        yield f"some {tier.tier} change is lawful", tier.satisfiable, core


def _rules(report: PolicyReport) -> Iterator[tuple[str, Outcome, str]]:
    for rule in report.rules:
        if rule.violable is not Outcome.HOLDS:
            yield f"{rule.invariant} can be broken", rule.violable, "it protects nothing"
    violable = [rule for rule in report.rules if rule.violable is Outcome.HOLDS]
    idle = [rule.invariant for rule in report.rules if rule.needed is Outcome.BROKEN]
    more = f"the others forbid all that {', '.join(idle)} forbids" if idle else ""
    unsure = any(rule.needed is Outcome.UNDECIDED for rule in report.rules)
    said = Outcome.UNDECIDED if unsure else Outcome.HOLDS
    yield f"{len(violable)} rules can each be broken", said, more


def _goals(
    policy: Policy, report: PolicyReport, asked: Sequence[Asked]
) -> Iterator[tuple[str, Outcome, str]]:
    for goal in report.goals:
        ms = sum(a.ms for a in asked if a.name.startswith(f"inductive/{goal.goal}/{goal.tier}"))
        reach = "any number of steps" if goal.proved is Outcome.HOLDS else "not inductive"
        if goal.proved is Outcome.HOLDS and not goal.alone:
            reach += ", while all other goals hold"
        if goal.start not in (None, Outcome.HOLDS):
            reach += "; NOT MET AT THE START"
        yield f"{goal.goal} under {goal.tier} changes", goal.proved, f"{reach}  {ms / 1000:.2f} s"


def _ways(report: PolicyReport) -> Iterator[tuple[str, Outcome, str]]:
    for way in report.ways:
        blocked = f"barred by {', '.join(way.blocked_by)}" if way.blocked_by else ""
        yield f"{way.way} is always possible", way.open, blocked or "from every reachable state"


def _attacks(report: PolicyReport) -> Iterator[str]:
    for goal in report.goals:
        if goal.proved is Outcome.BROKEN:
            yield "\n".join(attack(goal))


def attack(goal: GoalReport) -> Iterator[str]:
    """The attack on a goal as a story of edits, or the one step that leaves it."""
    if goal.trace is None:
        yield f"{goal.goal}, {goal.tier}: no attack from the start was found; this step leaves it"
        yield from (f"  {line}" for line in goal.witness)
        return
    sure = {
        Outcome.HOLDS: "the shortest attack",
        Outcome.BROKEN: "an attack, not the shortest",
    }.get(goal.trace.shortest, "the shortest attack found; that none is shorter is not proved")
    yield f"{goal.goal}, {goal.tier}: {sure}"
    yield f"  {goal.trace.story}"
    yield from (f"    {step}" for step in goal.trace.steps[:_MAX_STEPS])
    if len(goal.trace.steps) > _MAX_STEPS:
        yield f"    ... and {len(goal.trace.steps) - _MAX_STEPS} more"


def _sum(
    rows: Sequence[tuple[str, Outcome, str]],
    asked: Sequence[Asked],
    crossed: Sequence[str] | None,
) -> str:
    counts = [sum(_word(said) == word for _, said, _ in rows) for word in _WORDS]
    told = (f"{n} {word.lower()}" for n, word in zip(counts, _WORDS, strict=True) if n)
    lines = [" · ".join(told)]
    if crossed is not None:
        agreed = len(asked) - len(crossed)
        lines.append(f"cvc5 agrees with z3 on {agreed} of {len(asked)} questions")
        lines += [f"  {line}" for line in crossed]
    return "\n".join(lines)
