"""Lines of the decision table on judges and panel, beyond those of `agent.rules`.

Each is a pure function of a view. What came to nothing, or was done, in the last turns is not
proposed again: its effect must be seen first.
"""

from agent.deciders import View
from agent.diagnose import say
from agent.interventions.refit_judge import DEBIAS
from agent.interventions.reinitialise_judge import FOUNDING, GRADES, TO
from agent.lines import Line, finding
from agent.recall import may_change_judge
from logs.vocabulary import Hypothesis, Intervention, JudgeKind, Measurement, Prediction, Status
from tools.counterfactual import PAID_BY
from tools.instruments import judge_accuracy
from tools.panel_weights import log_odds
from tools.recalibrating import FEWEST

LIKELIER = 0.5
"""Support from which on a hypothesis is likelier than not."""
COIN = 0.5
"""Accuracy of a judge that knows nothing."""
MIN_GRADED = 16
"""Prompts with a right and a wrong graded answer that a fit needs; as in `agent.rules`."""
LABELS = 48
"""Labels bought for a refit against a flaw, if so many are left; its twins cost none."""
QUIET = 3
"""Turns in which what was tried is not tried again."""
GOOD = 0.75
"""Accuracy of a panel whose order is well: only its claims may be off."""
AS_GOOD = 0.1
"""A judge of the bench is about as accurate within this much."""
MOVED = 0.1
"""Change of a share that is worth another scale."""
CLAIMS = ("calibration_e_process", "miscalibration", "calibration_error")
"""What speaks against claims; the first holds at every look. Not `judge_gap`: it reads raw scores,
which another map to claims leaves as they are."""


def miscalibrated(view: View) -> Line | str:
    """The order is good, what is claimed is not: another map from score to claim."""
    off = _off(view)
    if off is None:
        return "no instrument says that the panel's claims are off"
    right = view.measured("judge_accuracy", "panel")
    if right is None or right.estimate is None or right.estimate < GOOD:
        return f"{say(off)}, but the panel's order is not good enough that claims were all"
    if (why := _barred(view, Intervention.RECALIBRATE_JUDGE)) is not None:
        return why
    if view.graded_prompts < FEWEST:
        return f"{view.graded_prompts} graded prompts are too few to recalibrate on"
    fitted = [j for j in view.state.panel.judges if j.kind is JudgeKind.FEATURE]
    if not fitted:
        return "no judge of the panel has claims that could be recalibrated"
    return Line(
        Intervention.RECALIBRATE_JUDGE,
        f"{say(off)}, while {say(right)}: the order stays, the claims are made true",
        {"judge": max(fitted, key=lambda j: j.weight).id},
        # A claim speaks for the new version alone, and needs grades first: the order is foretold.
        Prediction(metric="judge_accuracy[panel]", low=right.low or 0.0, high=1.0),
    )


def biased(view: View) -> Line | str:
    """A flaw pays: teach the judge that it does not, before the constitution is edited."""
    found = finding(view, Hypothesis.JUDGE_BIASED)
    flaw = _flaw(found.because[0]) if found else None
    if found is None or flaw is None or found.support < LIKELIER:
        return "no planted flaw surely raises the score often"
    if (why := _barred(view, Intervention.REFIT_JUDGE)) is not None:
        return f"{found.because[0]}, but {why}"
    if view.graded_prompts < MIN_GRADED:
        return f"{found.because[0]}, but {view.graded_prompts} graded prompts are too few to refit"
    fitted = [j for j in view.state.panel.judges if j.kind is JudgeKind.FEATURE]
    if not fitted:
        return f"{found.because[0]}, but no judge of the panel can be refitted"
    now = view.measured("flaw_pays", flaw)
    high = now.estimate if now and now.estimate is not None else 1.0
    return Line(
        Intervention.REFIT_JUDGE,
        f"the judge rewards a flaw: {found.because[0]}; refitted so that it no longer pays",
        {
            "judge": max(fitted, key=lambda j: j.weight).id,
            "labels": str(min(LABELS, view.labels_left)),
            DEBIAS: flaw,
        },
        Prediction(metric=f"flaw_pays[{flaw}]", low=0.0, high=high),
    )


def co_adapted(view: View) -> Line | str:
    """Judge and policy have grown used to each other: back to where the judge was founded."""
    found = finding(view, Hypothesis.CO_ADAPTATION)
    if found is None or found.support < LIKELIER:
        return "judge and policy are not seen to have grown used to each other"
    if (why := _barred(view, Intervention.REINITIALISE_JUDGE)) is not None:
        return f"{found.because[0]}, but {why}"
    leader = max(view.state.panel.judges, key=lambda j: j.weight)
    fits = leader.kind is JudgeKind.FEATURE and view.graded_prompts >= MIN_GRADED
    if not fits and leader.version == 1:
        return f"{found.because[0]}, but {leader.id} is as it was founded, and grades are too few"
    right = view.measured("judge_accuracy", "panel")
    return Line(
        Intervention.REINITIALISE_JUDGE,
        f"{found.because[0]}; "
        + ("refitted from how it was founded" if fits else "back to how it was founded"),
        {"judge": leader.id, TO: GRADES if fits else FOUNDING},
        Prediction(metric="judge_accuracy[panel]", low=(right and right.low) or 0.0, high=1.0),
    )


def ensemble(view: View) -> Line | str:
    """A lone judge gets a second one of another family that is about as good."""
    panel = view.state.panel.judges
    if len(panel) > 1:
        return "the panel has several judges already"
    if (why := _barred(view, Intervention.ADD_JUDGE)) is not None:
        return why
    now = _pooled(view, panel[0].id)
    for judge in view.bench:
        other = _pooled(view, judge.id)
        if judge.family == panel[0].family or not (now and other):
            continue
        if now.estimate is None or other.estimate is None or other.low is None:
            continue
        if other.low > COIN and abs(other.estimate - now.estimate) <= AS_GOOD:
            return Line(
                Intervention.ADD_JUDGE,
                f"{judge.id} of the family {judge.family} is as good: {say(other)}, {say(now)}; "
                "two families share fewer blind spots",
                {"judge": judge.id},
                Prediction(metric="judge_accuracy[panel]", low=other.low, high=1.0),
            )
    return "no judge of another family on the bench is about as accurate as the panel's"


def reweigh(view: View) -> Line | str:
    """Judges of a panel whose audited accuracies have moved apart from their weights."""
    panel = view.state.panel.judges
    if len(panel) < 2:
        return "a panel of one judge has nothing to weigh"
    if _lately(view, Intervention.REWEIGHT_PANEL):
        return "the panel was weighed in one of the last turns"
    seen = {j.id: _pooled(view, j.id) for j in panel}
    odds = {
        name: max(0.0, log_odds(m.count or 0, m.n)) for name, m in seen.items() if m and m.count
    }
    whole, total = sum(odds.values()), float(sum(j.weight for j in panel))
    if len(odds) < len(panel) or whole <= 0 or total <= 0:
        return "too few audited pairs tell the judges of the panel apart"
    moved = max(panel, key=lambda j: odds[j.id] / whole - float(j.weight) / total)
    gain = odds[moved.id] / whole - float(moved.weight) / total
    worst = min(panel, key=lambda j: odds[j.id])
    best, low = seen[moved.id], seen[worst.id]
    clear = best and low and best.low is not None and best.low > (low.estimate or 0.0)
    if gain < MOVED or not clear or best is None or low is None:
        return "audited pairs do not clearly ask for other weights"
    return Line(
        Intervention.REWEIGHT_PANEL,
        f"{moved.id} deserves {gain:.2f} more of the panel: {say(best)}, {say(low)}",
        {},
        Prediction(metric="judge_accuracy[panel]", low=low.low or 0.0, high=1.0),
    )


def _off(view: View) -> Measurement | None:
    """The first instrument that is sure that claims are off."""
    seen = (view.measured(name, "panel") for name in CLAIMS)
    return next((m for m in seen if m and m.status is Status.RED), None)


def _flaw(said: str) -> str | None:
    """The flaw of a line of evidence, `flaw_pays[padding] = ...`, if a refit can be against it."""
    name = said.partition("[")[2].partition("]")[0]
    return name if name in PAID_BY else None


def _barred(view: View, intervention: Intervention) -> str | None:
    """Why the judges may not be changed this way now; None where they may."""
    if intervention in view.without:
        return f"{intervention} is switched off for this session"
    if not may_change_judge(view):
        return "judges may not change again so soon"
    if _lately(view, intervention):
        return f"{intervention} was tried in one of the last {QUIET} turns"
    return None


def _lately(view: View, intervention: Intervention) -> bool:
    """Whether it was set out for in the last turns, whatever came of it."""
    return any(p.intervention is intervention for p in view.past[-QUIET:])


def _pooled(view: View, judge: str) -> Measurement | None:
    """A judge's accuracy on the audited pairs of the turns since the judges last changed.

    Older turns asked older versions.
    """
    changes = {
        Intervention.RECALIBRATE_JUDGE,
        Intervention.REFIT_JUDGE,
        Intervention.REINITIALISE_JUDGE,
        Intervention.SWAP_JUDGE,
        Intervention.ADD_JUDGE,
        Intervention.ROLL_BACK,
    }
    last = max(
        (p.iteration for p in view.past if p.intervention in changes and p.outcome == "committed"),
        default=0,
    )
    seen = [p.observation for p in view.past if p.iteration > last] + [view.observation]
    found = [
        m
        for o in seen
        for m in o.measurements
        if m.instrument == "judge_accuracy" and m.of == judge and m.n
    ]
    if not found:
        return None
    return judge_accuracy(sum(m.count or 0 for m in found), sum(m.n for m in found), judge=judge)
