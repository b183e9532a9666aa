"""What turns set out to do, and which of it was parked for people and not taken up again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from logs.turns import Turn
from logs.vocabulary import EntryKind, Intervention

AMOUNTS = frozenset({"labels"})
"""Arguments that say how much of the same is done: to ask for one label fewer is no new idea."""


def same_idea(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two decisions on the same intervention want the same but for amounts."""
    a, b = ({n: v for n, v in args.items() if n not in AMOUNTS} for args in (one, other))
    return a == b


@dataclass(frozen=True, slots=True)
class Idea:
    """What one turn set out to do."""

    iteration: int
    intervention: Intervention
    arguments: Mapping[str, str]
    parked: bool

    def is_like(self, other: "Idea") -> bool:
        """Whether both are the same but for amounts."""
        same = self.intervention is other.intervention
        return same and same_idea(self.arguments, other.arguments)


def left(ideas: Iterable[Idea]) -> tuple[Idea, ...]:
    """Parked ideas that no later turn took up again, oldest first."""
    found: list[Idea] = []
    for idea in ideas:
        found = [known for known in found if not known.is_like(idea)]
        if idea.parked:
            found.append(idea)
    return tuple(found)


def parked_in(told: Iterable[Turn]) -> tuple[Idea, ...]:
    """What is parked in these turns of one session, told in their order."""
    return left(
        Idea(
            t.iteration,
            t.decision.intervention,
            t.decision.arguments,
            parked=EntryKind.PARKED in t.entries,
        )
        for t in told
        if t.decision
    )
