"""The five holes and the salami: a bad policy is refused with its shortest attack, told."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from invariants import traces
from invariants.policy import Policy
from invariants.proof import check_policy, require_sound
from invariants.reports import PolicyReport, TraceReport
from invariants.solver import Desk, crosscheck
from invariants.traces import shortest_attack
from logs.errors import Refused
from logs.vocabulary import Outcome, State, Tier
from tests.law_cases import FOUNDING
from tests.test_the_proof import (
    BALL,
    BALL_OVER_NEW,
    CORE,
    FLOOR,
    OLD_CORE,
    SAME,
    SHAPE,
    SHARE,
    SHARE_BY_LABEL,
    STEP_OVER_NEW,
    policy_of,
)

FROZEN = (
    "(all p in old.principles: new.principles[p].present and new.principles[p].text == p.text"
    " and new.principles[p].tier == p.tier)"
    " and (all p in new.principles: old.principles[p].present)"
)


def attack(rules: dict[str, tuple[str, str]], goal: str, tier: Tier = Tier.LOW) -> TraceReport:
    policy = policy_of(rules, {"goal": goal})
    found = shortest_attack(policy, policy.goals[0], tier, FOUNDING, Desk())
    assert found is not None
    return found


class TestTheShortestAttack:
    def test_on_a_floor_behind_a_step_bound_alone_is_a_salami_of_three_slices(self):
        salami = attack({"step": ("low", STEP_OVER_NEW), "shape": ("low", FROZEN)}, FLOOR)
        # fair weighs 0.15 and must fall below 0.05 by at most 0.04 a step: two are too few.
        assert len(salami.steps) == 3
        assert salami.story.startswith("3 reweightings of at most 0.04 leave goal: for fair:")
        assert all(step.count("`") == 2 and "reweight `fair`" in step for step in salami.steps)
        assert salami.shortest is Outcome.HOLDS

    def test_on_a_ball_behind_a_step_bound_alone_takes_eight_steps(self):
        salami = attack({"step": ("low", STEP_OVER_NEW), "shape": ("low", FROZEN)}, BALL)
        assert len(salami.steps) == 8  # 0.30 / 0.04 is 7.5

    def test_is_found_by_a_second_solver_too_and_nothing_shorter_is(self):
        policy = policy_of(
            {"step": ("low", STEP_OVER_NEW), "shape": ("low", FROZEN)}, {"goal": FLOOR}
        )
        desk = Desk()
        assert shortest_attack(policy, policy.goals[0], Tier.LOW, FOUNDING, desk) is not None
        assert {one.found for one in desk.asked} == {"sat", "unsat"}
        assert crosscheck.disagreements(desk.asked) == ()

    def test_is_none_where_the_goal_is_kept(self, monkeypatch):
        monkeypatch.setattr(traces, "MAX_STEPS", 2)
        kept = policy_of({"floor": ("always", FLOOR), "shape": ("low", FROZEN)}, {"goal": FLOOR})
        assert shortest_attack(kept, kept.goals[0], Tier.LOW, FOUNDING, Desk()) is None


def checked(policy: Policy, founding: State | None = FOUNDING) -> PolicyReport:
    return check_policy(policy, founding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A policy that looks right, what z3 tells of it, and the rules that close it."""

    rules: Mapping[str, tuple[str, str]]
    goal: str
    tier: Tier = Tier.LOW
    steps: int = 1
    told: tuple[str, ...]
    """The story has one of these edits."""
    closed: Mapping[str, tuple[str, str]]


STEP = {"step": ("low", STEP_OVER_NEW)}
SHAPED = {"shape": ("low", FROZEN)}
KEPT = f"all {CORE}: new.principles[p].present"
RELATIVE = "all p in old.principles: new.principles[p].weight >= p.weight - 0.04"
HOLES = {
    "1 a sum over new does not count what is gone": Hole(
        rules=STEP | {"ball": ("always", BALL_OVER_NEW)},
        goal=KEPT,
        told=("remove `",),
        closed=STEP | {"kept": ("always", KEPT)},
    ),
    "2 a share counted by label is laundered": Hole(
        rules={"share": ("always", SHARE_BY_LABEL)},
        goal=SHARE,
        told=("move `", "add `"),
        closed={"share": ("always", SHARE)},
    ),
    "3 a ball over new does not count what is gone": Hole(
        rules={"ball": ("always", BALL_OVER_NEW)},
        goal=BALL,
        told=("remove `",),
        closed={"ball": ("always", BALL)},
    ),
    "4 at medium tier the core must only be there": Hole(
        rules=SHAPED | {"kept": ("medium", OLD_CORE)},
        goal=SHAPE,
        tier=Tier.MEDIUM,
        told=("reword `", "move `"),
        closed=SHAPED | {"kept": ("medium", f"{OLD_CORE} and {SAME}")},
    ),
    "5 a bound relative to the last state is eaten": Hole(
        rules=SHAPED | {"relative": ("always", RELATIVE)},
        goal=FLOOR,
        steps=3,
        told=("reweight `",),
        closed=SHAPED | {"anchored": ("always", FLOOR)},
    ),
    "the salami: a step bound alone": Hole(
        rules=SHAPED | STEP,
        goal=FLOOR,
        steps=3,
        told=("reweight `fair`",),
        closed=SHAPED | STEP | {"floor": ("always", FLOOR)},
    ),
}


@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES.keys())
class TestEveryHole:
    def test_refuses_the_policy_with_the_story_of_its_shortest_attack(self, hole):
        report = checked(policy_of(hole.rules, {"g": hole.goal}))
        with pytest.raises(Refused, match=f"g is not protected: a {hole.tier}-tier step") as no:
            require_sound(report)
        trace = next(goal.trace for goal in report.goals if goal.trace)
        assert no.value.saw == trace.story
        assert len(trace.steps) == hole.steps
        assert any(edit in step for step in trace.steps for edit in hole.told)
        assert trace.shortest is Outcome.HOLDS

    def test_is_closed_by_rules_under_which_the_goal_is_proved(self, hole):
        report = checked(policy_of(hole.closed, {"g": hole.goal}))
        assert {goal.tier for goal in report.goals} == {Tier.LOW, Tier.MEDIUM}
        assert {goal.proved for goal in report.goals} == {Outcome.HOLDS}
        assert all(goal.trace is None for goal in report.goals)


BACK = "change.rolls_back or "


class TestTheWayBack:
    def back(self, need: str):
        report = checked(policy_of({"rule": ("always", need)}, {}))
        return report, next(way for way in report.ways if way.way == "roll back")

    @pytest.mark.parametrize(
        "need",
        [
            "evidence.sandbox_level.lo >= 1",
            "new.ledger.gold_queries <= 3",
            "change.rollback_tested",
            "new.facts.judge_updates >= old.facts.judge_updates",
            'change.kind != "roll_back"',
        ],
    )
    def test_that_hangs_on_what_may_fail_or_run_out_is_a_lock_and_refused(self, need):
        report, way = self.back(need)
        assert way.open is Outcome.BROKEN
        assert way.blocked_by == ("rule",)
        with pytest.raises(Refused, match="can lock the agent in"):
            require_sound(report)
        _, free = self.back(BACK + need)
        assert free.open is Outcome.HOLDS

    def test_is_open_under_a_rule_that_every_earlier_state_met(self):
        _, way = self.back("new.facts.judge_families >= 1")
        assert way.open is Outcome.HOLDS

    def test_to_a_founding_state_that_the_rule_did_not_bind_is_not_taken_for_granted(self):
        _, way = self.back("new.facts.judge_families >= 9")
        assert way.open is Outcome.BROKEN
