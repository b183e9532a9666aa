"""What would tell two hypotheses apart, what it is worth, and when grades are bought for it."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import auditing_more
from agent.auditing_more import worth_buying
from agent.diagnose import diagnose
from agent.hypotheses import AUDIT
from agent.rules import REFIT_LABELS
from agent.telling import AUDIT_MORE, L_FALSE, L_MISS, worth_of_pairs
from logs.vocabulary import Hypothesis, Telling
from tests.a_view import KL_MAX, accuracy, observed
from tools import instruments as measure


def told(*planted, **law):
    return diagnose(observed(*planted), [], kl_max=KL_MAX, **law).telling


class TestWhatPairsAreWorth:
    @given(st.floats(0, 1), st.integers(0, 30))
    def test_is_never_negative_and_never_more_than_knowing(self, p, n):
        assert 0 <= worth_of_pairs(p, n) <= min(L_MISS * p, L_FALSE * (1 - p)) + 1e-9

    @given(st.floats(0.05, 0.9), st.integers(1, 15))
    def test_grows_with_their_number(self, p, n):
        assert worth_of_pairs(p, n + 5) >= worth_of_pairs(p, n) - 1e-9

    def test_is_nothing_where_nothing_is_in_doubt(self):
        assert worth_of_pairs(0.0, 12) == worth_of_pairs(1.0, 12) == pytest.approx(0)
        assert worth_of_pairs(0.35, 12) > worth_of_pairs(0.02, 12)


class TestAPanelInDoubt:
    def test_is_told_apart_by_further_pairs_at_their_price(self):
        telling = told(accuracy(9, 16))
        assert telling.measurement == AUDIT_MORE
        assert Hypothesis.HEALTHY in telling.rivals
        assert telling.labels == 24
        assert telling.worth > 0

    def test_is_not_in_doubt_after_many_good_pairs(self):
        assert told(accuracy(22, 24)) is None

    def test_is_not_in_doubt_after_many_bad_ones(self):
        telling = told(accuracy(6, 24))
        assert telling is None or telling.worth is None or telling.worth <= 0

    def test_is_tried_further_where_the_law_would_want_more_pairs_of_a_good_one(self):
        few = accuracy(7, 9)
        assert few.low < 0.5
        telling = told(few, judge_floor=0.5, judge_n=12)
        assert telling.labels == 24
        assert telling.worth > 0
        assert told(accuracy(22, 24), judge_floor=0.5, judge_n=12) is None


class TestRivalsThatCostNoLabel:
    def test_are_named_with_the_measurement(self):
        near = measure.tie_rate([[1.0, 1.0]] * 168 + [[0.0, 1.0]] * 32)
        fresh = measure.tie_rate([[1.0, 1.0]] * 60 + [[0.0, 1.0]] * 40)
        before = observed(fresh.model_copy(update={"of": AUDIT, "estimate": 0.4, "count": 40}))
        now = observed(near, fresh.model_copy(update={"of": AUDIT}))
        telling = diagnose(now, [before], kl_max=KL_MAX).telling
        assert telling is None or telling.labels == 0


class TestBuying:
    @pytest.fixture
    def left(self, monkeypatch):
        def of(labels):
            monkeypatch.setattr(auditing_more, "labels_left", lambda _: labels)
            return SimpleNamespace()

        return of

    def test_leaves_enough_for_the_repair_that_may_follow(self, left):
        worthy = Telling(
            rivals=(Hypothesis.JUDGE_STALE, Hypothesis.HEALTHY),
            measurement=AUDIT_MORE,
            labels=24,
            worth=0.1,
        )
        assert worth_buying(left(24 + REFIT_LABELS), worthy)
        assert not worth_buying(left(23 + REFIT_LABELS), worthy)

    @pytest.mark.parametrize("worth", [None, 0.0, -0.1])
    def test_is_left_where_it_does_not_pay(self, left, worth):
        telling = Telling(
            rivals=(Hypothesis.JUDGE_STALE, Hypothesis.HEALTHY),
            measurement=AUDIT_MORE,
            labels=24,
            worth=worth,
        )
        assert not worth_buying(left(4000), telling)
