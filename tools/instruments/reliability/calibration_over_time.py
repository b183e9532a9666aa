"""Has a judge become overconfident? An e-process that may be looked at after every item."""

import math
from typing import Literal

import numpy as np

from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.reliability.common import (
    Clusters,
    Floats,
    Frame,
    Ints,
    Values,
    claims,
    codes,
    insufficient,
    means,
    reported,
)

ALPHA = 0.05


def calibration_e_process(
    p: Values,
    y: Values,
    *,
    clusters: Clusters = None,
    against: Literal["overconfidence", "underconfidence"] = "overconfidence",
    alpha: float = ALPHA,
    of: str = "",
) -> Measurement:
    """Evidence against "calibrated" that may be looked at after every item.

    Wealth = prod_t (1 - l_t sign(p_t - 1/2) (y_t - p_t)), 0 <= l_t <= 1/2, where l_t is the bet
    that the items before t call for (aGRAPA: Waudby-Smith & Ramdas 2024, section B.3). Calibrated,
    wealth ever reaches 1/alpha with probability at most alpha (Ville). Clusters are bet on one by
    one, in the order in which they first appear, each with the mean of its items.

    Returns:
        The log of the largest wealth so far, in nats. Red from log(1/alpha) on; else yellow,
        for no evidence against is not evidence for.

    Raises:
        UndefinedMeasurement: impossible input.
    """
    name = "calibration_e_process"
    p, y = claims(name, p, y)
    groups = codes(name, clusters, len(p))
    frame = Frame(
        instrument=name,
        units="nats of evidence",
        of=of or against,
        null=0.0,
        guarantee=Guarantee.ANYTIME,
        level=1 - alpha,
    )
    if not len(p):
        return insufficient(frame, "no items", n=0)
    wealth = log_wealth(p, y, groups, overconfident=against == "overconfidence")
    most = max(0.0, float(wealth.max()))
    return reported(
        frame,
        most,
        None,
        n=len(p),
        clusters=len(wealth),
        status=Status.RED if most >= math.log(1 / alpha) else Status.YELLOW,
        assumptions=(f"against {against}", "items in the order in which they were labelled"),
    )


def log_wealth(p: Floats, y: Floats, groups: Ints, *, overconfident: bool = True) -> Floats:
    """Log wealth after each cluster."""
    side = -1.0 if overconfident else 1.0
    gain = means(side * np.sign(p - 0.5) * (y - p), groups)
    past = np.arange(1, len(gain) + 1)  # one imagined item, of mean 0 and variance 1/4
    mean = np.concatenate([[0.0], np.cumsum(gain)[:-1]]) / past
    square = (0.25 + np.concatenate([[0.0], np.cumsum(gain**2)[:-1]])) / past
    return np.cumsum(np.log1p(np.clip(mean / square, 0.0, 0.5) * gain))
