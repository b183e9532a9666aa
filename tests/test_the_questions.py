"""How a question is put to z3 may save time; it never changes the answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invariants.proof import check_policy
from invariants.reports import PolicyReport
from invariants.solver import Desk, Formulas, Sizes, absolute, free, negation
from invariants.worlds import World, world
from logs.vocabulary import Outcome
from tests.law_cases import FOUNDING, POLICY

X = free("real", "x")


class TestWhatIsSparedAtFirst:
    def test_still_forbids_what_it_forbids(self):
        late = X <= -1
        assert Desk().ask("q", [X >= 0, late], spare=[late])[0] == "unsat"
        assert Desk().ask("q", [late], spare=[late])[0] == "sat"

    def test_is_met_by_the_world_that_is_shown(self):
        for most in range(-3, 4):
            late = most >= X
            found, value_of = Desk().ask("q", [X >= -3, late], spare=[late])
            assert found == "sat"
            assert -3 <= value_of(X) <= most

    def test_is_in_the_text_where_the_answer_is_yes_and_not_where_it_was_not_needed(self):
        late, desk = X <= 100, Desk()
        desk.ask("yes", [X >= 0, late], spare=[late])
        desk.ask("no", [X >= 0, X <= -1, late], spare=[late])
        yes, no = desk.asked
        assert "100" in yes.text
        assert "100" not in no.text


class TestOneDesk:
    def test_forgets_every_question_before_the_next(self):
        desk = Desk()
        for asked, found in (([X > 0, X < 0], "unsat"), ([X > 0, X < 1], "sat"), ([X < 0], "sat")):
            assert desk.ask("q", asked)[0] == found
        assert [one.found for one in desk.asked] == ["unsat", "sat", "sat"]


class TestAGuess:
    def test_that_is_wrong_is_dropped(self):
        desk = Desk()
        found, value_of = desk.ask("q", [X > 1], guess=[X < 0])
        assert found == "sat"
        assert value_of(X) > 1

    def test_that_is_right_is_taken_but_no_part_of_the_question(self):
        desk = Desk()
        found, value_of = desk.ask("q", [X > 1], guess=[X == 77])
        assert (found, value_of(X)) == ("sat", 77)
        assert "77" not in desk.asked[0].text

    def test_cannot_make_a_proof(self):
        assert Desk().prove("q", [X > 1], X > 2, guess=[X > 3]).outcome is Outcome.BROKEN


def sized(sizes: Sizes | None, numbers: list[int], most: int) -> Outcome:
    """Whether the distances of x to the numbers can be at most so much in all."""
    formulas = Formulas()
    formulas.sizes = sizes
    total = sum(formulas.size(X - n) for n in numbers)
    desk, bounds = Desk(), sizes or Sizes()
    return desk.prove(
        "q", [*bounds.below, *bounds.above], negation(total <= most), spare=bounds.above
    ).outcome


class TestSizes:
    @settings(max_examples=40)
    @given(st.lists(st.integers(-5, 5), min_size=1, max_size=4), st.integers(-1, 20))
    def test_as_variables_give_the_answers_of_cases(self, numbers, most):
        reachable = min(sum(abs(n - m) for m in numbers) for n in numbers) <= most
        wanted = Outcome.BROKEN if reachable else Outcome.HOLDS
        assert sized(Sizes(), numbers, most) is sized(None, numbers, most) is wanted

    def test_of_one_number_are_one_variable(self):
        sizes = Sizes()
        assert sizes.of(X - 1) is sizes.of(X - 1)
        assert len(sizes.above) == 1

    def test_made_after_the_premises_were_read_would_lack_their_bounds_and_are_refused(self):
        step = world(POLICY.metrics, POLICY.values, [], FOUNDING)
        assert step.premises
        with pytest.raises(AssertionError, match="after the premises were read"):
            step.formulas.size(X)

    def test_change_no_word_of_the_report_on_the_default_policy(self, monkeypatch):
        report = check_policy(POLICY, FOUNDING)
        monkeypatch.setattr(Sizes, "of", lambda _, term: absolute(term))
        monkeypatch.setattr(World, "plain", lambda _: [])
        assert said(check_policy(POLICY, FOUNDING)) == said(report)


def said(report: PolicyReport) -> tuple[object, ...]:
    """Every answer of a report."""
    return (report.tiers, report.rules, report.goals, report.ways)
