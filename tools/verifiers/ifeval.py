"""The verifier of instructions that can be checked: IFEval, all of a prompt's instructions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.verifiers.ifeval_checks import CHECKS

RELATIONS = ("less than", "at least")
LONGEST = 100_000
"""Characters of an answer that are read."""


@dataclass(frozen=True, slots=True)
class IfEval:
    """Right is an answer that follows every instruction: the paper's strict accuracy of prompts.

    Source: Zhou et al. (2023), arXiv 2311.07911; rows as in its published data.
    """

    column = "instruction_id_list"

    def reference(self, given: Any, row: Mapping[str, Any]) -> list[list[Any]]:
        """[[id, arguments], ...] from `instruction_id_list` and `kwargs`."""
        kwargs = row.get("kwargs")
        if not isinstance(given, list) or not given:
            raise ValueError("instruction_id_list is no list of instructions")
        if not isinstance(kwargs, list) or len(kwargs) != len(given):
            raise ValueError("kwargs is no list with one object for each instruction")
        return [[name, _wants(name, told)] for name, told in zip(given, kwargs, strict=True)]

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether every instruction is followed; an empty answer follows none."""
        text = answer[:LONGEST]
        return bool(text.strip()) and all(CHECKS[name][0](text, told) for name, told in reference)

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether anything is said."""
        return bool(answer.strip())


def _wants(name: Any, told: Any) -> dict[str, Any]:
    """The arguments of one instruction that its check reads.

    Raises:
        ValueError: there is no such instruction, or an argument is missing or of another kind.
    """
    if name not in CHECKS:
        raise ValueError(f"there is no instruction {name!r}")
    given = told if isinstance(told, Mapping) else {}
    found: dict[str, Any] = {}
    wanted: Mapping[str, Any] = CHECKS[name][1]
    for key, kind in wanted.items():
        value: Any = given.get(key)
        if kind is int and isinstance(value, float) and value.is_integer():
            value = int(value)  # tables that lack a value in some rows make floats of the others
        if not isinstance(value, kind) or isinstance(value, bool) or value in ("", []):
            raise ValueError(f"{name}: {key} = {value!r} does not fit")
        if key.endswith("relation") and value not in RELATIONS:
            raise ValueError(f"{name}: {key} = {value!r} is neither of {RELATIONS}")
        if kind is list and not all(isinstance(x, str) and x for x in value):
            raise ValueError(f"{name}: {key} holds something that is no text")
        found[key] = value
    return found
