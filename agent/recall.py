"""What a decider remembers of earlier turns: pure questions about a View."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.deciders import Past, View
from agent.ideas import same_idea
from agent.seen import say
from logs.vocabulary import Diagnosis, Finding, Hypothesis, Intervention, Status

REPAIRS = (
    Intervention.REFIT_JUDGE,
    Intervention.SWAP_JUDGE,
    Intervention.REINITIALISE_JUDGE,
    Intervention.ADD_JUDGE,
)
"""They change the judges."""
UPKEEP = (Intervention.TRAIN, Intervention.REFRESH_PROMPTS, Intervention.REWEIGHT_PANEL)
"""What may be done though nothing is wrong: it goes on, harder, or with what grades have told."""
NO_FAULT = (Hypothesis.HEALTHY, Hypothesis.NOISE)
ALARM = 0.5
"""Support from which a finding is an alarm."""
CAME_TO_NOTHING = ("refused", "failed", "kept")
MOST_QUESTIONS = 3
"""Commits about which one rollback asks the vault."""


def alarms(diagnosis: Diagnosis) -> list[Finding]:
    """The findings that say that something is wrong, in their order."""
    return [f for f in diagnosis.findings if f.hypothesis not in NO_FAULT and f.support >= ALARM]


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """What was tried at this HEAD and came to nothing."""

    intervention: Intervention
    arguments: Mapping[str, str]
    because: str

    def bars(self, intervention: Intervention, arguments: Mapping[str, str]) -> bool:
        """Whether that would be the same again."""
        if intervention is not self.intervention:
            return False
        if intervention is Intervention.ROLL_BACK:
            asked, wanted = (_asked(a) for a in (self.arguments, arguments))
            return bool(wanted) and set(wanted) <= set(asked)
        return same_idea(arguments, self.arguments)


def dead_ends(view: View) -> tuple[DeadEnd, ...]:
    """What need not be tried again while HEAD stands where it stood.

    HEAD names the whole state: the same HEAD is the same policy, panel and constitution. A job
    of training that failed may have failed by chance, and is worth one more try. What was parked
    for people is not tried again at any HEAD: they are asked when the session ends.
    """
    here = [p for p in view.past if p.head == view.head and p.outcome in CAME_TO_NOTHING]
    lost = [p for p in here if trains(p) and p.outcome == "failed"]
    by_chance = lost if len(lost) == 1 else []
    tried = (
        DeadEnd(
            p.intervention,
            p.arguments,
            f"iteration {p.iteration} tried it at this HEAD, and it was {_came_of(p)}",
        )
        for p in here
        if p not in by_chance
    )
    parked = (
        DeadEnd(p.intervention, p.arguments, f"iteration {p.iteration} parked it for people")
        for p in view.past
        if p.outcome == "parked"
    )
    return (*tried, *parked)


def _came_of(past: Past) -> str:
    by = f" by {', '.join(past.refused_by)}" if past.refused_by else ""
    return f"{past.outcome}{by}"


def _asked(arguments: Mapping[str, str]) -> list[str]:
    return [c for c in arguments.get("candidates", "").split(",") if c][:MOST_QUESTIONS]


def trains(past: Past) -> bool:
    """Whether that turn set out to train."""
    return past.intervention is Intervention.TRAIN


def is_repair(past: Past) -> bool:
    """Whether that turn changed how the panel orders answers by changing its judges."""
    return past.intervention in REPAIRS and past.outcome == "committed"


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
