"""z3 reads the same tree: it agrees with the gate, and finds the holes that people leave."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from invariants.parser import parse
from invariants.policy import Policy, default_bytes, load
from invariants.proof import GoalReport, check_policy, prove_goals, require_sound
from invariants.render import checked
from invariants.schema import roots
from invariants.solver import negation, questions, satisfiable
from invariants.typecheck import check
from invariants.worlds import world
from logs.errors import Refused, Undecided, UsageError
from logs.vocabulary import Outcome, Tier
from tests.law_cases import (
    FOUNDING,
    POLICY,
    PRINCIPLES,
    principle,
    with_principles,
)


def policy_of(rules: Mapping[str, tuple[str, str]], goals: Mapping[str, str]) -> Policy:
    """A small policy: id -> (on, need), and id -> need."""
    text = 'format = "plimsoll-policy/1"\nid = "small"\nversion = 1\n'
    for name, value in (("floor", "0.05"), ("step", "0.04"), ("ball", "0.30"), ("share", "0.60")):
        text += f'[param.{name}]\ntype = "real"\nvalue = "{value}"\n'
    for key, (on, need) in rules.items():
        text += f"[[invariant]]\nid = \"{key}\"\non = \"{on}\"\nneed = '''{need}'''\nsay = \"s\"\n"
    for key, need in goals.items():
        text += f"[[goal]]\nid = \"{key}\"\nneed = '''{need}'''\nsay = \"s\"\n"
    return load(text.encode())


CORE = 'p in founding.principles where p.tier != "adaptive"'
SAME = "new.principles[p].text == p.text and new.principles[p].tier == p.tier"
BALL = (
    "(sum p in founding.principles: abs(new.principles[p].weight - p.weight))"
    " + (sum p in new.principles where not founding.principles[p].present: p.weight) <= param.ball"
)
BALL_OVER_NEW = (
    "(sum p in new.principles: abs(p.weight - founding.principles[p].weight)) <= param.ball"
)
SHAPE = f"all {CORE}: new.principles[p].present and {SAME}"
SHARE = (
    f"(sum {CORE}: new.principles[p].weight) >= param.share * (sum p in new.principles: p.weight)"
)
SHARE_BY_LABEL = (
    '(sum p in new.principles where p.tier != "adaptive": p.weight)'
    " >= param.share * (sum p in new.principles: p.weight)"
)
FLOOR = f"all {CORE}: new.principles[p].weight >= param.floor"
STEP_OVER_NEW = "(sum p in new.principles: abs(p.weight - old.principles[p].weight)) <= param.step"
OLD_CORE = 'all p in old.principles where p.tier != "adaptive": new.principles[p].present'


def proved(policy: Policy, tier: Tier = Tier.LOW) -> GoalReport:
    (report,) = (g for g in prove_goals(policy) if g.tier is tier)
    return report


class TestTheFiveHolesOfAFirstDraft:
    def test_1_a_sum_over_new_does_not_count_the_principle_that_is_gone(self):
        draft = policy_of(
            {"step": ("low", STEP_OVER_NEW), "ball": ("always", BALL_OVER_NEW)},
            {"kept": f"all {CORE}: new.principles[p].present"},
        )
        report = proved(draft)
        assert report.proved is Outcome.BROKEN
        assert any(line.startswith("remove `") for line in report.witness)

    def test_2_a_share_counted_by_label_is_laundered_by_relabelling(self):
        by_label = policy_of({"share": ("always", SHARE_BY_LABEL)}, {"goal": SHARE})
        assert proved(by_label).proved is Outcome.BROKEN
        by_id = policy_of({"share": ("always", SHARE)}, {"goal": SHARE})
        assert proved(by_id).proved is Outcome.HOLDS

    def test_3_a_ball_over_new_alone_is_not_inductive(self):
        over_new = policy_of({"ball": ("always", BALL_OVER_NEW)}, {"goal": BALL})
        assert proved(over_new).proved is Outcome.BROKEN
        over_both = policy_of({"ball": ("always", BALL)}, {"goal": BALL})
        assert proved(over_both).proved is Outcome.HOLDS

    def test_4_presence_alone_still_lets_the_medium_tier_reword_the_core(self):
        rules = {
            "none": "true or change.rolls_back",
            "present": OLD_CORE,
            "whole": f"{OLD_CORE} and {SAME}",
        }
        found = {
            name: proved(policy_of({"kept": ("medium", need)}, {"g": SHAPE}), Tier.MEDIUM).proved
            for name, need in rules.items()
        }
        assert found == {
            "none": Outcome.BROKEN,
            "present": Outcome.BROKEN,
            "whole": Outcome.HOLDS,
        }

    def test_5_a_bound_relative_to_the_last_state_is_eaten_slice_by_slice(self):
        relative = "all p in old.principles: new.principles[p].weight >= p.weight - 0.005"
        salami = policy_of({"relative": ("always", relative)}, {"floor": FLOOR})
        assert proved(salami).proved is Outcome.BROKEN
        anchored = policy_of({"anchored": ("always", FLOOR)}, {"floor": FLOOR})
        assert proved(anchored).proved is Outcome.HOLDS

    def test_5_and_of_evidence_it_cannot_even_be_written(self):
        known = roots({}, {"safety_pass": "proportion"})
        source = "evidence.safety_pass.lo >= old.evidence.safety_pass.lo - 0.005"
        with pytest.raises(UsageError, match="no field `evidence`"):
            check(parse(source), source, known)


@pytest.fixture(scope="module")
def report():
    return check_policy(POLICY, FOUNDING)


class TestTheDefaultPolicy:
    def test_permits_some_change_at_every_tier(self, report):
        assert {t.tier: t.satisfiable for t in report.tiers} == {
            Tier.LOW: Outcome.HOLDS,
            Tier.MEDIUM: Outcome.HOLDS,
            Tier.HIGH: Outcome.HOLDS,
        }

    def test_has_no_rule_that_protects_nothing(self, report):
        assert {r.invariant for r in report.rules if r.violable is not Outcome.HOLDS} == set()

    def test_proves_every_goal_for_every_automatic_step_from_this_founding_state(self, report):
        assert len(report.goals) == 8
        assert {g.proved for g in report.goals} == {Outcome.HOLDS}
        assert {g.start for g in report.goals} == {Outcome.HOLDS}

    def test_proves_every_goal_from_any_founding_state_of_five_principles(self):
        assert {g.proved for g in prove_goals(POLICY)} == {Outcome.HOLDS}

    def test_may_be_activated(self, report):
        assert report.sound
        require_sound(report)
        text = checked(POLICY, report)
        assert "May be activated: yes" in text
        assert "G2-core-shape  medium  proved" in text

    def test_is_not_proved_from_nothing_a_real_change_is_permitted(self):
        step = world(POLICY.metrics, POLICY.values, [r.expr for r in POLICY.rules], FOUNDING)
        change = step.roots["change"]
        named = {r.id: step.of(r.expr) for r in POLICY.rules_for(Tier.LOW)}
        named |= {g.id: step.before(g.expr) for g in POLICY.goals}
        moves = [change["weight_step"] > 0, negation(change["rolls_back"])]
        assert satisfiable([*step.premises, *moves], named).outcome is Outcome.HOLDS

    def test_needs_each_rule_from_some_founding_state(self):
        loose = replace(POLICY, goals=())
        assert {r.invariant: r.needed for r in check_policy(loose).rules} == {
            r.id: Outcome.HOLDS for r in POLICY.rules
        }


def amended(old: str, new: str) -> Policy:
    text = default_bytes().decode()
    assert old in text
    return load(text.replace(old, new, 1).encode())


class TestABadPolicy:
    def test_that_contradicts_itself_is_refused_with_a_smallest_set_of_culprits(self):
        bad = check_policy(amended('value = "0.05"', 'value = "0.30"'), FOUNDING)
        assert {t.satisfiable for t in bad.tiers} == {Outcome.BROKEN}
        assert {t.core for t in bad.tiers} == {("P02-core-floor", "P04-total-ball")}
        with pytest.raises(Refused, match="contradicts itself") as refusal:
            require_sound(bad)
        assert "P02-core-floor, P04-total-ball" in refusal.value.saw

    def test_with_a_rule_that_nothing_can_break_is_refused(self):
        idle = "all p in new.principles where p.weight < 0: p.present"
        bad = check_policy(policy_of({"idle": ("always", idle)}, {}))
        with pytest.raises(Refused, match="idle can never be broken"):
            require_sound(bad)

    def test_with_a_goal_that_a_step_can_leave_is_refused_with_the_step(self):
        rule = {"step": ("low", STEP_OVER_NEW)}
        with pytest.raises(Refused, match="shape is not protected") as refusal:
            require_sound(check_policy(policy_of(rule, {"shape": SHAPE}), FOUNDING))
        assert any(edit in refusal.value.saw for edit in ("reword `", "remove `", "move `"))

    def test_with_a_goal_that_the_start_does_not_meet_is_refused(self):
        faded = with_principles(FOUNDING, *PRINCIPLES[:4], principle("late", "core", "0.01"))
        policy = policy_of({"floor": ("always", FLOOR)}, {"floor-goal": FLOOR})
        found = prove_goals(policy, faded)
        assert {g.start for g in found} == {Outcome.BROKEN}

    def test_that_z3_does_not_finish_is_undecided_and_never_activated(self, monkeypatch):
        unhurried = questions._solver

        def hurried(timeout_ms: int) -> object:
            engine = unhurried(timeout_ms)
            engine.set("rlimit", 1)
            return engine

        monkeypatch.setattr(questions, "_solver", hurried)
        report = check_policy(POLICY)
        unsure = {g.goal for g in report.goals if g.proved is Outcome.UNDECIDED}
        assert "G2-core-shape" in unsure
        assert not report.sound
        with pytest.raises(Undecided, match="gave up"):
            require_sound(report)
