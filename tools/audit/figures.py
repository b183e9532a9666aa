"""What the plots of a card show, before anybody draws: rows of a profile, a reliability curve."""

from collections.abc import Sequence
from dataclasses import dataclass

from logs.vocabulary import Measurement, Status
from tools.audit.card import JudgeCard
from tools.audit.design import Kept
from tools.audit.verdict_card import claims_of
from tools.instruments.audit.bounds import GREEN, RED
from tools.instruments.reliability import ReliabilityCurve, reliability_curve

MARGINS = (GREEN, RED)
"""Largest shift that is taken for none, and smallest that is a fault."""
FEWEST = 20
"""Claims below which a reliability curve would only show noise."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bias of a profile."""

    name: str
    estimate: float | None
    """None where it is withheld: the audit was too small to tell."""
    low: float | None
    high: float | None
    status: Status
    upwards: bool
    """Whether only a shift upwards is a fault."""

    @property
    def says(self) -> str:
        """The numbers as text."""
        if self.low is None or self.high is None:
            return "not measured"
        return f"{_signed(self.estimate)} [{_signed(self.low)}, {_signed(self.high)}]"


def measured(card: JudgeCard) -> tuple[tuple[str, Measurement], ...]:
    """Position and every bias by name, in the order of the audit; stereotypes after them."""
    audit = card.audit
    position = (("position", m) for m in audit.position if m.instrument == "position_bias")
    biases = ((bias.name, bias.shift) for bias in audit.biases)
    groups = ((f"{m.instrument.replace('_', ' ')} {m.of}", m) for m in audit.groups)
    return (*position, *biases, *groups)


def profile(card: JudgeCard) -> tuple[Row, ...]:
    """The rows of a profile, one per bias."""
    named = {bias.name for bias in card.audit.biases}
    return tuple(_row(name, m, upwards=name in named and _upwards(m)) for name, m in measured(card))


def _upwards(shift: Measurement) -> bool:
    """A green status far below zero is one of which only the other direction is a fault."""
    return shift.low is not None and shift.status is Status.GREEN and shift.low < -RED


def _row(name: str, m: Measurement, *, upwards: bool = False) -> Row:
    return Row(name, m.estimate, m.low, m.high, m.status, upwards)


def span(rows: Sequence[Row]) -> tuple[float, float]:
    """Where the axis begins and ends: it holds every interval and both margins."""
    seen = [x for r in rows for x in (r.low, r.high) if x is not None]
    edge = 2 * MARGINS[-1]
    return max(-1.0, min([-edge, *seen])), min(1.0, max([edge, *seen]))


def curve(kept: Kept) -> ReliabilityCurve | None:
    """What the judge claimed against what was so; None where it gave too few probabilities."""
    p, y, _ = claims_of(kept.verdicts)
    return reliability_curve(p, y) if len(p) >= FEWEST else None


def heading(card: JudgeCard) -> str:
    """Whose profile this is, in one line."""
    may = [str(use.purpose) for use in card.uses if use.allowed]
    return f"judge {card.judge}: may {', '.join(may) or 'not be used'}"


def _signed(value: float | None) -> str:
    return "?" if value is None else f"{0.0 if abs(value) < 5e-4 else value:+.3f}"


def accuracy_of(card: JudgeCard) -> str:
    """Both-orders accuracy in words, where it was measured."""
    for m in card.audit.reliability:
        if m.instrument in ("both_orders_accuracy", "accuracy_told") and not m.of:
            said = " to ".join("?" if x is None else f"{x:.3f}" for x in (m.low, m.high))
            estimate = "unknown" if m.estimate is None else f"{m.estimate:.3f}"
            return f"{m.instrument.replace('_', ' ')} {estimate} ({said}), n {m.n}"
    return "accuracy not measured: no right answers are known"
