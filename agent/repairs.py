"""What the lines of the decision table say that repair, replace or distrust judges."""

from collections.abc import Callable

from agent.deciders import View
from agent.diagnose import say
from agent.interventions.refit_judge import DEBIAS
from agent.lines import Line, Rule, finding
from agent.recall import judge_that_changed, lately, since_repair, trains
from agent.table.acts import REFIT_LABELS
from agent.table.facts import JUDGE_FLOOR_RULES, exact, for_the_vault, suspects
from agent.table.vocabulary import BETTER_BY, DISBELIEVED, EVEN
from logs.vocabulary import Hypothesis, Intervention, Measurement, Prediction
from tools.counterfactual import ALL

WRONG_PANEL = (Hypothesis.JUDGE_OVEROPTIMISED, Hypothesis.JUDGE_STALE)


def silence(view: View) -> str:
    """How the panel fails."""
    errors = view.measured("judge_errors")
    return f"the panel fails: {say(errors)}" if errors else "the panel was not asked"


def trouble(view: View) -> str:
    """Why the panel is not believed; an earlier repair ends earlier trouble."""
    recent = since_repair(view)
    rolled = [p for p in recent if p.intervention is Intervention.ROLL_BACK]
    if rolled:
        return f"the judge was disbelieved in iteration {rolled[-1].iteration}, and not repaired"
    refused = [p for p in recent if set(p.refused_by) & set(JUDGE_FLOOR_RULES)]
    if refused and any(finding(view, kind) for kind in WRONG_PANEL):
        return f"iteration {refused[-1].iteration} was refused by {refused[-1].refused_by[0]}"
    if changed := judge_that_changed(view):
        return f"a judge in force is no longer the one that was seated: {changed}"
    for kind in WRONG_PANEL:
        found = finding(view, kind)
        if found and exact(found.support) >= DISBELIEVED:
            return f"{kind}: {'; '.join(found.because)}"
    seen = view.measured("judge_accuracy", "panel")
    return f"the panel is below its floor: {say(seen) if seen else 'it was not audited'}"


def untested(_: View) -> str:
    """Why a panel that nobody doubts is refitted all the same."""
    return "the panel's scores were never compared with grades of the answers given now"


def refitted(because: Callable[[View], str]) -> Rule:
    """Refit the judges on all grades, after buying some more."""

    def fill(view: View) -> Line:
        return Line(
            Intervention.REFIT_JUDGE,
            f"{because(view)}; {view.graded_prompts} graded prompts are enough to refit",
            # A plain refit may teach a judge to pay for another flaw; twins cost no labels.
            {
                "judge": view.state.panel.judges[0].id,
                "labels": str(REFIT_LABELS),
                DEBIAS: ALL,
            },
            Prediction(metric="judge_accuracy[panel]", low=0.75, high=1.0),
        )

    return fill


def swapped(because: Callable[[View], str]) -> Rule:
    """Seat the first judge of the bench that is clearly more accurate than the panel."""

    def fill(view: View) -> Line | str:
        for judge, seen in _more_accurate(view):
            return Line(
                Intervention.SWAP_JUDGE,
                f"{because(view)}; on the same pairs {say(seen)}",
                {"judge": judge},
                Prediction(metric="judge_accuracy[panel]", low=seen.low or 0.0, high=1.0),
            )
        return "no judge of the bench is clearly more accurate"

    return fill


def asked(because: Callable[[View], str]) -> Rule:
    """Ask a person."""

    def fill(view: View) -> Line:
        says = f"{because(view)}; nothing I may do would repair it"
        return Line(Intervention.ASK_PERSON, says, {})

    return fill


def waiting(view: View) -> Line:
    """Train nothing under a judge that is known to be bad, till audits allow a refit."""
    graded = f"{view.graded_prompts} graded prompts are too few to repair it yet"
    says = f"{trouble(view)}; {graded}, so no training till more are graded"
    return Line(Intervention.REFRESH_PROMPTS, says, {})


def too_little_graded(view: View) -> str:
    """Why the next turns are waited for; till then the gate judges."""
    return f"{trouble(view)}; {view.graded_prompts} graded prompts are too few to repair it yet"


def rolled_back(view: View) -> Line:
    """A judge that is repaired does not repair the policy that it trained while broken."""
    return Line(
        Intervention.ROLL_BACK,
        f"{trouble(view)}; it trained {len(suspects(view))} commits",
        {"candidates": ",".join(for_the_vault(view))},
    )


def outjudged(view: View) -> Line | str:
    """Where the panel and the bench like different answers, grades tell who is right."""
    for judge in view.bench:
        wins = view.measured("favourite_wins", judge.id)
        if wins and wins.low is not None and exact(wins.low) > EVEN:
            return Line(
                Intervention.SWAP_JUDGE,
                f"where favourites differ {judge.id} is right: {say(wins)}",
                {"judge": judge.id},
                Prediction(metric="judge_accuracy[panel]", low=0.75, high=1.0),
            )
    return "no judge of the bench is certainly right where favourites differ"


def defect(view: View) -> str:
    """What is wrong with the data, and how often they were thrown away for it."""
    found = finding(view, Hypothesis.DATA_DEFECT)
    says = f"the data are defective: {found.because[0] if found else ''}"
    tries = lately(view, Intervention.REGENERATE_DATA)
    return f"{says}, after {tries} regenerations" if tries else says


def regenerated(view: View) -> Line:
    """Throw the data away."""
    predicted = Prediction(metric="distinct_prompts", low=0.5, high=1.0)
    return Line(Intervention.REGENERATE_DATA, defect(view), {}, predicted)


def hardly_trained(view: View) -> str:
    """Why judges chosen at the founding are good enough still."""
    trained = sum(trains(p) and p.outcome == "committed" for p in view.past)
    return f"the policy trained only {trained} times since the judges were founded"


def _more_accurate(view: View) -> list[tuple[str, Measurement]]:
    now = view.measured("judge_accuracy", "panel")
    if now is None or now.estimate is None:
        return []
    enough = exact(now.estimate) + exact(BETTER_BY)
    each = ((judge.id, view.measured("judge_accuracy", judge.id)) for judge in view.bench)
    return [
        (judge, seen)
        for judge, seen in each
        if seen and seen.estimate is not None and exact(seen.estimate) >= enough
    ]
