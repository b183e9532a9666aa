"""Every step that the agent could take, as one set of free variables.

Small on purpose: the founding principles and two ids that do not exist yet. What the
extractor guarantees of any real step is stated here as premises, and nothing more, so
that a proof over this world covers every step over these ids.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from invariants.ast import Expr, paths
from invariants.facts import state_facts
from invariants.measures import MetricRule
from invariants.schema import (
    CHANGE,
    ENUMS,
    JUDGE,
    LEDGER,
    METRICS,
    PRINCIPLE,
    SANDBOX_LEVEL,
    Record,
)
from invariants.solver import (
    Formulas,
    Term,
    absolute,
    all_of,
    any_of,
    constant,
    counted,
    free,
    implies,
    negation,
    total,
)
from invariants.values import Collection, Tree
from logs.vocabulary import State

GENERIC_PRINCIPLES = ("p1", "p2", "p3", "p4", "p5")
GENERIC_JUDGES = ("j1", "j2", "j3")
NEWCOMERS = ("newcomer-1", "newcomer-2")
"""Ids that the founding state does not have."""


@dataclass(frozen=True, slots=True)
class World:
    """A step from a free old to a free new state."""

    formulas: Formulas
    roots: Mapping[str, Tree]
    premises: tuple[Term, ...]

    def of(self, rule: Expr) -> Term:
        """The formula of a rule on this step."""
        return self.formulas.of(rule, self.roots)

    def before(self, goal: Expr) -> Term:
        """The formula of a goal on the old state."""
        return self.formulas.of(goal, {**self.roots, "new": self.roots["old"]})


def world(
    metrics: Mapping[str, MetricRule],
    params: Tree,
    rules: Iterable[Expr],
    founding: State | None = None,
) -> World:
    """A world with this founding state, or with a generic one of five principles."""
    builder = _Builder()
    named = {s.name for rule in rules for p in paths(rule) for s in p.steps if s.how == "literal"}
    if founding is None:
        first = builder.state("founding", GENERIC_PRINCIPLES, GENERIC_JUDGES, everyone=True)
    else:
        first = state_facts(founding, "founding")
    later = (*NEWCOMERS, *sorted(named))
    principles = _union(first["principles"].items, later)
    judges = _union(first["judges"].items, later)
    roots = {
        "founding": first,
        "old": builder.state("old", principles, judges),
        "new": builder.state("new", principles, judges),
        "evidence": builder.evidence(metrics),
        "param": params,
    }
    roots["change"] = builder.change(roots["old"], roots["new"])
    return World(builder.formulas, roots, tuple(builder.premises))


@dataclass
class _Builder:
    formulas: Formulas = field(default_factory=Formulas)
    premises: list[Term] = field(default_factory=list)

    def state(
        self, name: str, principles: Iterable[str], judges: Iterable[str], *, everyone: bool = False
    ) -> Tree:
        people = self.collection(f"{name}.principles", PRINCIPLE, principles, everyone)
        panel = self.collection(f"{name}.judges", JUDGE, judges, everyone)
        seated = counted(judge["present"] for judge in panel.items.values())
        families = self.natural(f"{name}.judge_families")
        self.premises += [families <= seated, implies(seated >= 1, families >= 1)]
        return {
            "principles": people,
            "judges": panel,
            "facts": {
                "principles": counted(p["present"] for p in people.items.values()),
                "judges": seated,
                "judge_families": families,
                "judge_updates": self.natural(f"{name}.judge_updates"),
                "policy_updates": self.natural(f"{name}.policy_updates"),
            },
            "ledger": {
                spent: self.natural(f"{name}.ledger.{spent}", str(kind))
                for spent, kind in LEDGER.fields.items()
            },
            "base": free("hash", f"{name}.base"),
            "adapter": free("hash", f"{name}.adapter"),
        }

    def collection(self, name: str, of: Record, ids: Iterable[str], everyone: bool) -> Collection:
        return Collection(name, {i: self.item(f"{name}[{i}]", i, of, everyone) for i in ids})

    def item(self, name: str, key: str, of: Record, everyone: bool) -> Tree:
        record: dict[str, Any] = {
            part: free(str(kind), f"{name}.{part}") for part, kind in of.fields.items()
        }
        record["id"] = key
        if everyone:
            record["present"] = True
        self.premises += [
            record["weight"] >= 0,
            implies(negation(record["present"]), record["weight"] == 0),
        ]
        for part, kind in of.fields.items():
            if kind in ENUMS:
                self.premises.append(self.one_of(record[part], ENUMS[str(kind)]))
        return record

    def one_of(self, term: Term, words: Iterable[str]) -> Term:
        return any_of(term == self.formulas.word(word) for word in words)

    def natural(self, name: str, kind: str = "int") -> Term:
        term = free(kind, name)
        self.premises.append(term >= 0)
        return term

    def evidence(self, metrics: Mapping[str, MetricRule]) -> Tree:
        return {
            **{name: self.metric(name, rule) for name, rule in metrics.items()},
            SANDBOX_LEVEL: self.metric(SANDBOX_LEVEL, MetricRule("exact", "")),
        }

    def metric(self, name: str, rule: MetricRule) -> Tree:
        fields = METRICS[rule.kind].fields
        record = {part: free(str(kind), f"evidence.{name}.{part}") for part, kind in fields.items()}
        low, high = record["lo"], record["hi"]
        if rule.kind == "exact":
            self.premises.append(low == high)
            return record
        mean, n = record["mean"], record["n"]
        bottom, top = constant(rule.lower), constant(rule.upper)
        self.premises += [bottom <= low, low <= mean, mean <= high, high <= top, n >= 1]
        if rule.kind == "proportion":
            self.premises += [record["k"] >= 0, record["k"] <= n]
        return record

    def change(self, old: Tree, new: Tree) -> Tree:
        record = {part: free(str(kind), f"change.{part}") for part, kind in CHANGE.fields.items()}
        before, after = old["principles"].items, new["principles"].items
        step = total(absolute(after[i]["weight"] - before[i]["weight"]) for i in after)
        same = all_of(_same(before[i], after[i]) for i in after)
        self.premises += [
            record["weight_step"] == step,
            record["approvals"] >= 0,
            self.one_of(record["kind"], ENUMS["intervention"]),
            implies(negation(record["touches_constitution"]), same),
            new["ledger"]["weight_path"] == old["ledger"]["weight_path"] + step,
            new["ledger"]["audit_labels"] == old["ledger"]["audit_labels"],
            new["ledger"]["gold_queries"] == old["ledger"]["gold_queries"],
            new["ledger"]["alpha"] >= old["ledger"]["alpha"],
        ]
        return record


def _same(before: Tree, after: Tree) -> Term:
    parts = ("present", "weight", "text", "contexts", "tier")
    return all_of(before[part] == after[part] for part in parts)


def _union(ids: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*ids, *more)))
