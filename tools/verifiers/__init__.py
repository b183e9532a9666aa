"""Verifiers: whether an answer is right, by a rule that everybody can read; no model is asked."""

from collections.abc import Mapping
from typing import Any, Protocol

from logs.errors import UsageError
from tools.verifiers.choices import Choice
from tools.verifiers.code import Code
from tools.verifiers.ifeval import IfEval
from tools.verifiers.labels import Label
from tools.verifiers.numbers import Number
from tools.verifiers.schemas import Schema
from tools.verifiers.texts import Exact, Pattern

__all__ = ["VERIFIERS", "Verifier", "verifier_named"]


class Verifier(Protocol):
    """One way to tell right answers; what it raises, it raises on the user's data, not on answers.

    A reference is what one prompt's answer is held against, as a JSON value.
    """

    @property
    def column(self) -> str:
        """Key of a row that it reads unless the settings name another."""
        ...

    def reference(self, given: Any, row: Mapping[str, Any]) -> Any:
        """The reference of a row, from the value of its answer column.

        Raises:
            ValueError: nothing could ever be held against this value.
        """
        ...

    def grade(self, answer: str, reference: Any) -> bool:
        """Whether an answer is right; one that cannot be read is not."""
        ...

    def formed(self, answer: str, reference: Any) -> bool:
        """Whether an answer has the form that is asked for, right or wrong."""
        ...


VERIFIERS: Mapping[str, Verifier] = {
    "number": Number(),
    "choice": Choice(),
    "exact": Exact(),
    "pattern": Pattern(),
    "label": Label(),
    "schema": Schema(),
    "ifeval": IfEval(),
    "code": Code(),
}


def verifier_named(name: str) -> Verifier:
    """A verifier by its name in the settings.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in VERIFIERS:
        raise UsageError(
            "There is no such verifier.",
            saw=repr(name[:80]),
            wanted=f"one of: {', '.join(VERIFIERS)}",
            try_this="edit data.verifier in plimsoll.toml",
        )
    return VERIFIERS[name]
