"""Every step that the agent could take, as one set of free variables.

Small on purpose: the founding principles and two ids that do not exist yet. What the
extractor guarantees of any real step is stated here as premises, and nothing more, so
that a proof over this world covers every step over these ids.
"""

from collections.abc import Iterable, Iterator, Mapping
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
    Sizes,
    Term,
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
_BODY = ("present", "weight", "text", "contexts", "tier")
NEWCOMERS = ("newcomer-1", "newcomer-2")
"""Ids that the founding state does not have."""


@dataclass(frozen=True, slots=True)
class World:
    """A step from a free old to a free new state."""

    formulas: Formulas
    roots: Mapping[str, Tree]
    given: tuple[Term, ...]
    """What the extractor guarantees of any step."""
    sizes: Sizes
    _made: dict[tuple[Expr, str], Term] = field(default_factory=dict)
    """Formulas by rule; building one costs more than most proofs about it."""
    _bundled: list[Term] = field(default_factory=list)
    _plain: list[Term] = field(default_factory=list)

    @property
    def premises(self) -> list[Term]:
        """What is known of the step, and of the sizes in its formulas: build those first."""
        if not self._bundled:
            # Few large terms: z3 takes them over far faster than many small ones.
            self.sizes.complete = True
            self._bundled.append(all_of([*self.given, *self.sizes.below]))
            self._bundled.append(all_of(self.sizes.above))
        return list(self._bundled)

    @property
    def spare(self) -> list[Term]:
        """Premises that a question is first asked without: that no size is more than it is."""
        return self.premises[1:]

    def build(self, rules: Iterable[Expr], goals: Iterable[Expr]) -> None:
        """Make every formula that will be asked for."""
        for rule in rules:
            self.of(rule)
        for goal in goals:
            self.of(goal)
            self.before(goal)

    def of(self, rule: Expr) -> Term:
        """The formula of a rule on this step."""
        return self._once(rule, "new")

    def before(self, goal: Expr) -> Term:
        """The formula of a goal on the old state."""
        return self._once(goal, "old")

    def stillness(self) -> Iterator[list[Term]]:
        """For each principle and judge, part by part, that this step does not move it."""
        old, new = self.roots["old"], self.roots["new"]
        for what in ("principles", "judges"):
            before, after = old[what].items, new[what].items
            for key in after:
                yield [before[key][p] == after[key][p] for p in after[key] if p != "id"]
        yield [old["facts"][name] == fact for name, fact in new["facts"].items()]

    def plain(self) -> list[Term]:
        """That the step begins with the founding principles, and is no rollback; one term."""
        if not self._plain:
            self._plain.append(all_of(self._plainly()))
        return list(self._plain)

    def _plainly(self) -> Iterator[Term]:
        first, leaf = self.roots["founding"]["principles"].items, self.formulas.leaf
        yield negation(self.roots["change"]["rolls_back"])
        for key, record in self.roots["old"]["principles"].items.items():
            here = leaf(record["present"], "bool", key)
            yield here if key in first else negation(here)
            for part in (part for part in _BODY if key in first):
                known = leaf(first[key][part], str(PRINCIPLE.fields[part]), part)
                yield record[part] == known

    def _once(self, rule: Expr, state: str) -> Term:
        if (rule, state) not in self._made:
            roots = {**self.roots, "new": self.roots[state]}
            self._made[rule, state] = self.formulas.of(rule, roots)
        return self._made[rule, state]


def world(
    metrics: Mapping[str, MetricRule],
    params: Tree,
    rules: Iterable[Expr],
    founding: State | None = None,
) -> World:
    """A world with this founding state, or with a generic one of five principles."""
    sizes = Sizes()
    builder = Builder()
    builder.formulas.sizes = sizes
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
    return World(builder.formulas, roots, tuple(builder.premises), sizes)


@dataclass
class Builder:
    """Free variables for every fact of a step, and what is known of them."""

    formulas: Formulas = field(default_factory=Formulas)
    premises: list[Term] = field(default_factory=list)

    def state(
        self, name: str, principles: Iterable[str], judges: Iterable[str], *, everyone: bool = False
    ) -> Tree:
        """A state with free facts; `everyone` makes all its ids present."""
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
        """Records by id."""
        return Collection(name, {i: self.item(f"{name}[{i}]", i, of, everyone) for i in ids})

    def item(self, name: str, key: str, of: Record, everyone: bool) -> Tree:
        """One record with free fields."""
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
        """One of these words, as a term."""
        return any_of(term == self.formulas.word(word) for word in words)

    def natural(self, name: str, kind: str = "int") -> Term:
        """A free number of at least 0."""
        term = free(kind, name)
        self.premises.append(term >= 0)
        return term

    def evidence(self, metrics: Mapping[str, MetricRule], root: str = "evidence") -> Tree:
        """Free bounds of every metric, ordered as the gate computes them."""
        return {
            **{name: self.metric(f"{root}.{name}", rule) for name, rule in metrics.items()},
            SANDBOX_LEVEL: self.metric(f"{root}.{SANDBOX_LEVEL}", MetricRule("exact", "")),
        }

    def metric(self, name: str, rule: MetricRule) -> Tree:
        """The free facts of one metric."""
        fields = METRICS[rule.kind].fields
        record = {part: free(str(kind), f"{name}.{part}") for part, kind in fields.items()}
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

    def change(self, old: Tree, new: Tree, root: str = "change") -> Tree:
        """What the change of one state into another is, as the gate computes it."""
        record = {part: free(str(kind), f"{root}.{part}") for part, kind in CHANGE.fields.items()}
        before, after = old["principles"].items, new["principles"].items
        step = total(self.formulas.size(self.gap(after[i], before[i])) for i in after)
        same = all_of(self.same(before[i], after[i]) for i in after)
        self.premises += [
            record["weight_step"] == step,
            record["approvals"] >= 0,
            self.one_of(record["kind"], ENUMS["intervention"]),
            implies(negation(record["touches_constitution"]), same),
            new["ledger"]["weight_path"] == self.spent(old, "weight_path") + step,
            new["ledger"]["audit_labels"] == self.spent(old, "audit_labels"),
            new["ledger"]["gold_queries"] == self.spent(old, "gold_queries"),
            new["ledger"]["alpha"] >= self.spent(old, "alpha"),
        ]
        return record

    def spent(self, state: Tree, part: str) -> Term:
        """A ledger of a state, as a term."""
        return self.formulas.leaf(state["ledger"][part], str(LEDGER.fields[part]), part)

    def gap(self, after: Tree, before: Tree) -> Term:
        """How much a weight grew; either side may be a known number."""
        of = self.formulas.leaf
        return of(after["weight"], "real", "weight") - of(before["weight"], "real", "weight")

    def same(self, before: Tree, after: Tree) -> Term:
        """That a principle did not change; either side may be known facts."""
        parts = {part: str(PRINCIPLE.fields[part]) for part in _BODY}
        of = self.formulas.leaf
        return all_of(of(before[p], kind, p) == of(after[p], kind, p) for p, kind in parts.items())


def _union(ids: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*ids, *more)))
