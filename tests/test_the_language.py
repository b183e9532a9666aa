"""The rule language: small, total, typed, exact; what has no meaning is refused by column."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.ast import Expr, walk
from invariants.evaluate import evaluate
from invariants.facts import Facts
from invariants.lexer import MAX_CHARACTERS, RESERVED
from invariants.parser import MAX_DEPTH, parse
from invariants.schema import roots
from invariants.typecheck import check
from invariants.values import Collection, Missing
from logs.errors import UsageError

ROOTS = roots({"floor": "real", "few": "int"}, {"safety": "proportion", "kl": "mean"})


def typed(source: str) -> Expr:
    return check(parse(source), source, ROOTS)


def people(name: str, **weights: str) -> Collection:
    items = {
        key: {"id": key, "text": key, "weight": Fraction(w), "tier": "core", "present": True}
        for key, w in weights.items()
    }
    return Collection(name, items)


FACTS = Facts(
    {
        "founding": {"principles": people("founding", a="1/2", b="1/4", c="1/4")},
        "old": {"principles": people("old", a="1/2", b="1/4", c="1/4")},
        "new": {"principles": people("new", a="1/2", b="0.3"), "adapter": Missing("none")},
        "param": {"floor": Fraction(1, 20), "few": Fraction(2)},
        "evidence": {"safety": {"lo": Missing("no safety"), "n": Fraction(10)}},
        "change": {"touches_adapter": True, "rolls_back": False},
    }
)


def value(source: str) -> object:
    return evaluate(typed(source), FACTS)


class TestArithmetic:
    @pytest.mark.parametrize(
        "source",
        [
            "0.1 + 0.2 == 0.3",
            "1/3 * 3 == 1",
            "2 + 3 * 4 == 14",
            "10 - 3 - 2 == 5",
            "-2 * 3 == -6",
            "abs(1/4 - 1/2) == 0.25",
            "param.few * 2 - 1 == 3",
            "(sum p in new.principles: p.weight) == 0.8",
            "(count p in new.principles where p.weight >= 0.5) == 1",
            "(sum p in founding.principles where not new.principles[p].present: p.weight) == 1/4",
        ],
    )
    def test_is_exact(self, source):
        assert value(source) is True

    def test_a_threshold_that_a_float_would_miss_is_met(self):
        assert Fraction(0.985) < Fraction(197, 200)
        assert value("0.985 >= 197/200") is True


class TestPrecedence:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("true or false and false", True),
            ("(true or false) and false", False),
            ("not false and false", False),
            ("not (false and false)", True),
            ("false => false => false", True),
            ("(false => false) => false", False),
            ("true and false => false", True),
            ("all p in new.principles: p.weight > 1 or true", True),
            ("(all p in new.principles: p.weight > 1) or true", True),
            ("any p in new.principles: p.weight == 0.3", True),
            ('all p in new.principles where p.id == "z": false', True),
        ],
    )
    def test_binds_as_the_grammar_says(self, source, expected):
        assert value(source) is expected


class TestAnIdThatIsGone:
    def test_has_weight_zero_and_is_not_present(self):
        assert value('new.principles["c"].weight == 0 and not new.principles["c"].present') is True

    def test_has_no_text_and_no_tier(self):
        assert isinstance(value('new.principles["c"].text == "c"'), Missing)

    def test_does_not_hide_behind_its_missing_text(self):
        rule = "all p in founding.principles: new.principles[p].present and "
        assert value(rule + "new.principles[p].text == p.text") is False


class TestAMissingFact:
    @pytest.mark.parametrize(
        "source",
        [
            "evidence.safety.lo >= 0.5",
            "evidence.safety.lo < 0.5",
            "not evidence.safety.lo >= 0.5",
            "evidence.safety.lo >= 0.5 and true",
            "evidence.safety.lo >= 0.5 or false",
            "abs(evidence.safety.lo) + 1 >= 0",
            "change.touches_adapter => evidence.safety.lo >= 0.5",
            "(sum p in new.principles: evidence.safety.lo) >= 0",
        ],
    )
    def test_makes_a_rule_neither_true_nor_false(self, source):
        assert value(source) == Missing("no safety")

    def test_does_not_matter_where_the_rest_decides(self):
        assert value("evidence.safety.lo >= 0.5 and false") is False
        assert value("change.rolls_back => evidence.safety.lo >= 0.5") is True


REFUSED = [
    ("evidence.safty.lo >= 0.5", "column 9", "did you mean `safety`?"),
    ("evidence.safety.low >= 0.5", "column 16", "did you mean `lo`?"),
    ("evidence.kl.k >= 3", "column 12", "use one of: hi, lo, mean, n"),
    ("new.principels[p].weight > 0", "column 4", "did you mean `principles`?"),
    ('all p in new.principles: p.tier == "corre"', "column 36", "did you mean `core`?"),
    ("new.facts.judges * old.facts.judges > 1", "column 1", "move the unknown"),
    ("new.facts.judges", "column 1", "compare it with a bound"),
    ("new.facts.judges and true", "column 1", "compare it"),
    ("change.approvals == true", "column 1", "compare a field"),
    ("not change.approvals", "column 5", "compare it"),
    ("all p in new.principles: new.judges[p].present", "column 36", "use one of: (none"),
    ("all p in new.principles: p == p", "column 26", "compare a field"),
    ("all p in new.principles: p <= p", "column 26", "have no order"),
    ("all p in new.principles: p.text <= p.text", "column 26", "have no order"),
    ('new.base == new.principles["a"].text', "column 1", "compare a field"),
    ("all p in new.facts: true", "column 10", "quantify over founding.principles"),
    ("all new in new.principles: true", "column 1", "single letter"),
    ("founding.ledger.alpha > 0", "column 9", "use one of:"),
    ("old.safety.lo >= 0.5", "column 4", "use one of:"),
    ("new.principles.a.weight > 0", "column 15", 'write ["a"]'),
    ("(change).rolls_back", "column 9", "join the two parts"),
    ("change[rolls_back]", "column 7", "remove this step"),
    ("1 < 2 < 3", "column 7", "write `a <= b and b <= c`"),
    ("1/0 < 2", "column 1", "1/20"),
    ("1e5 < 2", "column 1", "write numbers as"),
    ("1. < 2", "column 1", "write numbers as"),
    ("3 = 3", "column 3", "compare with `==`"),
    ("true && false", "column 6", "join with `and`"),
    ("new.base == 'x'", "column 13", "double quotes"),
    ('new.base == "x', "column 13", "close the quotation"),
    ("__import__(os)", "column 11", "join the two parts"),
    ("change.rolls_back.real", "column 18", "remove this step"),
    ("all p in new.principles", "column 24", "add `:`"),
    ("sum p in new.principles: p.weight", "column 1", "compare it with a bound"),
    ("", "column 1", "complete the expression"),
    ("true and", "column 9", "complete the expression"),
    ("abs(1", "column 6", "add `)`"),
    ("all and in new.principles: true", "column 5", "choose a name"),
]


class TestARuleWithoutMeaning:
    @pytest.mark.parametrize(("source", "column", "hint"), REFUSED)
    def test_is_refused_where_it_is_wrong_with_a_way_on(self, source, column, hint):
        with pytest.raises(UsageError) as refusal:
            typed(source)
        assert refusal.value.saw.startswith(column + "\n")
        assert hint in refusal.value.try_this

    def test_is_shown_with_a_caret_under_the_place(self):
        with pytest.raises(UsageError) as refusal:
            typed("true and evidence.safty.lo >= 1")
        _, shown, caret = refusal.value.saw.split("\n")
        assert shown[caret.index("^") :].startswith(".safty")

    def test_names_line_and_column_when_it_has_several_lines(self):
        with pytest.raises(UsageError) as refusal:
            typed("true\n  and new.facts.judges")
        assert refusal.value.saw.startswith("line 2, column 7")


class TestLimits:
    def test_a_rule_has_at_most_two_thousand_characters(self):
        with pytest.raises(UsageError, match="too long"):
            parse("true and " * (MAX_CHARACTERS // 9) + "true" * 3)

    @pytest.mark.parametrize("source", ["(" * 500 + "true" + ")" * 500, "not " * 400 + "true"])
    def test_deep_nesting_is_refused_before_it_exhausts_the_stack(self, source):
        with pytest.raises(UsageError, match="nested too deeply"):
            parse(source)

    def test_a_long_chain_counts_as_depth(self):
        assert parse(" and ".join(["true"] * MAX_DEPTH))
        with pytest.raises(UsageError, match="nested too deeply"):
            parse(" and ".join(["true"] * (MAX_DEPTH + 1)))

    def test_quantifiers_stand_at_most_two_deep(self):
        inner = "all p in new.principles: all q in new.principles: "
        assert typed(inner + "p.weight >= 0")
        with pytest.raises(UsageError, match="Too many quantifiers"):
            typed(inner + "all r in new.principles: p.weight >= 0")


OPERATORS = {"=>", "<=", "==", "!=", "+", "-", "*", "(", ")", "[", "]", ".", ":"}
NAMES = {"p", "q", "new", "old", "founding", "principles", "weight", "tier", "param", "floor"}
LITERALS = {'"core"', "1", "0.5", "1/3"}
WORDS = st.sampled_from(sorted(RESERVED | OPERATORS | NAMES | LITERALS))


class TestAnyText:
    @given(st.text(max_size=80) | st.lists(WORDS, max_size=25).map(" ".join))
    def test_is_either_a_typed_rule_or_a_usage_error(self, source):
        try:
            tree = typed(source)
        except UsageError:
            return
        assert all(depth <= MAX_DEPTH for _, depth in walk(tree))
