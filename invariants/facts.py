"""Words to facts: what the rules may read, extracted exactly and without judgement."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from invariants.measures import MetricRule, alpha_spent, drill, metric_facts
from invariants.tiers import judges_differ, weight_step
from invariants.values import Collection, Missing, Tree, Value, number
from logs.vocabulary import Evidence, Judge, Ledgers, Principle, Proposal, State


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the rules of one policy may read of one proposal."""

    roots: Mapping[str, Tree]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One proposal before the law, with all that belongs to it."""

    founding: State
    old: State
    proposal: Proposal
    evidence: Evidence
    ledgers: Ledgers
    approvals: int
    """Distinct people who signed this proposal, counted by the caller."""
    rolls_back: bool = False
    """Whether the candidate was found equal to the ancestor that the proposal names."""


def facts_of(
    case: Case, metrics: Mapping[str, MetricRule], params: Mapping[str, Fraction]
) -> Facts:
    """Extract the facts of one case; what has no exact value becomes `Missing`, never a number."""
    before = _ledger(case.ledgers)
    after = _ledger(case.ledgers)
    after["weight_path"] = _plus(before["weight_path"], weight_step(case.old, case.proposal.new))
    after["alpha"] = _plus(before["alpha"], alpha_spent(case.evidence))
    return Facts(
        {
            "founding": state_facts(case.founding, "founding"),
            "old": {**state_facts(case.old, "old"), "ledger": before},
            "new": {**state_facts(case.proposal.new, "new"), "ledger": after},
            "change": _change(case),
            "evidence": metric_facts(case.evidence, metrics),
            "param": params,
        }
    )


def state_facts(state: State, name: str) -> Tree:
    """One state; `name` is its root, for messages."""
    judges = state.panel.judges
    return {
        "principles": Collection(
            f"{name}.principles", {p.id: _principle(p) for p in state.constitution.principles}
        ),
        "judges": Collection(f"{name}.judges", {j.id: _judge(j) for j in judges}),
        "facts": {
            "principles": Fraction(len(state.constitution.principles)),
            "judges": Fraction(len(judges)),
            "judge_families": Fraction(len({j.family for j in judges})),
            "judge_updates": _number(state.judge_updates, f"{name} judge_updates"),
            "policy_updates": _number(state.policy_updates, f"{name} policy_updates"),
        },
        "base": state.base,
        "adapter": state.adapter or Missing(f"{name} has no adapter"),
    }


def state_faults(state: State, name: str) -> tuple[str, ...]:
    """What makes a state unfit to be judged: ids given twice, weights that are no weights."""
    faults = []
    groups = (("principle", state.constitution.principles), ("judge", state.panel.judges))
    for kind, items in groups:
        ids = [item.id for item in items]
        faults += [
            f"{name}: {kind} {i} is given twice" for i in sorted(set(ids)) if ids.count(i) > 1
        ]
        for item in items:
            weight = number(item.weight)
            if weight is None or weight < 0:
                faults.append(f"{name}: {kind} {item.id} has weight {item.weight!r}")
    for field in ("policy_updates", "judge_updates"):
        count = number(getattr(state, field))
        if count is None or count < 0:
            faults.append(f"{name}: {field} is {getattr(state, field)!r}")
    return tuple(faults)


def _principle(p: Principle) -> Tree:
    return {
        "id": p.id,
        "text": p.text,
        # A principle narrowed to a context that never occurs would be as good as removed.
        "contexts": json.dumps(p.contexts),
        "weight": _number(p.weight, f"weight of {p.id}"),
        "tier": p.tier.value,
        "present": True,
    }


def _judge(j: Judge) -> Tree:
    return {
        "id": j.id,
        "kind": j.kind.value,
        "family": j.family,
        "version": _number(j.version, f"version of {j.id}"),
        "artefact": j.artefact,
        "weight": _number(j.weight, f"weight of {j.id}"),
        "present": True,
    }


def _change(case: Case) -> Tree:
    old, new = case.old, case.proposal.new
    return {
        "kind": case.proposal.intervention.value,
        "rolls_back": case.rolls_back,
        "touches_adapter": old.adapter != new.adapter or old.base != new.base,
        "touches_judge": judges_differ(old, new),
        "touches_panel": old.panel != new.panel,
        "touches_constitution": old.constitution.principles != new.constitution.principles,
        "touches_recipe": old.recipe != new.recipe,
        "touches_prompts": old.prompts != new.prompts,
        "touches_replay": old.replay != new.replay,
        "rollback_stored": drill(case.evidence, "rollback_stored"),
        "rollback_tested": drill(case.evidence, "rollback_tested"),
        "weight_step": weight_step(old, new),
        "approvals": _number(case.approvals, "approvals"),
    }


def _ledger(ledgers: Ledgers) -> dict[str, Value]:
    fields = ("weight_path", "audit_labels", "gold_queries", "alpha", "seconds")
    return {field: _number(getattr(ledgers, field), f"ledger {field}") for field in fields}


def _number(value: int | Decimal, what: str) -> Value:
    exact = number(value)
    if exact is None or exact < 0:
        return Missing(f"{what} is {value!r}, not an exact number of at least 0")
    return exact


def _plus(a: Value, b: Value) -> Value:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a + b
    return a if isinstance(a, Missing) else b
