"""The decision table as it was while its conditions were Python: an oracle for the one of now."""

from collections.abc import Iterator

from agent.deciders import View
from agent.diagnose import say
from agent.edits import EDITS_IN_A_ROW, MOST_REFUSALS, OFFER
from agent.lines import Line, Rule, finding
from agent.recall import (
    edits_in_a_row,
    failed_lately,
    is_repair,
    may_change_judge,
    since_repair,
    trains,
)
from logs.vocabulary import Alternative, Decision, Hypothesis, Intervention, Prediction

MIN_GRADED = 16
"""Prompts with a right and a wrong graded answer that a refit needs."""
REFIT_LABELS = 72
"""Labels bought for one refit, beyond those of the audits."""
JUDGE_FLOOR_RULES = ("P12-judge-floor",)
EVEN = 0.5
"""A judge of the bench that is right more often than this, where favourites differ, is better."""
STALE_AFTER = 1
"""Updates of the policy after which a judge that only knows founding answers is out of date."""
BETTER_BY = 0.1
"""A judge of the bench replaces the panel when it is this much more accurate on shared pairs."""


def decide(view: View) -> Decision:
    """The decision of the first line that applied then."""
    passed: list[Alternative] = []
    for rule, intervention, apply in TABLE:
        line = apply(view)
        if isinstance(line, Line) and line.intervention in view.without:
            line = f"{line.intervention} is switched off for this session"
        if isinstance(line, Line):
            return Decision(
                iteration=view.iteration,
                intervention=line.intervention,
                rule=rule,
                because=line.because,
                evidence=tuple(_evidence(view)),
                alternatives=(*passed, *_below(rule)),
                predicted=line.predicted,
                arguments=line.arguments,
            )
        passed.append(Alternative(intervention=intervention, because=line))
    raise AssertionError("the last line always applies")


def _judge_silent(view: View) -> Line | str:
    errors = view.measured("judge_errors")
    if errors is None or not errors.estimate or errors.estimate < 0.2:
        return "the panel scores what it is asked"
    return _swap(view, f"the panel fails: {say(errors)}") or _ask(f"the panel fails: {say(errors)}")


def _judge_broken(view: View) -> Line | str:
    trouble = _trouble(view)
    if trouble is None:
        return "audited pairs do not speak against the panel"
    line = _refit(view, trouble) or _swap(view, trouble)
    if line is None and _too_little_graded(view):
        return f"{trouble}; {view.graded_prompts} graded prompts are too few to repair it yet"
    return line or _ask(trouble)


def _too_little_graded(view: View) -> bool:
    """Whether audits of the next turns will allow a refit; till then the gate judges."""
    return view.graded_prompts < MIN_GRADED and view.labels_left >= REFIT_LABELS


def _trouble(view: View) -> str | None:
    """Why the panel is not believed, or None; an earlier repair ends earlier trouble."""
    recent = since_repair(view)
    rolled = [p for p in recent if p.intervention is Intervention.ROLL_BACK]
    if rolled:
        return f"the judge was disbelieved in iteration {rolled[-1].iteration}, and not repaired"
    refused = [p for p in recent if set(p.refused_by) & set(JUDGE_FLOOR_RULES)]
    if refused:
        return f"iteration {refused[-1].iteration} was refused by {refused[-1].refused_by[0]}"
    for kind in (Hypothesis.JUDGE_OVEROPTIMISED, Hypothesis.JUDGE_STALE):
        found = finding(view, kind)
        if found and found.support >= 0.6:
            return f"{kind}: {'; '.join(found.because)}"
    return None


def _refit(view: View, trouble: str) -> Line | None:
    if view.labels_left < REFIT_LABELS or view.graded_prompts < MIN_GRADED:
        return None
    if not may_change_judge(view) or failed_lately(view, Intervention.REFIT_JUDGE):
        return None
    return Line(
        Intervention.REFIT_JUDGE,
        f"{trouble}; {view.graded_prompts} graded prompts are enough to refit",
        {"judge": view.state.panel.judges[0].id, "labels": str(REFIT_LABELS)},
        Prediction(metric="judge_accuracy[panel]", low=0.75, high=1.0),
    )


def _swap(view: View, trouble: str) -> Line | None:
    now = view.measured("judge_accuracy", "panel")
    if not may_change_judge(view) or now is None or now.estimate is None:
        return None
    for judge in view.bench:
        other = view.measured("judge_accuracy", judge.id)
        if other and other.estimate and other.estimate >= now.estimate + BETTER_BY:
            return Line(
                Intervention.SWAP_JUDGE,
                f"{trouble}; on the same pairs {say(other)}",
                {"judge": judge.id},
                Prediction(metric="judge_accuracy[panel]", low=other.low or 0.0, high=1.0),
            )
    return None


def _ask(trouble: str) -> Line:
    return Line(Intervention.ASK_PERSON, f"{trouble}; nothing I may do would repair it", {})


def _damaged(view: View) -> Line | str:
    """A judge that is repaired does not repair the policy that it trained while broken."""
    trouble = _trouble(view)
    if trouble is None:
        return "no judge in force is disbelieved"
    recent = since_repair(view)
    if any(p.intervention is Intervention.ROLL_BACK for p in recent):
        return "the vault was asked already"
    suspects = [p.head for p in recent if p.outcome == "committed" and trains(p)]
    if not suspects:
        return "the policy did not train under this judge"
    return Line(
        Intervention.ROLL_BACK,
        f"{trouble}; it trained {len(suspects)} commits",
        {"candidates": ",".join(dict.fromkeys(reversed(suspects)))},
    )


def _outjudged(view: View) -> Line | str:
    """Where the panel and the bench like different answers, grades tell who is right."""
    if not may_change_judge(view):
        return "judges may not change again so soon"
    for judge in view.bench:
        wins = view.measured("favourite_wins", judge.id)
        if wins and wins.low is not None and wins.low > EVEN:
            return Line(
                Intervention.SWAP_JUDGE,
                f"where favourites differ {judge.id} is right: {say(wins)}",
                {"judge": judge.id},
                Prediction(metric="judge_accuracy[panel]", low=0.75, high=1.0),
            )
    return "no judge of the bench is certainly right where favourites differ"


def _untested(view: View) -> Line | str:
    """Choices made about founding answers say little of answers the policy gives by now."""
    if view.calibrated:
        return "the panel's scores were compared with grades"
    last = max((p.iteration for p in view.past if is_repair(p)), default=0)
    trained = [p for p in view.past if trains(p) and p.outcome == "committed"]
    if last == 0 and len(trained) < STALE_AFTER:
        return f"the policy trained only {len(trained)} times since the judges were founded"
    because = "the panel's scores were never compared with grades of the answers given now"
    return _refit(view, because) or "grades or pace do not allow a refit yet"


def _saturated(view: View) -> Line | str:
    found = finding(view, Hypothesis.PROMPT_SATURATION)
    if found is None:
        return "siblings still differ"
    if failed_lately(view, Intervention.REFRESH_PROMPTS):
        return "the last refresh did not help"
    return Line(
        Intervention.REFRESH_PROMPTS,
        f"little is left to learn from these prompts: {found.because[0]}",
        {},
        Prediction(metric="tie_rate", low=0.0, high=0.9),
    )


def _train(view: View) -> Line:
    score = view.measured("judge_score")
    now = score.estimate if score and score.estimate is not None else 0.0
    return Line(
        Intervention.TRAIN,
        "no finding asks for a repair first",
        {},
        Prediction(metric="judge_score", low=now, high=now + 1.0),
    )


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
    if found is None:
        return "no planted flaw raises the score often"
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


TABLE: tuple[tuple[str, Intervention, Rule], ...] = (
    ("R1-judge-silent", Intervention.SWAP_JUDGE, _judge_silent),
    ("R2-damaged", Intervention.ROLL_BACK, _damaged),
    ("R3-judge-broken", Intervention.REFIT_JUDGE, _judge_broken),
    ("R4-outjudged", Intervention.SWAP_JUDGE, _outjudged),
    ("R5-judge-untested", Intervention.REFIT_JUDGE, _untested),
    ("R9-nearest-lawful", Intervention.EDIT_CONSTITUTION, nearest_lawful),
    ("R6-flaw-pays", Intervention.EDIT_CONSTITUTION, flaw_pays),
    ("R7-saturated", Intervention.REFRESH_PROMPTS, _saturated),
    ("R8-healthy", Intervention.TRAIN, _train),
)


def _below(rule: str) -> Iterator[Alternative]:
    """Lines further down were not reached."""
    names = [name for name, _, _ in TABLE]
    for name, intervention, _ in TABLE[names.index(rule) + 1 :]:
        yield Alternative(intervention=intervention, because=f"{rule} decides before {name}")


def _evidence(view: View) -> Iterator[str]:
    shown = ("judge_accuracy", "judge_score", "judge_gap", "flaw_pays", "favourite_wins")
    drift = ("tie_rate", "length", "distinct_2", "entropy", "kl_to_anchor", "judge_errors")
    yield from (say(m) for m in view.observation.measurements if m.instrument in shown + drift)
