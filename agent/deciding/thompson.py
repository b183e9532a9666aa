"""Thompson sampling over kinds of intervention: what each promises in a context, and a draw of it.

For each kind a linear model of its return in a context x, learnt from that kind's turns alone:

    r = w'x + e,  e ~ N(0, s^2 of that turn + MISFIT),  w ~ N(0, REACH^2 I)

With the prior precision and one term for each turn the posterior is normal, exactly:

    B = I / REACH^2 + sum x x' / s^2        f = sum x r / s^2
    w | turns ~ N(B^-1 f, B^-1)             w'x ~ N(x'B^-1 f, x'B^-1 x)

(Agrawal & Goyal 2013, "Thompson sampling for contextual bandits with linear payoffs", algorithm 1,
there with equal noise and a posterior widened for the proof of its bound; as usual in practice it
is not widened here: Chapelle & Li 2011, "An empirical evaluation of Thompson sampling").

The decision table is in the prior: WORTH turns that were never made are added in the context at
hand, of a usual return for what the table would choose, of ADVANTAGE less for everything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats: TypeAlias = NDArray[np.float64]

USUAL = 0.03
"""Return of a usual turn: gold of governed sessions rose by that much a turn (docs/world.md)."""
NOISE = 0.015
"""Variance of the return of a usual turn, with 12 audited prompts: what one turn is worth."""
MISFIT = 0.0025
"""Variance of what one kind brings in contexts that look alike: .05 either way."""
REACH = 0.15
"""How far a return may depend on any one number of the context, as a standard deviation."""
_GRID = 801


@dataclass(frozen=True, slots=True)
class Prior:
    """How far the table is believed before anything was tried."""

    advantage: float = 0.12
    """By how much the table's choice is thought to return more than anything else."""
    worth: float = 12.0
    """Turns of experience, in the same context, that weigh as much as the prior."""


PRIOR = Prior()


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the turns of one kind say together: sums, so that their order does not matter."""

    precision: Floats
    """Sum of x x' / s^2."""
    shift: Floats
    """Sum of x r / s^2."""
    turns: int


@dataclass(frozen=True, slots=True)
class Belief:
    """What a kind is thought to return in one context: normal, with so many turns behind it."""

    mean: float
    sd: float
    turns: int


def nothing(features: int) -> Learnt:
    """Before the first turn of a kind."""
    return Learnt(np.zeros((features, features)), np.zeros(features), 0)


def learnt(contexts: Floats, returns: Floats, variances: Floats) -> Learnt:
    """What these turns of one kind say; one row of `contexts` each."""
    weights = 1 / (variances + MISFIT)
    weighted = contexts * weights[:, None]
    return Learnt(weighted.T @ contexts, weighted.T @ returns, len(returns))


def joined(a: Learnt, b: Learnt) -> Learnt:
    """What both say."""
    return Learnt(a.precision + b.precision, a.shift + b.shift, a.turns + b.turns)


def belief(known: Learnt, x: Floats, *, tabled: bool, prior: Prior = PRIOR) -> Belief:
    """What a kind returns in context x, after its turns and the prior.

    Args:
        known: the sums of its turns.
        x: the context at hand.
        tabled: whether the decision table would choose it here.
    """
    weight = prior.worth / NOISE
    expected = USUAL if tabled else USUAL - prior.advantage
    precision = np.eye(len(x)) / REACH**2 + known.precision + weight * np.outer(x, x)
    spread, at = np.linalg.solve(
        precision, np.stack([x, known.shift + weight * expected * x], axis=1)
    ).T
    return Belief(float(x @ at), float(np.sqrt(x @ spread)), known.turns)


def better(a: Belief, b: Belief) -> float:
    """Chance that the first returns more than the second."""
    return float(ndtr((a.mean - b.mean) / np.hypot(a.sd, b.sd)))


def chances(beliefs: Mapping[str, Belief]) -> dict[str, float]:
    """Chance that each of them returns most: the integral of its density times that all are below.

    Kinds are learnt apart, so that their returns are independent. By the rectangle rule.
    """
    means = np.array([b.mean for b in beliefs.values()])
    sds = np.array([b.sd for b in beliefs.values()])
    grid = np.linspace((means - 8 * sds).min(), (means + 8 * sds).max(), _GRID)
    below = ndtr((grid - means[:, None]) / sds[:, None])
    density = np.exp(-0.5 * ((grid - means[:, None]) / sds[:, None]) ** 2) / sds[:, None]
    others = np.array([np.delete(below, i, axis=0).prod(axis=0) for i in range(len(means))])
    best = (density * others).sum(axis=1)
    return dict(zip(beliefs, (best / best.sum()).tolist(), strict=True))


def drawn(beliefs: Sequence[Belief], normals: Sequence[float]) -> list[float]:
    """One value from each belief, from one standard normal each."""
    return [b.mean + b.sd * z for b, z in zip(beliefs, normals, strict=True)]
