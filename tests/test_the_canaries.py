"""Canaries: gold that leaked into the training data is found, and blocks training."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.canaries import ALIKE, Leak, leaks, refuse_contaminated, words
from logs.errors import Refused, Undecided

RNG = random.Random
LEXICON = [f"word{i}" for i in range(400)]
LETTERS = st.text("abcdef", min_size=1, max_size=2)
TEXTS = st.lists(LETTERS, min_size=1, max_size=24).map(" ".join)


def text(rng, length):
    return " ".join(rng.choice(LEXICON) for _ in range(length))


GOLD = [text(RNG(1), n) for n in (8, 9, 12, 13, 20, 30, 40)]
LONG = [item for item in GOLD if len(item.split()) >= 20]


def found(training, gold=GOLD):
    return [leak.text for leak in leaks(gold, training)]


class TestALeak:
    @pytest.mark.parametrize(
        "disguise",
        [
            str.upper,
            lambda item: item.replace(" ", "  \n"),
            lambda item: f"## {item}!!",
            lambda item: ", ".join(item.split()),
            lambda item: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in item),
            lambda item: f"{text(RNG(2), 60)} {item} {text(RNG(3), 60)}",
        ],
        ids=["capitals", "spacing", "markdown", "commas", "wide letters", "inside a long text"],
    )
    def test_is_found_in_any_disguise(self, disguise):
        assert found([disguise(item) for item in GOLD]) == list(range(len(GOLD)))

    def test_is_found_when_its_words_come_in_another_order(self):
        shuffled = [" ".join(RNG(4).sample(item.split(), len(item.split()))) for item in LONG]
        assert found(shuffled) == [0, 1, 2]
        assert {leak.by for leak in leaks(GOLD, shuffled)} == {"words"}

    def test_is_found_when_one_word_in_twenty_was_changed_everywhere(self):
        item = text(RNG(5), 40).split()
        item[10], item[25] = "changed", "changed"
        gold = [" ".join(text(RNG(5), 40).split())]
        assert leaks(gold, [" ".join(item)]) == (Leak(0, "run"),)
        item[20] = "changed"
        assert [leak.by for leak in leaks(gold, [" ".join(item)])] == ["run"]

    def test_of_a_part_of_13_words_is_found_and_of_12_is_not(self):
        part = GOLD[-1].split()
        assert found([" ".join(part[5:18])]) == [0]
        assert found([" ".join(part[5:17])]) == []

    def test_of_a_very_short_item_is_only_the_item_itself(self):
        assert found(["Yes.", "yes and no"], gold=["yes"]) == [0]

    def test_of_a_short_item_is_not_its_words_in_another_order(self):
        assert found(["What is 3 minus 5?", "What is 5 minus 3?"], gold=["what is 5 minus 3"]) == [
            1
        ]

    @given(st.lists(TEXTS, min_size=1, max_size=5), TEXTS)
    def test_is_what_the_definition_says(self, gold, trained):
        def run_shared(a, b, n):
            parts = {a[i : i + n] for i in range(len(a) - n + 1)}
            return any(b[i : i + n] in parts for i in range(len(b) - n + 1))

        def alike(a, b):
            shared = sum(min(a.count(w), b.count(w)) for w in set(a))
            return len(a) >= 13 and shared >= ALIKE * (len(a) + len(b) - shared)

        other = words(trained)
        wanted = any(
            run_shared(one, other, 13)
            or (8 <= len(one) < 13 and run_shared(one, other, len(one)))
            or (len(one) < 8 and one == other)
            or alike(one, other)
            for one in map(words, gold)
        )
        assert bool(leaks(gold, [trained])) == wanted


class TestHonestData:
    def test_is_let_through(self):
        rng = RNG(6)
        refuse_contaminated(GOLD, [text(rng, rng.randint(3, 60)) for _ in range(3000)])

    def test_of_the_same_template_with_other_numbers_is_let_through(self):
        gold = [f"What is {a} plus {a + 1}?" for a in range(0, 90, 3)]
        refuse_contaminated(gold, [f"What is {a} plus {a + 2}?" for a in range(90)])


class TestContaminatedData:
    def test_blocks_training_and_says_how_many_but_not_which_gold(self):
        training = [text(RNG(7), 30), GOLD[4], GOLD[5]]
        with pytest.raises(Refused, match="blocked") as refusal:
            refuse_contaminated(GOLD, training)
        assert "2 of 3 texts (2 by run), first text 1" in refusal.value.saw
        assert not any(word in str(refusal.value) for word in GOLD[4].split())

    def test_cannot_be_looked_for_with_gold_that_has_no_words(self):
        with pytest.raises(Undecided, match="without words"):
            refuse_contaminated(["?!"], ["anything"])
