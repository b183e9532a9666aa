"""The gate's evaluator: exact rationals, three truth values, no side effect.

A missing fact makes a formula neither true nor false, unless the rest decides it alone
(strong Kleene logic): `false and missing` is false, `true or missing` is true.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from invariants.ast import Binary, Expr, Number, Path, Quantifier, Text, Truth, Unary
from invariants.facts import Facts
from invariants.values import Collection, Missing, Tree, Value

Bound = Mapping[str, tuple[str, Tree]]
"""Quantified variable -> id and record."""

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": le,
    "<": lt,
    ">=": ge,
    ">": gt,
    "==": eq,
    "!=": ne,
}


def evaluate(expr: Expr, facts: Facts, bound: Bound | None = None) -> Value:
    """The value of a type-checked expression."""
    env = bound or {}
    match expr:
        case Number() | Text() | Truth():
            return expr.value
        case Path():
            return _scalar(resolve(expr, facts, env))
        case Unary():
            return _unary(expr, evaluate(expr.operand, facts, env))
        case Binary(op="and" | "or" | "=>"):
            return _connective(expr, facts, env)
        case Binary():
            left = evaluate(expr.left, facts, env)
            return _operation(expr.op, left, evaluate(expr.right, facts, env))
        case Quantifier():
            return _quantified(expr, facts, env)


def resolve(path: Path, facts: Facts, bound: Bound) -> Value | Tree | Collection:
    """Follow a path; a type-checked one always arrives."""
    here: Value | Tree | Collection
    here = bound[path.root][1] if path.root in bound else facts.roots[path.root]
    for step in path.steps:
        if isinstance(here, Collection):
            here = here.get(bound[step.name][0] if step.how == "variable" else step.name)
        else:
            assert not isinstance(here, (bool, Fraction, str, Missing))
            here = here[step.name]
    return here


def members(expr: Quantifier, facts: Facts, bound: Bound) -> Iterator[tuple[str, Bound, Value]]:
    """Each id of the map, the variables with it bound, and whether `where` admits it."""
    over = resolve(expr.over, facts, bound)
    assert isinstance(over, Collection)
    for key, record in over.items.items():
        inner = {**bound, expr.variable: (key, record)}
        yield key, inner, True if expr.where is None else evaluate(expr.where, facts, inner)


def both(a: Value, b: Value) -> Value:
    """Kleene's `and`."""
    if a is False or b is False:
        return False
    return a if isinstance(a, Missing) else b


def either(a: Value, b: Value) -> Value:
    """Kleene's `or`."""
    if a is True or b is True:
        return True
    return a if isinstance(a, Missing) else b


def negated(a: Value) -> Value:
    """Kleene's `not`."""
    return a if isinstance(a, Missing) else not a


def _scalar(found: Value | Tree | Collection) -> Value:
    assert isinstance(found, (bool, Fraction, str, Missing)), "the type checker admits scalars only"
    return found


def _unary(expr: Unary, value: Value) -> Value:
    if isinstance(value, Missing):
        return value
    if expr.op == "not":
        return not value
    assert isinstance(value, Fraction)
    return -value if expr.op == "-" else abs(value)


def _connective(expr: Binary, facts: Facts, env: Bound) -> Value:
    left, right = evaluate(expr.left, facts, env), evaluate(expr.right, facts, env)
    match expr.op:
        case "and":
            return both(left, right)
        case "or":
            return either(left, right)
        case _:
            return either(negated(left), right)


def _operation(op: str, left: Value, right: Value) -> Value:
    if isinstance(left, Missing):
        return left
    if isinstance(right, Missing):
        return right
    if op in _COMPARE:
        return _COMPARE[op](left, right)
    assert isinstance(left, Fraction) and isinstance(right, Fraction)
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case _:
            return left * right


def _quantified(expr: Quantifier, facts: Facts, env: Bound) -> Value:
    if expr.op in ("sum", "count"):
        return _total(expr, facts, env)
    result: Value = expr.op == "all"
    for _, inner, admitted in members(expr, facts, env):
        assert expr.body is not None
        body = evaluate(expr.body, facts, inner)
        if expr.op == "all":
            result = both(result, either(negated(admitted), body))
        else:
            result = either(result, both(admitted, body))
    return result


def _total(expr: Quantifier, facts: Facts, env: Bound) -> Value:
    total = Fraction(0)
    for _, inner, admitted in members(expr, facts, env):
        if isinstance(admitted, Missing):
            return admitted
        if not admitted:
            continue
        value = Fraction(1) if expr.body is None else evaluate(expr.body, facts, inner)
        if not isinstance(value, Fraction):
            return value
        total += value
    return total
