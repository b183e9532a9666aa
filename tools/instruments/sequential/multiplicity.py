"""Many metrics at once: which of them are red, when looking at many finds some by chance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.estimates import refuse_impossible
from tools.instruments.sequential.betting import refuse_alpha

Evidence = Mapping[str, float]
"""Metric -> e-value: a number >= 0 whose expectation is at most 1 where nothing is wrong."""

MONITOR, GATES = 0.10, 0.05
"""Alpha of a monitor (false discovery rate) and of blocking gates (any false alarm)."""
KAPPA = 0.5


@dataclass(frozen=True, slots=True)
class Refuted:
    """The nulls that fall together, strongest first."""

    names: tuple[str, ...]
    threshold: float
    """What the weakest of them had to reach; what the strongest would have needed if none."""


def e_bh(evidence: Evidence, *, alpha: float = MONITOR) -> Refuted:
    """The k strongest, for the largest k with e_(k) >= K / (alpha k).

    The false discovery rate is at most alpha under any dependence. The e-values are the current
    ones at one common stopping time; for running maxima use `adjusted` first.

    Source: Wang & Ramdas (2022), doi:10.1111/rssb.12489, section 4; for maxima Tavyrikov et al.
    (2025), arXiv 2501.19360.
    """
    ranked = _ranked("e_bh", evidence, alpha)
    held = [k for k, (_, e) in enumerate(ranked, 1) if e * alpha * k >= len(ranked)]
    k = max(held, default=0)
    return Refuted(tuple(name for name, _ in ranked[:k]), len(ranked) / (alpha * max(k, 1)))


def e_holm(evidence: Evidence, *, alpha: float = GATES) -> Refuted:
    """Down the list while e_(k) >= (K - k + 1) / alpha: any false alarm at all at most alpha.

    Holds for running maxima too, so that once red stays red: 1 / max e is a p-value at every
    stopping time (Ville), and Holm's rule asks no more.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    ranked = _ranked("e_holm", evidence, alpha)
    k = 0
    while k < len(ranked) and ranked[k][1] * alpha >= len(ranked) - k:
        k += 1
    return Refuted(tuple(name for name, _ in ranked[:k]), (len(ranked) - max(k - 1, 0)) / alpha)


def adjusted(peak: float, *, kappa: float = KAPPA) -> float:
    """An e-value from the running maximum of an e-process that began at 1: kappa max^(1 - kappa).

    Default 1/2: half the square root. What is given up for "once red, stays red".

    Source: Dawid et al. (2011), arXiv 1005.1811: any increasing A will do for which A(x) / x^2
    has integral 1 over x >= 1.

    Raises:
        UndefinedMeasurement: the maximum is below 1, where the process began.
    """
    refuse_impossible("adjusted", [peak], lower=1.0)
    _refuse_kappa(kappa)
    return float(kappa * peak ** (1 - kappa))


def p_to_e(p: float, *, kappa: float = KAPPA) -> float:
    """An e-value from a p-value: kappa p^(kappa - 1); by default 1 / (2 sqrt p).

    Source: Vovk & Wang (2021), doi:10.1214/20-AOS2020, section 2.

    Raises:
        UndefinedMeasurement: p is not in (0, 1]; a permutation test never gives 0.
    """
    if not 0 < p <= 1:
        raise UndefinedMeasurement(
            "A p-value lies above 0 and at most at 1.",
            saw=str(p),
            wanted="a number in (0, 1]",
            try_this="count the sample itself among the permutations: (1 + k) / (1 + B)",
        )
    _refuse_kappa(kappa)
    return float(kappa * p ** (kappa - 1))


def red_metrics(
    evidence: Evidence,
    *,
    family: Literal["monitor", "gates"] = "monitor",
    alpha: float | None = None,
) -> Measurement:
    """How many metrics are red, and which: `of` names them.

    Args:
        family: `monitor` bounds the share of false ones among the red (e-BH), `gates` the
            probability of any (e-Holm).
        alpha: default 0.10 for a monitor, 0.05 for gates.

    Raises:
        UndefinedMeasurement: an e-value is negative or not finite.
    """
    level = alpha if alpha is not None else MONITOR if family == "monitor" else GATES
    found = (e_bh if family == "monitor" else e_holm)(evidence, alpha=level)
    promise = {
        "monitor": f"false discovery rate at most {level:g}; current e-values, one stopping time",
        "gates": f"any false alarm with probability at most {level:g}; running maxima allowed",
    }
    empty = Status.INSUFFICIENT if not evidence else Status.GREEN
    return Measurement(
        instrument="red_metrics",
        estimate=float(len(found.names)) if evidence else None,
        units="metrics",
        level=1 - level,
        guarantee=Guarantee.ANYTIME,
        n=len(evidence),
        count=len(found.names),
        null=0.0,
        margin=found.threshold if evidence else None,
        status=Status.RED if found.names else empty,
        assumptions=(promise[family], "any dependence between the metrics"),
        of=", ".join(found.names),
    )


def _ranked(instrument: str, evidence: Evidence, alpha: float) -> list[tuple[str, float]]:
    """Strongest first; equals by name, so that the order they came in does not matter."""
    refuse_alpha(instrument, alpha)
    refuse_impossible(instrument, list(evidence.values()), lower=0.0, upper=math.inf)
    return sorted(evidence.items(), key=lambda pair: (-pair[1], pair[0]))


def _refuse_kappa(kappa: float) -> None:
    refuse_alpha("calibrator", kappa)
