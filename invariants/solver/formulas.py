"""The same syntax tree and the same facts as the evaluator's, as z3's terms.

Numbers are z3 reals (never floating point), words are interned integers, and a missing
fact is a free variable: a rule holds only if `facts and not rule` has no solution.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import z3

from invariants.ast import Binary, Expr, Number, Path, Quantifier, Text, Truth, Unary
from invariants.solver.terms import BINARY, Term, absolute, constant, free, total, unary
from invariants.values import Collection, Missing, Tree


class Formulas:
    """Translates type-checked expressions; one instance per question, so that words agree."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._unknown: dict[str, Term] = {}
        self.loose: list[Term] | None = None
        """If a list: where an absolute value is only bounded from below, by premises put here.

        Whatever is impossible in that larger, linear world is impossible in the exact one.
        """

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
        """The absolute value of a term, or while `loose`, any number that is at least that."""
        if self.loose is None:
            return absolute(term)
        at_least = free("real", f"size {len(self.loose)}")
        self.loose += [at_least >= term, at_least >= -term]
        return at_least

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
