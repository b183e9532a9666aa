"""The shortest attack on a goal that is not inductive, told as edits that people know.

A trace starts at the founding state, takes only steps that the rules of one tier permit,
and ends where the goal does not hold. Every step is checked again by the exact evaluator.
"""

import time
from collections.abc import Iterator
from fractions import Fraction

from invariants.ast import paths
from invariants.chains import WIDER, Chain, example, slice_of
from invariants.evaluate import evaluate
from invariants.explain import reasons
from invariants.facts import Facts
from invariants.grounded import grounded
from invariants.policy import Goal, Policy
from invariants.reports import TraceReport
from invariants.schema import roots as types_of
from invariants.solver import Desk, Reader
from invariants.values import Tree, shown
from logs.vocabulary import Outcome, State, Tier

MAX_STEPS = 16
SECONDS = 6.0
"""CPU seconds spent on one slice at most; a policy without one is refused all the same."""


def shortest_attack(
    policy: Policy, goal: Goal, tier: Tier, founding: State | None, desk: Desk
) -> TraceReport | None:
    """The shortest sequence of permitted steps that leaves the goal, if one was found in time.

    Args:
        founding: None tells it of an example with five principles.
    """
    start = founding or example()
    best: list[Facts] | None = None
    settled = Outcome.HOLDS
    # One step with ever more moving, before any slice is searched deeply.
    for most in (1, MAX_STEPS):
        for moving in WIDER[slice_of(goal.expr)]:
            most = min(most, len(best) - 1) if best else most
            chain = Chain(policy, tier, start, moving, _named(policy))
            settled, found = _search(chain, goal, most, desk)
            best = found or best
    return _told(goal, best, settled) if best else None


def _named(policy: Policy) -> list[str]:
    """Ids that the rules spell out."""
    every = (path for rule in policy.rules for path in paths(rule.expr))
    return sorted({step.name for path in every for step in path.steps if step.how == "literal"})


def _search(chain: Chain, goal: Goal, most: int, desk: Desk) -> tuple[Outcome, list[Facts] | None]:
    """Deepen step by step; HOLDS when every shorter sequence of this slice was ruled out."""
    until = time.process_time() + SECONDS
    for length in range(1, most + 1):
        if time.process_time() > until:
            return Outcome.UNDECIDED, None
        chain.extend()
        name = f"attack/{goal.id}/{chain.tier}/{chain.moving}/{length}"
        left = [*chain.premises, chain.left(goal.expr, length)]
        found, reader = desk.ask(name, left)
        if reader is not None:
            quiet = desk.quieter(left, chain.stillness(), until=until)
            facts = _confirmed(chain, goal, quiet or reader)
            return (Outcome.HOLDS, facts) if facts else (Outcome.UNDECIDED, None)
        if found == "unknown":
            desk.asked.pop()
            return Outcome.UNDECIDED, None
    return Outcome.HOLDS, None


def _confirmed(chain: Chain, goal: Goal, value_of: Reader) -> list[Facts] | None:
    """The facts of each step, if the exact evaluator agrees that it is permitted, and leaves."""
    params = {name: param.kind for name, param in chain.policy.params.items()}
    types = types_of(params, {name: m.kind for name, m in chain.policy.metrics.items()})
    formulas = chain.builder.formulas
    steps = [
        Facts(r) for r in _exact([grounded(s, types, formulas, value_of) for s in chain.steps])
    ]
    rules = chain.policy.rules_for(chain.tier)
    permitted = all(evaluate(rule.expr, facts) is True for facts in steps for rule in rules)
    left = evaluate(goal.expr, steps[-1]) is not True
    return steps if permitted and left else None


def _exact(steps: list[dict[str, Tree]]) -> Iterator[dict[str, Tree]]:
    """The steps with the lengths that the gate would compute, not those that z3 was allowed."""
    path = Fraction(0)
    for roots in steps:
        old, new = roots["old"], roots["new"]
        before, after = old["principles"].items, new["principles"].items
        length = sum(
            (abs(_weight(after.get(i)) - _weight(before.get(i))) for i in {**before, **after}),
            Fraction(0),
        )
        spent, path = path, path + length
        yield {
            **roots,
            "old": {**old, "ledger": {**old["ledger"], "weight_path": spent}},
            "new": {**new, "ledger": {**new["ledger"], "weight_path": path}},
            "change": {**roots["change"], "weight_step": length},
        }


def _weight(principle: Tree | None) -> Fraction:
    weight = principle["weight"] if principle else Fraction(0)
    assert isinstance(weight, Fraction)
    return weight


def _told(goal: Goal, steps: list[Facts], shortest: Outcome) -> TraceReport:
    edits = [list(edits_of(facts.roots["old"], facts.roots["new"])) for facts in steps]
    longest = max(_length(facts) for facts in steps)
    only_weights = all(e.startswith("reweight") for step in edits for e in step)
    noun = "reweighting" if only_weights else "step"
    bound = f" of at most {shown(longest)}" if only_weights else ""
    many = f"{len(steps)} {noun}{'' if len(steps) == 1 else 's'}{bound}"
    end = "; ".join(reasons(goal.expr, goal.need, steps[-1])[:3])
    first = "" if only_weights or len(steps) > 1 else f" ({', '.join(edits[0])})"
    verb = "leaves" if len(steps) == 1 else "leave"
    return TraceReport(
        story=f"{many}{first} {verb} {goal.id}: {end}",
        steps=tuple(f"{at}. {', '.join(step) or 'no edit'}" for at, step in enumerate(edits, 1)),
        shortest=shortest,
    )


def _length(facts: Facts) -> Fraction:
    step = facts.roots["change"]["weight_step"]
    assert isinstance(step, Fraction)
    return step


def edits_of(old: Tree, new: Tree) -> Iterator[str]:
    """What changed between two states, in the words of a person who edits a constitution."""
    before, after = old["principles"].items, new["principles"].items
    for key in {**before, **after}:
        was, now = before.get(key), after.get(key)
        if was is None and now is not None:
            yield f"add `{key}` ({now['tier']}, weight {shown(now['weight'])})"
        elif now is None:
            yield f"remove `{key}`"
        elif was is not None:
            yield from _edits_of_one(key, was, now)
    yield from _counted(old, new)


def _edits_of_one(key: str, was: Tree, now: Tree) -> Iterator[str]:
    if was["weight"] != now["weight"]:
        yield f"reweight `{key}` from {shown(was['weight'])} to {shown(now['weight'])}"
    if was["text"] != now["text"]:
        yield f"reword `{key}`"
    if was["contexts"] != now["contexts"]:
        yield f"move `{key}` to other contexts"
    if was["tier"] != now["tier"]:
        yield f"move `{key}` from {was['tier']} to {now['tier']}"


def _counted(old: Tree, new: Tree) -> Iterator[str]:
    for name, now in new["facts"].items():
        was = old["facts"][name]
        if was != now and name != "principles":
            yield f"{name} from {shown(was)} to {shown(now)}"
    before, after = old["judges"].items, new["judges"].items
    yield from (f"seat `{key}`" for key in after if key not in before)
    yield from (f"unseat `{key}`" for key in before if key not in after)
    for key in before.keys() & after.keys():
        was, now = before[key]["weight"], after[key]["weight"]
        if was != now:
            yield f"weigh judge `{key}` {shown(now)} instead of {shown(was)}"
