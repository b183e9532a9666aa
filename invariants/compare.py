"""Two policies side by side: what one permits that the other forbids, with a witness each.

Asked tier by tier over the same free step. Goals are compared as sets of states. What a
tier table or the parameter `step_l1` moves from one tier to another is listed beside it.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from invariants.evaluate import evaluate
from invariants.explain import reasons
from invariants.facts import Facts
from invariants.grounded import grounded
from invariants.policy import Goal, Policy, Rule
from invariants.schema import roots as types_of
from invariants.solver import Desk, Reader, Term, all_of, implies, negation
from invariants.tiers import FLOOR, ORDER
from invariants.traces import edits_of
from invariants.values import shown
from invariants.worlds import Builder, World, world
from logs.vocabulary import Digest, State, Tier, Word

PolicyVerdict = Literal["equivalent", "looser", "tighter", "incomparable", "unknown"]
TIERS = (Tier.LOW, Tier.MEDIUM, Tier.HIGH)
STEP = "step_l1"
"""The parameter that divides low reweightings from medium ones, as the gate reads it."""
SECONDS = 10.0
"""CPU seconds spent on making one witness plain."""
_MAX_EDITS = 6


class Difference(Word):
    """Something that one of two policies permits and the other forbids."""

    where: str
    """A tier, or `goals`."""
    direction: Literal["newly permitted", "newly forbidden"]
    witness: str
    by: tuple[str, ...]
    """Rules of the stricter policy that forbid it, with their numbers."""


class PolicyDiff(Word):
    """How the second policy compares with the first."""

    old: Digest
    new: Digest
    verdict: PolicyVerdict
    differences: tuple[Difference, ...]
    tiers: tuple[str, ...]
    """Kinds of change whose tier the second policy moves."""
    unknown: tuple[str, ...]
    """Questions that z3 did not answer."""


def compare(
    old: Policy, new: Policy, founding: State | None = None, *, desk: Desk | None = None
) -> PolicyDiff:
    """Compare two policies over every step from every state around this founding state."""
    asking = _Asking(old, new, founding, desk or Desk())
    found = [*asking.rules(), *asking.goals()]
    moved = list(_moved(old, new))
    looser = any(d.direction == "newly permitted" for d in found) or any(up for up, _ in moved)
    tighter = any(d.direction == "newly forbidden" for d in found)
    tighter = tighter or any(not up for up, _ in moved)
    verdict: PolicyVerdict
    if asking.unknown:
        verdict = "incomparable" if looser and tighter else "unknown"
    elif looser:
        verdict = "incomparable" if tighter else "looser"
    else:
        verdict = "tighter" if tighter else "equivalent"
    return PolicyDiff(
        old=old.digest,
        new=new.digest,
        verdict=verdict,
        differences=tuple(found),
        tiers=tuple(text for _, text in moved),
        unknown=tuple(asking.unknown),
    )


class _Asking:
    """One step, read under both policies."""

    def __init__(self, old: Policy, new: Policy, founding: State | None, desk: Desk) -> None:
        self.desk = desk
        self.unknown: list[str] = []
        ruled = [rule.expr for policy in (old, new) for rule in policy.rules]
        exprs = [*ruled, *(goal.expr for policy in (old, new) for goal in policy.goals)]
        step = world(old.metrics, old.values, exprs, founding)
        builder = Builder(step.formulas)
        evidence = builder.evidence(new.metrics, "evidence")
        # A metric that is declared otherwise has other bounds, so it is another fact.
        own = {n: m for n, m in new.metrics.items() if n in old.metrics and old.metrics[n] != m}
        evidence = {**evidence, **builder.evidence(own, "evidence of the new policy")}
        evidence["sandbox_level"] = step.roots["evidence"]["sandbox_level"]
        roots = {**step.roots, "evidence": evidence, "param": new.values}
        given = (*step.given, *builder.premises)
        self.sides = (
            (old, replace(step, given=given)),
            (new, World(step.formulas, roots, given, step.sizes)),
        )
        for policy, side in self.sides:
            rules, goals = (rule.expr for rule in policy.rules), (g.expr for g in policy.goals)
            side.build(rules, goals)

    def rules(self) -> Iterator[Difference]:
        for tier in TIERS:
            for direction, strict, loose in self._directions():
                (policy, here), (other, there) = strict, loose
                rules = [*policy.rules_for(tier)]
                permitted = _law(other, there, tier)
                forbidden = negation(_law(policy, here, tier))
                facts = self._ask(f"{direction}/{tier}", [permitted, forbidden], strict)
                if facts is not None:
                    yield Difference(
                        where=tier.value,
                        direction=direction,
                        witness=_in_words(facts),
                        by=tuple(_broken([*rules, *_also(policy, facts)], facts)),
                    )

    def goals(self) -> Iterator[Difference]:
        for direction, strict, loose in self._directions():
            (policy, here), (other, there) = strict, loose
            permitted = all_of(there.of(goal.expr) for goal in other.goals)
            left = negation(all_of(here.of(goal.expr) for goal in policy.goals))
            facts = self._ask(f"{direction}/goals", [permitted, left], strict)
            if facts is not None:
                yield Difference(
                    where="goals",
                    direction=direction,
                    witness=_in_words(facts),
                    by=tuple(_broken(policy.goals, facts)),
                )

    def _directions(self) -> Iterator[tuple[Any, tuple[Policy, World], tuple[Policy, World]]]:
        old, new = self.sides
        yield "newly permitted", old, new
        yield "newly forbidden", new, old

    def _ask(self, name: str, extra: list[Term], strict: tuple[Policy, World]) -> Facts | None:
        """A witness, from the founding constitution if there is one, that people can read."""
        step = self.sides[0][1]
        until = time.process_time() + SECONDS
        for assumed in (step.plain(), []):
            said = [*step.premises, *assumed, *extra]
            found, reader = self.desk.ask(name, said, spare=step.spare)
            if reader is not None:
                quiet = self.desk.quieter(said, step.stillness(), until=until, spare=step.spare)
                return self._facts(quiet or reader, strict)
        if found == "unknown":
            self.unknown.append(name)
        return None

    def _facts(self, reader: Reader, side: tuple[Policy, World]) -> Facts:
        policy, step = side
        kinds = {name: param.kind for name, param in policy.params.items()}
        types = types_of(kinds, {name: m.kind for name, m in policy.metrics.items()})
        return Facts(grounded(step.roots, types, step.formulas, reader))


def _law(policy: Policy, step: World, tier: Tier) -> Term:
    """What the gate demands of a change of this tier; of a rollback, the goals too."""
    goals = all_of(step.of(goal.expr) for goal in policy.goals)
    rules = [step.of(rule.expr) for rule in policy.rules_for(tier)]
    return all_of([*rules, implies(step.roots["change"]["rolls_back"], goals)])


def _also(policy: Policy, facts: Facts) -> tuple[Goal, ...]:
    return policy.goals if facts.roots["change"]["rolls_back"] is True else ()


def _broken(rules: Sequence[Rule | Goal], facts: Facts) -> Iterator[str]:
    for rule in rules:
        if evaluate(rule.expr, facts) is not True:
            yield f"{rule.id}: {'; '.join(reasons(rule.expr, rule.need, facts)[:2])}"


def _in_words(facts: Facts) -> str:
    old, new, change = (facts.roots[name] for name in ("old", "new", "change"))
    edits = list(edits_of(old, new))
    told = edits[:_MAX_EDITS]
    if edits[_MAX_EDITS:]:
        told.append(f"and {len(edits) - _MAX_EDITS} more")
    if change["rolls_back"] is True:
        told = ["roll back", *told]
    told += [f"change the {what}" for what in _TOUCHED if change[f"touches_{what}"] is True]
    return "; ".join(told) or "a change that none of these show"


_TOUCHED = ("adapter", "judge", "recipe", "prompts", "replay")


def _moved(old: Policy, new: Policy) -> Iterator[tuple[bool, str]]:
    """Kinds whose tier moved, and whether that gives the agent more room."""
    for kind, floor in FLOOR.items():
        was, now = (p.raises.get(kind, floor) for p in (old, new))
        if was is not now:
            yield ORDER.index(now) < ORDER.index(was), f"{kind}: {was} before, {now} now"
    before, after = old.values.get(STEP), new.values.get(STEP)
    if before != after:
        words = [shown(v) if v is not None else "0" for v in (before, after)]
        text = f"reweightings of low tier: at most {words[0]} before, {words[1]} now"
        yield (after or 0) > (before or 0), text


def told(old: Policy, new: Policy, found: PolicyDiff) -> str:
    """The comparison as people read it, the answer first."""
    names = [f"{p.id} version {p.version} ({p.digest[:12]})" for p in (old, new)]
    lines = [f"{found.verdict}: {names[1]} against {names[0]}"]
    for one in found.differences:
        where = one.where if one.where == "goals" else f"{one.where} tier"
        lines += ["", f"{one.direction}, {where}", f"  {one.witness}"]
        strict = "old" if one.direction == "newly permitted" else "new"
        lines += [f"  the {strict} policy forbids it: {because}" for because in one.by]
    if found.tiers:
        lines += ["", "moved to another tier", *(f"  {text}" for text in found.tiers)]
    if found.unknown:
        lines += ["", "z3 gave up on: " + ", ".join(found.unknown)]
    return "\n".join(lines) + "\n"
