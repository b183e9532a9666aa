"""Stability: how much of its budgets the policy's drift has used up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.estimates import proportion, refuse_impossible
from tools.instruments.meta.components import PARTS, component, refuse_other
from tools.instruments.meta.definition import DEFAULT, Definition

OUTLIER = 5.0
"""A gradient norm above so many medians is an outlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the policy went; None is what was not measured, and leaves S at 0."""

    kl: Measurement | None
    """Divergence from the anchor, nats per token."""
    entropy: Measurement | None
    """`token_entropy`, relative change."""
    length: Measurement | None
    """`log_length`, relative change."""
    capability: Measurement | None
    """`retention`, share of tasks."""
    outliers: Measurement | None
    """`grad_norm_outliers`."""


def stability(drift: Drift, *, definition: Definition = DEFAULT, of: str = "") -> Measurement:
    """S = 1 - the largest share of a budget that drift has used up, cut to [0, 1].

    Of the divergence from the anchor, the loss of entropy (30 %), the growth of length (20 %), the
    loss of capability (2 points) and the share of outlying gradients (5 %), each at the end of its
    interval that is worse.

    Raises:
        UndefinedMeasurement: measurements of other instruments.
    """
    d = definition
    parts: dict[str, tuple[Measurement | None, float]] = {
        "kl": (drift.kl, d.kl_budget),
        "token_entropy": (drift.entropy, -d.entropy_loss),
        "log_length": (drift.length, d.length_creep),
        "retention": (drift.capability, -d.capability_loss),
        "grad_norm_outliers": (drift.outliers, d.outliers),
    }
    for name, (measured, _) in parts.items():
        refuse_other("stability", measured, name)
    used = {name: _used(measured, limit) for name, (measured, limit) in parts.items()}
    worst = max(used, key=lambda name: used[name][1])
    plain = [estimate for estimate, _ in used.values()]
    missing = [name for name, (m, _) in parts.items() if m is None or m.low is None]
    return component(
        "stability",
        None if None in plain else 1 - max(x for x in plain if x is not None),
        1 - used[worst][1],
        n=min((m.n for m, _ in parts.values() if m is not None), default=0),
        of=of,
        said=(
            f"nearest to its budget: {worst}, at most {used[worst][1]:.2f} of it",
            *(f"not measured: {name}" for name in missing),
            PARTS.format(len(parts)),
        ),
    )


def grad_norm_outliers(norms: Sequence[float], *, of: str = "") -> Measurement:
    """Share of training steps whose gradient norm is above five times the median of all.

    Raises:
        UndefinedMeasurement: a norm is negative or not finite, or most are 0.
    """
    refuse_impossible("grad_norm_outliers", norms, lower=0.0)
    middle = float(np.median(norms)) if len(norms) else 1.0
    if not middle > 0:
        raise UndefinedMeasurement(
            "An outlier is measured in medians, and the median gradient norm is 0.",
            saw=f"{sum(not x for x in norms)} of {len(norms)} steps without a gradient",
            wanted="steps that moved the weights",
            try_this="look at the learning rate, and at what was trained on",
        )
    return proportion(
        "grad_norm_outliers",
        sum(x > OUTLIER * middle for x in norms),
        len(norms),
        units="share of steps",
        of=of,
        assumptions=("steps follow each other: the interval takes them for independent",),
    )


def _used(measured: Measurement | None, limit: float) -> tuple[float | None, float]:
    """Share of a budget that is used: as estimated, and at most."""
    if measured is None or measured.low is None or measured.high is None:
        return None, math.inf
    at_worst = measured.high if limit > 0 else measured.low
    plain = None if measured.estimate is None else max(0.0, measured.estimate / limit)
    return plain, max(0.0, at_worst / limit)
