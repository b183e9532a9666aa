"""Verifiers read answers as people would, and are not talked into a yes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.errors import UsageError
from tools.verifiers import VERIFIERS, verifier_named
from tools.verifiers.choices import chosen
from tools.verifiers.numbers import last_number


def right(verifier, answer, given, **row):
    rule = verifier_named(verifier)
    return rule.grade(answer, rule.reference(given, row))


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("She has 7 apples.", 7),
            ("3 + 4 = 7, so the answer is 7.", 7),
            ("That is $1,234.50 in all", Fraction("1234.5")),
            ("1/2", Fraction(1, 2)),
            ("50%", Fraction(1, 2)),
            (".5", Fraction(1, 2)),
            ("it fell to \u22123 degrees", -3),
            ("-12", -12),
            ("6.02e23", 602 * 10**21),
            ("#### 42 (as 40 + 2)", 2),
            ("first 99, then \\boxed{18}. Done in 2 steps", 2),
            ("none at all", None),
            ("version2 is no number", None),
            ("1/0", None),
            ("", None),
        ],
    )
    def test_are_the_last_that_is_said(self, text, value):
        assert last_number(text) == value

    def test_are_looked_for_behind_the_mark_of_a_worked_solution(self):
        assert right("number", "I think 5, no: 12", "Half of 24 is 12. #### 12")

    def test_of_any_length_end_in_an_answer(self):
        assert last_number("9" * 100_000) is None
        assert last_number("1," * 50_000) is not None

    @given(st.fractions(max_denominator=1000))
    def test_are_found_again_however_much_is_said_before(self, value):
        text = f"First 17, then {value.numerator}/{value.denominator}"
        assert last_number(text) == value

    def test_that_differ_are_wrong(self):
        assert not right("number", "7.0001", 7)

    @pytest.mark.parametrize("given", [True, None, [], "many"])
    def test_are_refused_as_reference_where_there_is_none(self, given):
        with pytest.raises(ValueError):
            verifier_named("number").reference(given, {})


class TestChoices:
    @pytest.mark.parametrize(
        ("answer", "letter"),
        [
            ("B", "B"),
            ("(C)", "C"),
            ("D. Because it is warm", "D"),
            ("The answer is B.", "B"),
            ("Answer: **C**", "C"),
            ("I first thought the answer is A. But the answer is D", "D"),
            (r"so \boxed{A}", "A"),
            ("It must be (B), since it floats", "B"),
            ("Either (A) or (B)", None),
            ("A banana is yellow", None),
            ("I cannot say", None),
            ("", None),
        ],
    )
    def test_are_what_the_answer_settles_on(self, answer, letter):
        assert chosen(answer, []) == letter

    def test_may_be_given_by_the_words_of_a_choice(self):
        assert right("choice", "paris", "B", choices=["Rome", "Paris"])
        assert not right("choice", "Rome", "B", choices=["Rome", "Paris"])

    def test_are_named_by_letter_number_or_words(self):
        rule, row = verifier_named("choice"), {"choices": ["Rome", "Paris"]}
        assert {rule.reference(x, row)["letter"] for x in ("B", "b", 1, "Paris")} == {"B"}

    @pytest.mark.parametrize("given", [7, -1, "Madrid", ""])
    def test_that_nobody_offered_are_refused(self, given):
        with pytest.raises(ValueError):
            verifier_named("choice").reference(given, {"choices": ["Rome", "Paris"]})


class TestWords:
    def test_are_the_same_but_for_case_spacing_and_what_stands_around_them(self):
        assert right("exact", '  "The  Moon". ', "the moon")
        assert not right("exact", "the moon, or the sun", "the moon")

    def test_may_be_one_of_several(self):
        assert right("exact", "NYC", ["New York", "NYC"])

    def test_of_a_pattern_are_found_anywhere_or_where_it_says(self):
        assert right("pattern", "a: 12-34", r"\d+-\d+")
        assert not right("pattern", "a: 12-34", r"^\d+-\d+$")

    def test_that_keep_a_pattern_busy_are_not_right(self):
        assert not right("pattern", "a" * 60 + "!", r"^(a|a)*$|^(a+)+$")

    def test_that_are_no_pattern_are_refused(self):
        with pytest.raises(ValueError, match="no regular expression"):
            verifier_named("pattern").reference("(", {})


@pytest.mark.parametrize("name", VERIFIERS)
@given(text=st.text(max_size=80))
def test_no_answer_whatever_breaks_a_verifier(name, text):
    rule = VERIFIERS[name]
    reference = rule.reference({"number": 3, "choice": "A"}.get(name, "abc"), {})
    assert rule.grade(text, reference) in (True, False)
    assert rule.formed(text, reference) in (True, False)


def test_an_unknown_verifier_is_refused_with_those_there_are():
    with pytest.raises(UsageError) as refused:
        verifier_named("vibes")
    assert "number, choice, exact, pattern" in refused.value.wanted
