"""A judge that says something else of the same answers is found, and chance never accuses one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tools.instruments.retest import TOLERANCE, follows, retest

scores = st.lists(st.one_of(st.none(), st.floats(-50, 50)), max_size=60)


class TestTheSameJudge:
    @given(scores)
    def test_is_never_accused(self, said):
        found = retest(said, said, judge="crowd")
        assert found.status is (Status.GREEN if said else Status.INSUFFICIENT)
        assert found.count == 0

    @given(st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.floats(-0.4, 0.4))
    def test_may_differ_in_the_last_bits_of_a_sum(self, said, share):
        moved = [s + share * TOLERANCE for s in said]
        assert retest(said, moved, judge="crowd").status is Status.GREEN


class TestAnotherJudge:
    @given(st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.data())
    def test_is_found_by_a_single_answer(self, said, data):
        at = data.draw(st.integers(0, len(said) - 1))
        moved = [s + (1.0 if i == at else 0.0) for i, s in enumerate(said)]
        found = retest(said, moved, judge="crowd")
        assert found.status is Status.RED
        assert found.count == 1

    def test_that_fails_where_it_did_not_is_another_one(self):
        assert retest([1.0, 2.0], [1.0, None], judge="crowd").count == 1

    def test_is_told_with_what_its_change_follows(self):
        words = [3.0, 4.0, 9.0, 2.0]
        longer = [s + 0.5 * w for s, w in zip([0.0, 1.0, 2.0, 3.0], words, strict=True)]
        found = follows([0.0, 1.0, 2.0, 3.0], longer, words, judge="crowd", by="words")
        assert found.estimate == pytest.approx(1)
        assert found.status is Status.RED
        assert found.of == "crowd, words"

    def test_of_which_nothing_changed_follows_nothing(self):
        found = follows([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], judge="c", by="words")
        assert found.status is Status.INSUFFICIENT
        assert found.estimate is None


def test_other_answers_are_refused():
    with pytest.raises(UndefinedMeasurement):
        retest([1.0], [1.0, 2.0], judge="crowd")
