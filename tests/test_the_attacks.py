"""The five holes and the salami: a bad policy is refused with its shortest attack, told."""

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

    def test_of_hole_1_removes_a_principle_that_no_sum_counts(self):
        rules = {"step": ("low", STEP_OVER_NEW), "ball": ("always", BALL_OVER_NEW)}
        gone = attack(rules, f"all {CORE}: new.principles[p].present")
        assert len(gone.steps) == 1
        assert "remove `" in gone.story

    def test_of_hole_2_moves_a_principle_to_another_tier(self):
        laundered = attack({"share": ("always", SHARE_BY_LABEL)}, SHARE)
        assert len(laundered.steps) == 1
        assert any(word in laundered.story for word in ("move `", "add `"))

    def test_of_hole_3_removes_a_founding_principle_from_the_ball(self):
        left = attack({"ball": ("always", BALL_OVER_NEW)}, BALL)
        assert len(left.steps) == 1
        assert "remove `" in left.story

    def test_of_hole_4_rewords_what_the_medium_tier_must_only_keep(self):
        reworded = attack({"kept": ("medium", OLD_CORE)}, SHAPE, Tier.MEDIUM)
        assert len(reworded.steps) == 1
        assert "reword `" in reworded.story or "from core to" in reworded.story

    def test_of_hole_5_eats_a_bound_that_is_relative_to_the_last_state(self):
        relative = "all p in old.principles: new.principles[p].weight >= p.weight - 0.04"
        eaten = attack({"relative": ("always", relative), "shape": ("low", FROZEN)}, FLOOR)
        assert len(eaten.steps) == 3
        assert eaten.story.startswith("3 reweightings")

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


class TestABadPolicyIsRefused:
    def test_with_the_story_of_the_attack(self):
        bad = policy_of({"step": ("low", STEP_OVER_NEW), "shape": ("low", FROZEN)}, {"g": FLOOR})
        with pytest.raises(Refused, match="g is not protected") as refusal:
            require_sound(checked(bad))
        assert refusal.value.saw.startswith("3 reweightings of at most 0.04 leave g")


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
