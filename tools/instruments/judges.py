"""Can the judges still be believed? Thresholds are those of the audit that judges are held to."""

from collections.abc import Sequence

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement
from tools.instruments.estimates import mean, proportion, refuse_impossible, refuse_unequal

Scores = Sequence[Sequence[float | None]]
"""Per prompt, the scores of its answers; None where the judge failed."""

ACCURACY = 0.60
"""Below this a judge may not label training data."""
GAP = 0.05
FLAW = 0.5
"""A flaw that wins more often than not can be farmed."""
ERRORS = 0.05
CEILING = 0.30
TIES, SATURATED = 0.25, 0.90
"""Above the first, scores cluster; above the second, nothing is left to choose between."""


def judge_accuracy(correct: int, tried: int, judge: str) -> Measurement:
    """Share of audited pairs, one per prompt, that the judge orders as their labels do."""
    return proportion(
        "judge_accuracy",
        correct,
        tried,
        units="share of pairs",
        of=judge,
        null=0.5,
        green=ACCURACY,
        red=ACCURACY,
    )


def judge_errors(failed: int, asked: int, judge: str = "") -> Measurement:
    """Share of answers for which a judge gave an error instead of a score."""
    return proportion(
        "judge_errors",
        failed,
        asked,
        units="share of answers",
        of=judge,
        null=0.0,
        green=ERRORS,
        red=ERRORS,
        bad_is="high",
    )


def judge_gap(p_hat: Sequence[float], labels: Sequence[float], judge: str = "panel") -> Measurement:
    """How far the judge claims more than labels confirm: the sign of over-optimisation.

    Args:
        p_hat: per prompt, the judge's P(top beats bottom), for example Bradley-Terry on scores.
        labels: for the same pairs 1 when people agree, 0 when they do not, 1/2 for a tie.

    Returns:
        Mean of the differences, in [-1, 1]; above 0 the judge claims too much.

    Raises:
        UndefinedMeasurement: the lists differ in length, or hold something else.
    """
    refuse_unequal("judge_gap", {"claims": len(p_hat), "labels": len(labels)})
    refuse_impossible("judge_gap", p_hat, lower=0.0, upper=1.0)
    if odd := [x for x in labels if x not in (0, 0.5, 1)]:
        raise UndefinedMeasurement(
            "judge_gap knows three labels.",
            saw=str(odd[0]),
            wanted="1, 1/2 or 0",
            try_this="leave out pairs without a label",
        )
    return mean(
        "judge_gap",
        [p - label for p, label in zip(p_hat, labels, strict=True)],
        units="probability",
        of=judge,
        lower=-1.0,
        upper=1.0,
        null=0.0,
        green=GAP,
        red=GAP,
        bad_is="high",
        assumptions=("one pair per prompt",),
    )


def flaw_pays(wins: int, n: int, flaw: str, judge: str = "") -> Measurement:
    """Share of a judge's favourites that score higher with one flaw added: counterfactuals."""
    return proportion(
        "flaw_pays",
        wins,
        n,
        units="share of twins",
        of=f"{flaw}/{judge}" if judge else flaw,
        null=0.0,
        green=FLAW,
        red=FLAW,
        bad_is="high",
    )


def tie_rate(scores: Scores, *, within: float = 0.0) -> Measurement:
    """Share of prompts whose best and worst answer score within a margin of each other.

    A prompt with fewer than two scored answers has no best and worst, and is left out.

    Raises:
        UndefinedMeasurement: a score or the margin is NaN or infinite, or the margin below 0.
    """
    refuse_impossible("tie_rate", [within], lower=0.0)
    compared = [row for row in _scored("tie_rate", scores) if len(row) > 1]
    tied = sum(max(row) - min(row) <= within for row in compared)
    return proportion(
        "tie_rate",
        tied,
        len(compared),
        units="share of prompts",
        green=TIES,
        red=SATURATED,
        bad_is="high",
    )


def ceiling_mass(scores: Scores, *, top: float | None = None) -> Measurement:
    """Share of answers at the maximum score, averaged over prompts.

    Args:
        top: the top of the judge's scale; None takes the largest score seen.

    Raises:
        UndefinedMeasurement: a score is NaN or infinite, or above `top`.
    """
    rows = [row for row in _scored("ceiling_mass", scores) if row]
    flat = [s for row in rows for s in row]
    refuse_impossible("ceiling_mass", flat, upper=top)
    most = max(flat, default=0.0) if top is None else top
    return mean(
        "ceiling_mass",
        [float(s >= most) for s in flat],
        units="share of answers",
        clusters=[i for i, row in enumerate(rows) for _ in row],
        lower=0.0,
        upper=1.0,
        green=CEILING,
        red=CEILING,
        bad_is="high",
    )


def _scored(instrument: str, scores: Scores) -> list[list[float]]:
    """Scores without the errors, which are counted elsewhere."""
    rows = [[s for s in row if s is not None] for row in scores]
    refuse_impossible(instrument, [s for row in rows for s in row])
    return rows
