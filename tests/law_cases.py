"""States, proposals and evidence for the tests of the law: lawful, except for what is named."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from invariants.approvals import NO_BALLOT, Ballot, Choice, statement_for
from invariants.diff import diff
from invariants.gate import binding_of, rule
from invariants.papers import Paper
from invariants.policy import Policy, default_bytes, load
from invariants.roles import Charter, Role
from invariants.sshsig import Namespace
from logs.canonical import digest_of
from logs.vocabulary import (
    Commit,
    Constitution,
    Evidence,
    Intervention,
    Judge,
    JudgeKind,
    Ledgers,
    Metric,
    Outcome,
    Panel,
    Principle,
    PromptPool,
    Proposal,
    Recipe,
    State,
    Verdict,
)
from tests.keys import Person

POLICY = load(default_bytes())
HEX = "0123456789abcdef"


def digest(letter: str) -> str:
    return letter * 64


def principle(key: str, tier: str, weight: str, **more: Any) -> Principle:
    return Principle(id=key, text=f"Be {key}.", weight=Decimal(weight), tier=tier, **more)


def judge(key: str, family: str, weight: str = "1", **more: Any) -> Judge:
    fields = {"kind": JudgeKind.FEATURE, "version": 1, "artefact": digest("a")} | more
    return Judge(id=key, family=family, weight=Decimal(weight), **fields)


PRINCIPLES = (
    principle("honest", "immutable", "0.25"),
    principle("harmless", "immutable", "0.25"),
    principle("helpful", "core", "0.20"),
    principle("fair", "core", "0.15"),
    principle("concise", "adaptive", "0.15"),
)

FOUNDING = State(
    base=digest("b"),
    adapter=None,
    panel=Panel(judges=(judge("ann", "ann"), judge("bea", "bea"))),
    constitution=Constitution(version=1, principles=PRINCIPLES),
    prompts=PromptPool(seed=1, size=0),
    recipe=Recipe(),
)
HEAD = digest("e")


def with_principles(state: State, *principles: Principle) -> State:
    constitution = Constitution(version=state.constitution.version + 1, principles=principles)
    return state.model_copy(update={"constitution": constitution})


def with_weights(state: State, **weights: str) -> State:
    return with_principles(
        state,
        *(
            p.model_copy(update={"weight": Decimal(weights.get(p.id, str(p.weight)))})
            for p in state.constitution.principles
        ),
    )


def with_judges(state: State, *judges: Judge, updates: int = 1) -> State:
    panel = Panel(judges=judges)
    return state.model_copy(update={"panel": panel, "judge_updates": state.judge_updates + updates})


def trained(state: State, adapter: str = "d") -> State:
    return state.model_copy(
        update={"adapter": digest(adapter), "policy_updates": state.policy_updates + 1}
    )


def proposal(new: State, old: State = FOUNDING, **more: Any) -> Proposal:
    fields: dict[str, Any] = {
        "iteration": 1,
        "base": HEAD,
        "intervention": Intervention.TRAIN,
        "new": new,
        "changes": diff(old, new),
        "undo": "roll back to HEAD",
    }
    return Proposal(**(fields | more))


LAWFUL_METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric(name="kl_to_anchor", values=("0.1", "0.12", "0.08", "0.11") * 32),
        Metric(name="safety_pass", k=126, n=128),
        Metric(name="judge_accuracy", k=100, n=128),
        Metric(name="new_judge_accuracy", k=60, n=64),
        Metric(name="gold_overlap", exact="0"),
        Metric(name="selfserving_gain", values=("0.01", "-0.02", "0.03", "0.0") * 64),
        Metric(name="rollback_stored", k=3, n=3),
        Metric(name="rollback_tested", k=8, n=8),
    )
}


def evidence(of: Proposal, level: int = 2, **changed: Metric | None) -> Evidence:
    metrics = {**LAWFUL_METRICS, **changed}
    return Evidence(
        proposal=digest_of(of),
        metrics=tuple(m for m in metrics.values() if m is not None),
        harness=digest("f"),
        sandbox_level=level,
    )


def verdict_on(
    new: State,
    *,
    policy: Policy = POLICY,
    old: State = FOUNDING,
    founding: State = FOUNDING,
    given: Proposal | None = None,
    shown: Evidence | None = None,
    ledgers: Ledgers | None = None,
    approvals: int = 0,
    restored: Commit | None = None,
    **metrics: Metric | None,
) -> Verdict:
    of = given or proposal(new, old)
    shown = shown or evidence(of, **metrics)
    policy, ballot = approved(policy, of, shown, approvals)
    return rule(
        policy,
        founding,
        old,
        HEAD,
        of,
        shown,
        ledgers or Ledgers(),
        ballot,
        restored=restored,
    )


NOW = datetime(2027, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def approved(
    policy: Policy, of: Proposal, shown: Evidence, approvals: int
) -> tuple[Policy, Ballot]:
    """The policy with keys that may approve, and the signed papers of so many people."""
    if not approvals:
        return policy, NO_BALLOT
    people = [Person(f"person {i}") for i in range(approvals)]
    role = Role({person.key: person.name for person in people}, threshold=1)
    named = replace(policy, charter=Charter(approve=role))
    binding = binding_of(named, HEAD, of, shown)
    return named, Ballot(tuple(_papers(binding, people)), NOW)


def _papers(binding: Any, people: list[Person]) -> Iterator[Paper]:
    for person in people:
        text = statement_for(binding, Choice.APPROVE, "read it", now=NOW, valid=DAY)
        yield Paper(statement=text, signature=person.sign(text.encode(), Namespace.APPROVAL))


def failed(verdict: Verdict) -> dict[str, tuple[Outcome, tuple[str, ...]]]:
    return {
        r.invariant: (r.outcome, r.values)
        for r in verdict.rulings
        if r.outcome is not Outcome.HOLDS
    }
