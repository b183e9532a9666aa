"""A world that z3 found, as facts that the exact evaluator can read again.

Whatever a solver claims of a counterexample is checked by other code before people see it.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from invariants.schema import WORDS, Map, Record, Type
from invariants.solver import Formulas, Reader
from invariants.values import Collection, Missing, Tree, Value


def grounded(
    roots: Mapping[str, Tree], types: Mapping[str, Record], formulas: Formulas, value_of: Reader
) -> dict[str, Tree]:
    """Every root with the values of this world; present records only."""
    reader = _Grounding(formulas, value_of)
    return {name: reader.record(tree, types[name]) for name, tree in roots.items()}


class _Grounding:
    def __init__(self, formulas: Formulas, value_of: Reader) -> None:
        self.formulas = formulas
        self.value_of = value_of

    def record(self, tree: Tree, record: Record) -> Tree:
        return {
            name: self.fact(tree[name], kind)
            for name, kind in record.fields.items()
            if name in tree
        }

    def fact(self, found: Any, kind: Type) -> Any:
        match kind:
            case Map():
                items = {key: self.record(item, kind.element) for key, item in found.items.items()}
                here = {key: item for key, item in items.items() if item["present"] is True}
                return Collection(found.name, here)
            case Record():
                return self.record(found, kind)
            case _:
                return self.scalar(found, kind)

    def scalar(self, found: Any, kind: str) -> Value:
        if isinstance(found, (bool, Fraction, str, Missing)):
            return found
        value = self.value_of(found)
        if kind == "bool":
            return bool(value)
        if kind in WORDS:
            return self.formulas.spelled(int(value))
        return Fraction(value)
