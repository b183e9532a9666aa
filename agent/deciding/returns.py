"""What a turn returned: how much better the policy was in the turns after it than before it.

    return of turn t = sum over k of weight_k * share(t + k) - what was known of the share at t

Every share is of right answers on fresh audited prompts (`agent.deciding.quality`): no score of
a judge is added or subtracted, so no change of panel or scale can look like a gain.

The weights are those of the discounted sum of the next HORIZON changes, so that a repair, which
changes no answer itself, is credited with what the next trainings make of it.

What was known before is filtered, not just the grades of turn t: a decision is made because those
grades looked bad, and by chance alone the next ones look better. Filtering (a local level: a
policy moves by STEP or so when it is trained, and not at all otherwise) takes off what was chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.deciding.quality import Quality
from logs.vocabulary import Digest

HORIZON = 3
"""Turns after a decision whose grades say what it returned."""
DISCOUNT = 0.7
"""What a change one turn later is worth."""
STEP = 0.05
"""How far one training moves the share, as a standard deviation: gold moved by .03 to .05 a turn
in sessions that gained and in sessions that lost (docs/world.md)."""
COST = 0.01
"""What a turn that changed nothing costs: a part of what a usual one would have brought."""
NOTHING_DONE = ("refused", "failed", "kept")


@dataclass(frozen=True, slots=True)
class Done:
    """One turn of a session, as far as its return is concerned."""

    iteration: int
    policy: Digest | None
    """The adapter that was in force when the turn began."""
    outcome: str
    quality: Quality | None
    """Of that policy; None where nothing was graded."""


@dataclass(frozen=True, slots=True)
class Return:
    """What one turn returned."""

    value: float
    variance: float
    seen: int
    """Later turns with grades that it rests on."""


def returns(turns: Sequence[Done]) -> dict[int, Return]:
    """By iteration, for turns of one session in their order; only those that can be told.

    A turn that waits for people, or ended the session, returned nothing that could be told.
    """
    before = _filtered(turns)
    found: dict[int, Return] = {}
    for at, turn in enumerate(turns):
        if turn.outcome in NOTHING_DONE:
            found[turn.iteration] = Return(-COST, STEP**2, 0)
            continue
        known, after = before[at], _after(turns[at + 1 : at + 1 + HORIZON])
        if turn.outcome == "committed" and known is not None and after is not None:
            value = min(1.0, max(-1.0, after.share - known.share))
            found[turn.iteration] = Return(value, known.variance + after.variance, after.n)
    return found


def _filtered(turns: Sequence[Done]) -> list[Quality | None]:
    """What was known of the share at each decision: the Kalman filter of a local level."""
    found: list[Quality | None] = []
    known: Quality | None = None
    policy: Digest | None = None
    for turn in turns:
        if known is not None and turn.policy != policy:
            known = Quality(known.share, known.variance + STEP**2, known.n)
        policy = turn.policy
        known = _updated(known, turn.quality)
        found.append(known)
    return found


def _updated(known: Quality | None, seen: Quality | None) -> Quality | None:
    if known is None or seen is None:
        return known or seen
    gain = known.variance / (known.variance + seen.variance)
    share = known.share + gain * (seen.share - known.share)
    return Quality(share, (1 - gain) * known.variance, known.n + seen.n)


def _after(later: Sequence[Done]) -> Quality | None:
    """The weighted share of the next turns; `n` counts the turns with grades.

    Summed by parts, sum_k d^(k-1) (q_k - q_(k-1)) gives q_k the weight (1 - d) d^(k-1), and the
    last one d^(k-1); a turn without grades is left out, and the others share its weight.
    """
    graded = [(k, t.quality) for k, t in enumerate(later) if t.quality is not None]
    if not graded:
        return None
    weights = [(1 - DISCOUNT) * DISCOUNT**k for k, _ in graded]
    weights[-1] = DISCOUNT ** graded[-1][0]
    total = sum(weights)
    share = sum(w * q.share for w, (_, q) in zip(weights, graded, strict=True)) / total
    variance = sum(w**2 * q.variance for w, (_, q) in zip(weights, graded, strict=True))
    return Quality(share, variance / total**2, len(graded))
