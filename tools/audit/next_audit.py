"""How many items the next audit needs, from the discordance that the last one measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from tools.audit.design import Kept
from tools.audit.measuring import shifts_of
from tools.instruments.audit import plan
from tools.instruments.audit.planning import Plan


@dataclass(frozen=True, slots=True)
class Needed:
    """What every bias asks of the next audit."""

    plans: Mapping[str, Plan]

    @property
    def undecided(self) -> dict[str, Plan]:
        """The biases that the last audit did not decide."""
        return {name: p for name, p in self.plans.items() if p.enlarge_to > p.clusters}

    @property
    def pairs(self) -> int:
        """Clusters that decide all of them; 0 where all are decided."""
        return max((p.enlarge_to for p in self.undecided.values()), default=0)


def needed(kept: Kept, faults: Mapping[str, str]) -> Needed:
    """A plan for each bias of an audit."""
    return Needed({name: plan(shift) for name, shift in shifts_of(kept.verdicts, faults).items()})
