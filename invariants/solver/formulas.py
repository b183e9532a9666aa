"""The same syntax tree and the same facts as the evaluator's, as z3's terms.

Numbers are z3 reals (never floating point), words are interned integers, and a missing
fact is a free variable: a rule holds only if `facts and not rule` has no solution.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import z3

from invariants.ast import Binary, Expr, Number, Path, Quantifier, Text, Truth, Unary
from invariants.solver.terms import BINARY, Term, absolute, constant, free, total, unary
from invariants.values import Collection, Missing, Tree


@dataclass(slots=True)
class Sizes:
    """Each absolute value |x| as a variable of its own, one for the same x wherever it stands.

    Whatever is impossible with the bounds from below alone is impossible, for every real
    world is also one of those; and that question is linear.
    """

    below: list[Term] = field(default_factory=list)
    """That each is at least x and at least -x."""
    above: list[Term] = field(default_factory=list)
    """That each is x or -x, so that with `below` it is |x|."""
    complete: bool = False
    """Set once somebody relies on the two lists: a size made later would lack its bounds."""
    _known: dict[int, tuple[Term, Term]] = field(default_factory=dict)

    def of(self, term: Term) -> Term:
        """The variable that stands for |term|."""
        key = term.get_id()
        if key not in self._known:
            if self.complete:
                raise AssertionError("a formula was built after the premises were read")
            size = free("real", f"size {len(self._known)}")
            self.below += [size >= term, size >= -term]
            self.above.append(z3.Or(size <= term, size <= -term))
            self._known[key] = (size, term)  # with the term, or z3 would reuse its number
        return self._known[key][0]


class Formulas:
    """Translates type-checked expressions; one instance per question, so that words agree."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._unknown: dict[str, Term] = {}
        self.sizes: Sizes | None = None
        """If given: where absolute values become variables; without it they are cases."""

    def word(self, text: str) -> Term:
        """The integer that stands for this word."""
        return z3.IntVal(self._codes.setdefault(text, len(self._codes)))

    def spelled(self, code: int) -> str:
        """The word behind an integer, or a name for a word that no fact mentions."""
        words = {number: text for text, number in self._codes.items()}
        return words.get(code, f"another-{code}")

    def of(
        self, expr: Expr, roots: Mapping[str, Tree], bound: Mapping[str, Any] | None = None
    ) -> Term:
        """The formula or term of an expression over these facts."""
        env = bound or {}
        match expr:
            case Number():
                return constant(expr.value)
            case Text():
                return self.word(expr.value)
            case Truth():
                return z3.BoolVal(expr.value)
            case Path():
                return self._path(expr, roots, env)
            case Unary(op="abs"):
                return self.size(self.of(expr.operand, roots, env))
            case Unary():
                return unary(expr.op, self.of(expr.operand, roots, env))
            case Binary():
                left, right = self.of(expr.left, roots, env), self.of(expr.right, roots, env)
                return BINARY[expr.op](left, right)
            case Quantifier():
                return self._quantifier(expr, roots, env)

    def size(self, term: Term) -> Term:
        """The absolute value of a term."""
        return absolute(term) if self.sizes is None else self.sizes.of(term)

    def leaf(self, value: Any, kind: str, name: str) -> Term:
        """The term of one fact: a constant, a term that is already one, or a free variable."""
        match value:
            case bool():
                return z3.BoolVal(value)
            case Fraction():
                return constant(value)
            case str():
                return self.word(value)
            case Missing():
                return self._unknown.setdefault(name, free(kind, f"missing {name}"))
            case _:
                return value

    def _path(self, path: Path, roots: Mapping[str, Tree], env: Mapping[str, Any]) -> Term:
        here, name = self._follow(path, roots, env)
        return self.leaf(here, path.kind, name)

    def _follow(
        self, path: Path, roots: Mapping[str, Tree], env: Mapping[str, Any]
    ) -> tuple[Any, str]:
        here: Any
        if path.root in env:
            key, here, name = env[path.root]
            name = f"{name}[{key}]"
        else:
            here, name = roots[path.root], path.root
        for step in path.steps:
            key = env[step.name][0] if step.how == "variable" else step.name
            here = here.get(key) if isinstance(here, Collection) else here[key]
            name = f"{name}.{key}"
        return here, name

    def _quantifier(
        self, expr: Quantifier, roots: Mapping[str, Tree], env: Mapping[str, Any]
    ) -> Term:
        over, name = self._follow(expr.over, roots, env)
        guards, bodies = [], []
        for key, record in over.items.items():
            inner = {**env, expr.variable: (key, record, name)}
            here = self.leaf(record["present"], "bool", f"{name}[{key}].present")
            where = z3.BoolVal(True) if expr.where is None else self.of(expr.where, roots, inner)
            guards.append(z3.And(here, where))
            bodies.append(
                constant(Fraction(1)) if expr.body is None else self.of(expr.body, roots, inner)
            )
        pairs = list(zip(guards, bodies, strict=True))
        match expr.op:
            case "all":
                return z3.And([z3.Implies(guard, body) for guard, body in pairs])
            case "any":
                return z3.Or([z3.And(guard, body) for guard, body in pairs])
            case _:
                return total(z3.If(guard, body, constant(Fraction(0))) for guard, body in pairs)
