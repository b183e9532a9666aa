"""Where the judge's curve breaks: the turns in which its scale is another than before.

Pieces on two scales are never joined, subtracted or compared. What the change alone did to the
scores is told at the break, from answers that both panels scored.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from logs.text import interval, number, short
from logs.turns import Ending, Turn
from logs.vocabulary import Digest, Exchange, Intervention, Measurement, Word

DONE = (Ending.COMMITTED, Ending.ROLLED_BACK)
NOT_TOLD = "no answers were scored on both"


class Break(Word):
    """One change of scale."""

    iteration: int
    """The first turn whose scores are on the new scale."""
    old: Digest
    new: Digest
    by: Intervention | None
    """What changed it; None where no turn of this session did, as after a rollback by hand."""
    exchange: Exchange | None
    """What scores of the old scale are worth on the new one; None where nothing was re-scored."""


def letters(turns: Sequence[Turn]) -> dict[Digest, str]:
    """Return a letter for each scale of a session, in the order in which they came."""
    found = dict.fromkeys(turn.scored_on for turn in turns if turn.scored_on)
    return {scale: _letter(at) for at, scale in enumerate(found)}


def breaks(turns: Sequence[Turn]) -> tuple[Break, ...]:
    """Return the changes of scale between the turns of a session."""
    scored = [turn for turn in turns if turn.scored_on]
    return tuple(
        _break(turns, before, after)
        for before, after in pairwise(scored)
        if before.scored_on != after.scored_on
    )


def pieces(turns: Sequence[Turn]) -> Iterator[tuple[Digest, int, int]]:
    """Yield (scale, first turn, last turn) of each stretch on one scale."""
    scored = [(turn.scored_on, turn.iteration) for turn in turns if turn.scored_on]
    first = 0
    for at, (scale, iteration) in enumerate(scored):
        if at + 1 == len(scored) or scored[at + 1][0] != scale:
            yield scale, scored[first][1], iteration
            first = at + 1


def shift_of(broken: Break) -> Measurement | None:
    """Return by how much the change of scale alone moved the mean score."""
    return _told(broken, "exchange_shift")


def notes(turns: Sequence[Turn]) -> list[str]:
    """Return a line for each break: where, by what, and what the scores are worth."""
    named = letters(turns)
    return [_note(broken, named) for broken in breaks(turns)]


def brief(broken: Break, named: Mapping[Digest, str]) -> str:
    """Return what stands at the break itself: the shift with its interval, and on how many."""
    where = f"{named[broken.old]} | {named[broken.new]} at {broken.iteration}"
    shift = shift_of(broken)
    if shift is None or shift.estimate is None:
        return f"{where}: {NOT_TOLD}"
    band = "" if shift.low is None else f" [{shift.low:+.3f}, {shift.high:+.3f}]"
    return f"{where}: new - old {shift.estimate:+.3f}{band}, n {shift.n}"


def _note(broken: Break, named: Mapping[Digest, str]) -> str:
    by = f" by {broken.by}" if broken.by else " by hand"
    scales = f"scale {named[broken.old]} to {named[broken.new]}"
    where = f"{scales} ({short(broken.old)} to {short(broken.new)}) from iteration"
    said = [f"{where} {broken.iteration}{by}", *_worth(broken)]
    return "; ".join(said)


def _worth(broken: Break) -> Iterator[str]:
    shift, changed = shift_of(broken), _told(broken, "favourite_changes")
    if broken.exchange is None or shift is None:
        yield broken.exchange.lost if broken.exchange and broken.exchange.lost else NOT_TOLD
        return
    yield (f"on the same {shift.n} answers to {shift.clusters} prompts new - old = {_band(shift)}")
    rate, added = _told(broken, "exchange_rate"), _told(broken, "exchange_intercept")
    if rate and added and rate.estimate is not None and added.estimate is not None:
        yield f"new ~ {number(added.estimate)} + {_band(rate)} x old ({rate.status})"
    else:
        yield "no rate of exchange"
    agreed = _told(broken, "rank_agreement")
    if agreed and agreed.estimate is not None:
        yield f"Kendall's tau-b {_band(agreed)}"
    if changed and changed.estimate is not None:
        yield f"another favourite on {_band(changed)} of {changed.n} prompts"


def _band(m: Measurement) -> str:
    return interval(m.estimate, m.low, m.high)


def _told(broken: Break, instrument: str) -> Measurement | None:
    found = broken.exchange.measurements if broken.exchange else ()
    return next((m for m in found if m.instrument == instrument), None)


def _break(turns: Sequence[Turn], before: Turn, after: Turn) -> Break:
    """The turn between that changed the scale in this very way, if one did."""
    old, new = before.scored_on, after.scored_on
    assert old is not None and new is not None
    between = [t for t in turns if before.iteration <= t.iteration <= after.iteration]
    moved = [t for t in between if t.ending in DONE and _moves(t)]
    told = [t for t in moved if t.exchange and (t.exchange.old, t.exchange.new) == (old, new)]
    by = told[-1] if told else moved[0] if len(moved) == 1 else None
    return Break(
        iteration=after.iteration,
        old=old,
        new=new,
        by=by.intervention if by else None,
        exchange=told[-1].exchange if told else None,
    )


def _moves(turn: Turn) -> bool:
    """Whether what the turn changed may be what scores are made by."""
    return any(c.path.startswith(("panel", "constitution")) for c in turn.changes)


def _letter(at: int) -> str:
    return chr(ord("A") + at) if at < 26 else f"S{at + 1}"
