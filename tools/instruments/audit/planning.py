"""How many items an audit needs: to see a shift, and to be sure there is none."""

import math
from dataclasses import dataclass

from scipy import stats

from logs.errors import UndefinedMeasurement
from tools.instruments.audit.bounds import GREEN, RED
from tools.instruments.audit.shift import Shift

ALPHA, POWER = 0.05, 0.80
LARGEST = 20
"""An audit is not enlarged beyond this many times what was seen: psi is itself an estimate."""


def _z(p: float) -> float:
    return float(stats.norm.ppf(p))


def n_to_detect(psi: float, d: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Items to see a net shift d, where the mean squared change is psi (two-sided).

        n = (z_{1-alpha/2} sqrt(psi) + z_{power} sqrt(psi - d^2))^2 / d^2

    For single yes-or-no verdicts psi is the share of discordant items (McNemar's test).

    Raises:
        UndefinedMeasurement: not 0 < d^2 <= psi <= 1: no changes have such a mean.

    Source:
        Connor (1987), Biometrics 43:207-211.
    """
    if not 0 < d * d <= psi <= 1:
        raise _impossible("a net shift whose square is at most psi", f"d {d}, psi {psi}")
    root = _z(1 - alpha / 2) * math.sqrt(psi) + _z(power) * math.sqrt(psi - d * d)
    return math.ceil(root**2 / d**2)


def n_to_certify(
    psi: float,
    margin: float = GREEN,
    *,
    d: float = 0.0,
    alpha: float = ALPHA,
    power: float = POWER,
) -> int:
    """Items to certify |shift| < margin by two one-sided tests, when the shift is d.

        d = 0:  n = (z_{1-alpha} + z_{(1+power)/2})^2 psi / margin^2
        else:   n = (z_{1-alpha} + z_{power})^2 (psi - d^2) / (margin - |d|)^2

    the larger of the two for d other than 0.

    Raises:
        UndefinedMeasurement: psi not in (0, 1], or not |d| < margin.

    Source:
        Julious (2004), Statistics in Medicine 23:1921-1986 (equivalence, normal data).
    """
    if not 0 < psi <= 1 or not abs(d) < margin:
        raise _impossible("a discordance and a shift below the margin", f"{psi}, {d} of {margin}")
    central = (_z(1 - alpha) + _z((1 + power) / 2)) ** 2 * psi / margin**2
    beside = (_z(1 - alpha) + _z(power)) ** 2 * max(0.0, psi - d * d) / (margin - abs(d)) ** 2
    return math.ceil(max(central, beside) if d else central)


def n_for_scores(delta: float, sd: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Items to see a mean change delta of scores whose changes have standard deviation sd.

    n = (z_{1-alpha/2} + z_power)^2 (sd / delta)^2; 7.85 (sd / delta)^2 by default.
    """
    if not sd > 0 or not delta:
        raise _impossible("a spread above 0 and a change other than 0", f"sd {sd}, delta {delta}")
    return math.ceil((_z(1 - alpha / 2) + _z(power)) ** 2 * (sd / delta) ** 2)


def n_per_arm(p1: float, p2: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Items in each of two independent groups to tell shares p1 and p2 apart.

    n = (z_{1-alpha/2} + z_power)^2 (p1 q1 + p2 q2) / (p1 - p2)^2.
    """
    if not (0 <= p1 <= 1 and 0 <= p2 <= 1) or p1 == p2:
        raise _impossible("two different shares", f"{p1} and {p2}")
    spread = p1 * (1 - p1) + p2 * (1 - p2)
    return math.ceil((_z(1 - alpha / 2) + _z(power)) ** 2 * spread / (p1 - p2) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an audit was able to tell, and how many items the next one needs."""

    clusters: int
    psi: float
    to_detect: int | None
    """Items to see a shift of the size of the margin; None where psi allows none."""
    to_certify: int | None
    """Items to certify a judge without any shift; None where nothing was discordant."""
    enlarge_to: int
    """Clusters for the next audit; the same number when this one decided."""
    because: str


def plan(shift: Shift, *, green: float = GREEN, red: float = RED) -> Plan:
    """Enlarge an audit whose bound straddles the margin, from the discordance it measured.

    Decided is: certified below `green`, or detected with a bound above `red`. Else n grows to
    what certifies this shift, if it is below `green`, or detects it, if it is above; at least
    by half, and at most to LARGEST times the present number.
    """
    n, psi, d = shift.clusters, shift.psi, shift.estimate
    if shift.upper <= green:
        wanted, because = n, f"certified: upper bound {shift.upper:.3f} <= {green:g}"
    elif shift.upper > red and shift.detected:
        wanted, because = n, f"detected: shift {d:+.3f}, p {shift.p:.2g}"
    elif abs(d) < green:
        wanted = n_to_certify(psi, green, d=d) if psi else 2 * n
        because = f"bound {shift.upper:.3f} straddles the margin {green:g}"
    else:
        wanted = n_to_detect(max(psi, d * d), d)
        because = f"shift {d:+.3f} is beyond the margin, and not yet decided"
    grown = n if wanted == n and _decided(shift, green, red) else max(wanted, math.ceil(1.5 * n))
    return Plan(
        clusters=n,
        psi=psi,
        to_detect=n_to_detect(psi, green) if psi >= green**2 else None,
        to_certify=n_to_certify(psi, green) if psi else None,
        enlarge_to=min(grown, LARGEST * n),
        because=because,
    )


def _decided(shift: Shift, green: float, red: float) -> bool:
    return shift.upper <= green or (shift.upper > red and shift.detected)


def _impossible(wanted: str, saw: str) -> UndefinedMeasurement:
    return UndefinedMeasurement(
        "No number of items can be planned from this.",
        saw=saw,
        wanted=wanted,
        try_this="measure psi on 50 items first; planning.plan does it from a finished audit",
    )
