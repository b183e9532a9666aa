"""Does a judge contradict itself? Cycles among its choices, and its order against another's."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.estimates import mean, refuse_unequal
from tools.instruments.reliability.common import Floats, column

Wins = Sequence[Sequence[float]] | Floats
"""wins[i][j] is 1 when answer i beat answer j, 0 when it lost, 1/2 for a tie."""
Ranking = Mapping[str, float]
"""Candidate id -> score."""

CYCLES, COIN = 0.15, 0.25
"""The share of cyclic triads from which a judge is alarming, and that of a coin."""
MARGIN = 0.05
"""Half-width above which a share between the lines decides nothing; our default."""


# --- cycles ----------------------------------------------------------------------
def triads(wins: Wins, instrument: str = "cyclic_triads") -> tuple[int, int]:
    """Cyclic triads, and triads whose three pairs were all decided.

    Raises:
        UndefinedMeasurement: not square, or a pair whose two entries do not add up to 1.
    """
    table = _tournament(wins, instrument)
    size = len(table)
    if size < 3:
        return 0, 0
    i, j, k = np.array(list(combinations(range(size), 3))).T
    ij, jk, ki = table[i, j], table[j, k], table[k, i]
    decided = (ij != 0.5) & (jk != 0.5) & (ki != 0.5)
    return int(((ij == jk) & (jk == ki) & decided).sum()), int(decided.sum())


def _tournament(wins: Wins, instrument: str) -> Floats:
    table: Floats = np.asarray(wins, dtype=np.float64)
    square = table.ndim == 2 and table.shape[0] == table.shape[1]
    off = ~np.eye(len(table), dtype=bool) if square else None
    if off is None or not (
        np.isin(table[off], (0.0, 0.5, 1.0)).all()
        and (table + table.T)[off].min(initial=1) == 1
        and (table + table.T)[off].max(initial=1) == 1
    ):
        raise UndefinedMeasurement(
            f"{instrument} reads round robins.",
            saw=f"a table of shape {table.shape} that is none",
            wanted="wins[i][j] + wins[j][i] = 1, each 0, 1/2 or 1",
            try_this="let the judge compare every pair of answers to the prompt",
        )
    return table


def cyclic_triads(
    tournaments: Sequence[Wins], *, clusters: Sequence[Hashable] | None = None, of: str = ""
) -> Measurement:
    """Share of triples in which a judge prefers A to B, B to C and C to A.

    C(m, 3) - sum_i C(s_i, 2) of C(m, 3), where answer i won s_i times (Kendall & Babington Smith
    1940): 1/4 for a coin, 0 for a strict order. One tournament per prompt, mean over prompts with
    a t interval; 6 answers to each of 40 prompts are enough. Triads with a tie are left out.

    Raises:
        UndefinedMeasurement: a tournament that is not complete.
    """
    counted = [triads(wins) for wins in tournaments]
    kept = [n for n, (_, decided) in enumerate(counted) if decided]
    lost = sum(_choose3(len(wins)) for wins in tournaments) - sum(d for _, d in counted)
    return mean(
        "cyclic_triads",
        [counted[n][0] / counted[n][1] for n in kept],
        units="share of triads",
        clusters=None if clusters is None else _kept(clusters, kept, len(tournaments)),
        of=of,
        lower=0.0,
        upper=1.0,
        null=COIN,
        margin=MARGIN,
        green=CYCLES,
        red=CYCLES,
        bad_is="high",
        assumptions=(f"{lost} triads with a tie left out",),
    )


def _choose3(m: int) -> int:
    return m * (m - 1) * (m - 2) // 6


def _kept(clusters: Sequence[Hashable], kept: Sequence[int], n: int) -> list[Hashable]:
    refuse_unequal("cyclic_triads", {"tournaments": n, "clusters": len(clusters)})
    return [clusters[i] for i in kept]


def zeta(wins: Wins) -> float:
    """1 - cyclic triads / the most there can be: (m^3 - m)/24, m odd, (m^3 - 4m)/24, m even.

    Raises:
        UndefinedMeasurement: not a complete round robin without ties, or fewer than 3 answers.
    """
    cyclic, decided = triads(wins, "kendall_zeta")
    m = len(wins)
    if m < 3 or decided < _choose3(m):
        raise UndefinedMeasurement(
            "Kendall's zeta is defined for three or more answers without ties.",
            saw=f"{m} answers, {_choose3(m) - decided} triads with a tie",
            wanted="at least 3 answers, every pair decided",
            try_this="cyclic_triads, which leaves ties out",
        )
    return 1 - cyclic / ((m**3 - (m if m % 2 else 4 * m)) / 24)


def kendall_zeta(tournaments: Sequence[Wins], *, of: str = "") -> Measurement:
    """Consistency of a judge: 1 for a strict order, 0 for as many cycles as there can be.

    Mean over prompts with a t interval (Kendall & Babington Smith 1940).

    Raises:
        UndefinedMeasurement: a tournament that is not complete, or has a tie.
    """
    return mean(
        "kendall_zeta",
        [zeta(wins) for wins in tournaments],
        units="consistency",
        of=of,
        lower=0.0,
        upper=1.0,
        null=_coin(tournaments),
    )


def _coin(tournaments: Sequence[Wins]) -> float | None:
    """Mean zeta of a coin, which is not 0: it makes a quarter of all triads cyclic."""
    sizes = [len(wins) for wins in tournaments]
    most = [(m**3 - (m if m % 2 else 4 * m)) / 24 for m in sizes]
    coins = [1 - _choose3(m) / 4 / top for m, top in zip(sizes, most, strict=True)]
    return float(np.mean(coins)) if coins else None


# --- two orders ------------------------------------------------------------------
def rank_agreement(new: Sequence[Ranking], old: Sequence[Ranking], *, of: str = "") -> Measurement:
    """Kendall's tau-b between two judges' orders of the same fresh candidates, per prompt.

    For a judge and its predecessor; CREAM (Wang et al. 2024) trains on it. Consistency is not
    accuracy: a judge that has collapsed agrees with itself. Read it beside `gold_auc`.

    Returns:
        Mean over prompts in [-1, 1] with a t interval. A prompt on which either judge gives one
        score only has no order and is left out.

    Raises:
        UndefinedMeasurement: different prompts or candidates, or a score that is not finite.
    """
    refuse_unequal("rank_agreement", {"new rankings": len(new), "old rankings": len(old)})
    taus = _taus([_scored(a, b) for a, b in zip(new, old, strict=True)])
    told = taus[~np.isnan(taus)].tolist()
    return mean(
        "rank_agreement",
        told,
        units="Kendall's tau-b",
        of=of,
        lower=-1.0,
        upper=1.0,
        null=0.0,
        assumptions=(
            f"{len(taus) - len(told)} prompts without an order left out",
            "consistency is not accuracy",
        ),
    )


def _scored(new: Ranking, old: Ranking) -> Floats:
    """Both judges' scores of the same candidates: 2 x candidates."""
    if set(new) != set(old):
        raise UndefinedMeasurement(
            "rank_agreement compares orders of the same candidates.",
            saw=f"{sorted(set(new) ^ set(old))[:4]} in one of them only",
            wanted="the same candidate ids",
            try_this="score the same fresh candidates with both judges",
        )
    names = sorted(new)
    return np.array([column("rank_agreement", [by[n] for n in names]) for by in (new, old)])


def _taus(prompts: Sequence[Floats]) -> Floats:
    """Kendall's tau-b of each prompt, NaN where a judge gives one score only.

    S / sqrt((pairs that one judge orders) (pairs that the other orders)), S the concordant pairs
    less the discordant ones (Kendall 1945); prompts with equally many candidates in one go.
    """
    taus = np.full(len(prompts), np.nan)
    for size in {scores.shape[1] for scores in prompts}:
        at = [i for i, scores in enumerate(prompts) if scores.shape[1] == size]
        both = np.stack([prompts[i] for i in at])
        i, j = np.triu_indices(size, 1)
        a, b = np.sign(both[:, :, i] - both[:, :, j]).transpose(1, 0, 2)
        ordered = (a * a).sum(1) * (b * b).sum(1)
        with np.errstate(invalid="ignore"):
            taus[at] = np.clip((a * b).sum(1) / np.sqrt(ordered), -1.0, 1.0)
    return taus


def gold_auc(
    scores: Sequence[Sequence[float]],
    gold: Sequence[Sequence[float]],
    *,
    floor: float = 0.60,
    of: str = "",
) -> Measurement:
    """Chance that a right answer outscores a wrong one to the same prompt; a tie is half.

    Mean over prompts that have both, with a t interval; prompts without both are left out.

    Args:
        gold: 1 for a right answer, 0 for a wrong one.
        floor: green above, red below.

    Raises:
        UndefinedMeasurement: unequal lengths, a score that is not finite, a label not 0 or 1.
    """
    name = "gold_auc"
    refuse_unequal(name, {"scored prompts": len(scores), "graded prompts": len(gold)})
    found = [_auc(name, s, g) for s, g in zip(scores, gold, strict=True)]
    told = [auc for auc in found if auc is not None]
    measured = mean(
        name,
        told,
        units="probability",
        of=of,
        lower=0.0,
        upper=1.0,
        null=0.5,
        green=floor,
        red=floor,
        assumptions=(f"{len(found) - len(told)} prompts without both labels left out",),
    )
    return measured if told else measured.model_copy(update={"status": Status.INSUFFICIENT})


def _auc(name: str, scores: Sequence[float], gold: Sequence[float]) -> float | None:
    refuse_unequal(name, {"scores": len(scores), "grades": len(gold)})
    s, g = column(name, scores), column(name, gold, lower=0.0, upper=1.0)
    if odd := set(g.tolist()) - {0.0, 1.0}:
        raise UndefinedMeasurement(
            f"{name} knows right and wrong.",
            saw=str(sorted(odd)[0]),
            wanted="1 or 0",
            try_this="leave out answers without a grade",
        )
    gap: NDArray[np.float64] = s[g == 1][:, None] - s[g == 0][None, :]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean()) if gap.size else None
