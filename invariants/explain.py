"""Why a rule holds or not, with the numbers, in the words of its own text."""

from collections.abc import Iterator

from invariants.ast import Binary, Expr, Quantifier, Unary
from invariants.evaluate import Bound, evaluate, members
from invariants.facts import Facts
from invariants.values import Missing, Value, shown

_MAX_QUOTED = 100


def reasons(expr: Expr, source: str, facts: Facts) -> tuple[str, ...]:
    """The comparisons that decided a rule: every one that failed, or those by which it holds."""
    return tuple(dict.fromkeys(_Reader(source, facts).lines(expr, {}, wanted=True)))


class _Reader:
    def __init__(self, source: str, facts: Facts) -> None:
        self.source = source
        self.facts = facts

    def lines(self, expr: Expr, bound: Bound, *, wanted: bool) -> Iterator[str]:
        """Why `expr` is, or is not, what was wanted of it."""
        match expr:
            case Unary(op="not"):
                yield from self.lines(expr.operand, bound, wanted=not wanted)
            case Binary(op="and" | "or" | "=>"):
                yield from self.connective(expr, bound, wanted)
            case Binary():
                yield self.comparison(expr, bound, wanted)
            case Quantifier():
                yield from self.quantifier(expr, bound, wanted)
            case _:
                value = self.value(expr, bound)
                demand = "" if value is wanted else f", but must be {shown(wanted)}"
                yield f"{self.text(expr)} is {shown(value)}{demand}"

    def connective(self, expr: Binary, bound: Bound, wanted: bool) -> Iterator[str]:
        """The sides that led to the outcome: of a failure, those that failed."""
        whole, left = self.value(expr, bound), self.value(expr.left, bound)
        implies = expr.op == "=>"
        sides = [(expr.left, wanted != implies), (expr.right, wanted)]
        if implies and wanted and left is False:
            for line in self.lines(expr.left, bound, wanted=False):
                yield f"does not apply: {line}"
            return
        if implies and wanted and left is True:
            sides = sides[1:]
        for side, want in sides:
            if (self.value(side, bound) is want) == (whole is wanted):
                yield from self.lines(side, bound, wanted=want)

    def comparison(self, expr: Binary, bound: Bound, wanted: bool) -> str:
        left, right = self.value(expr.left, bound), self.value(expr.right, bound)
        join = "is" if isinstance(left, Missing) else "="
        must = f"{'must' if wanted else 'must not'} be {expr.op} {shown(right)}"
        said = f"{self.text(expr.left)} {join} {shown(left)}"
        met = self.value(expr, bound) is wanted
        return f"{said} ({must})" if met else f"{said}, but {must}"

    def quantifier(self, expr: Quantifier, bound: Bound, wanted: bool) -> Iterator[str]:
        """Of `all` that fails, each id that fails it; otherwise a count."""
        assert expr.body is not None
        admitted = [(i, inner) for i, inner, yes in members(expr, self.facts, bound) if yes]
        if self.value(expr, bound) is wanted or (expr.op == "all") != wanted:
            found = sum(self.value(expr.body, inner) is True for _, inner in admitted)
            yield f"{self.text(expr)}: true for {found} of {len(admitted)}"
            return
        for key, inner in admitted:
            if self.value(expr.body, inner) is not wanted:
                for line in self.lines(expr.body, inner, wanted=wanted):
                    yield f"for {key}: {line}"

    def value(self, expr: Expr, bound: Bound) -> Value:
        return evaluate(expr, self.facts, bound)

    def text(self, expr: Expr) -> str:
        words = " ".join(self.source[slice(*expr.span)].split())
        return words if len(words) <= _MAX_QUOTED else words[: _MAX_QUOTED - 1] + "…"
