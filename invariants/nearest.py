"""The closest lawful change of weights to one that the law refused.

The weights of the proposal's principles, or of its judges, become unknowns; everything
else, the evidence too, stays as it was. z3 finds the closest weights in L1 that satisfy
the rules; they are put on a decimal grid, and the exact evaluator rules on the result. The
offer holds under the evidence at hand: a new proposal needs its own trial.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from invariants.evaluate import evaluate
from invariants.facts import Case, facts_of
from invariants.policy import Policy
from invariants.solver import Formulas, Term, absolute, constant, free, total
from invariants.solver.optimum import closest
from invariants.tiers import ORDER, tier_of
from invariants.values import Collection, Tree, shown
from logs.vocabulary import Constitution, Nearest, Panel, State, Tier

TIMEOUT_MS = 10_000
GRID = 10_000
"""Weights of an offer are multiples of 1/10000, unless the exact optimum is a short decimal."""
_PLACES = 6
STEP = "step_l1"


def nearest(policy: Policy, case: Case) -> Nearest | None:
    """The closest lawful weights at any tier; None if no reweighting, or nothing was found."""
    return next(iter(offers(policy, case)), None)


def offers(policy: Policy, case: Case) -> tuple[Nearest, ...]:
    """The closest lawful weights of each automatic tier, the closest of all first.

    Empty if the proposal is lawful, or is no reweighting with all else unchanged.
    """
    reader = _changed_weights(case.old, case.proposal.new)
    if reader is None or case.rolls_back or _lawful(policy, case, case.proposal.new) is not None:
        return ()
    found = [
        offer
        for tier in ORDER[: ORDER.index(Tier.HIGH)]
        if (offer := _offer(policy, case, tier, reader)) is not None
    ]
    found.sort(key=lambda offer: (offer.distance, ORDER.index(offer.tier)))
    closest_by_tier: dict[Tier, Nearest] = {}
    for offer in found:
        closest_by_tier.setdefault(offer.tier, offer)
    return tuple(closest_by_tier.values())


Reader = Callable[[State], Mapping[str, Decimal]]


def _principles(state: State) -> Mapping[str, Decimal]:
    return {p.id: p.weight for p in state.constitution.principles}


def _judges(state: State) -> Mapping[str, Decimal]:
    return {j.id: j.weight for j in state.panel.judges}


def _changed_weights(old: State, new: State) -> Reader | None:
    """What the proposal reweights, if it reweights one kind of thing and changes nothing else."""
    constitution = new.constitution.model_copy(update={"version": old.constitution.version})
    plain = new.model_copy(update={"constitution": constitution})
    for reader in (_principles, _judges):
        before, after = reader(old), reader(new)
        moved = before.keys() == after.keys() and before != after
        if moved and _with(plain, reader, before) == old:
            return reader
    return None


def _with(state: State, reader: Reader, weights: Mapping[str, Decimal]) -> State:
    """The state with these weights."""
    if reader is _judges:
        judges = tuple(j.model_copy(update={"weight": weights[j.id]}) for j in state.panel.judges)
        return state.model_copy(update={"panel": Panel(judges=judges)})
    principles = tuple(
        p.model_copy(update={"weight": weights[p.id]}) for p in state.constitution.principles
    )
    version = state.constitution.version
    return state.model_copy(
        update={"constitution": Constitution(version=version, principles=principles)}
    )


def _offer(policy: Policy, case: Case, tier: Tier, reader: Reader) -> Nearest | None:
    exact = _closest(policy, case, tier, reader)
    if exact is None:
        return None
    new = _with(case.proposal.new, reader, exact)
    ruled = _lawful(policy, case, new)
    if ruled is None or new == case.old or reader(new) == reader(case.old):
        return None
    return _told(ruled, exact, reader(case.proposal.new))


def _closest(policy: Policy, case: Case, tier: Tier, reader: Reader) -> dict[str, Decimal] | None:
    """The closest weights that are short decimals; the grid only where the optimum is none."""
    wanted = {key: Fraction(weight) for key, weight in reader(case.proposal.new).items()}
    terms = {key: free("real", f"weight of {key}") for key in wanted}
    premises = _premises(policy, case, tier, terms, wanted, reader)
    aims = {key: (terms[key], wanted[key]) for key in wanted}
    for grid in (None, GRID):
        found = closest(premises, aims, grid=grid, timeout_ms=TIMEOUT_MS)
        if found is None:
            return None
        weights = {key: _decimal(value) for key, value in found.items()}
        exact = {key: weight for key, weight in weights.items() if weight is not None}
        if len(exact) == len(weights):
            return exact
    return None


def _told(tier: Tier, weights: dict[str, Decimal], wanted: Mapping[str, Decimal]) -> Nearest:
    says = tuple(
        f"reweight `{key}` to {shown(Fraction(weight))} instead of {shown(Fraction(wanted[key]))}"
        for key, weight in weights.items()
        if weight != wanted[key]
    )
    distance = sum((abs(weights[key] - wanted[key]) for key in weights), Decimal(0))
    return Nearest(tier=tier, weights=weights, distance=distance, says=says)


def _lawful(policy: Policy, case: Case, new: State) -> Tier | None:
    """The tier of a lawful candidate, by the exact evaluator alone; None if it is not lawful."""
    tier = tier_of(case.old, new, step_l1=policy.values.get(STEP), raises=policy.raises).tier
    proposal = case.proposal.model_copy(update={"new": new})
    facts = facts_of(replace(case, proposal=proposal), policy.metrics, policy.values)
    held = all(evaluate(rule.expr, facts) is True for rule in policy.rules_for(tier))
    return tier if held and tier is not Tier.FORBIDDEN else None


def _premises(
    policy: Policy,
    case: Case,
    tier: Tier,
    terms: Mapping[str, Term],
    wanted: Mapping[str, Fraction],
    reader: Reader,
) -> list[Term]:
    """The rules of a tier over the unknown weights; what was to be spread is spread."""
    facts = facts_of(case, policy.metrics, policy.values)
    name = "judges" if reader is _judges else "principles"
    roots: dict[str, Any] = dict(facts.roots)
    new = dict(roots["new"])
    new[name] = _unknown(new[name], terms)
    if reader is _principles:
        before = {key: Fraction(weight) for key, weight in reader(case.old).items()}
        step = total(absolute(terms[key] - constant(before[key])) for key in terms)
        path = roots["old"]["ledger"]["weight_path"]
        new["ledger"] = {**new["ledger"], "weight_path": constant(path) + step}
        roots["change"] = {**roots["change"], "weight_step": step}
    roots["new"] = new
    formulas = Formulas()
    whole = constant(sum(wanted.values(), Fraction(0)))
    return [
        *(term >= 0 for term in terms.values()),
        total(terms.values()) == whole,
        *(formulas.of(rule.expr, roots) for rule in policy.rules_for(tier)),
    ]


def _unknown(known: Collection, terms: Mapping[str, Term]) -> Collection:
    items: dict[str, Tree] = {
        key: {**record, "weight": terms[key]} for key, record in known.items.items()
    }
    return Collection(known.name, items)


def _decimal(value: Fraction) -> Decimal | None:
    """The same number as a short decimal, if it is one."""
    scaled = value * 10**_PLACES
    if scaled.denominator != 1:
        return None
    short = Decimal(scaled.numerator).scaleb(-_PLACES).normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral() else short
