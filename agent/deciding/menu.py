"""The menu: which interventions are possible now, each with the arguments that it may take.

Computed by code from what a decider sees; a model or a die chooses on it and nowhere else. What
is possible need not be lawful: the gate rules on whatever is made of it.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import product
from math import prod
from typing import Any

from agent.deciders import View
from agent.edits import OFFER
from agent.interventions.edit_constitution import REMEDIES
from agent.recall import DeadEnd, dead_ends
from logs.canonical import sha256
from logs.vocabulary import Alternative, Intervention, PrincipleTier

_NAME = re.compile(r"[A-Za-z0-9][\w.\-]{0,39}", re.ASCII)


def safe(name: str) -> str:
    """A name as it is if it is a plain one; else a digest, for it may be more than a name."""
    return name if _NAME.fullmatch(name) else f"id-{sha256(name.encode('utf-8', 'replace'))[:8]}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values: as they are shown, and as they are meant."""

    values: Mapping[str, str]

    def taken(self, said: object) -> str | None:
        """The value that was meant, or None."""
        return self.values.get(str(said)) if type(said) in (str, int) else None

    def drawn(self, rng: random.Random) -> str:
        """One of them, each as likely."""
        return rng.choice(list(self.values.values()))

    def shown(self) -> dict[str, Any]:
        """For whoever chooses."""
        return {"one_of": list(self.values)}

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a range, both ends included."""

    low: int
    high: int

    def taken(self, said: object) -> str | None:
        """The number, or None."""
        text = str(said)
        plain = type(said) in (str, int) and text.isascii() and text.isdigit() and len(text) < 10
        return str(int(text)) if plain and self.low <= int(text) <= self.high else None

    def drawn(self, rng: random.Random) -> str:
        """One of them, each as likely."""
        return str(rng.randint(self.low, self.high))

    def shown(self) -> dict[str, Any]:
        """For whoever chooses."""
        return {"from": self.low, "to": self.high}

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Item:
    """One intervention that is possible now."""

    intervention: Intervention
    means: str
    """What it does, in words of this project."""
    arguments: Mapping[str, Choice | Whole] = field(default_factory=dict)
    ends: bool = False
    """Whether the session ends with it."""

    def taken(self, said: Mapping[str, object]) -> dict[str, str] | None:
        """Arguments of a decision, or None if one is missing, unknown or not on offer."""
        if said.keys() != self.arguments.keys():
            return None
        meant = {name: kind.taken(said[name]) for name, kind in self.arguments.items()}
        found = {name: value for name, value in meant.items() if value is not None}
        return found if len(found) == len(meant) else None

    def drawn(self, rng: random.Random) -> dict[str, str]:
        """Arguments by chance."""
        return {name: kind.drawn(rng) for name, kind in self.arguments.items()}


def possible(view: View) -> tuple[Item, ...]:
    """Everything that may be chosen in this turn."""
    everything, left = _offers(view)
    # Where all was tried in vain, trying again is still better than a menu that only ends.
    return left if any(not item.ends for item in left) else everything


def barred(view: View) -> tuple[Alternative, ...]:
    """What would be possible, and is not offered since it came to nothing before."""
    if possible(view) != _offers(view)[1]:
        return ()
    return tuple(
        Alternative(intervention=d.intervention, because=d.because) for d in dead_ends(view)
    )


def is_barred(view: View, intervention: Intervention, arguments: Mapping[str, str]) -> bool:
    """Whether this is one of the dead ends that are not offered."""
    ends = dead_ends(view) if barred(view) else ()
    return any(d.bars(intervention, arguments) for d in ends)


def _offers(view: View) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Everything that can be done, and what of it is no dead end."""
    # It is made of what this module defines.
    from agent.deciding.menu_judges import of_constitution, of_judges

    kinds = (_training, _data, of_judges, _edits, of_constitution, _back, _endings)
    found = (item for of in kinds for item in of(view))
    everything = tuple(item for item in found if item.intervention not in view.without)
    dead = dead_ends(view)
    return everything, tuple(part for item in everything for part in _without(item, dead))


def _without(item: Item, dead: tuple[DeadEnd, ...]) -> Iterator[Item]:
    """The item with those choices that are no dead end; in parts, where they go by pairs."""
    choices = {n: kind for n, kind in item.arguments.items() if isinstance(kind, Choice)}
    every = [
        dict(zip(choices, shown, strict=True))
        for shown in product(*(kind.values for kind in choices.values()))
    ]
    left = [shown for shown in every if not _is_dead(item, choices, shown, dead)]
    if len(left) == len(every):
        yield item
        return
    whole = prod(len({shown[n] for shown in left}) for n in choices)
    fixed = [] if whole == len(left) else list(choices)[:-1]
    for values in dict.fromkeys(tuple(shown[n] for n in fixed) for shown in left):
        these = [s for s in left if tuple(s[n] for n in fixed) == values]
        fewer = {
            n: Choice({s: v for s, v in kind.values.items() if any(t[n] == s for t in these)})
            for n, kind in choices.items()
        }
        yield replace(item, arguments={**item.arguments, **fewer})


def _is_dead(
    item: Item, choices: Mapping[str, Choice], shown: Mapping[str, str], dead: tuple[DeadEnd, ...]
) -> bool:
    meant = {name: kind.values[shown[name]] for name, kind in choices.items()}
    return any(d.bars(item.intervention, arguments_of(item, meant)) for d in dead)


def _training(view: View) -> Iterator[Item]:
    errors = view.measured("judge_errors")
    if errors is None or errors.estimate is None or errors.estimate < 1:
        yield Item(Intervention.TRAIN, "train on what the panel prefers among the newest answers")


def _data(view: View) -> Iterator[Item]:
    from agent.deciding.menu_data import items  # it is written in the words of this file

    return items(view)


def _edits(view: View) -> Iterator[Item]:
    """Shifts that are automatic: within one step, and within the path that is left."""
    left = view.limits["weight_path_max"] - view.ledgers.weight_path
    flaws = [flaw for flaw in REMEDIES if (way := _way(view, flaw)) and 0 < 2 * way <= left]
    if flaws:
        wanted = {"flaw": _names(flaws), "size": Choice({"step": "step"})}
        means = "shift one lawful step of weight away from the principle that rewards this flaw"
        yield Item(Intervention.EDIT_CONSTITUTION, means, wanted)
    last = view.past[-1] if view.past else None
    if last and last.offer and last.head == view.head and last.flaw in REMEDIES:
        taken = {"flaw": _names([last.flaw]), OFFER: _names([str(last.iteration)])}
        means = "take the lawful weights that were offered in place of the edit just refused"
        yield Item(Intervention.EDIT_CONSTITUTION, means, taken)


def _way(view: View, flaw: str) -> Decimal | None:
    """Weight that a step against this flaw moves; None where it is not possible."""
    known = {p.id: p for p in view.state.constitution.principles}
    less, more = (known.get(name) for name in REMEDIES[flaw])
    if less is None or more is None:
        return None
    way = min(view.limits["step_l1"] / 2, less.weight)
    floor = view.limits.get("weight_floor", Decimal(0))
    held = less.tier is not PrincipleTier.ADAPTIVE and less.weight - way < floor
    return None if held else way


def _back(view: View) -> Iterator[Item]:
    """Commits that were in force when a turn of this session began; the vault has the last word."""
    if view.limits["gold_queries_max"] <= view.ledgers.gold_queries:
        return
    turns = {p.head: str(p.iteration) for p in reversed(view.past) if p.head != view.head}
    if turns:
        heads = {turn: head for head, turn in reversed(turns.items())}
        means = "bring back the commit with which this turn began, if the vault finds it better"
        yield Item(Intervention.ROLL_BACK, means, {"turn": Choice(heads)})


def _endings(_: View) -> Iterator[Item]:
    yield Item(Intervention.ASK_PERSON, "end the session with a question to a person", ends=True)
    yield Item(Intervention.STOP, "end the session", ends=True)


def _names(values: list[str]) -> Choice:
    return Choice({safe(value): value for value in values})


def arguments_of(item: Item, taken: Mapping[str, str]) -> dict[str, str]:
    """Arguments as the maker of an intervention reads them."""
    if item.intervention is Intervention.ROLL_BACK:
        return {"candidates": taken["turn"]}
    return dict(taken)
