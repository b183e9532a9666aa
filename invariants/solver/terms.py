"""z3's terms by the few names that the rest of the law uses; no other module spells z3."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import z3

Term = Any
"""A z3 expression; z3 ships no types."""


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


def unary(op: str, term: Term) -> Term:
    """`not`, minus or the absolute value."""
    match op:
        case "not":
            return z3.Not(term)
        case "-":
            return -term
        case _:
            return absolute(term)


BINARY: Mapping[str, Callable[[Term, Term], Term]] = {
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
