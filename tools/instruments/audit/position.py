"""Does a judge choose an answer, or a place? Every pair is judged in both orders.

`first` is, per item and order, 1 when the answer shown first won, 0 when the second did, 1/2
for a tie; shape (items, 2) or (items, 2, repeats). Order 0 shows A first, order 1 shows B.
NaN is a verdict that the judge did not give: such a pair is neither consistent nor right.
"""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.audit.bounds import GREEN, RED
from tools.instruments.audit.paired import Floats
from tools.instruments.audit.shift import net_shift
from tools.instruments.estimates import mean, proportion

TRAIN, PROMOTE = 0.60, 0.70
"""Both-orders accuracy from which a judge may label training data, and may promote."""
MISSING = "missing verdicts count as inconsistent and wrong"


def position_bias(
    first: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
    green: float = GREEN,
    red: float = RED,
) -> Measurement:
    """beta_pos = P(the first slot wins) - 1/2 over both orders, in [-1/2, 1/2].

    Delta between the slots is 2 beta_pos; the thresholds are those of any shift, on beta_pos.
    A judge that scores each answer alone has exactly 0.

    Raises:
        UndefinedMeasurement: a verdict is missing: leave the item out and count it.
    """
    slots = _slots(first)
    beta = slots.mean((1, 2)) - 0.5
    measured = net_shift(
        np.full(len(beta), 0.5), beta + 0.5, clusters=clusters, of=of, green=green, red=red
    )
    return measured.model_copy(
        update={
            "instrument": "position_bias",
            "low": None if measured.low is None else max(-0.5, measured.low),
            "high": None if measured.high is None else min(0.5, measured.high),
        }
    )


def consistency(
    first: ArrayLike, *, clusters: Sequence[Hashable] | None = None, of: str = ""
) -> Measurement:
    """PC: share of pairs with the same winner in both orders; two ties agree."""
    slots = _slots(first)
    for_a = _for_a(slots)
    same = (for_a[:, 0] == for_a[:, 1]) & ~np.isnan(for_a).any(1)
    return _share("consistency", same, clusters, of=of, missing=bool(np.isnan(slots).any()))


def order_locked(first: ArrayLike, *, of: str = "") -> Measurement:
    """Among pairs whose winner changes with the order, the share that always picked the first.

    Exact binomial, first-first against second-second, held against 1/2; with repeats, only
    pairs whose every verdict names the same place count.
    """
    slots = _slots(first)
    both_first = int((slots == 1).all((1, 2)).sum())
    both_second = int((slots == 0).all((1, 2)).sum())
    return proportion(
        "order_locked",
        both_first,
        both_first + both_second,
        units="share of order-locked pairs",
        of=of,
        null=0.5,
        assumptions=(f"{both_first} first-first, {both_second} second-second",),
    )


def both_orders_accuracy(
    first: ArrayLike,
    gold: Sequence[Literal["A", "B"]],
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
    floor: float = TRAIN,
) -> Measurement:
    """Share of pairs judged right in *both* orders: the gate of a judge.

    The average over orders flatters a judge that is locked to a place towards 1/2; this does
    not: such a judge has 0. A tie is not right.
    """
    slots = _slots(first)
    right = _right(slots, gold) == 1
    return _share(
        "both_orders_accuracy",
        np.asarray(right.all(1), dtype=np.bool_),
        clusters,
        of=of,
        missing=bool(np.isnan(slots).any()),
        floor=floor,
    )


def order_averaged_accuracy(
    first: ArrayLike,
    gold: Sequence[Literal["A", "B"]],
    *,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
) -> Measurement:
    """Share of verdicts that are right, averaged over the orders: shown beside the gate."""
    slots = _slots(first)
    right = _right(slots, gold).mean((1, 2))
    return mean(
        "order_averaged_accuracy",
        right.tolist(),
        units="share of verdicts",
        clusters=clusters,
        of=of,
        lower=0.0,
        upper=1.0,
        null=0.5,
    )


def _slots(first: ArrayLike) -> Floats:
    """Shape (items, 2, repeats).

    Raises:
        UndefinedMeasurement: another shape, or a value that is no verdict.
    """
    slots = np.asarray(first, dtype=np.float64)
    slots = slots[..., None] if slots.ndim == 2 else slots
    known = slots[~np.isnan(slots)] if slots.ndim == 3 else slots
    if slots.ndim != 3 or slots.shape[1] != 2 or not np.isin(known, (0, 0.5, 1)).all():
        raise UndefinedMeasurement(
            "A position audit needs each pair in both orders.",
            saw=f"shape {np.shape(first)}",
            wanted="(items, 2) or (items, 2, repeats); 1 first won, 0 second, 1/2 tie",
            try_this="tools.audit.records.Table.first gives it from a list of verdicts",
        )
    return slots


def _for_a(slots: Floats) -> Floats:
    """Preference for answer A: in order 1 it stands second."""
    return np.stack([slots[:, 0], 1 - slots[:, 1]], axis=1)


def _right(slots: Floats, gold: Sequence[str]) -> Floats:
    """1 where the verdict is the gold one, shape (items, 2, repeats)."""
    wanted = np.array([{"A": 1.0, "B": 0.0}.get(g, np.nan) for g in gold])
    if len(wanted) != len(slots) or np.isnan(wanted).any():
        raise UndefinedMeasurement(
            "Accuracy needs the right answer of every pair.",
            saw=f"{len(wanted)} labels for {len(slots)} pairs: {sorted(map(str, set(gold)))}",
            wanted="one of A and B for each",
            try_this="leave pairs without a gold preference out",
        )
    return np.asarray(_for_a(slots) == wanted[:, None, None], dtype=np.float64)


def _share(
    instrument: str,
    yes: NDArray[np.bool_],
    clusters: Sequence[Hashable] | None,
    *,
    of: str,
    missing: bool,
    floor: float | None = None,
) -> Measurement:
    """A share of pairs, exact when each is one trial, else a mean over clusters."""
    assumptions = (MISSING,) if missing else ()
    trials = np.asarray(yes, dtype=np.float64).reshape(len(yes), -1)
    if clusters is None and trials.shape[1] == 1:
        return proportion(
            instrument,
            int(trials.sum()),
            len(trials),
            units="share of pairs",
            of=of,
            green=floor,
            red=floor,
            assumptions=assumptions,
        )
    return mean(
        instrument,
        trials.mean(1).tolist(),
        units="share of pairs",
        clusters=clusters,
        of=of,
        lower=0.0,
        upper=1.0,
        green=floor,
        red=floor,
        assumptions=assumptions,
    )
