"""Looking every turn is paid for: the shares of alpha, and what they buy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tests.a_drift import WORDS
from tools.instruments.drift import between, family
from tools.instruments.drift.between import gap_between, newcombe_between, retention_between
from tools.instruments.drift.looks import ALPHA, MOST, Look, alpha_of_look, changed, established
from tools.instruments.drift.two_samples import classifier_drift, kernel_drift

PLANNED = st.integers(1, 1000)


def said(low, high, status=Status.GREEN, name="x"):
    return Measurement(
        instrument=name, estimate=0.0, units="", low=low, high=high, null=0.0, n=9, status=status
    )


class TestTheSharesOfAlpha:
    @given(PLANNED)
    def test_add_up_to_no_more_than_alpha_however_long_the_session_goes_on(self, planned):
        spent = sum(alpha_of_look(k, planned) for k in range(1, planned + 2000))
        assert 0.97 * ALPHA < spent < ALPHA

    @given(PLANNED, st.integers(1, 3000))
    def test_never_run_out(self, planned, k):
        assert alpha_of_look(k, planned) > 0

    @given(st.integers(2, 200), st.integers(1, 2), st.integers(1, 40))
    def test_of_one_look_are_divided_without_a_rest(self, k, references, planned):
        look = family.look_at(k, planned, references)
        spent = look.tests * look.test_alpha + look.intervals * (1 - look.level)
        assert spent == pytest.approx(look.share)

    def test_of_planned_looks_stay_useful_to_the_last(self):
        assert alpha_of_look(12, 12) > 8 * ALPHA * 6 / (np.pi * 12) ** 2 / 2

    @pytest.mark.parametrize(("k", "planned"), [(0, 12), (1, 0), (-1, 3)])
    def test_are_counted_from_one(self, k, planned):
        with pytest.raises(UndefinedMeasurement):
            alpha_of_look(k, planned)


class TestPermutations:
    @given(st.integers(1, 24), st.integers(1, 24))
    def test_are_enough_to_be_heard_in_a_session_of_two_dozen_turns(self, k, planned):
        look = family.look_at(k, planned, 2)
        if k <= planned:
            assert 1 / (1 + look.permutations) <= look.test_alpha
        assert look.permutations <= MOST

    @pytest.mark.parametrize("drift", [kernel_drift, classifier_drift])
    def test_that_cannot_reach_the_level_make_silence_insufficient(self, drift):
        x, y = np.random.default_rng(0).normal(size=(2, 400, 3))
        deaf = drift(x, y, "anchor", seed=0, alpha=0.001, permutations=99)
        heard = drift(x, y, "anchor", seed=0, alpha=0.02, permutations=99)
        assert (deaf.status, heard.status) == (Status.INSUFFICIENT, Status.GREEN)
        assert heard.level == pytest.approx(0.98)


class TestWhatALookEstablishes:
    def test_is_every_metric_whose_interval_excludes_no_change(self):
        look = Look(3, 12, tests=1, intervals=3)
        found = [
            said(0.1, 0.3, name="up"),
            said(-0.3, -0.1, name="down"),
            said(-0.1, 0.1, name="still"),
            said(None, None, Status.YELLOW, name="test"),
        ]
        m = established(look, found)
        assert (m.estimate, m.count, m.n, m.status) == (3.0, 3, 4, Status.YELLOW)
        assert m.assumptions[-1] == "changed: down[], test[], up[]"
        assert m.guarantee is Guarantee.ANYTIME

    @given(st.integers(1, 12), st.integers(0, 4), st.integers(1, 20), st.data())
    def test_is_never_more_nor_less_than_what_alarmed_at_its_own_level(self, k, t, i, data):
        look = Look(k, 12, tests=t, intervals=i)
        hit = data.draw(st.lists(st.booleans(), min_size=t + i, max_size=t + i))
        found = [said(0.1 if h else -0.1, 0.3, name=f"m{n}") for n, h in enumerate(hit)]
        assert established(look, found).count == sum(hit)

    def test_of_nothing_is_insufficient(self):
        m = established(Look(1, 12, tests=0, intervals=0), [])
        assert (m.status, m.n) == (Status.INSUFFICIENT, 0)

    def test_without_interval_goes_by_the_alarm(self):
        assert changed(said(None, None, Status.RED))
        assert not changed(said(None, None, Status.INSUFFICIENT))


class TestAWiderLevel:
    def test_widens_every_interval_and_moves_no_estimate(self):
        rng = np.random.default_rng(0)

        def side(n):
            texts = [[" ".join(rng.choice(WORDS[:n], 5)) for _ in range(4)] for _ in range(40)]
            nats = [[list(rng.random(5)) for _ in range(2)] for _ in range(40)]
            return family.Said(texts, nats, list(rng.random(40) < 0.5), [True] * 40)

        now, then = side(30), side(40)
        looks = Look(1, 1, tests=2, intervals=8), Look(9, 12, tests=2, intervals=8)
        first, last = (family.compared(now, then, "anchor", look=k, seed=0) for k in looks)
        for a, b in zip(first, last, strict=True):
            assert a.instrument == b.instrument
            if a.low is not None and b.low is not None and a.low < a.high:
                assert b.low < a.low
                assert b.high > a.high
                assert b.level > a.level

    def test_is_refused_where_the_sides_differ(self):
        one = family.Said([["a", "b"]], [[[1.0]]], [False], [True])
        two = family.Said([["a", "b"]] * 2, [[[1.0]]] * 2, [False] * 2, [True] * 2)
        with pytest.raises(UndefinedMeasurement):
            family.compared(one, two, "anchor", look=Look(1, 1, 2, 8), seed=0)


class TestAuditsOfDifferentPrompts:
    @given(st.integers(1, 60), st.integers(1, 60), st.data())
    def test_have_newcombes_interval_as_statsmodels_has_it(self, n, m, data):
        from statsmodels.stats.proportion import confint_proportions_2indep

        k, j = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
        theirs = confint_proportions_2indep(k, n, j, m, method="newcomb", compare="diff")
        assert newcombe_between((k, n), (j, m)) == pytest.approx(theirs, abs=1e-9)

    def test_have_welchs_interval_as_scipy_has_it(self):
        rng = np.random.default_rng(1)
        a, b = rng.uniform(-1, 1, 30), rng.uniform(-0.2, 0.4, 50)
        theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
        ours = gap_between(list(a), list(b))
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))

    def test_are_red_on_a_loss_that_is_established_and_insufficient_on_few(self):
        assert retention_between((10, 200), (150, 200)).status is Status.RED
        assert retention_between((5, 6), (6, 6)).status is Status.INSUFFICIENT
        assert retention_between((0, 0), (6, 6)).status is Status.INSUFFICIENT
        assert retention_between((200, 200), (100, 200)).status is Status.GREEN

    def test_of_a_judge_that_claims_more_than_it_did_are_red(self):
        rng = np.random.default_rng(2)
        habit, fooled = rng.uniform(-0.2, 0.2, 200), rng.uniform(0.2, 0.6, 200)
        assert gap_between(list(fooled), list(habit)).status is Status.RED
        assert gap_between(list(habit), list(habit)).status is Status.GREEN
        assert gap_between([0.1] * 5, [0.0] * 5).status is Status.INSUFFICIENT
        assert gap_between([0.1] * 50, [0.1] * 50).status is Status.INSUFFICIENT

    def test_refuse_claims_that_cannot_be(self):
        with pytest.raises(UndefinedMeasurement):
            gap_between([1.5] * 20, [0.0] * 20)

    def test_say_that_the_prompts_differ(self):
        assert between.UNPAIRED in retention_between((5, 9), (4, 9)).assumptions
