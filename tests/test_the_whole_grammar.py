"""Over the whole grammar: two engines agree, what is printed reads back, no file is a crash."""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invariants import templates
from invariants.ast import Expr, Number
from invariants.evaluate import evaluate
from invariants.facts import Facts
from invariants.formatter import formatted
from invariants.lexer import MAX_CHARACTERS
from invariants.parser import parse
from invariants.policy import default_bytes, load
from invariants.printer import bare, printed, spelled
from invariants.schema import WORDS
from invariants.solver import second_opinion
from invariants.typecheck import check
from logs.errors import PlimsollError, UsageError
from logs.vocabulary import Outcome
from tests.a_policy import KNOWN, Author, facts_for, filled, spoiled

LONGEST_SECONDS = 2.0
FILES = [default_bytes(), *(templates.policy(name) for name in templates.NAMES)]


class TooSlow(AssertionError):
    """An input took longer than it may."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End what takes longer by the CPU clock of this process; a busy machine is no fault."""

    def ring(*_: object) -> None:
        raise TooSlow(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def rules_of(rng: random.Random, author: Author) -> list[Expr]:
    """A policy: one to three rules that the type checker takes."""
    found = []
    for _ in range(rng.randrange(1, 4)):
        source = author.rule(rng.randrange(1, 4))
        if len(source) <= MAX_CHARACTERS:
            found.append(check(parse(source), source, KNOWN))
    return found


def compare(seed: int, pairs: int) -> tuple[dict[str, int], Author]:
    """Ask both engines about so many policies, each on facts of its own."""
    rng = random.Random(seed)
    author, seen = Author(rng), {"holds": 0, "broken": 0, "missing": 0}
    done = 0
    while done < pairs:
        rules = rules_of(rng, author)
        if not rules:
            continue
        facts = facts_for(rng)
        seen[agreed(rules, facts, rng)] += 1
        done += 1
    return seen, author


def agreed(rules: list[Expr], facts: Facts, rng: random.Random) -> str:
    """What both say of a policy; where a fact is missing, z3 may know better than Kleene."""
    here = verdict(rules, facts)
    there = second_opinion(rules, facts.roots, timeout_ms=20_000)
    if here != "missing":
        assert there == Outcome(here), rules
        return here
    assert there is not Outcome.UNDECIDED
    if there is not Outcome.MISSING:
        # z3 says it is so for any value: then it is so for these; an id that is gone stays gone.
        whole = {name: filled(facts.roots[name], KNOWN[name], rng) for name in KNOWN}
        assert verdict(rules, Facts(whole)) in (there.value, "missing"), rules
    return here


def verdict(rules: list[Expr], facts: Facts) -> str:
    """What the evaluator says of all rules together."""
    found = [evaluate(rule, facts) for rule in rules]
    if any(value is False for value in found):
        return "broken"
    return "holds" if all(value is True for value in found) else "missing"


class TestTheTwoEnginesOverTheWholeGrammar:
    def test_agree_on_made_up_policies_and_facts(self):
        seen, author = compare(seed=101, pairs=1_000)
        assert min(seen.values()) >= 10, seen
        operators = {"and", "or", "=>", "not", "all", "any", "sum", "count", "+", "-", "*"}
        comparisons = {"<=", "<", ">=", ">", "==", "!="}
        assert author.used >= operators | comparisons | {"neg", "abs"} | set(WORDS)

    @pytest.mark.slow
    def test_agree_on_six_thousand_policies_and_facts(self):
        seen, _ = compare(seed=102, pairs=6_000)
        assert sum(seen.values()) == 6_000
        assert min(seen.values()) >= 100, seen

    def test_would_be_told_apart_if_one_of_them_were_wrong(self):
        rng = random.Random(3)
        facts = facts_for(rng, missing=0)
        rule = check(parse("new.facts.judges >= 0"), "new.facts.judges >= 0", KNOWN)
        wrong = check(parse("new.facts.judges < 0"), "new.facts.judges < 0", KNOWN)
        assert verdict([rule], facts) == "holds"
        assert second_opinion([wrong], facts.roots, timeout_ms=1000) is Outcome.BROKEN


class TestARuleThatIsPrinted:
    @settings(max_examples=150)
    @given(st.integers(0, 2**32), st.sampled_from((1, 24, 88)))
    def test_reads_back_as_the_same_tree(self, seed, width):
        source = Author(random.Random(seed)).rule(4)
        try:
            tree = parse(source)
        except UsageError:
            return  # longer or deeper than a rule may be
        again = printed(tree, source, width=width)
        if len(again) <= MAX_CHARACTERS:
            assert bare(parse(again)) == bare(tree)
            assert printed(parse(again), again, width=width) == again
        assert bare(parse(printed(bare(tree), width=10_000))) == bare(tree)

    @given(st.fractions(min_value=0, max_denominator=10**7))
    def test_spells_its_numbers_exactly(self, value):
        assert parse(f"{spelled(value)} == 0").left.value == value
        assert spelled(Fraction(1, 20)) == "0.05" and spelled(Fraction(1, 3)) == "1/3"

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("((1<2))and(true)", "1 < 2 and true"),
            ("(a.x => b.x) => c.x", "(a.x => b.x) => c.x"),
            ("a.x=>(b.x=>c.x)", "a.x => b.x => c.x"),
            ("1-(2-3) == 0.50", "1 - (2 - 3) == 0.50"),
            ("not(not (a.x and b.x))", "not not (a.x and b.x)"),
            ("(sum p in m: p.w)<=1", "(sum p in m: p.w) <= 1"),
            ('all p in m where p.t=="x":(p.w>0)', 'all p in m where p.t == "x": p.w > 0'),
        ],
    )
    def test_has_one_layout(self, source, expected):
        assert printed(parse(source), source) == expected

    def test_keeps_the_spelling_of_its_numbers_but_not_those_of_another_tree(self):
        tree = parse("0.050 < 1")
        assert printed(tree, "0.050 < 1") == "0.050 < 1"
        assert isinstance(tree.left, Number) and printed(bare(tree)) == "0.05 < 1"


class TestAFileThatIsFormatted:
    @pytest.mark.parametrize("data", FILES, ids=["default", *templates.NAMES])
    def test_says_the_same_and_is_formatted(self, data):
        once = formatted(data)
        assert formatted(once) == once
        old, new = load(data), load(once)
        assert [(r.id, r.on, r.say, bare(r.expr)) for r in old.rules] == [
            (r.id, r.on, r.say, bare(r.expr)) for r in new.rules
        ]
        assert [(g.id, g.say, bare(g.expr)) for g in old.goals] == [
            (g.id, g.say, bare(g.expr)) for g in new.goals
        ]
        assert (old.params, old.metrics, old.raises) == (new.params, new.metrics, new.raises)

    @pytest.mark.parametrize("name", templates.NAMES)
    def test_is_what_a_template_is(self, name):
        assert formatted(templates.policy(name)) == templates.policy(name)

    def test_keeps_every_comment_in_its_place(self):
        text = (
            '#first\nformat="plimsoll-policy/1"   #the format\nid = "x"\nversion   = 1\n\n\n\n'
            "# about the rule\n[[ invariant ]]\n\n# about its id\nid = \"R#1\"\non = 'always'\n"
            "need = 'new.facts.judges>=1' # why\nsay = '''two\nlines  '''\n# the end"
        )
        assert formatted(text.encode()).decode() == (
            '# first\nformat = "plimsoll-policy/1"  # the format\nid = "x"\nversion = 1\n\n'
            "# about the rule\n[[invariant]]\n# about its id\nid = \"R#1\"\non = 'always'\n"
            "need = 'new.facts.judges >= 1'  # why\nsay = '''two\nlines  '''\n# the end\n"
        )

    def test_is_left_alone_when_it_does_not_load(self):
        with pytest.raises(UsageError, match="lacks `id`"):
            formatted(b'format = "plimsoll-policy/1"\nversion = 1\n')

    @pytest.mark.parametrize("odd", ["it's", "three ''' quotes", "a tab\\there"])
    def test_keeps_a_word_with_quotes_or_control_characters(self, odd):
        need = f'all p in new.principles: p.text != \\"{odd}\\"'
        text = (
            'format = "plimsoll-policy/1"\nid = "x"\nversion = 1\n[[invariant]]\nid = "R"\n'
            f'on = "always"\nneed = "{need}"\nsay = "s"\n'
        ).encode()
        assert bare(load(formatted(text)).rules[0].expr) == bare(load(text).rules[0].expr)


def fuzz(seed: int, inputs: int) -> dict[str, int]:
    """Load and format spoiled files; anything but an answer or a clean refusal is a failure."""
    rng = random.Random(seed)
    seen = {"loads": 0, "refused": 0}
    for _ in range(inputs):
        data = spoiled(rng, rng.choice(FILES))
        with at_most(LONGEST_SECONDS):
            try:
                load(data)
            except PlimsollError as refusal:
                assert refusal.what and refusal.saw and refusal.wanted and refusal.try_this
                assert len(str(refusal)) < 20_000
                seen["refused"] += 1
                continue
            seen["loads"] += 1
            formatted(data)
    return seen


HOSTILE = {
    "a key of a hundred thousand parts": b"a." * 99_000 + b"a = 1",
    "a header of a hundred thousand parts": b"[" + b"a." * 99_000 + b"a]",
    "twelve thousand empty rules": b'format = "plimsoll-policy/1"\nid = "x"\nversion = 1\n'
    + b"[[invariant]]\n" * 12_000,
    "a number without a decimal form": b'format = "plimsoll-policy/1"\nid = "x"\n'
    b"version = 0x" + b"f" * 90_000,
    "an instant before all time": b'format = "plimsoll-policy/1"\nid = "x"\nversion = 1\n'
    b"expires = 0001-01-01T00:00:00+14:00\n",
    "ten thousand brackets": b"x = " + b"[" * 10_000,
    "ten thousand quotes": b"x = " + b'"' * 10_000,
    "a name of two hundred thousand letters": b"a" * 199_000 + b" = 1",
    "a name of two hundred thousand dashes and dots": b"-. " * 66_000,
}


class TestASpoiledFile:
    def test_is_loaded_or_cleanly_refused(self):
        seen = fuzz(seed=7, inputs=1_000)
        assert min(seen.values()) >= 10, seen

    @pytest.mark.slow
    def test_is_loaded_or_cleanly_refused_in_twenty_thousand_ways(self):
        seen = fuzz(seed=8, inputs=20_000)
        assert min(seen.values()) >= 500, seen

    @pytest.mark.parametrize("name", HOSTILE)
    def test_made_to_stop_the_reader_is_refused_in_time(self, name):
        with at_most(LONGEST_SECONDS), pytest.raises(UsageError) as refusal:
            load(HOSTILE[name])
        assert len(str(refusal.value)) < 2_000

    def test_that_hangs_would_be_noticed(self):
        with pytest.raises(TooSlow), at_most(0.05):
            while True:
                pass
