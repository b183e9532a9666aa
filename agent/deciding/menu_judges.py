"""What the menu offers on judges, panel and constitution.

Nothing here is offered that its maker could not begin; whether it is lawful is for the gate.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from agent.deciders import View
from agent.deciding.menu import Choice, Item, Whole, safe
from agent.interventions.refit_judge import DEBIAS
from agent.interventions.reinitialise_judge import FOUNDING, GRADES, TO
from agent.interventions.reshape_constitution import (
    ADD,
    ALL,
    CONTEXT,
    REWORD,
    SKILLS,
    TEXT,
    WEIGHT,
)
from agent.recall import may_change_judge
from agent.rules import MIN_GRADED, REFIT_LABELS
from logs.vocabulary import Intervention, JudgeKind, PrincipleTier
from tools.counterfactual import ALL as EVERY
from tools.counterfactual import PAID_BY
from tools.principles import LIBRARY, READS_TEXT, REWORDINGS
from tools.recalibrating import FEWEST
from tools.world.skills import SKILLS as KNOWN_SKILLS

SHARES = ("0.02", "0.04")
"""What an added principle may weigh: half of an automatic step, and a whole one's way."""


def of_judges(view: View) -> Iterator[Item]:
    """Interventions on judges and on the panel."""
    if may_change_judge(view):
        yield from _fitting(view)
        yield from _reinitialising(view)
        yield from _seating(view)
    if len(view.state.panel.judges) > 1 and _audited(view):
        means = "weigh the judges of the panel anew, by how they order audited pairs; no labels"
        yield Item(Intervention.REWEIGHT_PANEL, means)


def _fitted(view: View) -> list[str]:
    return [j.id for j in view.state.panel.judges if j.kind is JudgeKind.FEATURE]


def _fitting(view: View) -> Iterator[Item]:
    """What fits a judge, or its claims, on grades."""
    fitted, most = _fitted(view), min(view.labels_left, REFIT_LABELS)
    if not fitted or view.graded_prompts < MIN_GRADED:
        return
    if most > 0:
        wanted: dict[str, Choice | Whole] = {"judge": _names(fitted), "labels": Whole(1, most)}
        means = "fit the judges again on all grades, after buying up to so many further labels"
        yield Item(Intervention.REFIT_JUDGE, means, wanted)
    against: dict[str, Choice | Whole] = {
        "judge": _names(fitted),
        "labels": Whole(0, most),
        DEBIAS: _names([*PAID_BY, EVERY]),
    }
    means = "the same, so that this flaw, or all, no longer pays; with 0 labels on grades at hand"
    yield Item(Intervention.REFIT_JUDGE, means, against)
    if view.graded_prompts >= FEWEST:
        means = "make a judge's claims of being right true on grades at hand; its order stays"
        yield Item(Intervention.RECALIBRATE_JUDGE, means, {"judge": _names(fitted)})


def _reinitialising(view: View) -> Iterator[Item]:
    changed = [j.id for j in view.state.panel.judges if j.version > 1]
    if changed:
        means = "bring a judge back to how it was founded; no labels"
        wanted = {"judge": _names(changed), TO: _names([FOUNDING])}
        yield Item(Intervention.REINITIALISE_JUDGE, means, wanted)
    if (fitted := _fitted(view)) and view.graded_prompts >= MIN_GRADED:
        means = "fit a judge on the grades at hand, beginning at how it was founded; no labels"
        wanted = {"judge": _names(fitted), TO: _names([GRADES])}
        yield Item(Intervention.REINITIALISE_JUDGE, means, wanted)


def _seating(view: View) -> Iterator[Item]:
    if not view.bench:
        return
    seat = {"judge": _names([j.id for j in view.bench])}
    yield Item(Intervention.SWAP_JUDGE, "let a judge of the bench lead the panel", seat)
    if _audited(view):
        means = "seat a judge of the bench beside the panel, weighed by audited pairs; no labels"
        yield Item(Intervention.ADD_JUDGE, means, seat)


def _audited(view: View) -> bool:
    """Whether any audited pair told right from wrong in this turn."""
    found = view.measured("judge_accuracy", "panel")
    return found is not None and found.n > 0


def of_constitution(view: View) -> Iterator[Item]:
    """Edits that add, restrict or reword a principle of the adaptive tier."""
    principles = view.state.constitution.principles
    left = view.limits["weight_path_max"] - view.ledgers.weight_path
    here = {p.id for p in principles}
    absent = [name for name in LIBRARY if name not in here]
    shares = [share for share in SHARES if Decimal(share) <= left]
    edit = Intervention.EDIT_CONSTITUTION
    if absent and shares:
        means = "add a shipped principle with this weight, beside those in force"
        yield Item(edit, means, {ADD: _names(absent), WEIGHT: _names(shares)})
    adaptive = [p.id for p in principles if p.tier is PrincipleTier.ADAPTIVE]
    # Only judges that are fitted on features are asked under the principles of a skill.
    known = (*view.state.panel.judges, *view.bench)
    if adaptive and any(j.kind is JudgeKind.FEATURE for j in known):
        means = "let a principle apply to one skill alone, or to all again"
        yield Item(edit, means, {CONTEXT: _names(adaptive), SKILLS: _names([*KNOWN_SKILLS, ALL])})
    worded = [name for name in adaptive if name in REWORDINGS]
    if worded and any(j.kind in READS_TEXT for j in view.state.panel.judges):
        means = "say a principle in other words, which judges read"
        yield Item(edit, means, {REWORD: _names(worded), TEXT: _names(["1"])})


def _names(values: Iterable[str]) -> Choice:
    return Choice({safe(value): value for value in values})
