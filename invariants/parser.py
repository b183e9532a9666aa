"""Text to syntax tree, by recursive descent along the grammar.

expr  = or [ "=>" expr ]
or    = and { "or" and }
and   = not { "and" not }
not   = "not" not | cmp
cmp   = add [ ("<="|"<"|">="|">"|"=="|"!=") add ]          not chained
add   = mul { ("+"|"-") mul }
mul   = unary { "*" unary }
unary = "-" unary | atom
atom  = NUMBER | STRING | "true" | "false" | "(" expr ")" | "abs" "(" expr ")" | quant | path
quant = ("all"|"any"|"sum") ID "in" path ["where" expr] ":" expr
      | "count" ID "in" path ["where" expr]
path  = ID { "." ID | "[" (ID | STRING) "]" }

The body of a quantifier takes everything to its right: put ( ) around `sum` and `count`.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import cast

from invariants.ast import (
    COMPARISONS,
    Binary,
    Expr,
    How,
    Number,
    Path,
    Quantifier,
    QuantifierOp,
    Step,
    Text,
    Truth,
    Unary,
    walk,
)
from invariants.lexer import RESERVED, Token, unreadable, words
from logs.errors import UsageError

MAX_DEPTH = 60
_MAX_NESTING = 40
"""Open brackets, negations and quantifiers; keeps this parser's own recursion small."""


def parse(source: str) -> Expr:
    """Read one rule.

    Raises:
        UsageError: the text does not follow the grammar, or is deeper than 60.
    """
    tree = _Parser(source).rule()
    deepest = max(walk(tree), key=lambda found: found[1])
    if deepest[1] > MAX_DEPTH:
        raise unreadable(
            source,
            deepest[0].span[0],
            "The rule is nested too deeply.",
            wanted=f"at most {MAX_DEPTH} levels",
            try_this="split it into several invariants; all of them must hold",
        )
    return tree


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = words(source)
        self.at = 0
        self.nesting = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def is_next(self, *texts: str) -> bool:
        return self.now.kind in ("op", "name") and self.now.text in texts

    def take(self) -> Token:
        token = self.now
        self.at += 1
        return token

    def expect(self, text: str, why: str) -> Token:
        if not self.is_next(text):
            raise self.error(f"Expected `{text}` {why}.", wanted=f"`{text}`", hint=f"add `{text}`")
        return self.take()

    def error(self, what: str, *, wanted: str, hint: str) -> UsageError:
        seen = f"`{self.now.text}`" if self.now.text else "the end of the rule"
        return unreadable(
            self.source, self.now.start, f"{what} Found {seen}.", wanted=wanted, try_this=hint
        )

    def deeper(self, read: Callable[[], Expr]) -> Expr:
        self.nesting += 1
        if self.nesting > _MAX_NESTING:
            raise self.error(
                "The rule is nested too deeply.",
                wanted=f"at most {_MAX_NESTING} open brackets, negations and quantifiers",
                hint="split it into several invariants; all of them must hold",
            )
        inner = read()
        self.nesting -= 1
        return inner

    # --- the grammar, from weak to strong binding --------------------------------

    def rule(self) -> Expr:
        tree = self.expr()
        if self.now.kind != "end":
            chained = self.is_next(*COMPARISONS)
            raise self.error(
                "A comparison cannot be chained." if chained else "The rule should end here.",
                wanted="the end of the rule, or `and`, `or`, `=>`",
                hint="write `a <= b and b <= c`" if chained else "join the two parts with `and`",
            )
        return tree

    def expr(self) -> Expr:
        left = self.chain(("or",), self.conjunction)
        if not self.is_next("=>"):
            return left
        self.take()
        return _join("=>", left, self.deeper(self.expr))

    def conjunction(self) -> Expr:
        return self.chain(("and",), self.negation)

    def negation(self) -> Expr:
        if not self.is_next("not"):
            return self.comparison()
        start = self.take().start
        inner = self.deeper(self.negation)
        return Unary("not", inner, (start, inner.span[1]))

    def comparison(self) -> Expr:
        left = self.sum()
        if not self.is_next(*COMPARISONS):
            return left
        return _join(self.take().text, left, self.sum())

    def sum(self) -> Expr:
        return self.chain(("+", "-"), self.product)

    def product(self) -> Expr:
        return self.chain(("*",), self.unary)

    def unary(self) -> Expr:
        if not self.is_next("-"):
            return self.atom()
        start = self.take().start
        inner = self.deeper(self.unary)
        return Unary("-", inner, (start, inner.span[1]))

    def chain(self, ops: tuple[str, ...], operand: Callable[[], Expr]) -> Expr:
        left = operand()
        while self.is_next(*ops):
            left = _join(self.take().text, left, operand())
        return left

    # --- atoms -------------------------------------------------------------------

    def atom(self) -> Expr:
        token = self.now
        if token.kind == "number":
            return self.number()
        if token.kind == "string":
            return Text(self.take().text[1:-1], (token.start, token.end))
        if self.is_next("true", "false"):
            return Truth(self.take().text == "true", (token.start, token.end))
        if self.is_next("(", "abs"):
            return self.bracket()
        if self.is_next("all", "any", "sum", "count"):
            return self.quantifier()
        if token.kind == "name" and token.text not in RESERVED:
            return self.path()
        raise self.error(
            "A value is missing.",
            wanted="a number, a quoted word, a path such as new.principles, or `(`",
            hint="complete the expression before this point",
        )

    def number(self) -> Number:
        token = self.take()
        top, _, bottom = token.text.partition("/")
        if bottom and int(bottom) == 0:
            raise unreadable(
                self.source,
                token.start,
                "A ratio divides by zero.",
                wanted="a denominator of at least 1",
                try_this="write a number such as 1/20",
            )
        return Number(Fraction(top) / int(bottom or 1), (token.start, token.end))

    def bracket(self) -> Expr:
        start = self.now.start
        absolute = self.is_next("abs")
        if absolute:
            self.take()
        self.expect("(", "to open the bracket")
        inner = self.deeper(self.expr)
        end = self.expect(")", "to close the bracket").end
        return Unary("abs", inner, (start, end)) if absolute else replace(inner, span=(start, end))

    def quantifier(self) -> Quantifier:
        first = self.take()
        variable = self.identifier("as the variable")
        self.expect("in", f"after `{first.text} {variable.text}`")
        over = self.path()
        where = body = None
        if self.is_next("where"):
            self.take()
            where = self.deeper(self.expr)
        if first.text != "count":
            self.expect(":", f"before the body of `{first.text}`")
            body = self.deeper(self.expr)
        end = (body or where or over).span[1]
        op = cast(QuantifierOp, first.text)
        return Quantifier(op, variable.text, over, where, body, (first.start, end))

    def identifier(self, role: str) -> Token:
        if self.now.kind != "name" or self.now.text in RESERVED:
            raise self.error(
                f"Expected a name {role}.",
                wanted="a name that is not reserved",
                hint="choose a name",
            )
        return self.take()

    def path(self) -> Path:
        root = self.identifier("to start a path")
        steps: list[Step] = []
        while self.is_next(".", "["):
            steps.append(self.step())
        end = steps[-1].span[1] if steps else root.end
        return Path(root.text, tuple(steps), (root.start, end))

    def step(self) -> Step:
        opening = self.take()
        if opening.text == ".":
            name = self.identifier("after the dot")
            return Step("field", name.text, (opening.start, name.end))
        if self.now.kind == "string":
            how: How = "literal"
            key = self.take().text[1:-1]
        else:
            how, key = "variable", self.identifier("or a quoted id as key").text
        end = self.expect("]", "after the key").end
        return Step(how, key, (opening.start, end))


def _join(op: str, left: Expr, right: Expr) -> Binary:
    return Binary(op, left, right, (left.span[0], right.span[1]))
