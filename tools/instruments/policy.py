"""Where the policy is: its distance from an anchor, its score, and the truth about it."""

from collections.abc import Hashable, Sequence

from logs.vocabulary import Measurement
from tools.instruments.estimates import mean, proportion
from tools.instruments.intervals import LEVEL


def divergence(
    values: Sequence[float],
    of: str,
    *,
    clusters: Sequence[Hashable] | None = None,
    green: float | None = None,
    red: float | None = None,
    level: float = LEVEL,
) -> Measurement:
    """Exact KL(policy || `of`) per token, one value per prompt, as `kl_to_<of>`.

    Args:
        values: nats per token, from `tools.divergence.exact_divergence`.
        of: what the policy is compared with: `anchor` or `previous`.
        clusters: the prompt of each value, where prompts have several answers.
        green: near enough up to here, nats per token.
        red: too far from here on.

    Raises:
        UndefinedMeasurement: a value is negative, NaN or infinite.
    """
    return mean(
        f"kl_to_{of}",
        values,
        units="nats/token",
        clusters=clusters,
        lower=0.0,
        null=0.0,
        green=green,
        red=red,
        bad_is="high",
        assumptions=("exact over the vocabulary; answers drawn from the policy",),
        level=level,
    )


def score(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Measurement:
    """The panel's mean score of the policy's answers, in units of the founding spread."""
    return mean("judge_score", values, units="founding spreads", clusters=clusters)


def gold(k: int, n: int, *, greedy: bool = False, skill: str = "") -> Measurement:
    """Share of the vault's prompts answered as people want, by the oracle."""
    instrument = "gold_skill" if skill else "gold_greedy" if greedy else "gold"
    return proportion(instrument, k, n, units="share of prompts", of=skill)
