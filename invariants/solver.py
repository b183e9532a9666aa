"""The only door to z3: the same syntax tree and the same facts, by another engine.

Numbers are z3 reals (never floating point), words are interned integers, and a missing
fact is a free variable: a rule holds only if `facts and not rule` has no solution.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import z3

from invariants.ast import Binary, Expr, Number, Path, Quantifier, Text, Truth, Unary
from invariants.values import Collection, Missing, Tree
from logs.vocabulary import Outcome

Term = Any
"""A z3 expression; z3 ships no types."""

Reader = Callable[[Term], Any]
"""Reads the value of a term out of a counterexample."""

TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What z3 says, and if there is a counterexample, how to read it."""

    outcome: Outcome
    value_of: "Reader | None" = None
    core: tuple[str, ...] = ()


class Formulas:
    """Translates type-checked expressions; one instance per question, so that words agree."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._unknown: dict[str, Term] = {}

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
            case Unary():
                return _unary(expr.op, self.of(expr.operand, roots, env))
            case Binary():
                left, right = self.of(expr.left, roots, env), self.of(expr.right, roots, env)
                return _BINARY[expr.op](left, right)
            case Quantifier():
                return self._quantifier(expr, roots, env)

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


# --- questions -------------------------------------------------------------------


def prove(premises: Iterable[Term], conclusion: Term, *, timeout_ms: int = TIMEOUT_MS) -> Answer:
    """HOLDS: no counterexample exists; BROKEN: here is one; UNDECIDED: z3 gave up."""
    solver = _solver(timeout_ms)
    solver.add(*premises)
    solver.add(z3.Not(conclusion))
    found = solver.check()
    if found == z3.unsat:
        return Answer(Outcome.HOLDS)
    if found == z3.sat:
        return Answer(Outcome.BROKEN, _reader(solver.model()))
    return Answer(Outcome.UNDECIDED)


def satisfiable(
    premises: Iterable[Term], named: Mapping[str, Term], *, timeout_ms: int = TIMEOUT_MS
) -> Answer:
    """HOLDS: all can be true together; BROKEN: they cannot, with a minimal core of names."""
    solver = _solver(timeout_ms)
    solver.add(*premises)
    marks = {name: z3.Bool(f"rule {name}") for name in named}
    for name, formula in named.items():
        solver.add(z3.Implies(marks[name], formula))
    found = solver.check(*marks.values())
    if found == z3.sat:
        return Answer(Outcome.HOLDS, _reader(solver.model()))
    if found != z3.unsat:
        return Answer(Outcome.UNDECIDED)
    return Answer(Outcome.BROKEN, core=_minimal_core(solver, marks))


def second_opinion(rules: Sequence[Expr], roots: Mapping[str, Tree], *, timeout_ms: int) -> Outcome:
    """What z3 says of all rules together on these facts."""
    formulas = Formulas()
    law = z3.And([formulas.of(rule, roots) for rule in rules])
    for_it = prove((), law, timeout_ms=timeout_ms).outcome
    if for_it is not Outcome.BROKEN:
        return for_it
    against = prove((), z3.Not(law), timeout_ms=timeout_ms).outcome
    # Neither it nor its opposite follows from the facts: some fact is missing.
    return {Outcome.HOLDS: Outcome.BROKEN, Outcome.BROKEN: Outcome.MISSING}.get(against, against)


def _minimal_core(solver: z3.Solver, marks: Mapping[str, Term]) -> tuple[str, ...]:
    """Drop each rule that is not needed for the contradiction."""
    core = {str(mark) for mark in solver.unsat_core()}
    kept = [name for name, mark in marks.items() if str(mark) in core]
    for name in list(kept):
        rest = [marks[other] for other in kept if other != name]
        if solver.check(*rest) == z3.unsat:
            kept.remove(name)
    return tuple(kept)


def _solver(timeout_ms: int) -> z3.Solver:
    solver = z3.Solver()
    solver.set("timeout", timeout_ms)
    return solver


def _reader(model: z3.ModelRef) -> Reader:
    def read(term: Term) -> Any:
        value = model.eval(term, model_completion=True)
        if z3.is_bool(value):
            return z3.is_true(value)
        if z3.is_int_value(value):
            return value.as_long()
        return Fraction(value.numerator_as_long(), value.denominator_as_long())

    return read


# --- terms -----------------------------------------------------------------------


def free(kind: str, name: str) -> Term:
    """A variable of a scalar type; words are integers."""
    match kind:
        case "bool":
            return z3.Bool(name)
        case "real":
            return z3.Real(name)
        case _:
            return z3.Int(name)


def all_of(terms: Iterable[Term]) -> Term:
    """Conjunction."""
    return z3.And(list(terms))


def any_of(terms: Iterable[Term]) -> Term:
    """Disjunction."""
    return z3.Or(list(terms))


def implies(condition: Term, then: Term) -> Term:
    """Implication."""
    return z3.Implies(condition, then)


def negation(term: Term) -> Term:
    """Negation."""
    return z3.Not(term)


def absolute(term: Term) -> Term:
    """Absolute value, by cases."""
    return z3.If(term >= 0, term, -term)


def total(terms: Iterable[Term]) -> Term:
    """Sum; of nothing it is 0."""
    return z3.Sum([constant(Fraction(0)), *terms])


def counted(terms: Iterable[Term]) -> Term:
    """How many of the conditions are true."""
    return z3.Sum([z3.IntVal(0), *(z3.If(term, 1, 0) for term in terms)])


def constant(value: Fraction) -> Term:
    """An exact number."""
    return z3.RealVal(f"{value.numerator}/{value.denominator}")


def _unary(op: str, term: Term) -> Term:
    match op:
        case "not":
            return z3.Not(term)
        case "-":
            return -term
        case _:
            return absolute(term)


_BINARY: Mapping[str, Callable[[Term, Term], Term]] = {
    "and": lambda a, b: z3.And(a, b),
    "or": lambda a, b: z3.Or(a, b),
    "=>": lambda a, b: z3.Implies(a, b),
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
