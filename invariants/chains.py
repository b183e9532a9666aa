"""Several steps in a row from the founding state, as one set of free variables.

Sizes of changes are bounded from below only, which keeps the search linear; a sequence
that is found is confirmed with exact sizes by the evaluator.

What a goal does not read may be held still: a sequence found that way is a real one, and
is found hundreds of times faster; that none is shorter is then asked with everything free.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from invariants.ast import Expr, paths
from invariants.facts import state_facts
from invariants.policy import Policy
from invariants.schema import LEDGER, PRINCIPLE
from invariants.solver import Sizes, Term, all_of, free, negation
from invariants.values import Collection, Tree
from invariants.worlds import NEWCOMERS, Builder
from logs.vocabulary import (
    Constitution,
    Judge,
    JudgeKind,
    Panel,
    Principle,
    PrincipleTier,
    PromptPool,
    Recipe,
    State,
    Tier,
)

Slice = Literal["weights", "principles", "everything"]
"""What may move: weights of the principles that there are; all of principles; all facts."""

_MOVING = ("present", "text", "contexts", "tier", "weight")

WIDER: dict[Slice, tuple[Slice, ...]] = {
    "weights": ("weights", "principles", "everything"),
    "principles": ("principles", "everything"),
    "everything": ("everything",),
}


def slice_of(goal: Expr) -> Slice:
    """The narrowest slice in which a step could change what the goal says."""
    read = [path for path in paths(goal) if path.root in ("new", "old", *_bound(goal))]
    parts = {path.steps[0].name for path in read if path.root in ("new", "old") and path.steps}
    if parts - {"principles"}:
        return "everything"
    return (
        "weights" if any(p.steps and p.steps[-1].name == "weight" for p in read) else "principles"
    )


def _bound(goal: Expr) -> set[str]:
    return {path.root for path in paths(goal)} - {"founding", "new", "old", "param"}


class Chain:
    """Steps under the rules of one tier; rollbacks lead only back and are left out."""

    def __init__(
        self, policy: Policy, tier: Tier, founding: State, moving: Slice, named: Iterable[str] = ()
    ) -> None:
        self.policy, self.tier, self.moving = policy, tier, moving
        self.builder = Builder()
        self.sizes = self.builder.formulas.sizes = Sizes()
        self.first = state_facts(founding, "founding")
        self.ids = tuple(dict.fromkeys((*self.first["principles"].items, *NEWCOMERS, *named)))
        self.judges = tuple(dict.fromkeys((*self.first["judges"].items, *NEWCOMERS, *named)))
        self.states: list[Tree] = [{**self.first, "ledger": _nothing_spent()}]
        self.steps: list[dict[str, Tree]] = []

    def extend(self) -> None:
        """Add one step."""
        builder, number = self.builder, len(self.states)
        old = self.states[-1]
        new = self._state(f"state{number}", number)
        evidence = builder.evidence(self.policy.metrics, f"evidence{number}")
        roots: dict[str, Any] = {
            "founding": self.first,
            "old": old,
            "new": new,
            "evidence": evidence,
            "param": self.policy.values,
        }
        roots["change"] = builder.change(_whole(old, self.ids), new, f"change{number}")
        rules = self.policy.rules_for(self.tier)
        builder.premises += [builder.formulas.of(rule.expr, roots) for rule in rules]
        builder.premises.append(negation(roots["change"]["rolls_back"]))
        self.states.append(new)
        self.steps.append(roots)

    def left(self, goal: Expr, at: int) -> Term:
        """That the goal does not hold after `at` steps."""
        formulas = self.builder.formulas
        roots = {**self.steps[at - 1], "new": self.states[at]}
        formulas.sizes = None  # "more than" needs the exact size
        left = negation(formulas.of(goal, roots))
        formulas.sizes = self.sizes
        return left

    @property
    def premises(self) -> list[Term]:
        """What is known of the steps so far."""
        return [*self.builder.premises, *self.sizes.below]

    def stillness(self) -> Iterator[list[Term]]:
        """For each principle, part by part, that no step moves it."""
        leaf = self.builder.formulas.leaf
        parts = {part: str(PRINCIPLE.fields[part]) for part in _MOVING}
        still: dict[tuple[str, str], Term] = {}
        for key in self.states[-1]["principles"].items:
            known = self.first["principles"].items.get(key) or dict(_ABSENT)
            for part, kind in parts.items():
                begin = leaf(known[part], kind, part)
                later = (state["principles"].items[key][part] for state in self.states[1:])
                still[key, part] = all_of(leaf(now, kind, part) == begin for now in later)
        for key in self.states[-1]["principles"].items:
            yield [still[key, part] for part in parts]

    def _state(self, name: str, number: int) -> Tree:
        builder = self.builder
        if self.moving == "everything":
            return builder.state(name, self.ids, self.judges)
        fixed = self.first["principles"].items
        if self.moving == "weights":
            items = {key: self._weighed(name, key, record) for key, record in fixed.items()}
            principles = Collection(f"{name}.principles", items)
        else:
            principles = builder.collection(f"{name}.principles", PRINCIPLE, self.ids, False)
        ledger = {
            spent: builder.natural(f"{name}.ledger.{spent}", str(kind))
            for spent, kind in LEDGER.fields.items()
        }
        return {**self.first, "principles": principles, "ledger": ledger}

    def _weighed(self, name: str, key: str, record: Tree) -> Tree:
        weight = free("real", f"{name}.principles[{key}].weight")
        self.builder.premises.append(weight >= 0)
        return {**record, "weight": weight}


def _whole(state: Tree, ids: Iterable[str]) -> Tree:
    """The state with a record for every id that a later state may have."""
    have = state["principles"]
    items = {key: have.items.get(key) or dict(_ABSENT, id=key) for key in ids}
    return {**state, "principles": Collection(have.name, items)}


_ABSENT: dict[str, Any] = {
    "present": False,
    "weight": Fraction(0),
    "text": "",
    "contexts": "",
    "tier": PrincipleTier.ADAPTIVE.value,
}


def _nothing_spent() -> Tree:
    return dict.fromkeys(LEDGER.fields, Fraction(0))


def example() -> State:
    """A founding state for stories about a policy that was proved about a generic one."""
    rows = (
        ("p1", "immutable", "0.25"),
        ("p2", "immutable", "0.25"),
        ("p3", "core", "0.20"),
        ("p4", "core", "0.15"),
        ("p5", "adaptive", "0.15"),
    )
    principles = tuple(
        Principle(id=key, text=f"principle {key}", weight=Decimal(weight), tier=PrincipleTier(tier))
        for key, tier, weight in rows
    )
    judges = tuple(
        Judge(
            id=f"j{n}",
            kind=JudgeKind.FEATURE,
            family=f"family {n}",
            version=1,
            artefact=f"{n}" * 64,
            weight=Decimal(1),
        )
        for n in (1, 2, 3)
    )
    return State(
        base="b" * 64,
        adapter=None,
        panel=Panel(judges=judges),
        constitution=Constitution(version=1, principles=principles),
        prompts=PromptPool(seed=1, size=0),
        recipe=Recipe(),
    )
