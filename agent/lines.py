"""One line of the decision table: its conditions as data, what it says, and where it looks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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
"""Fills a decision in, or says in words why not. It may decline, but nobody asks it to guard."""

Words = str | Callable[[View], str]
"""Why a line passes, as people read it."""


@dataclass(frozen=True, slots=True)
class Need:
    """A condition of a whole line, and what is said where it is not met."""

    when: str
    otherwise: Words


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that a line can do: when, which act, and who fills in the rest."""

    act: str
    """A name out of `agent.table.acts`."""
    when: str
    fill: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """The conditions of a line: all needs are met, and the first way whose condition is true."""

    needs: tuple[Need, ...] = ()
    ways: tuple[Way, ...]
    otherwise: Words = "no way of doing it is open"
    last_resort: bool = False
    """The line that must decide: what is switched off for a session is not switched off in it."""


class Entry(NamedTuple):
    """A line of the table: its id, what it is mainly for, and its conditions.

    A plain function stands for the one way of doing that intervention wherever that is lawful;
    the function may decline, with its reason.
    """

    id: str
    intervention: Intervention
    guarded: Guarded | Rule


def said(words: Words, view: View) -> str:
    """The words, about this view."""
    return words if isinstance(words, str) else words(view)


def finding(view: View, kind: Hypothesis) -> Finding | None:
    """What the diagnosis says of one hypothesis."""
    return next((f for f in view.diagnosis.findings if f.hypothesis is kind), None)
