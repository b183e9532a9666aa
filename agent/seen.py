"""What a diagnosis looks at: this observation, earlier ones, and what became of earlier turns."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.deciders import Past, find
from logs.scales import comparable
from logs.vocabulary import Measurement, Observation
from tools.instruments import judge_accuracy


@dataclass(frozen=True, slots=True)
class Seen:
    """One turn with its history; a pure value."""

    now: Observation
    before: Sequence[Observation]
    """Every earlier turn of the session, oldest first."""
    audited: Sequence[Observation]
    """Those of the last turns whose audited pairs were about the panel of now."""
    past: Sequence[Past]
    """What was decided in earlier turns, and what became of it."""
    kl_max: float
    """Drift from the anchor that the policy allows, nats per token."""
    judge_floor: float = 0.5
    """Lower bound of the panel's accuracy from which the law lets it label training data."""
    judge_n: int = 0
    """Audited pairs that the law wants for that."""

    def measured(self, name: str, of: str = "") -> Measurement | None:
        """A measurement of now that has an estimate."""
        found = find(self.now, name, of)
        return found if found is not None and found.estimate is not None else None

    def all_of(self, name: str) -> list[Measurement]:
        """Every measurement of that name with an estimate, whatever it is of."""
        found = (m for m in self.now.measurements if m.instrument == name)
        return [m for m in found if m.estimate is not None]

    def last(self, name: str, of: str = "") -> Measurement | None:
        """The newest earlier measurement of that name with an estimate."""
        found = (find(o, name, of) for o in reversed(self.before))
        return next((m for m in found if m is not None and m.estimate is not None), None)

    @property
    def accuracy(self) -> Measurement | None:
        """The panel's accuracy on the audited pairs of the last turns."""
        return panel_accuracy([*self.audited, self.now])

    @property
    def last_turn(self) -> Past | None:
        """The turn before this one, if this session had one."""
        return self.past[-1] if self.past else None

    def first_on_this_scale(self, score: Measurement | None) -> Measurement | None:
        """The oldest score to hold this one against: of the same panel and constitution."""
        earlier = (find(o, "judge_score") for o in self.before)
        return next((m for m in earlier if m and score and comparable(m, score)), None)


def panel_accuracy(seen: Sequence[Observation]) -> Measurement | None:
    """The panel's accuracy on the audited pairs of several turns; the gate is told the same."""
    each = [m for o in seen if (m := find(o, "judge_accuracy", "panel"))]
    if len(each) < 2:
        return each[0] if each else None
    return judge_accuracy(sum(m.count or 0 for m in each), sum(m.n for m in each), judge="panel")


def say(m: Measurement) -> str:
    """A measurement as one line of evidence."""
    name = f"{m.instrument}[{m.of}]" if m.of else m.instrument
    if m.estimate is None:
        return f"{name} {m.status} n={m.n}"
    interval = "" if m.low is None or m.high is None else f" [{m.low:.3f}, {m.high:.3f}]"
    return f"{name} = {m.estimate:.3f}{interval} n={m.n}"
