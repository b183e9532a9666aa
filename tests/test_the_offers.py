"""The nearest lawful weights, two policies compared, and what a panel's weights promise."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from invariants import templates
from invariants.compare import compare, told
from invariants.facts import Case
from invariants.nearest import nearest
from invariants.panel import prove_panel
from invariants.panel import told as theorems
from invariants.policy import load
from invariants.solver import Desk, crosscheck
from logs.vocabulary import Ledgers, Outcome, Panel
from tests.law_cases import (
    FOUNDING,
    POLICY,
    evidence,
    judge,
    proposal,
    trained,
    verdict_on,
    with_judges,
    with_weights,
)
from tests.test_the_proof import amended, policy_of


def offer(new, policy=POLICY):
    of = proposal(new)
    return nearest(
        policy,
        Case(
            founding=FOUNDING,
            old=FOUNDING,
            proposal=of,
            evidence=evidence(of),
            ledgers=Ledgers(),
            approvals=0,
        ),
    )


class TestTheNearestLawfulProposal:
    def test_of_a_floor_gives_back_what_the_floor_lacks(self):
        found = offer(with_weights(FOUNDING, fair="0.03", harmless="0.37"))
        assert found is not None
        assert found.weights["fair"] == Decimal("0.05")
        assert found.distance == Decimal("0.04")  # 0.02 more here, 0.02 less elsewhere
        assert "reweight `fair` to 0.05 instead of 0.03" in found.says
        lawful = with_weights(FOUNDING, **{k: str(w) for k, w in found.weights.items()})
        assert verdict_on(lawful).holds

    @settings(max_examples=5, deadline=None)
    @given(st.integers(201, 349))
    def test_is_lawful_and_as_close_as_the_ball_allows(self, thousandths):
        moved = Decimal(thousandths) / 1000
        up, down = Decimal("0.25") + moved / 2, Decimal("0.25") - moved / 2
        found = offer(with_weights(FOUNDING, honest=str(up), harmless=str(down)))
        assert found is not None
        lawful = with_weights(FOUNDING, **{k: str(w) for k, w in found.weights.items()})
        assert verdict_on(lawful).holds
        assert found.distance == max(Decimal(0), moved - Decimal("0.20"))

    def test_of_a_panel_takes_from_the_judge_that_decides_alone(self):
        new = with_judges(
            FOUNDING, judge("ann", "ann", "0.8"), judge("bea", "bea", "0.2"), updates=0
        )
        found = offer(new)
        assert found is not None
        assert found.says == (
            "reweight `ann` to 0.7 instead of 0.8",
            "reweight `bea` to 0.3 instead of 0.2",
        )

    def test_is_none_where_people_froze_every_weight(self):
        frozen = load(templates.policy("strict"))
        assert offer(with_weights(FOUNDING, helpful="0.21", concise="0.14"), frozen) is None

    def test_is_none_of_a_lawful_proposal_and_none_of_one_that_is_no_reweighting(self):
        assert offer(with_weights(FOUNDING, helpful="0.21", concise="0.14")) is None
        assert offer(trained(FOUNDING)) is None


class TestTwoPolicies:
    def test_that_are_the_same_are_equivalent(self):
        assert compare(POLICY, POLICY, FOUNDING).verdict == "equivalent"

    def test_with_a_larger_ball_is_looser_and_says_what_it_permits(self):
        found = compare(POLICY, amended('value = "0.20"', 'value = "0.30"'), FOUNDING)
        assert found.verdict == "looser"
        assert {d.direction for d in found.differences} == {"newly permitted"}
        assert any(b.startswith("P04-total-ball") for d in found.differences for b in d.by)
        # Which of the many witnesses z3 finds is its own affair; each is told as edits.
        edits = ("reweight `", "add `", "remove `")
        assert any(d.witness.startswith(edits) for d in found.differences)

    def test_the_other_way_round_is_tighter(self):
        found = compare(amended('value = "0.20"', 'value = "0.30"'), POLICY, FOUNDING)
        assert found.verdict == "tighter"

    def test_that_trade_one_rule_for_another_are_incomparable(self):
        judges = policy_of({"a": ("always", "new.facts.judges >= 2")}, {})
        families = policy_of({"a": ("always", "new.facts.judge_updates <= 5")}, {})
        found = compare(judges, families, FOUNDING)
        assert found.verdict == "incomparable"
        assert "newly permitted, low tier" in told(judges, families, found)

    def test_that_move_a_kind_of_change_to_a_higher_tier_are_tighter(self):
        found = compare(POLICY, amended("[tier]", '[tier]\nadapter = "high"'), FOUNDING)
        assert found.verdict == "tighter"
        assert found.tiers == ("adapter: low before, high now",)

    def test_that_z3_cannot_tell_apart_in_time_are_unknown(self, monkeypatch):
        monkeypatch.setattr(Desk, "ask", lambda *_, **__: ("unknown", None))
        assert compare(POLICY, POLICY, FOUNDING).verdict == "unknown"


def a_panel(**weights):
    return Panel(judges=tuple(judge(k, k[0], w) for k, w in weights.items()))


class TestAPanel:
    def test_of_three_equal_families_lets_nobody_decide_alone(self):
        desk = Desk()
        report = prove_panel(a_panel(ann="1", bea="1", cid="1"), desk=desk)
        assert report.sound
        assert crosscheck.disagreements(desk.asked) == ()

    def test_with_a_family_above_one_half_is_told_who_decides(self):
        report = prove_panel(a_panel(ann="0.3", abe="0.3", bea="0.4"))
        wrong = [t for t in report.theorems if t.proved is Outcome.BROKEN]
        assert [t.name for t in wrong] == ["family a"]
        assert "the panel still follows" in wrong[0].because

    def test_of_one_judge_is_that_judge(self):
        report = prove_panel(a_panel(ann="1"))
        assert not report.sound
        assert "it is the whole panel" in theorems(report)

    def test_whose_scores_have_no_bound_is_overruled_by_its_least_judge(self):
        report = prove_panel(a_panel(ann="0.98", bea="0.02"))
        gap = Fraction(report.unbounded.rpartition(" ")[2])
        assert Fraction("0.98") + Fraction("0.02") * gap < 0

    def test_ignores_judges_without_weight(self):
        report = prove_panel(a_panel(ann="1", bea="1", zoe="0"))
        assert report.sound
        assert not any("zoe" in theorem.name for theorem in report.theorems)
