"""Is the policy still saying different things, and is it still unsure? Against the anchor.

Both sides answer the same prompts, equally often: these scores grow with the number of answers
(Vendi of one fixed policy: 34, 46, 55, 59 at 50, 100, 200, 400), so unequal numbers are refused.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.drift.changes import (
    FEW,
    FEWEST,
    Change,
    Prompts,
    clustered,
    from_log,
    ratio,
    refuse_rows,
    reported,
    spread,
)
from tools.instruments.estimates import mean, refuse_impossible
from tools.instruments.intervals import LEVEL

Floats = NDArray[np.float64]
Tokens = Sequence[Sequence[float] | Floats]
"""Per answer, the entropy at each of its tokens, nats."""
VENDI, ENTROPY = -0.15, -0.30
CERTAIN = 0.05
"""Nats below which a token was hardly chosen."""
NOTHING = 1e-12
"""Eigenvalues below this share of the trace are rounding."""
CORPUS, SIBLINGS = "effective answers in the corpus", "effective answers per prompt"


def vendi(points: Floats) -> float:
    """Effective number of different answers: exp of the entropy of the eigenvalues of K/n.

        exp(-sum_i l_i log l_i),   K_ij = cos(x_i, x_j)

    Between 1, all alike, and n, all at right angles. It depends on n: compare equal n only.

    Raises:
        UndefinedMeasurement: no rows, a row of zeros, or a value that is not finite.

    Source:
        Friedman & Dieng 2023, arXiv:2210.02410, definition 1.
    """
    return float(np.exp(_entropy_of(_unit(points))[0]))


def vendi_change(
    now: Floats, then: Floats, *, prompts: Prompts = None, level: float = LEVEL
) -> Measurement:
    """Relative change of the corpus's Vendi score; alarms at -15 %.

    The entropy is a function of a mean, C = mean of x x', so each answer has an influence on
    it, -x' log(C) x - H, and the log ratio of two scores a t interval over prompts.

    Args:
        now: embeddings, shape (n, dimensions); row i of both sides answers `prompts[i]`.

    Raises:
        UndefinedMeasurement: the sides differ in n, or a row has no direction.
    """
    _refuse_other_n(len(now), len(then))
    change = _vendi_change(now, then, prompts, level) if len(now) >= FEWEST else None
    return reported(
        "vendi",
        change,
        VENDI,
        units="relative change",
        n=len(now),
        of=CORPUS,
        assumptions=(f"n = {len(now)} on each side",) if change else (FEW,),
        level=level,
    )


def _vendi_change(now: Floats, then: Floats, prompts: Prompts, level: float) -> Change | None:
    (h1, influence1), (h0, influence0) = _entropy_of(_unit(now)), _entropy_of(_unit(then))
    sums, clusters = clustered("vendi", influence1 - influence0, prompts)
    if clusters < FEWEST:
        return None
    return from_log(h1 - h0, spread(sums * clusters / len(now), level), clusters)


def siblings_change(now: Floats, then: Floats, *, level: float = LEVEL) -> Measurement:
    """Relative change of the mean Vendi score of the answers to one prompt; alarms at -15 %.

    Args:
        now: embeddings, shape (prompts, samples, dimensions); so `then`. Eight samples each is
            the protocol; the number must be equal.

    Raises:
        UndefinedMeasurement: the sides differ in samples, or a row has no direction.
    """
    _refuse_other_n(now.shape[1], then.shape[1])
    change = ratio("vendi", _siblings(now), _siblings(then), level=level)
    return reported(
        "vendi",
        change,
        VENDI,
        units="relative change",
        n=now.shape[0] * now.shape[1],
        of=SIBLINGS,
        assumptions=(f"{now.shape[1]} samples per prompt on each side",) if change else (FEW,),
        level=level,
    )


def _siblings(points: Floats) -> Floats:
    unit = _unit(points)
    grams = unit @ unit.transpose(0, 2, 1) / points.shape[1]
    values = np.maximum(np.linalg.eigvalsh(grams), NOTHING)
    out: Floats = np.exp(-(values * np.log(values)).sum(axis=1))
    return out


def _entropy_of(unit: Floats) -> tuple[float, Floats]:
    """Entropy of the eigenvalues, and each row's influence on it (mean 0)."""
    return _entropy_once(np.ascontiguousarray(unit).tobytes(), len(unit))


@lru_cache(maxsize=4)
def _entropy_once(rows: bytes, n: int) -> tuple[float, Floats]:
    """The anchor's answers come back in every look, and what was new is the next look's past.

    X'X and XX' have the same eigenvalues but for zeros: the smaller one is taken apart. With
    XX' / n = sum_k l_k v_k v_k' a row's square along axis k is n l_k v_ik^2.
    """
    unit = np.frombuffer(rows).reshape(n, -1)
    wide = n < unit.shape[1]
    values, axes = np.linalg.eigh((unit @ unit.T if wide else unit.T @ unit) / n)
    real = values > NOTHING
    values, axes = values[real], axes[:, real]
    squares = n * values * axes**2 if wide else (unit @ axes) ** 2
    entropy = -float((values * np.log(values)).sum())
    return entropy, -(squares @ np.log(values)) - entropy


def _unit(points: Floats) -> Floats:
    lengths = np.linalg.norm(points, axis=-1, keepdims=True)
    if not points.size or not np.isfinite(points).all() or not (lengths > 0).all():
        raise UndefinedMeasurement(
            "The Vendi score compares directions.",
            saw=f"shape {points.shape}, {int((~(lengths > 0)).sum())} rows without a direction",
            wanted="finite rows, none of them all zeros",
            try_this="embed every answer, the empty one too, as HashedNgrams does",
        )
    out: Floats = points / lengths
    return out


def _refuse_other_n(now: int, then: int) -> None:
    if now != then:
        raise UndefinedMeasurement(
            "Vendi scores of different numbers of answers cannot be compared.",
            saw=f"{now} now, {then} at the anchor",
            wanted="the same n on both sides: the score grows with n",
            try_this="draw both sides by one protocol, or cut both to the smaller n at random",
        )


def token_entropy(logits: Floats) -> Floats:
    """Entropy of the next token at each position, nats: -sum_v p(v) log p(v).

    Args:
        logits: or log-probabilities, shape (..., vocabulary); -inf is impossible.
    """
    logp = log_softmax(logits, axis=-1)
    p = np.exp(logp)
    out: Floats = -(p * np.where(p > 0, logp, 0.0)).sum(axis=-1)
    refuse_impossible("token_entropy", out.ravel().tolist())
    return out


def entropy_change(
    now: Tokens, then: Tokens, *, prompts: Prompts = None, level: float = LEVEL
) -> Measurement:
    """Relative change of the mean token entropy; alarms at -30 %.

    Args:
        now: per answer, from `token_entropy` at the tokens it drew; row i of both sides
            answers `prompts[i]`.

    Raises:
        UndefinedMeasurement: an answer without tokens, a negative value, or an anchor that is
            certain of everything, which has no relative change.
    """
    means = [_means(side) for side in (now, then)]
    return reported(
        "token_entropy",
        ratio("token_entropy", means[0], means[1], prompts, level=level),
        ENTROPY,
        units="relative change",
        n=len(now),
        assumptions=("mean over tokens, then answers, then prompts",),
        level=level,
    )


def certain_tokens(tokens: Tokens, *, prompts: Prompts = None) -> Measurement:
    """Share of tokens with an entropy below .05 nats; a report, without a threshold."""
    _means(tokens)
    return mean(
        "certain_tokens",
        [float(np.mean(np.asarray(answer) < CERTAIN)) for answer in tokens],
        units=f"share of tokens below {CERTAIN} nats",
        clusters=prompts,
        lower=0.0,
        upper=1.0,
    )


def _means(tokens: Tokens) -> Floats:
    if silent := sum(not len(answer) for answer in tokens):
        raise UndefinedMeasurement(
            "The entropy of an answer is a mean over its tokens.",
            saw=f"{silent} answers without a token",
            wanted="at least the end of each answer",
            try_this="count the end-of-sequence token, or leave these items out on both sides",
        )
    out = np.array([np.mean(answer) for answer in tokens], dtype=np.float64)
    refuse_rows("token_entropy", out, out, lower=0.0)
    return out
