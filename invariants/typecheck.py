"""Types: a rule that could fail to have a meaning is refused before it is in force.

int widens to real; nothing else widens. There is no equality across types, no order
between anything but numbers, and no product of two unknowns, so every rule stays linear.
"""

from collections.abc import Mapping
from dataclasses import replace

from invariants.ast import (
    ARITHMETIC,
    CONNECTIVES,
    Binary,
    Expr,
    Number,
    Path,
    Quantifier,
    Span,
    Step,
    Text,
    Truth,
    Unary,
)
from invariants.lexer import suggest, unreadable
from invariants.schema import ENUMS, NUMERIC, WORDS, Map, Record, Type
from logs.errors import UsageError

MAX_QUANTIFIERS = 2
"""Quantifiers inside one another; bounds the work of one rule to ids squared."""

_QUOTED = "quoted word"
"""Type of a literal before the other side of its comparison is known."""


def check(expr: Expr, source: str, roots: Mapping[str, Record]) -> Expr:
    """Type-check one rule and return it with the scalar type of every path filled in.

    Raises:
        UsageError: the rule has a type error; the message points at the column.
    """
    typed, kind = _Checker(source, roots).type_of(expr, {})
    if kind != "bool":
        raise unreadable(
            source,
            expr.span[0],
            f"A rule must be true or false, but this one is {_name(kind)}.",
            wanted="a comparison, a bool fact, or `all` / `any`",
            try_this="compare it with a bound, for example `... <= param.bound`",
        )
    return typed


class _Checker:
    def __init__(self, source: str, roots: Mapping[str, Record]) -> None:
        self.source = source
        self.roots = roots

    def error(self, span: Span, what: str, *, wanted: str, hint: str) -> UsageError:
        return unreadable(self.source, span[0], what, wanted=wanted, try_this=hint)

    def type_of(self, expr: Expr, bound: Mapping[str, Record]) -> tuple[Expr, Type]:
        """The typed expression and its type; `bound` holds the quantified variables."""
        match expr:
            case Number():
                return expr, "int" if expr.value.denominator == 1 else "real"
            case Text():
                return expr, _QUOTED
            case Truth():
                return expr, "bool"
            case Path():
                return self.path(expr, bound)
            case Unary():
                return self.unary(expr, bound)
            case Binary():
                return self.binary(expr, bound)
            case Quantifier():
                return self.quantifier(expr, bound)

    def unary(self, expr: Unary, bound: Mapping[str, Record]) -> tuple[Expr, Type]:
        operand, kind = self.type_of(expr.operand, bound)
        if expr.op == "not":
            self.demand_bool(kind, expr.operand, "`not`")
        else:
            self.demand_number(kind, expr.operand, f"`{expr.op}`")
        return replace(expr, operand=operand), kind

    def binary(self, expr: Binary, bound: Mapping[str, Record]) -> tuple[Expr, Type]:
        left, a = self.type_of(expr.left, bound)
        right, b = self.type_of(expr.right, bound)
        typed = replace(expr, left=left, right=right)
        if expr.op in CONNECTIVES:
            self.demand_bool(a, expr.left, f"`{expr.op}`")
            self.demand_bool(b, expr.right, f"`{expr.op}`")
            return typed, "bool"
        if expr.op in ("==", "!="):
            self.demand_comparable(expr, a, b)
            return typed, "bool"
        self.demand_number(a, expr.left, f"`{expr.op}`")
        self.demand_number(b, expr.right, f"`{expr.op}`")
        if expr.op == "*" and not (_constant(expr.left) or _constant(expr.right)):
            raise self.error(
                expr.span,
                "A product of two unknowns is not linear, so it could not be decided.",
                wanted="a number or a param on one side of `*`",
                hint="move the unknown to the other side of the comparison",
            )
        return typed, ("real" if "real" in (a, b) else "int") if expr.op in ARITHMETIC else "bool"

    def quantifier(self, expr: Quantifier, bound: Mapping[str, Record]) -> tuple[Expr, Type]:
        over, kind = self.path(expr.over, bound)
        if not isinstance(kind, Map):
            raise self.error(
                expr.over.span,
                f"`{expr.op}` needs a map of records, but this is {_name(kind)}.",
                wanted="a map, such as founding.principles or new.judges",
                hint="quantify over founding.principles, old.principles, new.principles or judges",
            )
        self.demand_free(expr, bound)
        inner = {**bound, expr.variable: kind.element}
        where = body = None
        if expr.where is not None:
            where, condition = self.type_of(expr.where, inner)
            self.demand_bool(condition, expr.where, "`where`")
        result: Type = "bool" if expr.op in ("all", "any") else "int"
        if expr.body is not None:
            body, given = self.type_of(expr.body, inner)
            if expr.op == "sum":
                self.demand_number(given, expr.body, "`sum`")
                result = given
            else:
                self.demand_bool(given, expr.body, f"`{expr.op}`")
        assert isinstance(over, Path)
        return replace(expr, over=over, where=where, body=body), result

    # --- paths -------------------------------------------------------------------

    def path(self, expr: Path, bound: Mapping[str, Record]) -> tuple[Path, Type]:
        here: Type | None = bound.get(expr.root) or self.roots.get(expr.root)
        if here is None:
            raise self.error(
                expr.span,
                f"`{expr.root}` is neither a root nor a bound variable.",
                wanted="one of " + ", ".join((*self.roots, *bound)),
                hint=suggest(expr.root, (*self.roots, *bound)),
            )
        for step in expr.steps:
            here = self.step(here, step, bound)
        return replace(expr, kind=here if isinstance(here, str) else ""), here

    def step(self, here: Type, step: Step, bound: Mapping[str, Record]) -> Type:
        if isinstance(here, Map):
            return self.key(here, step, bound)
        if isinstance(here, str) or step.how != "field":
            raise self.error(
                step.span,
                f"{_name(here).capitalize()} has no parts.",
                wanted="the end of the path",
                hint="remove this step",
            )
        if step.name not in here.fields:
            raise self.error(
                step.span,
                f"{here.name} has no field `{step.name}`.",
                wanted="one of " + (", ".join(here.fields) or "(nothing is declared)"),
                hint=suggest(step.name, here.fields),
            )
        return here.fields[step.name]

    def key(self, here: Map, step: Step, bound: Mapping[str, Record]) -> Record:
        if step.how == "field":
            raise self.error(
                step.span,
                f"A map of {here.element.name} has no fields.",
                wanted='an id in brackets, such as [p] or ["honest"]',
                hint=f'write ["{step.name}"] if that is an id',
            )
        if step.how == "variable" and bound.get(step.name) != here.element:
            known = [name for name, kind in bound.items() if kind == here.element]
            raise self.error(
                step.span,
                f"`{step.name}` is not a bound {here.element.name}, so it is no key here.",
                wanted=f"a variable that ranges over a map of {here.element.name}, or a quoted id",
                hint=suggest(step.name, known),
            )
        return here.element

    # --- demands -----------------------------------------------------------------

    def demand_bool(self, kind: Type, expr: Expr, by: str) -> None:
        if kind != "bool":
            raise self.error(
                expr.span,
                f"{by} needs something true or false, but this is {_name(kind)}.",
                wanted="bool",
                hint="compare it, for example `... >= 1`",
            )

    def demand_number(self, kind: Type, expr: Expr, by: str) -> None:
        if kind not in NUMERIC:
            raise self.error(
                expr.span,
                f"{by} needs a number, but this is {_name(kind)}.",
                wanted="int or real",
                hint="records and words have no order; compare them with `==` or `!=`",
            )

    def demand_comparable(self, expr: Binary, a: Type, b: Type) -> None:
        if (a in NUMERIC and b in NUMERIC) or a == b == "bool" or (a == b and a in WORDS):
            return
        for literal, kind in ((expr.left, b), (expr.right, a)):
            if isinstance(literal, Text) and kind in WORDS:
                return self.demand_word(literal, str(kind))
        raise self.error(
            expr.span,
            f"{_name(a).capitalize()} cannot equal {_name(b)}.",
            wanted="two numbers, two bools, or two words of one type",
            hint="compare a field, for example p.tier or p.id",
        )

    def demand_word(self, literal: Text, kind: str) -> None:
        if kind in ENUMS and literal.value not in ENUMS[kind]:
            raise self.error(
                literal.span,
                f'"{literal.value}" is no {kind}.',
                wanted="one of " + ", ".join(ENUMS[kind]),
                hint=suggest(literal.value, ENUMS[kind]),
            )

    def demand_free(self, expr: Quantifier, bound: Mapping[str, Record]) -> None:
        if expr.variable in self.roots or expr.variable in bound:
            raise self.error(
                expr.span,
                f"`{expr.variable}` already has a meaning here.",
                wanted="a new name for the variable",
                hint="use a single letter that is not used outside",
            )
        if len(bound) >= MAX_QUANTIFIERS:
            raise self.error(
                expr.span,
                "Too many quantifiers stand inside one another.",
                wanted=f"at most {MAX_QUANTIFIERS}",
                hint="split the rule",
            )


def _constant(expr: Expr) -> bool:
    """Whether the value is fixed by the policy file alone."""
    match expr:
        case Number():
            return True
        case Path():
            return expr.root == "param"
        case Unary():
            return _constant(expr.operand)
        case Binary():
            return expr.op in ARITHMETIC and _constant(expr.left) and _constant(expr.right)
        case _:
            return False


def _name(kind: Type) -> str:
    match kind:
        case Map():
            return f"a map of {kind.element.name}"
        case Record():
            return f"a whole {kind.name}"
        case "bool":
            return "true or false"
        case "int" | "real":
            return "a number"
        case _:
            return f"a {kind}"
