"""What the lines of the decision table say that edit the constitution."""

from decimal import Decimal
from fractions import Fraction

from agent.deciders import View
from agent.lines import Line, finding
from logs.vocabulary import Hypothesis, Intervention, Prediction

EDITS_IN_A_ROW = 2
MOST_REFUSALS = 2
OFFER = "offer"
"""Argument of a decision that takes up an offer: the iteration whose refusal made it."""


def nearest_lawful(view: View) -> Line | str:
    """Take what the law offered in place of the edit that it has just refused."""
    last = view.past[-1]
    if last.offer is None:
        return "nothing was offered"
    return Line(
        Intervention.EDIT_CONSTITUTION,
        f"{last.refused_by[0] if last.refused_by else 'the law'} refused the edit of iteration "
        f"{last.iteration}; the nearest lawful one of low tier: {'; '.join(last.offer.says)}",
        {"flaw": last.flaw, OFFER: str(last.iteration)},
        _fewer(view, last.flaw),
    )


def offered_elsewhere(view: View) -> str:
    """Why an offer for another HEAD is not taken."""
    return f"what iteration {view.past[-1].iteration} was offered was meant for another HEAD"


def pays_no_longer(view: View) -> str:
    """Why an offer against a flaw that does not pay is not taken."""
    return f"the flaw {view.past[-1].flaw!r} that the refused edit was against no longer pays"


def whole_remedy(view: View) -> Line | str:
    """Shift all weight away from what pays for a flaw."""
    return _shift(view, "all", "the whole remedy")


def one_step(view: View) -> Line | str:
    """Shift one automatic step of weight away from what pays for a flaw."""
    edits = [p for p in view.past if p.intervention is Intervention.EDIT_CONSTITUTION]
    if any(p.outcome != "committed" for p in edits):
        return _shift(view, "step", "the whole remedy was refused, so one lawful step")
    return _shift(view, "step", "the whole remedy is more than may be spent, so one lawful step")


def _shift(view: View, size: str, how: str) -> Line:
    flaw = paying_flaw(view)
    return Line(
        Intervention.EDIT_CONSTITUTION,
        f"the judge rewards a flaw: {_evidence(view)}; {how}",
        {"flaw": flaw, "size": size},
        _fewer(view, flaw),
    )


def paying_flaw(view: View) -> str:
    """The flaw that raises the score, as the diagnosis names it; empty if it names none."""
    return _evidence(view).partition("[")[2].partition("]")[0]


def no_remedy(view: View) -> str:
    """Why a flaw is left alone against which no principle speaks."""
    return f"{_evidence(view)}, but nobody named a remedy"


def path_spent(view: View) -> str:
    """Why no step is taken."""
    left = view.limits["weight_path_max"] - view.ledgers.weight_path
    return f"{_evidence(view)}, but only {left} of the path of weights is left"


def offer_too_long(view: View) -> str:
    """Why an offer is not taken that moves the weights too far."""
    return f"what was offered takes {_length(view)} of the path of weights, more than may be spent"


def edits_fail(view: View) -> str:
    """Why no further edit is tried."""
    edits = [p for p in view.past if p.intervention is Intervention.EDIT_CONSTITUTION]
    refused = sum(p.outcome != "committed" for p in edits)
    return f"{_evidence(view)}, but {refused} edits came to nothing"


def edited_enough(view: View) -> str:
    """Why the policy comes first."""
    return f"{_evidence(view)}, but the policy should train before the next edit"


def offered_length(view: View) -> Fraction | None:
    """Path of weights that taking the last offer takes; None where nothing was offered."""
    offer = view.past[-1].offer if view.past else None
    if offer is None:
        return None
    weights = {p.id: p.weight for p in view.state.constitution.principles}
    moved = (Fraction(offer.weights.get(i, w)) - Fraction(w) for i, w in weights.items())
    return sum(map(abs, moved), Fraction(0))


def _length(view: View) -> Decimal:
    length = offered_length(view) or Fraction(0)
    return Decimal(length.numerator) / Decimal(length.denominator)


def _evidence(view: View) -> str:
    found = finding(view, Hypothesis.JUDGE_BIASED)
    return found.because[0] if found and found.because else ""


def _fewer(view: View, flaw: str) -> Prediction:
    """That the flaw will pay no more often than now."""
    now = view.measured("flaw_pays", flaw)
    high = now.estimate if now and now.estimate is not None else 1.0
    return Prediction(metric=f"flaw_pays[{flaw}]", low=0.0, high=high)
