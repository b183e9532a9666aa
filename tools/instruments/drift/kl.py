"""How far the policy went, in nats: exact at every position, against two references.

The same numbers are reported against the `anchor` (the founding policy) and the `previous`
commit. Small steps do not bound the way from the anchor, so one does not replace the other; and
nats are not comparable between methods: best-of-n and training spend them differently
(Gao et al. 2023, section 3).
"""

from collections.abc import Hashable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.estimates import mean, refuse_impossible, refuse_unequal
from tools.instruments.intervals import LEVEL
from tools.instruments.policy import divergence

Floats = NDArray[np.float64]
Tokens = Sequence[Sequence[float] | NDArray[np.float64]]
"""Per answer, the nats at each of its tokens."""
Estimator = Literal["exact", "k1", "k3"]
DOUBLE = 2.0
"""Yellow from this multiple of the divergence at the last promoted gain."""


def exact_kl(policy: Floats, reference: Floats) -> Floats:
    """KL(policy || reference) at every position, summed over the whole vocabulary.

        sum_v p(v) (log p(v) - log q(v))

    Args:
        policy: logits or log-probabilities, shape (..., vocabulary); so `reference`.

    Returns:
        Nats, shape (...), each >= 0.

    Raises:
        UndefinedMeasurement: shapes differ, a value is NaN or +inf, or the reference rules out
            (-inf) what the policy does not, where the divergence is infinite.
    """
    if policy.shape != reference.shape or not policy.size:
        raise _impossible(f"shapes {policy.shape} and {reference.shape}", "equal, not empty")
    for side in (policy, reference):
        if np.isnan(side).any() or (side == np.inf).any() or (side.max(-1) == -np.inf).any():
            raise _impossible("NaN, +inf, or a position where nothing is possible", "logits")
    p, q = log_softmax(policy, axis=-1), log_softmax(reference, axis=-1)
    possible = p > -np.inf
    if (possible & (q == -np.inf)).any():
        raise _impossible("tokens that only the policy can say", "one vocabulary, one mask")
    # -inf - -inf is NaN, and its weight is 0.
    gap = np.subtract(p, q, out=np.zeros_like(p), where=possible)
    out: Floats = np.maximum((np.exp(p) * gap).sum(axis=-1), 0.0)
    return out


def sampled_kl(policy: Tokens, reference: Tokens, estimator: Literal["k1", "k3"]) -> list[Floats]:
    """Per answer and token, an unbiased guess from the drawn token alone; for want of logits.

        k1 = log p - log q            often negative, the widest
        k3 = r - 1 - log r, r = q/p   never negative, heavy-tailed where policies differ

    Args:
        policy: log-probabilities of the drawn tokens under the policy that drew them.
        reference: the same tokens under the reference.

    Raises:
        UndefinedMeasurement: the tables differ in shape.

    Source:
        Schulman 2020, "Approximating KL divergence".
    """
    refuse_unequal("kl", {"answers": len(policy), "scored answers": len(reference)})
    out = []
    for p, q in zip(policy, reference, strict=True):
        refuse_unequal("kl", {"tokens": len(p), "scored tokens": len(q)})
        gap = np.asarray(q, dtype=np.float64) - np.asarray(p, dtype=np.float64)
        out.append(-gap if estimator == "k1" else np.expm1(gap) - gap)
    return out


def kl_per_token(
    tokens: Tokens,
    of: str,
    *,
    prompts: Sequence[Hashable] | None = None,
    estimator: Estimator = "exact",
    promoted: float | None = None,
    budget: float | None = None,
    level: float = LEVEL,
) -> Measurement:
    """KL(policy || `of`) per token: each answer's mean, then each prompt's.

    Args:
        tokens: from `tools.divergence.token_divergences`, `exact_kl` or `sampled_kl`.
        estimator: which of these; a fallback is named in the instrument.
        promoted: nats per token at the last promoted gain; yellow from twice that.
        budget: red from here on, nats per token.

    Raises:
        UndefinedMeasurement: an answer has no tokens, a value is not finite, or an exact or k3
            value is negative.
    """
    return _measured(
        "",
        [sum(answer) / len(answer) for answer in _told(tokens)],
        of,
        prompts,
        estimator,
        promoted,
        budget,
        level,
    )


def kl_per_answer(
    tokens: Tokens,
    of: str,
    *,
    prompts: Sequence[Hashable] | None = None,
    estimator: Estimator = "exact",
    promoted: float | None = None,
    budget: float | None = None,
    level: float = LEVEL,
) -> Measurement:
    """KL(policy || `of`) of whole answers: the sum over tokens, as the Gao fits want it.

    The chain rule makes the mean of these sums the divergence between the two distributions
    of answers, where answers are drawn from the policy to their end.

    Args:
        budget: red from here on, nats per answer: the square of the fitted peak.
    """
    sums = [float(sum(answer)) for answer in _told(tokens)]
    return _measured("_per_answer", sums, of, prompts, estimator, promoted, budget, level)


def kl_profile(
    tokens: Tokens, of: str, *, prompts: Sequence[Hashable] | None = None
) -> tuple[Measurement, ...]:
    """KL(policy || `of`) per token by position: token 1, 2, 3-4, 5-8 and so on.

    Drift that sits in the first tokens is a new opening; drift that grows along the answer is
    a new way of going on. Later bands rest on the answers long enough to reach them.
    """
    rows = _told(tokens)
    longest = max(map(len, rows), default=0)
    edges = [0, *(2**i for i in range(longest.bit_length() + 1))]
    bands = [(a, b) for a, b in pairwise(edges) if a < longest]
    return tuple(_band(rows, of, prompts, a, b) for a, b in bands)


def _band(
    rows: Tokens, of: str, prompts: Sequence[Hashable] | None, start: int, stop: int
) -> Measurement:
    reach = [i for i, row in enumerate(rows) if len(row) > start]
    values = [fmean(rows[i][start:stop]) for i in reach]
    clusters = None if prompts is None else [prompts[i] for i in reach]
    found = divergence(values, of, clusters=clusters)
    where = f"token {stop}" if stop - start == 1 else f"tokens {start + 1}-{stop}"
    return found.model_copy(update={"of": where, "instrument": f"{found.instrument}_at"})


def _measured(
    what: str,
    values: Sequence[float],
    of: str,
    prompts: Sequence[Hashable] | None,
    estimator: Estimator,
    promoted: float | None,
    budget: float | None,
    level: float,
) -> Measurement:
    limits = [x for x in (promoted, budget) if x is not None]
    refuse_impossible("kl", limits, lower=0.0)
    yellow = budget if promoted is None else DOUBLE * promoted
    if estimator == "exact" and not what:
        return divergence(values, of, clusters=prompts, green=yellow, red=budget, level=level)
    drawn = "positions" if estimator == "exact" else "positions and tokens"
    return mean(
        f"kl_to_{of}{what}" + ("" if estimator == "exact" else f"_{estimator}"),
        values,
        units="nats/answer" if what else "nats/token",
        clusters=prompts,
        lower=None if estimator == "k1" else 0.0,
        null=0.0,
        green=yellow,
        red=budget,
        bad_is="high",
        assumptions=(f"{estimator}; {drawn} drawn from the policy",),
        level=level,
    )


def _told(tokens: Tokens) -> Tokens:
    if silent := sum(not len(answer) for answer in tokens):
        raise _impossible(f"{silent} answers without a token", "at least the end of each answer")
    return tokens


def _impossible(saw: str, wanted: str) -> UndefinedMeasurement:
    return UndefinedMeasurement(
        "kl compares what two policies would say, position by position.",
        saw=saw,
        wanted=wanted,
        try_this="score the same answers, with their end, under both policies",
    )
