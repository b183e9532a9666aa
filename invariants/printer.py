"""Syntax tree to text: the one way in which a rule is laid out.

What is printed reads back as the same tree; brackets stand only where they change the meaning,
or where a quantifier would take more to its right than it does in the tree.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from invariants.ast import (
    COMPARISONS,
    Binary,
    Expr,
    Number,
    Path,
    Quantifier,
    Text,
    Truth,
    Unary,
)

WIDTH = 88
_INDENT = "  "
_LEVEL = {"=>": 1, "or": 2, "and": 3, "+": 6, "-": 6, "*": 7} | dict.fromkeys(COMPARISONS, 5)
_NOT, _MINUS, _ATOM = 4, 8, 9


def printed(expr: Expr, source: str = "", *, width: int = WIDTH) -> str:
    """A rule as text, broken at its weakest joints where it is wider than `width`.

    Args:
        expr: The rule.
        source: The text it was read from; its numbers keep the spelling that they have there.
        width: Characters of a line; what cannot be broken is longer.
    """
    return "\n".join(_Printer(source, width).lines(expr, 0, 0))


def bare(expr: Expr) -> Expr:
    """The same tree without places and types, to compare what two texts mean."""
    nowhere = (0, 0)
    match expr:
        case Path():
            steps = tuple(replace(step, span=nowhere) for step in expr.steps)
            return Path(expr.root, steps, nowhere)
        case Unary():
            return Unary(expr.op, bare(expr.operand), nowhere)
        case Binary():
            return Binary(expr.op, bare(expr.left), bare(expr.right), nowhere)
        case Quantifier():
            over = bare(expr.over)
            assert isinstance(over, Path)
            where = None if expr.where is None else bare(expr.where)
            body = None if expr.body is None else bare(expr.body)
            return Quantifier(expr.op, expr.variable, over, where, body, nowhere)
        case _:
            return replace(expr, span=nowhere)


class _Printer:
    def __init__(self, source: str, width: int) -> None:
        self.source = source
        self.width = width

    # --- on one line -------------------------------------------------------------

    def flat(self, expr: Expr, level: int) -> str:
        text = self.open(expr)
        return f"({text})" if _level(expr) < level else text

    def open(self, expr: Expr) -> str:
        match expr:
            case Number():
                return self.source[slice(*expr.span)] or spelled(expr.value)
            case Text():
                return f'"{expr.value}"'
            case Truth():
                return "true" if expr.value else "false"
            case Path():
                return _path(expr)
            case Unary(op="abs"):
                return f"abs({self.open(expr.operand)})"
            case Unary(op="not"):
                return f"not {self.flat(expr.operand, _NOT)}"
            case Unary():
                return f"-{self.flat(expr.operand, _MINUS)}"
            case Binary():
                left, right = _sides(expr)
                return f"{self.flat(expr.left, left)} {expr.op} {self.flat(expr.right, right)}"
            case Quantifier():
                body = "" if expr.body is None else f": {self.open(expr.body)}"
                return self.head(expr) + body

    def head(self, expr: Quantifier) -> str:
        where = "" if expr.where is None else f" where {self.flat(expr.where, 1)}"
        return f"{expr.op} {expr.variable} in {_path(expr.over)}{where}"

    # --- on several --------------------------------------------------------------

    def lines(self, expr: Expr, level: int, used: int) -> list[str]:
        """The text, `used` characters of whose lines are taken already."""
        flat = self.flat(expr, level)
        if used + len(flat) <= self.width:
            return [flat]
        if _level(expr) >= level:
            return self.broken(expr, used)
        first, *rest = self.broken(expr, used + 1)
        return [*_bracketed(f"({first}", rest)]

    def broken(self, expr: Expr, used: int) -> list[str]:
        match expr:
            case Unary(op="abs"):
                first, *rest = self.lines(expr.operand, 0, used + 4)
                return [*_bracketed(f"abs({first}", rest)]
            case Unary():
                mark = "not " if expr.op == "not" else "-"
                inner = self.lines(expr.operand, _level(expr), used + len(mark))
                return [mark + inner[0], *inner[1:]]
            case Binary(op="=>"):
                return [
                    *_ended(self.lines(expr.left, 2, used), " =>"),
                    *_indented(self.lines(expr.right, 1, used + len(_INDENT))),
                ]
            case Binary():
                return self.chain(expr, used)
            case Quantifier() if expr.body is not None:
                body = self.lines(expr.body, 0, used + len(_INDENT))
                return [self.head(expr) + ":", *_indented(body)]
            case _:
                return [self.open(expr)]

    def chain(self, expr: Binary, used: int) -> list[str]:
        """Operands of one strength below one another, each but the first after what joins it."""
        left, right = _sides(expr)
        spine: list[tuple[str, Expr]] = []
        here: Expr = expr
        while (
            isinstance(here, Binary)
            and _LEVEL[here.op] == _LEVEL[expr.op]
            and not (spine and here.op in COMPARISONS)
        ):
            spine.append((here.op, here.right))
            here = here.left
        found = self.lines(here, left, used)
        for op, operand in reversed(spine):
            first, *rest = self.lines(operand, right, used + len(op) + 1)
            found += [f"{op} {first}", *_indented(rest)]
        return found


def spelled(value: Fraction) -> str:
    """A number of at least 0 as a rule writes it: whole, decimal, or a ratio."""
    digits = value.denominator
    for prime in (2, 5):
        while digits % prime == 0:
            digits //= prime
    if digits != 1 or value.denominator > 10**6:
        return f"{value.numerator}/{value.denominator}"
    places = next(n for n in range(60) if (value * 10**n).denominator == 1)
    whole, rest = divmod(int(value * 10**places), 10**places)
    return f"{whole}.{rest:0{places}d}" if places else f"{whole}"


def _level(expr: Expr) -> int:
    match expr:
        case Binary():
            return _LEVEL[expr.op]
        case Unary(op="abs"):
            return _ATOM
        case Unary():
            return _NOT if expr.op == "not" else _MINUS
        case Quantifier():
            return 1
        case _:
            return _ATOM


def _sides(expr: Binary) -> tuple[int, int]:
    """How strongly the left and the right operand must bind to stand without brackets."""
    here = _LEVEL[expr.op]
    if expr.op == "=>":
        return here + 1, here
    return (here + 1 if expr.op in COMPARISONS else here), here + 1


def _path(path: Path) -> str:
    parts = {"field": ".{}", "variable": "[{}]", "literal": '["{}"]'}
    return path.root + "".join(parts[step.how].format(step.name) for step in path.steps)


def _indented(lines: list[str]) -> Iterator[str]:
    return (_INDENT + line for line in lines)


def _ended(lines: list[str], end: str) -> list[str]:
    return [*lines[:-1], lines[-1] + end]


def _bracketed(first: str, rest: list[str]) -> list[str]:
    return _ended([first, *(f" {line}" for line in rest)], ")")
