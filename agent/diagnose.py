"""Diagnose: which hypotheses explain what was measured, how well, and what would tell them apart.

A pure function: clues for and against (`agent.hypotheses`) become supports (`agent.likelihood`).
"""

from collections.abc import Iterable, Iterator, Sequence

from agent.deciders import Past, find
from agent.hypotheses import (
    BIASED_PRIOR,
    MIN_PAIRS,
    PLAIN,
    WRONG_PANEL_PRIOR,
    biased,
    tampered,
    wrong_panel,
)
from agent.likelihood import Clue, support
from agent.seen import Seen, panel_accuracy, say
from agent.telling import telling
from logs.vocabulary import Diagnosis, Finding, Hypothesis, Measurement, Observation

__all__ = ["LISTED", "MIN_PAIRS", "diagnose", "panel_accuracy", "say"]

LISTED = 0.2
"""Support below which a hypothesis is not worth a line."""
EITHER_WAY = 0.5
"""Support for chance where too little was seen to speak for the panel or against it."""


def diagnose(
    now: Observation,
    before: Sequence[Observation],
    audited: Sequence[Observation] = (),
    *,
    kl_max: float,
    past: Sequence[Past] = (),
    judge_floor: float = 0.5,
    judge_n: int = 0,
) -> Diagnosis:
    """Hypotheses, strongest first; `healthy` carries what is left of the support.

    Args:
        now: what was measured in this turn.
        before: every earlier turn of the session, oldest first.
        audited: those of the last turns whose audited pairs were about the panel of now.
        kl_max: drift from the anchor that the policy allows, nats per token.
        past: what was decided in earlier turns, and what became of it.
        judge_floor: lower bound of the panel's accuracy that the law wants.
        judge_n: audited pairs that it wants.
    """
    seen = Seen(now, before, audited, past, kl_max, judge_floor, judge_n)
    found = sorted(_listed(seen), key=lambda f: -f.support)
    healthy = Finding(
        hypothesis=Hypothesis.HEALTHY,
        support=max(0.0, 1.0 - max((f.support for f in found), default=0.0)),
        because=tuple(_calm(now)),
        against=tuple(f.because[0] for f in found[:2]),
    )
    findings = tuple(sorted((*found, healthy), key=lambda f: -f.support))
    return Diagnosis(findings=findings, telling=telling(findings, seen))


def _listed(seen: Seen) -> Iterator[Finding]:
    found = [*_judge(seen), *_biased(seen)]
    found += [_finding(kind, prior, clues(seen)) for kind, prior, clues in PLAIN]
    yield from (f for f in found if f.support >= LISTED and f.because)
    accuracy = seen.accuracy
    if accuracy is not None and (accuracy.n < MIN_PAIRS or accuracy.estimate is None):
        yield Finding(hypothesis=Hypothesis.NOISE, support=EITHER_WAY, because=(say(accuracy),))


def _judge(seen: Seen) -> Iterator[Finding]:
    """Is the panel still right about this policy's answers, and do its scores say so?"""
    found = _finding(Hypothesis.JUDGE_STALE, WRONG_PANEL_PRIOR, wrong_panel(seen))
    score = find(seen.now, "judge_score")
    first = seen.first_on_this_scale(score)
    if found.because and _risen(first, score):
        gap = find(seen.now, "judge_gap", "panel")
        told = (say(m) for m in (gap, first, score) if m)
        update = {
            "hypothesis": Hypothesis.JUDGE_OVEROPTIMISED,
            "because": (*found.because, *told),
        }
        found = found.model_copy(update=update)
    yield found


def _risen(first: Measurement | None, now: Measurement | None) -> bool:
    return (
        first is not None
        and now is not None
        and first.high is not None
        and now.low is not None
        and now.low > first.high
    )


def _biased(seen: Seen) -> Iterator[Finding]:
    for _, clues in biased(seen):
        yield _finding(Hypothesis.JUDGE_BIASED, BIASED_PRIOR, clues)
    yield _finding(Hypothesis.JUDGE_BIASED, BIASED_PRIOR, tampered(seen))


def _finding(hypothesis: Hypothesis, prior: float, clues: Iterable[Clue]) -> Finding:
    """The support of one hypothesis, with what speaks for it and what against."""
    told = sorted(clues, key=lambda c: -c.nats)
    return Finding(
        hypothesis=hypothesis,
        support=support(prior, told),
        because=tuple(c.says for c in told if c.nats > 0),
        against=tuple(c.says for c in reversed(told) if c.nats < 0),
    )


def _calm(now: Observation) -> Iterator[str]:
    for name, of in (("judge_accuracy", "panel"), ("judge_score", ""), ("length", "")):
        if m := find(now, name, of):
            yield say(m)
