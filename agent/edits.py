"""The lines of the decision table that edit the constitution."""

from agent.deciders import View
from agent.lines import Line, finding
from agent.recall import edits_in_a_row
from logs.vocabulary import Hypothesis, Intervention, Prediction

EDITS_IN_A_ROW = 2
MOST_REFUSALS = 2
SURE = 0.5
"""Support from which an edit is worth its turn."""
OFFER = "offer"
"""Argument of a decision that takes up an offer: the iteration whose refusal made it."""


def nearest_lawful(view: View) -> Line | str:
    """Take what the law offered in place of the edit that it has just refused, once."""
    last = view.past[-1] if view.past else None
    if last is None or last.offer is None:
        return "the law has not just refused an edit and offered a lawful one of low tier"
    if last.head != view.head:
        return f"what iteration {last.iteration} was offered was meant for another HEAD"
    found = finding(view, Hypothesis.JUDGE_BIASED)
    if found is None or not any(f"[{last.flaw}]" in said for said in found.because):
        return f"the flaw {last.flaw!r} that the refused edit was against no longer pays"
    return Line(
        Intervention.EDIT_CONSTITUTION,
        f"{last.refused_by[0] if last.refused_by else 'the law'} refused the edit of iteration "
        f"{last.iteration}; the nearest lawful one of low tier: {'; '.join(last.offer.says)}",
        {"flaw": last.flaw, OFFER: str(last.iteration)},
        _fewer(view, last.flaw),
    )


def flaw_pays(view: View) -> Line | str:
    """Shift weight away from what pays for a flaw."""
    found = finding(view, Hypothesis.JUDGE_BIASED)
    if found is None or found.support < SURE:
        return "no planted flaw surely raises the score often"
    if not found.because[0].startswith("flaw_pays["):
        return f"{found.because[0]}: the judge changed, and weights of principles do not mend that"
    left = view.limits["weight_path_max"] - view.ledgers.weight_path
    if left < view.limits["step_l1"]:
        return f"{found.because[0]}, but only {left} of the path of weights is left"
    edits = [p for p in view.past if p.intervention is Intervention.EDIT_CONSTITUTION]
    refused = sum(p.outcome != "committed" for p in edits)
    if refused >= MOST_REFUSALS:
        return f"{found.because[0]}, but {refused} edits came to nothing"
    if edits_in_a_row(view) >= EDITS_IN_A_ROW:
        return f"{found.because[0]}, but the policy should train before the next edit"
    flaw = found.because[0].split("[")[1].split("]")[0]
    size = "step" if refused else "all"
    return Line(
        Intervention.EDIT_CONSTITUTION,
        f"the judge rewards a flaw: {found.because[0]}; "
        + ("the whole remedy was refused, so one lawful step" if refused else "the whole remedy"),
        {"flaw": flaw, "size": size},
        _fewer(view, flaw),
    )


def _fewer(view: View, flaw: str) -> Prediction:
    """That the flaw will pay no more often than now."""
    now = view.measured("flaw_pays", flaw)
    high = now.estimate if now and now.estimate is not None else 1.0
    return Prediction(metric=f"flaw_pays[{flaw}]", low=0.0, high=high)
