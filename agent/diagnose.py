"""Diagnose: which hypotheses explain what was measured. A pure function."""

from collections.abc import Iterator, Sequence

from agent.deciders import find
from logs.scales import comparable
from logs.vocabulary import Diagnosis, Finding, Hypothesis, Measurement, Observation, Status
from tools.instruments import judge_accuracy

ACCURACY_FLOOR = 0.5
"""A panel whose lower bound is not above this may be a coin."""
ACCURACY_GOOD = 0.75
MIN_PAIRS = 5
"""Fewer informative pairs speak neither for nor against a judge."""
EITHER_WAY = 0.5
"""Support for chance where too little was seen to speak for the panel or against it."""
FLAW_PAYS = 0.25
"""A flaw that wins one time in four can be farmed."""
SATURATED = 0.9
ERRORS = 0.05
DIVERSITY_LOSS = 0.4
DRIFT_SHARE = 0.7


def diagnose(
    now: Observation,
    before: Sequence[Observation],
    audited: Sequence[Observation] = (),
    *,
    kl_max: float,
) -> Diagnosis:
    """Hypotheses, strongest first; `healthy` carries what is left of the support.

    Args:
        now: what was measured in this turn.
        before: every earlier turn of the session, oldest first.
        audited: those of the last turns whose audited pairs were about the panel of now.
        kl_max: drift from the anchor that the policy allows, nats per token.
    """
    found = sorted(_findings(now, before, audited, kl_max), key=lambda f: -f.support)
    rest = max(0.0, 1.0 - max((f.support for f in found), default=0.0))
    healthy = Finding(
        hypothesis=Hypothesis.HEALTHY,
        support=rest,
        because=tuple(_calm(now)),
        against=tuple(f.because[0] for f in found[:2]),
    )
    return Diagnosis(findings=tuple(sorted((*found, healthy), key=lambda f: -f.support)))


def say(m: Measurement) -> str:
    """A measurement as one line of evidence."""
    name = f"{m.instrument}[{m.of}]" if m.of else m.instrument
    if m.estimate is None:
        return f"{name} {m.status} n={m.n}"
    interval = "" if m.low is None or m.high is None else f" [{m.low:.3f}, {m.high:.3f}]"
    return f"{name} = {m.estimate:.3f}{interval} n={m.n}"


def _findings(
    now: Observation,
    before: Sequence[Observation],
    audited: Sequence[Observation],
    kl_max: float,
) -> Iterator[Finding]:
    yield from _judge(now, before, audited)
    yield from _flaws(now)
    yield from _distribution(now, before)
    errors = find(now, "judge_errors")
    if errors and errors.estimate and errors.estimate > ERRORS:
        yield _finding(Hypothesis.DATA_DEFECT, min(1.0, 2 * errors.estimate), errors)
    # The drift set's nats rest on more answers; logs of older sessions have the others alone.
    drift = find(now, "kl_per_token", "anchor") or find(now, "kl_to_anchor")
    if drift and drift.high is not None and drift.high > DRIFT_SHARE * kl_max:
        yield _finding(Hypothesis.DRIFT, min(1.0, drift.high / kl_max) - 0.3, drift)


def _judge(
    now: Observation, before: Sequence[Observation], audited: Sequence[Observation]
) -> Iterator[Finding]:
    """Is the panel still right about this policy's answers?"""
    accuracy = panel_accuracy([*audited, now])
    if accuracy is None:
        return
    if accuracy.estimate is None or accuracy.low is None or accuracy.n < MIN_PAIRS:
        yield _finding(Hypothesis.NOISE, EITHER_WAY, accuracy)
        return
    if accuracy.low >= ACCURACY_FLOOR and accuracy.estimate >= ACCURACY_GOOD:
        return
    support = min(1.0, 0.4 + (1 - accuracy.estimate) + max(0.0, ACCURACY_FLOOR - accuracy.low))
    score = find(now, "judge_score")
    first = _first_on_this_scale(score, before)
    rising = _risen(first, score)
    gap = find(now, "judge_gap", "panel")
    kind = Hypothesis.JUDGE_OVEROPTIMISED if rising else Hypothesis.JUDGE_STALE
    evidence = [accuracy, *(m for m in (gap, first, score) if m and rising)]
    yield Finding(hypothesis=kind, support=support, because=tuple(map(say, evidence)))


def _first_on_this_scale(
    score: Measurement | None, before: Sequence[Observation]
) -> Measurement | None:
    """The oldest score that this one may be held against: of the same panel and constitution."""
    earlier = (find(o, "judge_score") for o in before)
    return next((m for m in earlier if m and score and comparable(m, score)), None)


def panel_accuracy(seen: Sequence[Observation]) -> Measurement | None:
    """The panel's accuracy on the audited pairs of several turns; the gate is told the same."""
    each = [m for o in seen if (m := find(o, "judge_accuracy", "panel"))]
    if len(each) < 2:
        return each[0] if each else None
    return judge_accuracy(sum(m.count or 0 for m in each), sum(m.n for m in each), judge="panel")


def _risen(first: Measurement | None, now: Measurement | None) -> bool:
    return (
        first is not None
        and now is not None
        and first.high is not None
        and now.low is not None
        and now.low > first.high
    )


def _flaws(now: Observation) -> Iterator[Finding]:
    for m in now.measurements:
        if m.instrument == "flaw_pays" and m.low is not None and m.low > FLAW_PAYS:
            yield _finding(Hypothesis.JUDGE_BIASED, min(1.0, m.low), m)


def _distribution(now: Observation, before: Sequence[Observation]) -> Iterator[Finding]:
    ties = find(now, "tie_rate")
    if ties and ties.low is not None and ties.low > SATURATED:
        yield _finding(Hypothesis.PROMPT_SATURATION, ties.low, ties)
    distinct, first = find(now, "distinct_2"), find(before[0], "distinct_2") if before else None
    if distinct and first and distinct.estimate and first.estimate:
        loss = 1 - distinct.estimate / first.estimate
        if loss > DIVERSITY_LOSS:
            yield _finding(Hypothesis.DISTRIBUTION_COLLAPSE, min(1.0, loss), distinct, first)
            return
    yield from _collapse(now)


def _collapse(now: Observation) -> Iterator[Finding]:
    """Answers to different prompts that became alike: siblings that agree only know the answer."""
    vendi = find(now, "vendi_change", "anchor")
    bleu = find(now, "self_bleu_change", "anchor")
    entropy = find(now, "entropy_change", "anchor")
    if vendi and bleu and vendi.estimate and Status.RED is vendi.status is bleu.status:
        more = (entropy,) if entropy and entropy.status is Status.RED else ()
        loss = min(1.0, -vendi.estimate)
        yield _finding(Hypothesis.DISTRIBUTION_COLLAPSE, loss, vendi, bleu, *more)


def _finding(hypothesis: Hypothesis, support: float, *evidence: Measurement) -> Finding:
    return Finding(
        hypothesis=hypothesis, support=max(0.0, support), because=tuple(map(say, evidence))
    )


def _calm(now: Observation) -> Iterator[str]:
    for name, of in (("judge_accuracy", "panel"), ("judge_score", ""), ("length", "")):
        if m := find(now, name, of):
            yield say(m)
