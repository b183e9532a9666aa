"""What a decider remembers of earlier turns: pure questions about a View."""

from agent.deciders import Past, View
from agent.seen import say
from logs.vocabulary import Intervention, Status


def trains(past: Past) -> bool:
    """Whether that turn set out to train."""
    return past.intervention is Intervention.TRAIN


def is_repair(past: Past) -> bool:
    """Whether that turn changed how the panel orders answers by changing its judges."""
    kinds = (
        Intervention.REFIT_JUDGE,
        Intervention.SWAP_JUDGE,
        Intervention.REINITIALISE_JUDGE,
        Intervention.ADD_JUDGE,
    )
    return past.intervention in kinds and past.outcome == "committed"


def since_repair(view: View) -> list[Past]:
    """Turns after the last repair of the judge."""
    last = max((p.iteration for p in view.past if is_repair(p)), default=0)
    return [p for p in view.past if p.iteration > last]


def failed_lately(view: View, intervention: Intervention) -> bool:
    """Whether it was tried in the last turn, or the one before, and came to nothing."""
    return any(p.intervention is intervention and p.outcome != "committed" for p in view.past[-2:])


SAME_TROUBLE = 8
"""Turns that count as the same trouble."""


def lately(view: View, intervention: Intervention) -> int:
    """How often it was chosen in the turns that count as the same trouble."""
    return sum(p.intervention is intervention for p in view.past[-SAME_TROUBLE:])


def edits_in_a_row(view: View) -> int:
    """How many of the last turns set out to edit the constitution."""
    count = 0
    for past in reversed(view.past):
        if past.intervention is not Intervention.EDIT_CONSTITUTION:
            break
        count += 1
    return count


def may_change_judge(view: View) -> bool:
    """Judges change more slowly than the policy; asking for more would only be refused."""
    after = view.state.judge_updates + 1
    return (
        view.limits["judge_ratio"] * after <= view.state.policy_updates + view.limits["judge_slack"]
    )


def judge_that_changed(view: View) -> str | None:
    """Which judge in force scores answers otherwise that it scored before, with the numbers."""
    for judge in view.state.panel.judges:
        found = view.measured("judge_retest", judge.id)
        if found is not None and found.status is Status.RED:
            return say(found)
    return None
