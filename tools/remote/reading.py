"""What a remote judge answered, read without trust: a number, or a name for why there is none."""

from typing import Any

from tools.remote.templates import Template
from tools.strict_json import value_in

MOST_CHARACTERS = 20_000
NOT_JSON, NOT_THE_FORM, OUT_OF_RANGE = "not-json", "not-the-form", "out-of-range"
BETTER = {"A": 1.0, "B": 0.0, "tie": 0.5}
"""What is said of the first of two answers."""


def read(text: str, template: Template) -> float | str:
    """The grade, or what is said of the first answer (1 better, 0 worse, 1/2 a tie); else a name.

    Strict: one JSON object with the one key that was asked for, and nothing beside it but thoughts
    before and a fence around. No number is looked for in words.
    """
    found = _object(text)
    if isinstance(found, str):
        return found
    field, form = next(iter(template.schema_of_answer["properties"].items()))
    if list(found) != [field]:
        return NOT_THE_FORM
    said = found[field]
    if template.kind == "pairwise":
        return BETTER.get(said, NOT_THE_FORM) if isinstance(said, str) else NOT_THE_FORM
    if type(said) is not int:
        return NOT_THE_FORM
    return float(said) if form["minimum"] <= said <= form["maximum"] else OUT_OF_RANGE


def _object(text: str) -> dict[str, Any] | str:
    """The one JSON object of a text, or a name."""
    if len(text) > MOST_CHARACTERS:
        return NOT_JSON
    try:
        found = value_in(text)
    except ValueError:
        return NOT_JSON
    return found if isinstance(found, dict) else NOT_THE_FORM
