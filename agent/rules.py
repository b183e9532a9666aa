"""The decision table: read from the top, the first line that applies decides.

    R1 judge-silent    the panel cannot score                      -> swap, else ask a person
    R2 damaged         the policy trained under a judge that is    -> roll back, if the vault
                       no longer believed                             likes an older commit better
    R3 judge-broken    audited pairs, or the law, say that the     -> refit, else swap,
                       panel is no better than a coin                 else ask a person
    R4 outjudged       where favourites differ, the bench is right  -> swap
    R5 judge-untested  the policy has moved on, and the panel was   -> refit
                       never compared with grades
    R9 nearest-lawful  the law refused an edit, and offered a      -> edit the constitution
                       smaller one that is automatic
    R6 flaw-pays       adding a flaw raises the score               -> edit the constitution
    R10 defective      the data repeat, leak, or are not what was   -> regenerate, after two
                       drawn and judged                                tries ask a person
    R7 saturated       nearly all siblings tie                      -> refresh the prompts
    R8 healthy         nothing above                                -> train

Every line that was passed over is recorded with the reason why. A number is a name that logs
keep: a new line takes a new one, wherever it stands.
"""

from collections.abc import Iterator

from agent.data_defect_line import defective
from agent.deciders import View
from agent.diagnose import say
from agent.edits import flaw_pays, nearest_lawful
from agent.lines import Line, Rule, finding
from agent.recall import (
    failed_lately,
    is_repair,
    judge_that_changed,
    may_change_judge,
    since_repair,
    trains,
)
from logs.vocabulary import Alternative, Decision, Hypothesis, Intervention, Prediction

MIN_GRADED = 16
"""Prompts with a right and a wrong graded answer that a refit needs."""
REFIT_LABELS = 72
"""Labels bought for one refit, beyond those of the audits."""
WRONG_PANEL = (Hypothesis.JUDGE_OVEROPTIMISED, Hypothesis.JUDGE_STALE)
JUDGE_FLOOR_RULES = ("P12-judge-floor",)
EVEN = 0.5
"""A judge of the bench that is right more often than this, where favourites differ, is better."""
STALE_AFTER = 1
"""Updates of the policy after which a judge that only knows founding answers is out of date."""
BETTER_BY = 0.1
"""A judge of the bench replaces the panel when it is this much more accurate on shared pairs."""


def decide(view: View) -> Decision:
    """The decision of the first line that applies."""
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


def train_always(view: View) -> Decision:
    """The fixed recipe: train, whatever the instruments say."""
    line = _train(view)
    return Decision(
        iteration=view.iteration,
        intervention=line.intervention,
        rule="fixed",
        because="the fixed recipe trains every turn",
        evidence=tuple(_evidence(view)),
        alternatives=(),
        predicted=line.predicted,
        arguments=line.arguments,
    )


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
    # A refusal may have been for want of pairs; those that were graded since tell.
    if refused and any(finding(view, kind) for kind in WRONG_PANEL):
        return f"iteration {refused[-1].iteration} was refused by {refused[-1].refused_by[0]}"
    if changed := judge_that_changed(view):
        return f"a judge in force is no longer the one that was seated: {changed}"
    for kind in WRONG_PANEL:
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
    if judge_that_changed(view):
        return "the judge changed since the last turn, and nothing was trained under it as it is"
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


TABLE: tuple[tuple[str, Intervention, Rule], ...] = (
    ("R1-judge-silent", Intervention.SWAP_JUDGE, _judge_silent),
    ("R2-damaged", Intervention.ROLL_BACK, _damaged),
    ("R3-judge-broken", Intervention.REFIT_JUDGE, _judge_broken),
    ("R4-outjudged", Intervention.SWAP_JUDGE, _outjudged),
    ("R5-judge-untested", Intervention.REFIT_JUDGE, _untested),
    ("R9-nearest-lawful", Intervention.EDIT_CONSTITUTION, nearest_lawful),
    ("R6-flaw-pays", Intervention.EDIT_CONSTITUTION, flaw_pays),
    ("R10-defective", Intervention.REGENERATE_DATA, defective),
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
