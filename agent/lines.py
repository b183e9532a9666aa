"""One line of the decision table: what it says, and where it looks."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.deciders import View
from logs.vocabulary import Finding, Hypothesis, Intervention, Prediction


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of the table says: an intervention with its reason, or why it passes."""

    intervention: Intervention
    because: str
    arguments: dict[str, str]
    predicted: Prediction | None = None


Rule = Callable[[View], Line | str]
"""A line applies and decides, or says in words why it does not."""


def finding(view: View, kind: Hypothesis) -> Finding | None:
    """What the diagnosis says of one hypothesis."""
    return next((f for f in view.diagnosis.findings if f.hypothesis is kind), None)
