"""Made-up policies over the whole grammar, facts for them, and files that were spoiled."""

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from invariants.facts import Facts
from invariants.schema import ENUMS, SANDBOX_LEVEL, WORDS, Map, MetricKind, Record, Type, roots
from invariants.values import Collection, Missing

PARAMS = {"bound": "real", "few": "int"}
METRICS: dict[str, MetricKind] = {"share": "proportion", "drift": "mean", "overlap": "exact"}
KNOWN = roots(PARAMS, METRICS)
VOCABULARY = ("alpha", "beta")
"""Words of the types that list none, few enough to be equal now and then."""
IDS = ("a", "b", "c")
VARIABLES = "pqr"
DEEPEST = 2


class Author:
    """Writes rules at random, typed by construction, over every root, field and operator."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.used: set[str] = set()

    def rule(self, depth: int, bound: dict[str, Record] | None = None) -> str:
        """A rule: true, false, or missing something."""
        env = bound or {}
        if depth == 0 or self.rng.random() < 0.15:
            return self.atom(env)
        op = self.rng.choice(("and", "or", "=>", "not", "all", "any"))
        self.used.add(op)
        if op == "not":
            return f"not ({self.rule(depth - 1, env)})"
        if op in ("all", "any"):
            return self.quantified(op, depth, env) or self.atom(env)
        return f"({self.rule(depth - 1, env)}) {op} ({self.rule(depth - 1, env)})"

    def atom(self, env: dict[str, Record]) -> str:
        """A comparison, a bool fact or a constant."""
        kind = self.rng.choice(("number", "number", "word", "bool", "bools", "constant"))
        if kind == "number":
            op = self.rng.choice(("<=", "<", ">=", ">", "==", "!="))
            self.used.add(op)
            return f"{self.number(2, env)} {op} {self.number(2, env)}"
        if kind == "word":
            return self.words(env)
        if kind == "bools":
            return f"{self.fact(('bool',), env)} == {self.fact(('bool',), env)}"
        return self.fact(("bool",), env) if kind == "bool" else self.rng.choice(("true", "false"))

    def words(self, env: dict[str, Record]) -> str:
        """Two words of one type, one of them perhaps a literal."""
        kind = self.rng.choice(WORDS)
        self.used.add(kind)
        left, op = self.fact((kind,), env), self.rng.choice(("==", "!="))
        literal = f'"{self.rng.choice(ENUMS.get(kind, VOCABULARY))}"'
        return f"{left} {op} {self.rng.choice((literal, self.fact((kind,), env)))}"

    def number(self, depth: int, env: dict[str, Record]) -> str:
        """A number of any make."""
        if depth == 0 or self.rng.random() < 0.35:
            return self.rng.choice((self.constant(), self.fact(("int", "real"), env)))
        op = self.rng.choice(("+", "-", "*", "neg", "abs", "sum", "count"))
        self.used.add(op)
        if op in ("sum", "count"):
            return self.quantified(op, depth, env) or self.constant()
        a = self.number(depth - 1, env)
        if op in ("neg", "abs"):
            return f"(-({a}))" if op == "neg" else f"abs({a})"
        other = self.constant() if op == "*" else self.number(depth - 1, env)
        return f"(({a}) {op} ({other}))"

    def constant(self) -> str:
        """A number that the file fixes."""
        texts = ("0", "1", "0.25", "1/3", "7/20", "param.bound", "param.few")
        return self.rng.choice(texts)

    def quantified(self, op: str, depth: int, env: dict[str, Record]) -> str:
        """A quantifier over some map, in brackets; nothing where no more may stand."""
        if len(env) >= DEEPEST:
            return ""
        variable = VARIABLES[len(env)]
        root = self.rng.choice(("founding", "old", "new"))
        name = self.rng.choice(("principles", "judges"))
        over = KNOWN[root].fields[name]
        assert isinstance(over, Map)
        inner = {**env, variable: over.element}
        where = f" where {self.rule(depth - 1, inner)}" if self.rng.random() < 0.5 else ""
        body = ""
        if op != "count":
            made = self.number if op == "sum" else self.rule
            body = f": {made(depth - 1, inner)}"
        return f"({op} {variable} in {root}.{name}{where}{body})"

    def fact(self, kinds: Sequence[str], env: dict[str, Record]) -> str:
        """A path of one of these types, from any root or bound variable that has one."""
        found = [
            text
            for root, record in {**KNOWN, **env}.items()
            for text, kind in self.paths(root, record, env)
            if kind in kinds
        ]
        return self.rng.choice(found)

    def paths(self, text: str, here: Type, env: dict[str, Record]) -> list[tuple[str, str]]:
        """Every scalar below, the items of a map by a bound variable or by an id."""
        if isinstance(here, str):
            return [(text, here)]
        if isinstance(here, Map):
            keys = [f"[{v}]" for v, record in env.items() if record == here.element]
            return self.paths(text + self.rng.choice([*keys, '["a"]', '["c"]']), here.element, env)
        return [
            found
            for name, kind in here.fields.items()
            for found in self.paths(f"{text}.{name}", kind, env)
        ]


def facts_for(rng: random.Random, *, missing: float = 0.03) -> Facts:
    """Facts for `KNOWN`; each is missing with this probability."""
    made = {name: _record(rng, record, name, missing) for name, record in KNOWN.items()}
    made["param"] = {"bound": _number(rng, "real"), "few": _number(rng, "int")}
    level = made["evidence"][SANDBOX_LEVEL]
    level["hi"] = level["lo"]
    return Facts(made)


def _record(rng: random.Random, of: Record, name: str, missing: float) -> dict[str, Any]:
    return {f: _fact(rng, kind, f"{name}.{f}", missing) for f, kind in of.fields.items()}


def _fact(rng: random.Random, kind: Type, name: str, missing: float) -> Any:
    if isinstance(kind, Record):
        return _record(rng, kind, name, missing)
    if isinstance(kind, Map):
        ids = [i for i in IDS if rng.random() < 0.7]
        items = {i: _record(rng, kind.element, f"{name}[{i}]", missing) for i in ids}
        for key, item in items.items():
            # As the extractor makes them: an item that is there says so, and knows its id.
            item.update(present=True, id=key)
        return Collection(name, items)
    if rng.random() < missing:
        return Missing(f"{name} is not known")
    return _scalar(rng, kind)


def _scalar(rng: random.Random, kind: str) -> Any:
    if kind == "bool":
        return rng.random() < 0.5
    if kind in ("int", "real"):
        return _number(rng, kind)
    return rng.choice(ENUMS.get(kind, VOCABULARY))


def _number(rng: random.Random, kind: str) -> Fraction:
    return Fraction(rng.randrange(4)) if kind == "int" else Fraction(rng.randrange(21), 20)


def filled(tree: Any, kind: Type, rng: random.Random) -> Any:
    """The same facts with some value of its type for each that is missing."""
    if isinstance(kind, Record):
        return {name: filled(tree[name], below, rng) for name, below in kind.fields.items()}
    if isinstance(kind, Map):
        items = {key: filled(item, kind.element, rng) for key, item in tree.items.items()}
        return Collection(tree.name, items)
    return _scalar(rng, kind) if isinstance(tree, Missing) else tree


def spoiled(rng: random.Random, data: bytes) -> bytes:
    """A file with a few of its bytes, lines or words changed, doubled, swapped or gone."""
    for _ in range(rng.randrange(1, 4)):
        data = rng.choice(_WAYS)(rng, data)
    return data


_PIECES = (
    b"\x00", b"\xff", b'"', b"'''", b"[[", b"]", b"{", b"=", b".", b"#", b"\n", b"nan", b"inf",
    b"1e999999999", b"0x" + b"f" * 9000, b"true", b"1/0", b"param", b"[[invariant]]\n",
    b"[" * 900, b"(" * 200, b"a." * 400, b"not " * 90, b"-" * 300, b"sum p in new.principles: ",
    b"9" * 5000, "\u202e\u00e9".encode(), b"version = 1\n",
    b"expires = 0001-01-01T00:00:00+14:00\n",
)  # fmt: skip


def _cut(rng: random.Random, data: bytes) -> bytes:
    a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:a] + data[min(b, a + rng.randrange(1, 400)) :]


def _put(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_PIECES) + data[at:]


def _flip(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def _lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]
    return b"\n".join(lines + lines[at : at + rng.randrange(40)])


def _words(rng: random.Random, data: bytes) -> bytes:
    words = data.split(b" ")
    words[rng.randrange(len(words))] = rng.choice(words)
    return b" ".join(words)


_WAYS = (_cut, _put, _flip, _lines, _words)
