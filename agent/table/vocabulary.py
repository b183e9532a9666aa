"""The words of the table's conditions: facts of a view by name and type, and what is defined.

Conditions are written in the language of policies, over these roots in place of its own:

    panel    what was measured of the judges in force        finding  what the diagnosis says
    bench    the judges that could take a seat               past     earlier turns of the session
    offer    what the law offered for a refused edit         remedy   an edit against what pays
    now      updates, graded prompts                         left     labels that may be bought
    spent    out of the budgets of the law                   vault    what a rollback would ask
    param    numbers of the policy                           tier     0 low, 1 medium, 2 high, 3
    may      acts that need no people under this policy      is       names for longer conditions

A measurement that is undefined is missing, and has a fact `..._known` that is false.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache

from agent.table.acts import ACTS, KEPT_BACK, REFIT_LABELS, Act
from invariants.ast import Expr
from invariants.parser import parse
from invariants.schema import Map, Record
from invariants.tiers import Kind
from invariants.typecheck import check
from logs.vocabulary import Hypothesis

MIN_GRADED = 16
"""Prompts with a right and a wrong graded answer that a refit needs."""
DISBELIEVED = Fraction(3, 5)
"""Support from which on the diagnosis makes a judge disbelieved."""
LIKELIER = Fraction(1, 2)
"""Support from which on a hypothesis is likelier than not."""
TRIES = 2
"""Regenerations after which whoever spoils the data is somebody else's to find, and refreshes
after which other prompts are no better."""
SILENT = Fraction(1, 5)
"""Share of scores that are errors from which on the panel counts as silent."""
EVEN = Fraction(1, 2)
"""A judge of the bench that is right more often than this, where favourites differ, is better."""
STALE_AFTER = 1
"""Updates of the policy after which a judge that only knows founding answers is out of date."""
BETTER_BY = 0.1
"""A judge of the bench replaces the panel when it is this much more accurate on shared pairs."""
AUTOMATIC = 1
"""The highest tier at which nobody is asked: medium."""

BENCH = "bench"
MEASURED: Mapping[str, tuple[str, ...]] = {
    "panel": ("errors", "accuracy", "high"),
    BENCH: ("accuracy", "wins_low"),
}
"""Facts that can be undefined, by root: each has a `..._known` beside it."""
PARAMS = (
    "gold_queries_max",
    "judge_floor",
    "judge_ratio",
    "judge_slack",
    "step_l1",
    "weight_path_max",
)


def _measured(root: str) -> dict[str, str]:
    names = MEASURED[root]
    return {**dict.fromkeys(names, "real"), **{f"{name}_known": "bool" for name in names}}


_SAID = Record("Finding", {"found": "bool", "support": "real"})
_JUDGE = Record("Judge of the bench", {"id": "string", "present": "bool", **_measured(BENCH)})
_GIVEN: Mapping[str, Record] = {
    "panel": Record("panel", {**_measured("panel"), "calibrated": "bool", "changed": "bool"}),
    "finding": Record("finding", {h.name.lower(): _SAID for h in Hypothesis}),
    "past": Record(
        "past",
        {
            "vault_asked": "bool",
            "refused_below_floor": "bool",
            "repaired": "bool",
            "refit_failed": "bool",
            "refresh_failed": "bool",
            "suspects": "int",
            "trained": "int",
            "edits_failed": "int",
            "edits_in_a_row": "int",
            "refreshed": "int",
            "regenerated": "int",
        },
    ),
    "offer": Record(
        "offer", {"made": "bool", "here": "bool", "still_pays": "bool", "length": "real"}
    ),
    "remedy": Record("remedy", {"known": "bool", "whole": "real"}),
    "now": Record(
        "now", {"graded_prompts": "int", "policy_updates": "int", "judge_updates": "int"}
    ),
    "left": Record("left", {"labels": "int"}),
    "spent": Record("spent", {"weight_path": "real", "gold_queries": "int"}),
    "vault": Record("vault", {"asks": "int"}),
    "param": Record("param", dict.fromkeys(PARAMS, "real")),
    "tier": Record("tier", {kind.value: "int" for kind in Kind}),
}

PACE = "param.judge_ratio * (now.judge_updates + 1) <= now.policy_updates + param.judge_slack"
BELOW_FLOOR = "panel.high_known and panel.high < param.judge_floor"

IS: Mapping[str, str] = {
    "silent": f"panel.errors_known and panel.errors >= {SILENT}",
    "below_floor": BELOW_FLOOR,
    "overoptimised": "finding.judge_overoptimised.found"
    f" and finding.judge_overoptimised.support >= {DISBELIEVED}",
    "stale": f"finding.judge_stale.found and finding.judge_stale.support >= {DISBELIEVED}",
    # A refusal may have been for want of pairs; those that were graded since tell.
    "doubted": "past.vault_asked or panel.changed or is.below_floor or is.overoptimised or is.stale"
    " or past.refused_below_floor and"
    " (finding.judge_overoptimised.found or finding.judge_stale.found)",
    "biased": f"finding.judge_biased.found and finding.judge_biased.support >= {LIKELIER}",
    "saturated": "finding.prompt_saturation.found"
    f" and finding.prompt_saturation.support >= {LIKELIER}",
    "defective": f"finding.data_defect.found and finding.data_defect.support >= {LIKELIER}",
    "in_pace": PACE,
    "refittable": f"may.refit_judge and is.in_pace and left.labels >= {REFIT_LABELS}"
    f" and now.graded_prompts >= {MIN_GRADED} and not past.refit_failed",
    "soon_refittable": f"now.graded_prompts < {MIN_GRADED} and left.labels >= {REFIT_LABELS}",
    "outdone": "may.swap_judge and is.in_pace and panel.accuracy_known and"
    f" (any j in bench.judges: j.accuracy_known and j.accuracy >= panel.accuracy + {BETTER_BY})",
    "outjudged": f"any j in bench.judges: j.wins_low_known and j.wins_low > {EVEN}",
    "vault_open": f"spent.gold_queries + 1 + {KEPT_BACK} <= param.gold_queries_max",
    "step_left": "param.step_l1 > 0 and spent.weight_path + param.step_l1 <= param.weight_path_max",
}
"""Names for conditions that several lines read; each may use those above it."""


def permitted(act: Act) -> str:
    """That every kind of change that an act may make needs no people, as an expression."""
    plain = [f"tier.{kind} <= {AUTOMATIC}" for kind in sorted(act.kinds)]
    bench = [
        f"((any j in bench.judges: true) => tier.{kind} <= {AUTOMATIC})"
        for kind in sorted(act.from_bench)
    ]
    return " and ".join([*plain, *bench]) or "true"


MAY: Mapping[str, str] = {name: permitted(act) for name, act in ACTS.items()}

ROOTS: Mapping[str, Record] = {
    **_GIVEN,
    BENCH: Record(BENCH, {"judges": Map(_JUDGE)}),
    "may": Record("may", dict.fromkeys(MAY, "bool")),
    "is": Record("is", dict.fromkeys(IS, "bool")),
}


@cache
def read(text: str) -> Expr:
    """A condition, parsed and type-checked.

    Raises:
        UsageError: it names a fact that does not exist, or has a type error.
    """
    return check(parse(text), text, ROOTS)


def definitions() -> Iterator[tuple[str, str, Expr]]:
    """(root, name, condition) of everything that is defined, in the order of its use."""
    for root, found in (("may", MAY), ("is", IS)):
        for name, text in found.items():
            yield root, name, read(text)
