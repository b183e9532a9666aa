"""The reference page and the JSON Schema of policy files, made from the vocabulary itself.

python -m invariants.reference      writes docs/reference/policy.md
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from invariants import glossary
from invariants.document import MAX_BYTES, MAX_KEY_PARTS
from invariants.lexer import MAX_CHARACTERS, RESERVED
from invariants.parser import MAX_DEPTH
from invariants.parser import __doc__ as grammar
from invariants.policy import FORMAT
from invariants.roles import MOST_WAIT_HOURS, ROLES
from invariants.schema import (
    CHANGE,
    COUNTS,
    ENUMS,
    GUARANTEES,
    JUDGE,
    LEDGER,
    METRICS,
    PRINCIPLE,
    SANDBOX_LEVEL,
    STATE,
    Map,
    Record,
    Type,
)
from invariants.standing import SAYINGS
from invariants.tiers import FLOOR, ORDER
from invariants.typecheck import MAX_QUANTIFIERS
from invariants.values import MAX_DIGITS

PAGE = "docs/reference/policy.md"
_HEADERS = {
    "invariant": "[[invariant]]",
    "goal": "[[goal]]",
    "roles": "[roles.policy]` and `[roles.approve]",
}
_SCALARS = ("int", "real")
_NUMBER = r"^([+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?|[+-]?[0-9]+/[0-9]+)$"
_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


def page() -> str:
    """Every root, field, metric, type and operator of the language, as Markdown."""
    parts = [*_introduction(), *_file(), *_language(), *_facts(), *_law()]
    return "\n\n".join(parts) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a policy file, as far as a schema can tell."""
    rule = {"id": _text(), "need": _text(MAX_CHARACTERS), "say": _text()}
    on = {"on": {"enum": ["always", *(tier.value for tier in ORDER[:-1])]}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:plimsoll:{FORMAT}",
        "title": "Plimsoll invariant policy",
        **_object(
            {
                "format": {"const": FORMAT},
                "id": _text(),
                "version": {"type": "integer", "minimum": 1},
                "expires": {"description": "a TOML time with its offset"},
                "previous": {"type": "string", "pattern": r"^(sha256:)?[0-9a-f]{64}$"},
                "roles": _object({name: _role(name) for name in ROLES}, ()),
                "tier": _object(
                    {str(kind): {"enum": [str(t) for t in _above(kind)]} for kind in FLOOR}, ()
                ),
                "param": _named(_param()),
                "metric": _named({"oneOf": [_metric(kind) for kind in METRICS]}),
                "invariant": {
                    "type": "array",
                    "minItems": 1,
                    "items": _object({**rule, **on}, (*rule, "on")),
                },
                "goal": {"type": "array", "items": _object(rule, tuple(rule))},
            },
            ("format", "id", "version", "invariant"),
        ),
    }


# --- the page --------------------------------------------------------------------


def _introduction() -> Iterator[str]:
    yield "# The policy file"
    yield (
        "Made by `python -m invariants.reference` from the code that reads the file; "
        "do not edit. A guide with an example from start to end: "
        "[../guides/policies.md](../guides/policies.md)."
    )


def _file() -> Iterator[str]:
    yield "## The file"
    yield (
        f"TOML 1.0 in UTF-8, at most {MAX_BYTES:,} bytes, names of at most {MAX_KEY_PARTS} parts. "
        f'On top: `format = "{FORMAT}"`, `id` (text), `version` (1 or more), and `expires` '
        "(optional: a time with its offset, after which the policy is refused). A next version "
        'of a signed policy has `previous = "sha256:..."`, the digest of the one before.'
    )
    for group, keys in glossary.KEYS.items():
        yield f"### `{_HEADERS.get(group, f'[{group}.NAME]')}`"
        yield _table(("key", "holds"), ((f"`{key}`", says) for key, says in keys.items()))
    yield "### `[tier]`"
    yield (
        "`KIND = TIER` raises the tier of a kind of change; none can be lowered. "
        "The lowest tier of each:"
    )
    yield _table(("kind", "at least"), ((f"`{kind}`", str(tier)) for kind, tier in FLOOR.items()))


def _language() -> Iterator[str]:
    yield "## The language of `need`"
    yield _table(("written", "is", "means"), glossary.OPERATORS)
    body = (grammar or "").split("\n\n")[1]
    yield f"```text\n{body}\n```"
    yield (
        "`a and b or c` is `(a and b) or c`. The body of a quantifier takes everything to its "
        "right, so put brackets around `sum` and `count`. Numbers are `3`, `0.05` or `1/20`. "
        f"Reserved: {', '.join(f'`{word}`' for word in sorted(RESERVED))}."
    )
    yield (
        f"Limits: {MAX_CHARACTERS:,} characters and {MAX_DEPTH} levels a rule, {MAX_QUANTIFIERS} "
        f"quantifiers inside one another, {MAX_DIGITS} digits a number of a file."
    )
    yield "## Types"
    words = {kind: "one of " + ", ".join(f'`"{w}"`' for w in all_) for kind, all_ in ENUMS.items()}
    rows = {**glossary.TYPES, **words}
    yield _table(("type", "means"), ((f"`{name}`", says) for name, says in rows.items()))
    yield (
        "A fact that is missing (no adapter, no such metric, a number that is none) makes a "
        "comparison neither true nor false, and a rule that is not true refuses. Only where the "
        "rest decides does it not matter: `false and missing` is false, `true or missing` is true."
    )


def _facts() -> Iterator[str]:
    yield "## Roots"
    yield _table(("root", "is"), ((f"`{name}`", says) for name, says in glossary.ROOTS.items()))
    named = {"State": STATE, "Principle": PRINCIPLE, "Judge": JUDGE, "Facts": COUNTS}
    for name, record in {**named, "Ledger": LEDGER, "Change": CHANGE}.items():
        where = {"State": "`founding`, `old`, `new`", "Change": "`change`"}.get(name, f"{name}")
        yield f"### Fields of {where}"
        yield _fields(record, glossary.FIELDS[name])
    yield "## Metrics"
    yield (
        "`evidence.NAME.FIELD` for each `[metric.NAME]`; "
        f"`evidence.{SANDBOX_LEVEL}` is always there, as an exact one. Bounds are computed by the "
        "gate from counts, at most at the declared `alpha`, and rounded towards refusal."
    )
    kinds = ((f"`{kind}`", says, _listed(METRICS[kind].fields)) for kind, says in _kinds())
    yield _table(("kind", "means", "fields"), kinds)
    yield _fields(METRICS["proportion"], glossary.FIELDS["metric"])
    yield f"Guarantees: {_listed(GUARANTEES)}."


def _law() -> Iterator[str]:
    yield "## What no policy can switch off"
    yield _table(("rule", "says"), ((f"`{name}`", says) for name, says in SAYINGS.items()))


def _kinds() -> Iterator[tuple[Any, str]]:
    yield from glossary.METRICS.items()


def _fields(record: Record, says: Mapping[str, str]) -> str:
    rows = ((f"`{name}`", _type(kind), says[name]) for name, kind in record.fields.items())
    return _table(("field", "type", "means"), rows)


def _type(kind: Type) -> str:
    match kind:
        case Map():
            return f"map of {kind.element.name}"
        case Record():
            return kind.name
        case _:
            return f"`{kind}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(row) for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# --- the schema ------------------------------------------------------------------


def _text(most: int | None = None) -> dict[str, Any]:
    return {"type": "string", "minLength": 1} | ({"maxLength": most} if most else {})


def _object(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _named(item: Mapping[str, Any]) -> dict[str, Any]:
    names = {"pattern": _NAME, "not": {"enum": sorted(RESERVED)}}
    return {"type": "object", "propertyNames": names, "additionalProperties": dict(item)}


def _role(name: str) -> dict[str, Any]:
    lines = {"type": "array", "minItems": 1, "items": _text()}
    keys = {"keys": lines, "threshold": {"type": "integer", "minimum": 1}}
    wait = {"type": "integer", "minimum": 1, "maximum": MOST_WAIT_HOURS}
    given = keys | ({"wait_hours": wait} if name == "approve" else {})
    return _object(given, tuple(keys))


def _number() -> dict[str, Any]:
    return {"type": "string", "pattern": _NUMBER}


def _param() -> dict[str, Any]:
    fields = {"type": {"enum": list(_SCALARS)}, "value": _number(), "why": {"type": "string"}}
    return _object(fields, ("type", "value"))


def _metric(kind: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": {"const": kind}, "unit": _text(), "why": {"type": "string"}}
    required = ["kind", "unit"]
    if kind != "exact":
        fields |= {"alpha": _number(), "guarantee": {"enum": list(GUARANTEES)}}
    if kind == "mean":
        fields |= {"lower": _number(), "upper": _number()}
        required += ["lower", "upper"]
    return _object(fields, required)


def _above(kind: Any) -> Sequence[Any]:
    return ORDER[ORDER.index(FLOOR[kind]) :]


if __name__ == "__main__":
    place = Path(__file__).resolve().parent.parent / PAGE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(page(), encoding="utf-8")
