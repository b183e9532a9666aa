"""What differs between two states, and which measurements of them differ clearly.

*Clearly* means that the interval of the difference does not hold zero, at the level of the two
intervals and at a single look; of many measurements some will differ so by chance.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from logs.canonical import plain
from logs.gain import Change, Gain, compare
from logs.reading import Reader
from logs.scales import comparable, scale_of, stamped
from logs.text import interval
from logs.vocabulary import (
    Commit,
    Digest,
    EntryKind,
    Measurement,
    Observation,
    State,
)

Name = tuple[str, str]
"""Instrument, and what it was about."""


class Changed(NamedTuple):
    """One value that is not the same on both sides."""

    path: str
    old: str | None
    new: str | None


class Compared(NamedTuple):
    """One measurement on both sides."""

    name: str
    old: Measurement | None
    new: Measurement | None
    gain: Gain
    note: str
    """Why nothing is said of the difference; empty if something is."""

    @property
    def clear(self) -> bool | None:
        """Whether they differ clearly; None where that cannot be told."""
        if self.note:
            return None
        return self.gain.change in (Change.BETTER, Change.WORSE)

    def row(self) -> tuple[str, ...]:
        """Cells for people."""
        says = {True: "clearly", False: "no clear change", None: self.note}[self.clear]
        moved = "" if self.gain.difference is None else f"{_signed(self.gain)} "
        return (self.name, _told(self.old), _told(self.new), f"{moved}{says}")

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "name": self.name,
            "old": plain(self.old) if self.old else None,
            "new": plain(self.new) if self.new else None,
            "difference": self.gain.difference,
            "low": self.gain.low,
            "high": self.gain.high,
            "clear": self.clear,
            "note": self.note,
        }


def flat(state: State) -> dict[str, str | None]:
    """Every value of a state by its path; principles are compared by words, elsewhere."""
    found: dict[str, Any] = {"base": state.base, "adapter": state.adapter, "replay": state.replay}
    for part in ("recipe", "prompts"):
        values = plain(getattr(state, part))
        found |= {f"{part}.{key}": value for key, value in values.items()}
    for judge in state.panel.judges:
        values = {key: value for key, value in plain(judge).items() if key != "id"}
        found |= {f"panel.judges[{judge.id}].{key}": value for key, value in values.items()}
    found["constitution.version"] = state.constitution.version
    return {path: None if value is None else str(value) for path, value in found.items()}


def changed(old: Mapping[str, str | None], new: Mapping[str, str | None]) -> list[Changed]:
    """The values that differ, in the order of the paths."""
    paths = dict.fromkeys([*old, *new])
    pairs = (Changed(path, old.get(path), new.get(path)) for path in paths)
    return [pair for pair in pairs if pair.old != pair.new]


def measured_of(log: Reader, digest: Digest) -> dict[Name, Measurement]:
    """What was measured while a commit was in force; the last value of each counts.

    What the agent observes comes a turn after the commit; gold is measured right after it.
    """
    entry = log.committed(digest)
    found: dict[Name, Measurement] = {}
    if entry is None:
        return found
    scale = scale_of(Commit.model_validate(entry.body).state)
    for later in log.entries(since=entry.seq):
        if later.kind is EntryKind.OBSERVED and later.body.get("head") == digest:
            seen = Observation.model_validate(later.body)
            _add(found, stamped(seen.measurements, scale))
        if later.kind is EntryKind.MEASURED and later.body.get("head") == digest:
            told = (Measurement.model_validate(m) for m in later.body.get("measurements", ()))
            _add(found, stamped(told, scale))
    return found


def compared(old: Mapping[Name, Measurement], new: Mapping[Name, Measurement]) -> list[Compared]:
    """Every measurement of either side, held against the other."""
    return [_compared(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]


def of_interest(found: Sequence[Compared]) -> list[Compared]:
    """Those that are there on both sides and differ at all, the clear ones first."""
    moved = [c for c in found if c.old and c.new and c.old.estimate != c.new.estimate]
    return sorted(moved, key=lambda c: {True: 0, False: 1, None: 2}[c.clear])


def _compared(name: Name, old: Measurement | None, new: Measurement | None) -> Compared:
    said, gain = " ".join(name).strip(), Gain(change=Change.INCONCLUSIVE)
    if old is None or new is None:
        return Compared(said, old, new, gain, "measured on one side only")
    if not comparable(old, new):
        return Compared(said, old, new, gain, "on another scale")
    if old.units != new.units or old.version != new.version:
        return Compared(said, old, new, gain, "in other units")
    gain = compare(old, new)
    if gain.change is Change.INCONCLUSIVE:
        return Compared(said, old, new, gain, "without an interval")
    return Compared(said, old, new, gain, "")


def _add(found: dict[Name, Measurement], told: Iterable[Measurement]) -> None:
    for m in told:
        found[(m.instrument, m.of)] = m


def _told(found: Measurement | None) -> str:
    return interval(found.estimate, found.low, found.high) if found else "-"


def _signed(gain: Gain) -> str:
    band = f" [{gain.low:+.3g}, {gain.high:+.3g}]"
    return f"{gain.difference:+.3g}{band}"
