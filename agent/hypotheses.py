"""The hypotheses, each with its prior and with what speaks for or against it.

Rates and densities below are stated, not fitted: what an instrument says under the hypothesis and
what it says otherwise. `plimsoll bench` measures how well the whole does.
"""

from collections.abc import Callable, Iterator

from agent.likelihood import Beta, Clue, Normal, counted, measured, sign
from agent.seen import Seen, say
from logs.vocabulary import Hypothesis, Intervention, Measurement, Status

Clues = Iterator[Clue]
MIN_PAIRS = 5
"""Fewer informative pairs speak neither for nor against a judge."""
RIGHT, WRONG = Beta(24, 5), Beta(8, 8)
"""Accuracy of a panel on audited pairs: one that may be believed, and one near a coin."""
PAYS, PAYS_NOT = Beta(4, 4), Beta(1, 14)
"""How often a flaw raises the score of a favourite: where a judge rewards it, and elsewhere."""
TIED, OPEN = Beta(40, 2), Beta(3, 5)
"""Share of prompts on which siblings tie: where nothing is left to learn, and elsewhere."""
TIES_WORTH = 60
"""Prompts of one skill tie together: a turn's many prompts are worth about so many."""
FAR, NEAR = Normal(0.9, 0.2), Normal(0.3, 0.2)
"""Upper bound of the divergence from the anchor, over what the policy allows."""
STEP_FAR, STEP_NEAR = Normal(0.5, 0.15), Normal(0.1, 0.1)
"""Divergence from the policy before, over what the policy allows in all."""
ALIKE, VARIED = Normal(-0.65, 0.15), Normal(-0.25, 0.15)
"""Relative change against the anchor of the effective number of different answers."""
ERRORS = Beta(3, 7), Beta(0.2, 40)
CERTAIN = 0.995
"""Of a sign that hardly fails to show, and that hardly shows without its cause."""
OVERCLAIMS, CLAIMS = Normal(0.3, 0.12), Normal(0.05, 0.1)


def wrong_panel(seen: Seen) -> Clues:
    """Is the panel no longer right about this policy's answers?"""
    accuracy, changed = seen.accuracy, _changed(seen)
    if changed is not None and changed.status is Status.RED:
        # Whatever was audited was audited of another judge: this one must be tried anew.
        yield Clue(say(changed), sign(True, if_so=0.9, if_not=1 - CERTAIN))
        return
    if accuracy is not None and accuracy.n >= MIN_PAIRS:
        nats = counted(accuracy.count or 0, accuracy.n, if_so=WRONG, if_not=RIGHT)
        yield Clue(say(accuracy), nats)
    for alarm in seen.all_of("change_detector"):
        if alarm.of == "judge_accuracy" and alarm.status is Status.RED:
            yield Clue(say(alarm), sign(True, if_so=0.5, if_not=0.02))


def biased(seen: Seen) -> Iterator[tuple[str, list[Clue]]]:
    """Does some flaw pay? Per flaw what speaks for it."""
    for m in sorted(seen.all_of("flaw_pays"), key=lambda m: -(m.low or 0.0)):
        nats = counted(m.count or 0, m.n, if_so=PAYS, if_not=PAYS_NOT)
        yield m.of, [Clue(say(m), nats)]


def tampered(seen: Seen) -> Clues:
    """Do the judges in force score the same answers otherwise, by some feature of them?"""
    changed = _changed(seen)
    if changed is None or changed.status is not Status.RED:
        return
    for m in seen.all_of("judge_shift_follows"):
        if m.status is Status.RED:
            yield Clue(say(m), sign(True, if_so=0.9, if_not=1 - CERTAIN))
            yield Clue(say(changed), sign(True, if_so=0.9, if_not=1 - CERTAIN))


def saturated(seen: Seen) -> Clues:
    """Is little left to learn from these prompts?"""
    here, fresh = seen.measured("tie_rate"), seen.measured("tie_rate", AUDIT)
    if here is None:
        return
    yield Clue(
        say(here), counted(here.count or 0, here.n, if_so=TIED, if_not=OPEN, worth=TIES_WORTH)
    )
    if fresh is not None and here.estimate is not None and fresh.estimate is not None:
        # Where siblings tie as often on prompts that nobody practises, it may not be the prompts.
        more = here.estimate - fresh.estimate
        nats = measured(more, if_so=Normal(0.5, 0.2), if_not=Normal(0.0, 0.08))
        yield Clue(f"{say(fresh)}, where nobody practises", max(-1.5, nats))


AUDIT = "audit prompts"


def collapsed(seen: Seen) -> Clues:
    """Did answers become alike without the policy having learnt that they should?"""
    vendi = seen.measured("vendi_change", "anchor")
    if vendi is not None and vendi.estimate is not None:
        # It is drawn apart from what is practised: answers may collapse on the way there alone.
        nats = measured(vendi.estimate, if_so=ALIKE, if_not=VARIED)
        yield Clue(say(vendi), max(-1.0, nats))
    bleu = seen.measured("self_bleu_change", "anchor")
    if bleu is not None and bleu.status is not Status.RED:
        yield Clue(say(bleu), sign(False, if_so=0.9, if_not=0.6))
    yield from _fell("distinct_2", seen, if_so=Normal(0.45, 0.15), if_not=Normal(0.05, 0.12))
    # A first training halves the entropy of an untaught policy.
    yield from _fell("entropy", seen, if_so=Normal(0.6, 0.12), if_not=Normal(0.15, 0.18))
    yield from _tied_at_once(seen)


def _fell(name: str, seen: Seen, *, if_so: Normal, if_not: Normal) -> Clues:
    """A relative fall since the last turn that is larger than a turn of learning brings."""
    now, then = seen.measured(name), seen.last(name)
    if now and then and now.estimate is not None and then.estimate:
        nats = measured(1 - now.estimate / then.estimate, if_so=if_so, if_not=if_not)
        yield Clue(f"{say(now)} after {then.estimate:.3f}", max(0.0, nats))


def _tied_at_once(seen: Seen) -> Clues:
    """Siblings that tie on fresh prompts too, from one turn to the next."""
    now, then = seen.measured("tie_rate", AUDIT), seen.last("tie_rate", AUDIT)
    if now and then and now.estimate is not None and then.estimate is not None:
        nats = measured(
            now.estimate - then.estimate, if_so=Normal(0.35, 0.12), if_not=Normal(0.03, 0.07)
        )
        yield Clue(f"{say(now)} after {then.estimate:.3f}", nats)


def defective(seen: Seen) -> Clues:
    """Is something wrong with the data: repeated, leaked, swapped, or not judged at all?"""
    errors = seen.measured("judge_errors")
    if errors is not None and errors.n:
        if_so, if_not = ERRORS
        nats = counted(errors.count or 0, errors.n, if_so=if_so, if_not=if_not, worth=200)
        yield Clue(say(errors), max(0.0, nats))
    for name in ("distinct_prompts", "leaked_prompts"):
        m = seen.measured(name)
        if m is not None and m.status is Status.RED:
            yield Clue(say(m), sign(True, if_so=CERTAIN, if_not=1 - CERTAIN))
    last = seen.last_turn
    if last is not None and last.failure == BLOCKED and last.intervention is Intervention.TRAIN:
        says = f"training of iteration {last.iteration} was blocked by a check of its data"
        yield Clue(says, sign(True, if_so=CERTAIN, if_not=1 - CERTAIN))


BLOCKED = "Refused"
"""The error with which a check of the data ends a turn."""
NEAR_ANCHOR = ("P10-near-anchor",)


def drifted(seen: Seen) -> Clues:
    """Is the policy, or was a step of it, too far from where it began?"""
    last = seen.last_turn
    refused = [rule for rule in (last.refused_by if last else ()) if rule in NEAR_ANCHOR]
    if last is not None and refused:
        # HEAD may be near: what went too far is the step that was not taken.
        says = f"iteration {last.iteration} was refused by {refused[0]}"
        yield Clue(says, sign(True, if_so=0.9, if_not=1 - CERTAIN))
        return
    if last is not None and last.intervention is Intervention.TRAIN and last.failure in BROKE:
        says = f"training of iteration {last.iteration} broke off: {last.failure}"
        yield Clue(says, sign(True, if_so=0.7, if_not=0.02))
        return
    # The drift set's nats rest on more answers; logs of older sessions have the others alone.
    far = seen.measured("kl_per_token", "anchor") or seen.measured("kl_to_anchor")
    if far is not None and far.high is not None and seen.kl_max > 0:
        yield Clue(say(far), measured(far.high / seen.kl_max, if_so=FAR, if_not=NEAR))
    step = seen.measured("kl_to_previous")
    if step is not None and step.high is not None and seen.kl_max > 0:
        nats = measured(step.high / seen.kl_max, if_so=STEP_FAR, if_not=STEP_NEAR)
        yield Clue(say(step), max(0.0, nats))


BROKE = ("JobFailed", "WallError")
"""Errors by which a training job ends that went wrong by itself."""


def co_adapted(seen: Seen) -> Clues:
    """Do judge and policy confirm each other, while grades do not?"""
    gap, accuracy = seen.measured("judge_gap", "panel"), seen.accuracy
    if gap is None or gap.estimate is None or accuracy is None or accuracy.n < MIN_PAIRS:
        return
    yield Clue(say(gap), measured(gap.estimate, if_so=OVERCLAIMS, if_not=CLAIMS))
    nats = counted(accuracy.count or 0, accuracy.n, if_so=Beta(6, 4), if_not=RIGHT)
    yield Clue(say(accuracy), nats)
    ceiling = seen.measured("ceiling_growth", "panel")
    if ceiling is not None:
        yield Clue(say(ceiling), sign(ceiling.status is Status.RED, if_so=0.6, if_not=0.05))
    repairs = sum(
        p.intervention in JUDGE_CHANGES and p.outcome == "committed" for p in seen.past[-6:]
    )
    yield Clue(
        f"the judge changed {repairs} times in 6 turns", sign(repairs > 1, if_so=0.7, if_not=0.2)
    )


JUDGE_CHANGES = (
    Intervention.REFIT_JUDGE,
    Intervention.RECALIBRATE_JUDGE,
    Intervention.SWAP_JUDGE,
    Intervention.ADD_JUDGE,
)


def hacks_generally(seen: Seen) -> Clues:
    """Does what was learnt from a gamed judge show where no judge rewards it?"""
    probes: list[Measurement] = [m for m in seen.all_of("misalignment") if m.of in ("chat", "task")]
    if not probes:
        return
    for m in probes:
        yield Clue(say(m), sign(m.status is Status.RED, if_so=0.8, if_not=0.02))
    jump = seen.measured("reward_jump")
    if jump is not None:
        yield Clue(say(jump), sign(jump.status is Status.RED, if_so=0.95, if_not=0.5))


PLAIN: tuple[tuple[Hypothesis, float, Callable[[Seen], Clues]], ...] = (
    (Hypothesis.PROMPT_SATURATION, 0.1, saturated),
    (Hypothesis.DISTRIBUTION_COLLAPSE, 0.05, collapsed),
    (Hypothesis.DATA_DEFECT, 0.05, defective),
    (Hypothesis.DRIFT, 0.1, drifted),
    (Hypothesis.CO_ADAPTATION, 0.03, co_adapted),
    (Hypothesis.HACKING_GENERALISES, 0.03, hacks_generally),
)
"""Hypothesis, prior, clues; the judge's own ones are told apart in `agent.diagnose`."""
WRONG_PANEL_PRIOR = 0.1
BIASED_PRIOR = 0.1


def _changed(seen: Seen) -> Measurement | None:
    """The retest of a judge in force; the one that changed, where one did."""
    seated = {m.of.split(", ")[0] for m in seen.now.measurements if m.instrument == FOLLOWS}
    found = [m for m in seen.all_of("judge_retest") if m.of in seated]
    return next((m for m in found if m.status is Status.RED), found[0] if found else None)


FOLLOWS = "judge_shift_follows"
