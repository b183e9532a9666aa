"""What is trained on: best against worst of each prompt, and never an answer without a score."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.pairs import Judged, Pair, Shown, balanced, make_pairs, make_shown, probability_first
from tools.pairs import replayed as replay

TEXTS = st.sampled_from(("a", "b", "c", "d", "e"))
SCORES = st.none() | st.floats(-5, 5)


@st.composite
def judged(draw):
    rows = draw(st.lists(st.tuples(TEXTS, SCORES), max_size=6))
    return Judged("p", tuple(t for t, _ in rows), tuple(s for _, s in rows))


class TestAPair:
    @given(judged(), st.floats(0, 2))
    def test_is_the_best_against_the_worst_by_more_than_the_margin(self, group, margin):
        pairs = make_pairs([group], margin=margin)
        known = [s for s in group.scores if s is not None]
        for pair in pairs:
            chosen = {
                s for s, t in zip(group.scores, group.answers, strict=True) if t == pair.chosen
            }
            rejected = {
                s for s, t in zip(group.scores, group.answers, strict=True) if t == pair.rejected
            }
            assert max(known) in chosen and min(known) in rejected
            assert max(known) - min(known) > margin and pair.chosen != pair.rejected
        if known and max(known) - min(known) <= margin:
            assert pairs == []

    def test_is_not_made_of_a_tie(self):
        tied = Judged("p", ("a", "b"), (1.0, 1.0))
        assert make_pairs([tied], margin=0.0) == []
        assert make_pairs([Judged("p", ("a", "b"), (1.0, 1.05))], margin=0.1) == []

    def test_is_not_made_of_one_text_that_got_two_scores(self):
        assert make_pairs([Judged("p", ("a", "a"), (0.0, 1.0))], margin=0.0) == []

    def test_never_holds_an_answer_without_a_score(self):
        group = Judged("p", ("a", "b", "c"), (None, 1.0, 2.0))
        assert make_pairs([group], margin=0.0) == [Pair("p", "c", "b")]
        assert make_pairs([Judged("p", ("a", "b"), (None, 1.0))], margin=0.0) == []
        assert make_pairs([Judged("p", ("a", "b"), (None, None))], margin=0.0) == []

    def test_needs_a_score_for_each_answer(self):
        with pytest.raises(ValueError):
            make_pairs([Judged("p", ("a", "b"), (1.0,))], margin=0.0)

    def test_of_negative_scores_is_ordered_like_any_other(self):
        group = Judged("p", ("a", "b", "c"), (-3.0, -1.0, -2.0))
        assert make_pairs([group], margin=0.5) == [Pair("p", "b", "a")]


class TestAnAnswerToImitate:
    @given(st.lists(judged(), max_size=5))
    def test_is_the_best_that_has_a_score(self, groups):
        shown = make_shown(groups)
        with_score = [g for g in groups if any(s is not None for s in g.scores)]
        assert len(shown) == len(with_score)
        for one, group in zip(shown, with_score, strict=True):
            best = max(s for s in group.scores if s is not None)
            assert (best, one.answer) in list(zip(group.scores, group.answers, strict=True))


LESSONS = [Shown("x " * n, str(i)) for n, many in ((2, 90), (4, 8), (6, 2)) for i in range(many)]


class TestBalance:
    def test_caps_what_is_plentiful_and_keeps_what_is_rare(self):
        kept = Counter(len(s.prompt.split()) for s in balanced(LESSONS, spread=1.0, seed=0))
        assert kept == {2: 33, 4: 8, 6: 2}

    def test_invents_nothing_and_repeats_nothing(self):
        kept = balanced(LESSONS, spread=1.0, seed=0)
        assert not Counter(kept) - Counter(LESSONS)

    def test_depends_on_the_seed_alone(self):
        once, again, other = (balanced(LESSONS, spread=1.0, seed=s) for s in (1, 1, 2))
        assert once == again != other

    def test_of_nothing_is_nothing(self):
        assert balanced([], spread=1.0, seed=0) == []


class TestReplay:
    @given(st.integers(0, 150), st.integers(0, 9))
    def test_takes_as_many_as_asked_and_there_are_without_repeating(self, n, seed):
        taken = replay(LESSONS, n, seed=seed)
        assert len(taken) == min(n, len(LESSONS))
        assert not Counter(taken) - Counter(LESSONS)
        assert taken == replay(LESSONS, n, seed=seed)


class TestTheClaim:
    @given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
    def test_is_a_probability_and_fair_to_both_sides(self, a, b):
        group = Judged("p", ("a", "b"), (a, b))
        there, back = probability_first(group, 0, 1), probability_first(group, 1, 0)
        assert 0 <= there <= 1 and there + back == pytest.approx(1)
        assert (there > 0.5) == (a > b) or there == 0.5

    def test_is_bradley_terry(self):
        assert probability_first(Judged("p", ("a", "b"), (2.0, 1.0)), 0, 1) == pytest.approx(
            0.7310586
        )

    def test_about_an_answer_without_a_score_is_refused(self):
        with pytest.raises(ValueError, match="no claim"):
            probability_first(Judged("p", ("a", "b"), (None, 1.0)), 0, 1)
