"""Numbers and choices are read as a person reads them, however models write them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.verifiers import verifier_named
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
            ("#### 42 (as 40 + 2)", 42),
            ("#### 42\nIn 2 lines", 42),
            ("#### 2. Addition\nSo it is 12", 12),
            ("first 99, then \\boxed{18}. Done in 2 steps", 18),
            (r"\boxed{\frac{3}{4}}", Fraction(3, 4)),
            (r"half of it is -\dfrac12", Fraction(-1, 2)),
            (r"\boxed{3\frac{1}{2}}", Fraction(7, 2)),
            (r"\boxed{1{,}234\text{ m}^2}", 1234),
            (r"\boxed{90^\circ}", 90),
            (r"\boxed{2\sqrt{3}}", None),
            (r"2 \times 10^{5}", 200000),
            ("1/3e5", Fraction(1, 3)),
            ("1e3/2", 500),
            (".5e3", 500),
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

    @given(st.text(alphabet="0123456789.,/%eE+-$ x^\\{}#*boxedfrac", max_size=60))
    def test_are_read_or_not_whatever_is_written(self, text):
        value = last_number(text)
        assert value is None or isinstance(value, Fraction)

    def test_that_are_shares_are_right_as_they_are_and_as_percent(self):
        assert right("number", "20%", 20)
        assert right("number", "20%", 0.2)
        assert not right("number", "20", 0.2)

    def test_in_a_box_that_holds_a_formula_are_refused_as_reference(self):
        with pytest.raises(ValueError, match="formula"):
            right("number", "3", r"so 2 and 3 give \boxed{2\sqrt{3}}")

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
            ("The answer is: B", "B"),
            ("The correct answer is option C, as option A is too small", "C"),
            ("Option A is wrong, and option B is right", None),
            ("B\nBecause it floats", "B"),
            ("b", "B"),
            ("(c)", "C"),
            ("The answer is (b).", "B"),
            ("answer: d", "D"),
            ("The answer is a matter of taste", None),
            ("My answer: I think so", None),
            ("e.g. this", None),
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

    def test_that_were_not_offered_are_none(self):
        assert chosen("The answer is E", ["Rome", "Paris"]) is None

    def test_come_as_lists_or_in_columns(self):
        arc = {"choices": {"text": ["Rome", "Paris", "Oslo"], "label": ["A", "B", "C"]}}
        assert right("choice", "C", "C", **arc)
        assert right("choice", "Oslo", "C", **arc)

    @pytest.mark.parametrize("choices", ["Rome, Paris", {"label": ["A"]}, ["x"] * 27])
    def test_in_no_such_shape_are_refused(self, choices):
        with pytest.raises(ValueError):
            verifier_named("choice").reference("nothing", {"choices": choices})

    @pytest.mark.parametrize("given", [7, -1, "Madrid", "", "C"])
    def test_that_nobody_offered_are_refused(self, given):
        with pytest.raises(ValueError):
            verifier_named("choice").reference(given, {"choices": ["Rome", "Paris"]})
