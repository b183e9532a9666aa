"""The verifier of JSON answers: the one JSON value of an answer, held against a schema."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import regex

from tools.verifiers.texts import SECONDS

LONGEST = 100_000
"""Characters of an answer that are read."""
DEEPEST = 100
"""Nested lists and objects of an answer."""
_FENCED = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Schema:
    """Right is an answer that is JSON, bare or in one fence, and valid under the row's schema.

    Draft 2020-12 unless the schema names another. A reference to another document is refused:
    nothing is fetched.
    """

    column = "schema"

    def reference(self, given: Any, row: Mapping[str, Any]) -> dict[str, Any]:
        """The schema, as an object or as its text."""
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for

        schema = json.loads(given) if isinstance(given, str) else given
        if not isinstance(schema, dict) or not schema:
            raise ValueError("the schema is no JSON object, or an empty one")
        try:
            validator_for(schema).check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"it is no JSON schema: {error.message[:120]}") from error
        if outside := sorted(_outside(schema)):
            raise ValueError(f"the schema refers to another document: {outside[0][:80]!r}")
        if _values_of("patternProperties", schema):
            raise ValueError("patternProperties has no time limit here; name the properties")
        _require_refs(schema)
        return schema

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether the JSON value of the answer is valid."""
        found, value = value_of(answer)
        return found and _holds(reference, value)

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether the answer is JSON."""
        return value_of(answer)[0]


def value_of(answer: str) -> tuple[bool, Any]:
    """(whether an answer is one JSON value, the value); NaN and repeated keys are no JSON."""
    text = answer[:LONGEST].strip()
    fenced = _FENCED.findall(text)
    if len(fenced) == 1:
        text = fenced[0]
    try:
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return False, None
    return _depth(value) <= DEEPEST, value


def _holds(schema: Any, value: Any) -> bool:
    """Whether a value is valid; one on which the schema has no end, or no number, is not."""
    from jsonschema.validators import extend, validator_for

    held = extend(validator_for(schema), {"pattern": _pattern})
    try:
        return bool(held(schema).is_valid(value))
    except (RecursionError, OverflowError):
        return False


def _require_refs(schema: Any) -> None:
    """Refuse references that lead nowhere, or in a circle before anything is read.

    Raises:
        ValueError: with the reference.
    """
    from jsonschema.validators import validator_for

    whole = validator_for(schema)(schema)
    samples: tuple[Any, ...] = (None, {}, [], "", 0)
    try:
        for ref in [*_values_of("$ref", schema), *_values_of("$dynamicRef", schema)]:
            whole.evolve(schema={"$ref": ref}).is_valid(None)
        for value in samples:
            whole.is_valid(value)
    except Exception as error:  # jsonschema says what is not there by a class that it keeps private
        circle = isinstance(error, RecursionError)
        said = "to itself without an end" if circle else f"to what it has not: {error!s:.80}"
        raise ValueError(f"the schema refers {said}") from error


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _depth(value: Any) -> int:
    """How deep lists and objects are nested."""
    deep, here = 0, [value]
    while here and deep <= DEEPEST:
        inside = [x for x in here if isinstance(x, (dict, list))]
        here = [y for x in inside for y in (x.values() if isinstance(x, dict) else x)]
        deep += bool(inside)
    return deep


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    """A schema's `pattern`, with a time limit: an answer that keeps it busy is not valid."""
    from jsonschema.exceptions import ValidationError

    try:
        fits = not isinstance(value, str) or regex.search(pattern, value, timeout=SECONDS)
    except TimeoutError:
        fits = False
    if not fits:
        yield ValidationError("the pattern is not found")


def _outside(schema: Any) -> list[str]:
    """References that lead out of the schema."""
    refs = [*_values_of("$ref", schema), *_values_of("$dynamicRef", schema)]
    return [str(ref) for ref in refs if not str(ref).startswith("#")]


def _values_of(key: str, schema: Any) -> list[Any]:
    """What stands under a key, anywhere."""
    if isinstance(schema, list):
        return [found for x in schema for found in _values_of(key, x)]
    if not isinstance(schema, dict):
        return []
    inside = [found for x in schema.values() for found in _values_of(key, x)]
    return [*([schema[key]] if key in schema else []), *inside]
