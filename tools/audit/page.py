"""The card of a judge as a page of Markdown, for people."""

from collections.abc import Iterable, Sequence

from logs.vocabulary import Measurement
from tools.audit.card import FLOORS, SHIFTS, JudgeCard, Purpose


def page(card: JudgeCard, *, notes: Sequence[str] = (), drawn: str = "", links: str = "") -> str:
    """The whole card: what it may be used for first, then the numbers that say so.

    Args:
        notes: what stands against believing the card itself: expired, of another version.
        drawn: its plots as text.
        links: its plots as files.
    """
    parts = [
        f"# Judge {_cell(card.judge)}",
        *(f"> **{_cell(note)}**" for note in notes),
        f"Version `{card.judge_hash[:12]}`, prompt `{card.prompt_hash[:12]}`. Audited in iteration "
        f"{card.audited} with {card.audit.calls} calls on {card.audit.items} items; the card "
        f"expires in iteration {card.expires}.",
        _uses(card),
        *([f"```text\n{drawn}\n```"] if drawn else []),
        *([links] if links else []),
        "## Reliability\n\n" + _table(card.audit.reliability),
        "## Position\n\n" + _table(card.audit.position),
        "## Noise\n\n" + _table(card.audit.noise),
        "## Biases\n\n" + _biases(card),
        *(["## Groups of people\n\n" + _table(card.audit.groups)] if card.audit.groups else []),
        "## Empty answers\n\n" + _one(card.audit.attacks, "Not audited."),
        "## Calibration\n\n" + _one(card.calibration, "Not measured."),
        "## Cost\n\n" + _cost(card),
        "## Sources\n\n" + (_list(card.sources) or "None named."),
        "## What this rests on\n\n" + _list(card.audit.statement),
    ]
    return "\n\n".join(parts) + "\n"


def _uses(card: JudgeCard) -> str:
    lines = [
        "## May be used to",
        "",
        "| purpose | answer | what stands against it |",
        "|---|---|---|",
    ]
    for use in card.uses:
        answer = "yes" if use.allowed else "**no**"
        lines.append(f"| {use.purpose} | {answer} | {_cell('; '.join(use.against)) or 'nothing'} |")
    floors = ", ".join(f"{p} {FLOORS[p]:.2f}" for p in Purpose)
    lines += ["", f"Floors of both-orders accuracy, by its lower bound: {floors}."]
    limits = ", ".join(f"{p} {SHIFTS[p]:.2f}" for p in Purpose if SHIFTS[p] < 1)
    return "\n".join([*lines, f"Largest upper bound of any bias: {limits}."])


def _biases(card: JudgeCard) -> str:
    if not card.audit.biases:
        return "None audited."
    lines = [
        "| bias | shift | 95 % interval | upper bound | p (Holm) | flips beyond noise | status "
        "| items next |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for b in card.audit.biases:
        excess = "" if b.excess is None else _number(b.excess.estimate)
        lines.append(
            f"| {_cell(b.name)} | {_number(b.shift.estimate)} | {_interval(b.shift)} | "
            f"{b.upper:.3f} | {b.p_holm:.2g} | {excess} | {b.shift.status} | {b.next_items} |"
        )
    if card.audit.position and _stuck(card):
        lines += [
            "",
            "This judge hardly changes any verdict, whatever is shown: that no treatment moves "
            "it says nothing for it.",
        ]
    return "\n".join(lines)


def _stuck(card: JudgeCard) -> bool:
    """Whether unmoved verdicts are those of a judge that tells nothing apart."""
    accuracy = [m for m in card.audit.reliability if m.instrument == "both_orders_accuracy"]
    return bool(accuracy) and (accuracy[0].high or 0.0) < FLOORS[Purpose.RANK]


def _table(measured: Iterable[Measurement]) -> str:
    lines = ["| what | of | estimate | 95 % interval | n | status |", "|---|---|---|---|---|---|"]
    for m in measured:
        lines.append(
            f"| {m.instrument} | {_cell(m.of) or 'all'} | {_number(m.estimate)} | {_interval(m)} "
            f"| {m.n} | {m.status} |"
        )
    return "\n".join(lines) if len(lines) > 2 else "Not measured."


def _one(m: Measurement | None, otherwise: str) -> str:
    return _table([m]) if m else otherwise


def _cost(card: JudgeCard) -> str:
    cost = card.cost
    if cost is None:
        return "Not measured."
    said = [f"{cost.seconds_per_call:.3g} s a call, over {cost.calls} calls"]
    if cost.tokens_per_call is not None:
        said.append(f"{cost.tokens_per_call:.4g} tokens a call")
    if cost.price_per_call is not None:
        said.append(f"{cost.price_per_call:.4g} {cost.currency} a call")
    return "; ".join(said) + "."


def _number(x: float | None) -> str:
    return "?" if x is None else f"{x:.3f}"


def _interval(m: Measurement) -> str:
    return "none" if m.low is None or m.high is None else f"{m.low:.3f} to {m.high:.3f}"


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {_cell(line)}" for line in lines)


def _cell(text: str) -> str:
    """Text of others cannot break out of its cell or line."""
    return " ".join(text.split()).replace("|", "\\|")
