"""The syntax tree of a rule: one tree, read by the evaluator and by z3.

Nodes are frozen and know where they stand in the text, so that every later
message can show the words that the policy's author wrote.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Span = tuple[int, int]
"""First character and one past the last, counted from 0."""

How = Literal["field", "variable", "literal"]
QuantifierOp = Literal["all", "any", "sum", "count"]


@dataclass(frozen=True, slots=True)
class Number:
    """An exact rational."""

    value: Fraction
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted word; only equality is defined on it."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path."""

    how: How
    """`.name`, `[name of a bound variable]` or `["id"]`."""
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Path:
    """A root or bound variable, and the steps from it to a fact."""

    root: str
    steps: tuple[Step, ...]
    span: Span
    kind: str = ""
    """Scalar type of the fact; filled in by the type checker."""


@dataclass(frozen=True, slots=True)
class Unary:
    """`not`, minus, or the absolute value."""

    op: Literal["not", "-", "abs"]
    operand: "Expr"
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and what joins them."""

    op: str
    left: "Expr"
    right: "Expr"
    span: Span


@dataclass(frozen=True, slots=True)
class Quantifier:
    """`all`, `any`, `sum` or `count` over a map of records."""

    op: QuantifierOp
    variable: str
    over: Path
    where: "Expr | None"
    body: "Expr | None"
    """None only for `count`."""
    span: Span


Expr = Number | Text | Truth | Path | Unary | Binary | Quantifier

COMPARISONS = ("<=", "<", ">=", ">", "==", "!=")
ARITHMETIC = ("+", "-", "*")
CONNECTIVES = ("and", "or", "=>")


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly below this one."""
    match expr:
        case Unary():
            return (expr.operand,)
        case Binary():
            return (expr.left, expr.right)
        case Quantifier():
            return tuple(e for e in (expr.over, expr.where, expr.body) if e is not None)
        case _:
            return ()


def walk(expr: Expr) -> Iterator[tuple[Expr, int]]:
    """Every node with its depth, the root at depth 1; no recursion, so no tree is too deep."""
    waiting: list[tuple[Expr, int]] = [(expr, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in children(node))


def paths(expr: Expr) -> Iterator[Path]:
    """Every path that the expression reads."""
    return (node for node, _ in walk(expr) if isinstance(node, Path))
