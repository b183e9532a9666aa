"""What is trained on is what was drawn and judged: a swap or an insertion on the way is found."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checking_data import distinct_prompts, leaked_prompts, require_as_judged
from agent.groups import Group
from logs.errors import Refused
from logs.vocabulary import Status
from tools.faults import flipped, poisoned
from tools.pairs import Shown
from tools.store import Store

TEXTS = ("a", "b", "c", "b")
SCORES = (0.1, 0.9, 0.5, 0.9)


def group(prompt, scores=SCORES, texts=TEXTS):
    return Group(prompt, tuple((t, -1.0, -1.0, True, -1.0) for t in texts), {}, tuple(scores))


GROUPS = [group(f"p{i}") for i in range(40)]
PAIRS = [[g.prompt, "b", "a"] for g in GROUPS]
SHOWN = [[g.prompt, "b"] for g in GROUPS]


def check(folder, pairs=PAIRS, shown=SHOWN, groups=GROUPS, again=()):
    store = Store(folder / "objects")
    context = SimpleNamespace(hands=SimpleNamespace(store=store))
    require_as_judged(context, (store.put_lines(pairs), store.put_lines(shown)), groups, again)


class TestDataAsTheyWereJudged:
    def test_may_be_trained_on(self, tmp_path):
        check(tmp_path)

    def test_may_name_a_prompt_that_was_drawn_twice_with_other_answers(self, tmp_path):
        twice = [*GROUPS, group("p0", texts=("x", "y", "x", "z"))]
        check(tmp_path, pairs=[*PAIRS, ["p0", "y", "x"]], groups=twice)

    def test_may_hold_answers_of_earlier_turns(self, tmp_path):
        again = [Shown("earlier", "q")]
        check(tmp_path, shown=[*SHOWN, ["earlier", "q"]], again=again)


class TestDataThatChangedOnTheWay:
    @given(share=st.floats(0.05, 1.0), seed=st.integers(0, 99))
    def test_by_swapped_labels_block_training(self, tmp_path_factory, share, seed):
        swapped = flipped(PAIRS, share, seed)
        folder = tmp_path_factory.mktemp("data")
        if swapped == PAIRS:
            check(folder, pairs=swapped)
        else:
            with pytest.raises(Refused, match="not what was drawn and judged"):
                check(folder, pairs=swapped)

    @given(share=st.floats(0.05, 1.0), seed=st.integers(0, 99))
    def test_by_answers_that_nobody_drew_block_training(self, tmp_path_factory, share, seed):
        replaced = poisoned(SHOWN, share, seed, ["poison"])
        folder = tmp_path_factory.mktemp("data")
        if replaced == SHOWN:
            check(folder, shown=replaced)
        else:
            with pytest.raises(Refused, match="not what was drawn and judged"):
                check(folder, shown=replaced)

    def test_say_how_much_of_it(self, tmp_path):
        pairs = [["p0", "a", "b"], *PAIRS[1:]]
        with pytest.raises(Refused) as refused:
            check(tmp_path, pairs=pairs, shown=[["p1", "poison"], ["p2", "poison"]])
        assert "1 pairs" in refused.value.saw
        assert "2 answers" in refused.value.saw

    def test_by_prompts_that_were_not_drawn_block_training(self, tmp_path):
        with pytest.raises(Refused):
            check(tmp_path, pairs=[["unheard of", "b", "a"]])

    def test_by_an_order_that_no_score_supports_block_training(self, tmp_path):
        failed = [group("p0", scores=(None, None, 0.5, None))]
        with pytest.raises(Refused):
            check(tmp_path, pairs=[["p0", "b", "a"]], shown=[], groups=failed)


class TestPracticePrompts:
    def test_that_repeat_are_red(self):
        assert distinct_prompts(["p"] * 90 + [f"q{i}" for i in range(10)]).status is Status.RED

    def test_that_are_mostly_distinct_are_green(self):
        assert distinct_prompts([f"p{i}" for i in range(300)] + ["p1"] * 20).status is Status.GREEN

    def test_of_which_more_read_like_gold_than_chance_brings_are_red(self):
        assert leaked_prompts(15, 512).status is Status.RED
        assert leaked_prompts(2, 512).status is Status.GREEN
        assert leaked_prompts(2, 512, foreign=1).status is Status.RED
        assert leaked_prompts(0, 512).status is Status.GREEN

    def test_that_do_not_exist_are_insufficient(self):
        assert distinct_prompts([]).status is Status.INSUFFICIENT
        assert leaked_prompts(0, 0).status is Status.INSUFFICIENT
