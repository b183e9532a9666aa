"""What a panel's judges should weigh, from whether they ordered audited pairs rightly.

The best weighted vote of judges that err independently weighs each by the log-odds of its
accuracy (Nitzan & Paroush 1982, Int. Econ. Rev. 23, theorem 1). Judges that err together are one
vote in part: each log-odds is divided by 1 + the sum of its error correlations with the others,
so that with equal log-odds the votes add up to n_eff = K / (1 + (K - 1) r) of them (Kish 1965).
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
from numpy.typing import NDArray

from logs.errors import UndefinedMeasurement

Floats = NDArray[np.float64]
PRIOR = 2.0
"""Pseudo-pairs of either outcome: few pairs leave an accuracy near a coin's."""
PRIOR_PAIRS = 50
"""Pairs that the prior of a correlation is worth: 1 in a family, which shares its blind spots."""
LEAST = Decimal("0.05")
"""Share below which no judge is taken: a judge without a voice would only seem to sit there."""
STEP = Decimal("0.01")
"""Shares are whole hundredths, so that they are exact."""


def log_odds(right: int, tried: int) -> float:
    """ln p / (1 - p) of an accuracy drawn towards one half."""
    return float(np.log((right + PRIOR) / (tried - right + PRIOR)))


def shares(
    outcomes: Mapping[str, Sequence[int]],
    families: Mapping[str, str],
    *,
    most: Decimal = Decimal(1),
    least: Decimal = LEAST,
) -> dict[str, Decimal]:
    """Shares that add up to 1, each between `least` and `most`.

    Args:
        outcomes: judge -> 1 where it ordered a pair rightly, else 0; the same pairs for all.
        families: judge -> base lineage.

    Raises:
        UndefinedMeasurement: no judge, no pair, other pairs for other judges, or bounds that
            no shares can keep.
    """
    judges = list(outcomes)
    _refuse_odd(outcomes, most, least)
    table = np.array([outcomes[j] for j in judges], dtype=np.float64)
    n = table.shape[1]
    odds = np.array([max(0.0, log_odds(int(row.sum()), n)) for row in table])
    if len(judges) == 1:
        return {judges[0]: Decimal(1)}
    votes = odds / (1 + _correlations(table, [families[j] for j in judges]).sum(1))
    raw = votes / votes.sum() if votes.sum() > 0 else np.full(len(judges), 1 / len(judges))
    return _exact(judges, _within(raw, float(least), float(most)), most)


def _refuse_odd(outcomes: Mapping[str, Sequence[int]], most: Decimal, least: Decimal) -> None:
    sizes = {len(row) for row in outcomes.values()}
    many = len(outcomes)
    fit = many == 1 or (many * least <= 1 <= many * most)
    if len(sizes) != 1 or 0 in sizes or not fit:
        raise UndefinedMeasurement(
            "Weights of a panel come from pairs that all its judges ordered.",
            saw=f"{many} judges, {sorted(sizes)} pairs, shares in [{least}, {most}]",
            wanted="the same pairs for every judge, and bounds that shares can keep",
            try_this="audit another iteration first",
        )


def _correlations(table: Floats, families: Sequence[str]) -> Floats:
    """Correlations of errors, none below 0, drawn towards 1 in a family and 0 elsewhere."""
    many, n = table.shape
    found = np.zeros((many, many))
    for i in range(many):
        for j in range(i):
            prior = 1.0 if families[i] == families[j] else 0.0
            a, b = table[i], table[j]
            spread = a.std() * b.std()
            seen = float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread else prior
            r = (n * seen + PRIOR_PAIRS * prior) / (n + PRIOR_PAIRS)
            found[i, j] = found[j, i] = min(1.0, max(0.0, r))
    return found


def _within(raw: Floats, least: float, most: float) -> Floats:
    """The nearest shares that keep the bounds and add up to 1: a shift, found by bisection."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if np.clip(raw + middle, least, most).sum() < 1:
            low = middle
        else:
            high = middle
    return np.asarray(np.clip(raw + high, least, most))


def _exact(judges: Sequence[str], found: Floats, most: Decimal) -> dict[str, Decimal]:
    """Whole hundredths that add up to 1; what rounding left goes where there is room for it."""
    exact = {
        judge: Decimal(repr(round(float(x), 6))).quantize(STEP, ROUND_HALF_EVEN)
        for judge, x in zip(judges, found, strict=True)
    }
    while (rest := Decimal(1) - sum(exact.values(), Decimal(0))) != 0:
        step = STEP if rest > 0 else -STEP
        room = [j for j in judges if LEAST <= exact[j] + step <= most] or judges
        taken = max(room, key=lambda j: (exact[j] * (1 if step < 0 else -1), j))
        exact[taken] += step
    return exact
