"""What must be true whenever a line does something: the theorem about one act, claim by claim.

Each is an expression over the facts of a view, so that z3 proves it of all views, and the exact
evaluator can check it on any one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.table.acts import ACTS, KEPT_BACK, Act
from agent.table.vocabulary import BELOW_FLOOR, PACE, permitted


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence and one condition, side by side."""

    name: str
    says: str
    holds: str


def claims_of(act: Act) -> Iterator[Claim]:
    """Everything that is claimed of an act, the tier first."""
    if act.kinds:
        yield Claim(
            "tier", "the change is of low or medium tier, so it needs no people", permitted(act)
        )
    if act.within_a_step:
        step = f"{act.moves} <= param.step_l1"
        yield Claim("step", "weights move by at most one automatic step", step)
    if act.moves != "0":
        path = f"spent.weight_path + {act.moves} <= param.weight_path_max"
        yield Claim("path", "the path of weights stays within its budget", path)
    if act.labels != "0":
        labels = f"{act.labels} <= left.labels"
        yield Claim("labels", "it asks for no more audit labels than are left", labels)
    if act.questions != "0":
        vault = f"spent.gold_queries + {act.questions} + {KEPT_BACK} <= param.gold_queries_max"
        yield Claim("vault", "the vault still answers as many questions", vault)
    if act.changes_judge:
        yield Claim("pace", "judges change more slowly than the policy", PACE)
    if act.trains:
        floor = f"not ({BELOW_FLOOR})"
        yield Claim("floor", "the panel is not known to be below the floor for judges", floor)
    if act.trains and act.changes_judge:
        yield Claim("cause", "a judge and the adapter do not change at once", "false")


def lawful(act: Act) -> str:
    """All claims of an act as one condition."""
    return " and ".join(f"({claim.holds})" for claim in claims_of(act)) or "true"


LAWFUL: Mapping[str, str] = {name: lawful(act) for name, act in ACTS.items()}
"""The weakest condition under which each act may be chosen."""
