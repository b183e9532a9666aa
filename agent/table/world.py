"""Every view that a decider could be shown, as free variables, and what is known of all of them.

Numbers and tiers of a policy are free as well, unless one is given: what is proved without one
is proved for every policy. Two judges sit on the bench, or fewer: a condition asks only whether
some judge there is better, so that more of them add nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from agent.recall import MOST_QUESTIONS
from agent.table.acts import KEPT_BACK
from agent.table.facts import DEFAULT_FLOOR
from agent.table.vocabulary import BENCH, MEASURED, PARAMS, ROOTS, definitions, read
from invariants.policy import Policy
from invariants.schema import Map, Record
from invariants.solver import Formulas, Term, all_of, constant, free, implies
from invariants.tiers import FLOOR, ORDER, Kind
from invariants.values import Collection, Tree
from logs.vocabulary import Tier

SEATS = ("bench-1", "bench-2")
_NATURAL = (
    "past.suspects",
    "past.trained",
    "past.edits_failed",
    "past.edits_in_a_row",
    "offer.length",
    "remedy.whole",
    "now.graded_prompts",
    "now.policy_updates",
    "now.judge_updates",
    "left.labels",
    "spent.weight_path",
    "spent.gold_queries",
    *(f"param.{name}" for name in PARAMS),
)
"""Facts that are never below 0."""


@dataclass(frozen=True, slots=True)
class World:
    """Free facts by root, and what holds of them."""

    roots: Mapping[str, Tree]
    premises: tuple[Term, ...]
    formulas: Formulas

    def of(self, text: str) -> Term:
        """The formula of a condition."""
        return self.formulas.of(read(text), self.roots)


def world(policy: Policy | None = None, *, unknown: str = "") -> World:
    """All views under one policy, or under any.

    Args:
        policy: Fixes its numbers and tiers; None: they are free within the law's floors.
        unknown: If given, another value, of this name, for all that was not measured.
    """
    roots: dict[str, Any] = {
        name: _record(name, kind) for name, kind in ROOTS.items() if name not in ("may", "is")
    }
    if policy is not None:
        roots["param"] = {name: constant(value) for name, value in numbers_of(policy).items()}
        roots["tier"] = {k.value: constant(Fraction(rank_of(policy, k))) for k in Kind}
    premises = list(_known(roots))
    if unknown:
        roots, more = _elsewhere(roots, unknown)
        premises += more
    formulas = Formulas()
    made: dict[str, dict[str, Term]] = {"may": {}, "is": {}}
    whole = {**roots, **made}
    for root, name, expr in definitions():
        made[root][name] = formulas.of(expr, whole)
    # One large term: z3 takes it over far faster than many small ones, and keeps it.
    return World(whole, (all_of(premises),), formulas)


def numbers_of(policy: Policy) -> dict[str, Fraction]:
    """The numbers of a policy that conditions read."""
    return {name: policy.values.get(name, Fraction(DEFAULT_FLOOR)) for name in PARAMS}


def rank_of(policy: Policy, kind: Kind) -> int:
    """0 for low, up to 3 for forbidden."""
    return max(ORDER.index(FLOOR[kind]), ORDER.index(policy.raises.get(kind, Tier.LOW)))


def _record(name: str, record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part, kind in record.fields.items():
        match kind:
            case Map():
                items = {seat: _record(seat, kind.element) | {"id": seat} for seat in SEATS}
                found[part] = Collection(name, items)
            case Record():
                found[part] = _record(f"{name}.{part}", kind)
            case _:
                found[part] = free(kind, f"{name}.{part}")
    return found


def _known(roots: Mapping[str, Any]) -> Iterator[Term]:
    """What `agent.table.facts` and the law guarantee of any view."""
    for path in _NATURAL:
        root, part = path.split(".")
        yield roots[root][part] >= 0
    for record, part in measured(roots):
        yield record[part] >= 0
        yield record[part] <= 1
    for said in roots["finding"].values():
        yield said["support"] >= 0
        yield said["support"] <= 1
    asks, spent = roots["vault"]["asks"], roots["spent"]["gold_queries"]
    left = roots["param"]["gold_queries_max"] - KEPT_BACK - spent
    yield asks >= 1
    yield asks <= MOST_QUESTIONS
    yield implies(left >= 1, asks <= left)
    for kind in Kind:
        yield roots["tier"][kind.value] >= ORDER.index(FLOOR[kind])
        yield roots["tier"][kind.value] < len(ORDER)


def measured(roots: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each fact that can be undefined, as its record and its name."""
    for part in MEASURED["panel"]:
        yield roots["panel"], part
    for judge in roots[BENCH]["judges"].items.values():
        yield from ((judge, part) for part in MEASURED[BENCH])


def _elsewhere(roots: Mapping[str, Any], name: str) -> tuple[dict[str, Any], list[Term]]:
    """The same view, but what was not measured may have any other value."""
    judges = roots[BENCH]["judges"]
    seats = {seat: dict(record) for seat, record in judges.items.items()}
    copied = {
        **roots,
        "panel": dict(roots["panel"]),
        "finding": {h: dict(said) for h, said in roots["finding"].items()},
        BENCH: {"judges": Collection(judges.name, seats)},
    }
    same = []
    for number, (record, part) in enumerate(measured(copied)):
        other = free("real", f"{name} {number} {part}")
        same.append(implies(record[f"{part}_known"], other == record[part]))
        record[part] = other
    for hypothesis, said in copied["finding"].items():
        other = free("real", f"{name} {hypothesis}")
        same.append(implies(said["found"], other == said["support"]))
        said["support"] = other
    return copied, same
