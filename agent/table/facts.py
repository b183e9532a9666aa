"""What a decider sees as exact facts: a pure function of a View, without judgement.

A float of an instrument becomes the decimal that it prints as, so that 0.6 is three fifths; what
is undefined becomes `Missing`, never a number.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from agent.deciders import View
from agent.edits import offered_length, paying_flaw
from agent.interventions.edit_constitution import REMEDIES
from agent.lines import finding
from agent.recall import (
    MOST_QUESTIONS,
    edits_in_a_row,
    failed_lately,
    is_repair,
    judge_that_changed,
    lately,
    since_repair,
    trains,
)
from agent.table.acts import KEPT_BACK
from agent.table.vocabulary import BENCH, PARAMS, definitions
from invariants.evaluate import evaluate
from invariants.facts import Facts
from invariants.tiers import FLOOR, ORDER, Kind
from invariants.values import Collection, Missing, Tree, Value
from logs.vocabulary import Hypothesis, Intervention, JudgeKind, Tier

JUDGE_FLOOR_RULES = ("P12-judge-floor",)
"""Rules of the law that refuse to train under a panel that is not believed."""
DEFAULT_FLOOR = Decimal("0.5")
"""Where a policy names no floor for judges: that of a coin."""


def facts_of(view: View) -> Facts:
    """Every fact that a condition of the table may read, and what is defined by them."""
    roots: dict[str, Tree] = {
        "panel": _panel(view),
        "finding": {h.name.lower(): _said(view, h) for h in Hypothesis},
        BENCH: {"judges": Collection("bench", {j.id: _judge(view, j.id) for j in view.bench})},
        "past": _past(view),
        "offer": _offer(view),
        "remedy": {
            "known": paying_flaw(view) in REMEDIES,
            "whole": whole_remedy(view, paying_flaw(view)),
        },
        "now": {
            "graded_prompts": Fraction(view.graded_prompts),
            "policy_updates": Fraction(view.state.policy_updates),
            "judge_updates": Fraction(view.state.judge_updates),
        },
        "left": {"labels": Fraction(view.labels_left)},
        "spent": {
            "weight_path": Fraction(view.ledgers.weight_path),
            "gold_queries": Fraction(view.ledgers.gold_queries),
        },
        "vault": {"asks": Fraction(max(1, min(MOST_QUESTIONS, len(for_the_vault(view)))))},
        "param": {name: _param(view, name) for name in PARAMS},
        "tier": {kind.value: _rank(view, kind) for kind in Kind},
    }
    return Facts(with_definitions(roots))


def with_definitions(roots: dict[str, Tree]) -> Mapping[str, Tree]:
    """The facts with everything that is defined by them."""
    made: dict[str, dict[str, Value]] = {"may": {}, "is": {}}
    whole: dict[str, Tree] = {**roots, **made}
    for root, name, expr in definitions():
        made[root][name] = evaluate(expr, Facts(whole))
    return whole


def exact(number: float) -> Fraction:
    """The decimal that a measured number prints as, exactly; this keeps every order."""
    return Fraction(str(number))


def _known(name: str, number: float | None) -> Iterator[tuple[str, Value]]:
    yield f"{name}_known", number is not None
    yield name, Missing(f"{name} is undefined") if number is None else exact(number)


def _panel(view: View) -> Tree:
    errors, seen = view.measured("judge_errors"), view.measured("judge_accuracy", "panel")
    return {
        **dict(_known("errors", errors.estimate if errors else None)),
        **dict(_known("accuracy", seen.estimate if seen else None)),
        **dict(_known("high", seen.high if seen else None)),
        "calibrated": view.calibrated,
        "changed": judge_that_changed(view) is not None,
    }


def _judge(view: View, judge: str) -> Tree:
    seen = view.measured("judge_accuracy", judge)
    wins = view.measured("favourite_wins", judge)
    return {
        "id": judge,
        "present": True,
        **dict(_known("accuracy", seen.estimate if seen else None)),
        **dict(_known("wins_low", wins.low if wins else None)),
    }


def _said(view: View, hypothesis: Hypothesis) -> Tree:
    found = finding(view, hypothesis)
    support = exact(found.support) if found else Missing(f"{hypothesis} was not found")
    return {"found": found is not None, "support": support}


def _none_fits(view: View) -> bool:
    """Whether a refit would come to nothing: it needs a judge that grades can be fitted to."""
    return all(j.kind is not JudgeKind.FEATURE for j in (*view.state.panel.judges, *view.bench))


def _past(view: View) -> Tree:
    recent = since_repair(view)
    edits = [p for p in view.past if p.intervention is Intervention.EDIT_CONSTITUTION]
    trained = [p for p in view.past if trains(p) and p.outcome == "committed"]
    return {
        "vault_asked": any(p.intervention is Intervention.ROLL_BACK for p in recent),
        "refused_below_floor": any(set(p.refused_by) & set(JUDGE_FLOOR_RULES) for p in recent),
        "repaired": any(is_repair(p) for p in view.past),
        "refit_failed": failed_lately(view, Intervention.REFIT_JUDGE) or _none_fits(view),
        "refresh_failed": failed_lately(view, Intervention.REFRESH_PROMPTS),
        "suspects": Fraction(len(suspects(view))),
        "trained": Fraction(len(trained)),
        "edits_failed": Fraction(sum(p.outcome != "committed" for p in edits)),
        "edits_in_a_row": Fraction(edits_in_a_row(view)),
        "refreshed": Fraction(lately(view, Intervention.REFRESH_PROMPTS)),
        "regenerated": Fraction(lately(view, Intervention.REGENERATE_DATA)),
    }


def suspects(view: View) -> list[str]:
    """Commits with which turns began that trained under the judges in force, oldest first."""
    return [p.head for p in since_repair(view) if p.outcome == "committed" and trains(p)]


def for_the_vault(view: View) -> list[str]:
    """Those of them that the vault can still be asked about, the newest first."""
    most, asked = view.limits["gold_queries_max"], view.ledgers.gold_queries
    left = max(0, int(most) - KEPT_BACK - asked)
    return list(dict.fromkeys(reversed(suspects(view))))[:left]


def whole_remedy(view: View, flaw: str) -> Fraction:
    """Path of weights that the whole remedy takes; 0 where there is nothing to move."""
    weights = {p.id: p.weight for p in view.state.constitution.principles}
    less, more = REMEDIES.get(flaw, ("", ""))
    return 2 * Fraction(weights[less]) if less in weights and more in weights else Fraction(0)


def _offer(view: View) -> dict[str, Any]:
    last = view.past[-1] if view.past else None
    length = offered_length(view)
    if last is None or length is None:
        unknown = Missing("nothing was offered")
        return {"made": False, "here": False, "still_pays": False, "length": unknown}
    found = finding(view, Hypothesis.JUDGE_BIASED)
    return {
        "made": True,
        "here": last.head == view.head,
        "still_pays": found is not None and any(f"[{last.flaw}]" in s for s in found.because),
        "length": length,
    }


def _param(view: View, name: str) -> Fraction:
    default = {"judge_floor": DEFAULT_FLOOR}
    return Fraction(view.limits[name] if name in view.limits else default[name])


def _rank(view: View, kind: Kind) -> Fraction:
    raised = view.raises.get(kind, Tier.LOW)
    return Fraction(max(ORDER.index(FLOOR[kind]), ORDER.index(raised)))
