"""Where gold turns: the fits of Gao et al., told early, told surely, and never from four points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tools.instruments.drift.overoptimisation import fit, gold_peak, gold_slope

RNG = np.random.default_rng
FORMS = pytest.mark.parametrize("form", ["best_of_n", "training"])
CURVES = {"best_of_n": (1.0, 0.25), "training": (0.6, 0.3)}
"""a and b that peak at d = 2 and e."""


def gold_at(d, form, a, b):
    return d * (a - b * d) if form == "best_of_n" else d * (a - b * np.log(d))


def run(form, until, noise=0.0, seed=0, iterates=12):
    d = np.linspace(0.3, until, iterates)
    gold = gold_at(d, form, *CURVES[form]) + noise * RNG(seed).normal(size=iterates)
    return (d**2).tolist(), gold.tolist()


class TestAFit:
    @FORMS
    @given(a=st.floats(0.1, 3), b=st.floats(0.05, 1))
    @settings(max_examples=30)
    def test_gives_back_the_curve_and_its_peak(self, form, a, b):
        d = np.linspace(0.5, 5, 8)
        found = fit((d**2).tolist(), gold_at(d, form, a, b).tolist(), form)
        assert (found.a, found.b) == pytest.approx((a, b))
        peak = a / (2 * b) if form == "best_of_n" else np.exp(a / b - 1)
        assert found.peak() == pytest.approx(peak, rel=1e-6)

    @FORMS
    def test_peaks_where_the_curve_is_highest_and_slopes_as_it_does(self, form):
        found = fit(*run(form, 4.0), form)
        best = minimize_scalar(lambda d: -found.gold(d), bounds=(0.1, 9), method="bounded")
        assert found.peak() == pytest.approx(best.x, abs=1e-4)
        rise = (found.gold(1.5 + 1e-6) - found.gold(1.5 - 1e-6)) / 2e-6
        assert found.slope(1.5)[0] == pytest.approx(rise, abs=1e-6)

    @FORMS
    def test_is_statsmodels_weighted_least_squares_of_gold_by_distance(self, form):
        from statsmodels.api import WLS

        kl, gold = run(form, 4.0, noise=0.05)
        d = np.sqrt(kl)
        of = -d if form == "best_of_n" else -np.log(d)
        wanted = WLS(gold / d, np.c_[np.ones(12), of], weights=d**2).fit()
        found = fit(kl, gold, form)
        assert (found.a, found.b) == pytest.approx(tuple(wanted.params))
        cov = wanted.cov_params()
        assert found.covariance == pytest.approx((cov[0, 0], cov[0, 1], cov[1, 1]))

    @FORMS
    def test_has_intervals_of_slope_and_peak_that_hold_as_often_as_they_say(self, form):
        a, b = CURVES[form]
        slope = a - 2 * b * 4 if form == "best_of_n" else a - b - b * np.log(4)
        peak = a / (2 * b) if form == "best_of_n" else np.exp(a / b - 1)
        held = {"slope": 0, "peak": 0}
        for seed in range(400):
            found = fit(*run(form, 4.0, noise=0.03, seed=seed), form)
            low, high = found.slope(4.0)[1]
            held["slope"] += low <= slope <= high
            low, high = found.peak_interval()
            held["peak"] += low <= peak <= high
        assert all(stats.binomtest(n, 400, 0.95).pvalue > 1e-3 for n in held.values())

    @FORMS
    def test_that_never_turns_has_no_peak(self, form):
        kl, _ = run(form, 4.0)
        found = fit(kl, list(np.sqrt(kl)), form)
        rising = (
            [2 * x for x in kl]
            if form == "best_of_n"
            else [d * (1 + np.log(d)) for d in np.sqrt(kl)]
        )
        assert found.peak_interval() is None or found.peak_interval()[0] > 1e3
        assert fit(kl, rising, form).peak() is None

    @pytest.mark.parametrize(
        ("kl", "gold"),
        [
            ([1, 2, 3, 4], [1, 2, 3, 4]),
            ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
            ([1] * 9, [1] * 9),
            ([1, 2, 3, 4, 5], [1, 2, 3, 4]),
            ([1, 2, 3, 4, -5], [1] * 5),
            ([1, 2, 3, 4, 5], [1, 2, 3, 4, np.nan]),
        ],
    )
    def test_of_too_little_is_refused(self, kl, gold):
        with pytest.raises(UndefinedMeasurement):
            fit(kl, gold)


class TestTheSlope:
    @FORMS
    def test_is_green_on_the_way_up_yellow_near_the_peak_and_red_past_it(self, form):
        peak = 2.0 if form == "best_of_n" else np.e
        found = [gold_slope(*run(form, share * peak, noise=0.004), form)
                 for share in (0.5, 0.9, 1.5)]  # fmt: skip
        assert [m.status for m in found] == [Status.GREEN, Status.YELLOW, Status.RED]
        assert found[2].high < 0 < found[0].low

    @FORMS
    def test_stops_a_run_before_its_peak_no_more_often_than_it_says(self, form):
        peak = 2.0 if form == "best_of_n" else np.e
        red = [gold_slope(*run(form, peak, noise=0.03, seed=s), form).status is Status.RED
               for s in range(400)]  # fmt: skip
        assert stats.binomtest(sum(red), 400, 0.025, "greater").pvalue > 1e-3

    @FORMS
    def test_cannot_be_told_from_four_iterates_or_from_noise(self, form):
        four = gold_slope(*run(form, 4.0, iterates=4), form)
        assert (four.status, four.estimate) == (Status.INSUFFICIENT, None)
        assert "fewer than 5 iterates" in four.assumptions
        statuses = [gold_slope(*run(form, 0.9, 0.5, s), form).status for s in range(60)]
        assert statuses.count(Status.GREEN) < 0.15 * 60

    def test_of_what_cannot_be_is_refused_however_short(self):
        with pytest.raises(UndefinedMeasurement):
            gold_slope([1, 2], [1])


class TestThePeak:
    @FORMS
    def test_is_reported_once_the_turn_is_shown(self, form):
        known = gold_peak(*run(form, 5.0, noise=0.01), form)
        assert known.status is Status.GREEN and known.low <= known.estimate <= known.high
        unknown = [gold_peak(*run(form, 0.8, 0.5, seed), form) for seed in range(40)]
        told = [m for m in unknown if m.status is Status.GREEN]
        assert len(told) < 0.1 * 40
        rest = [m for m in unknown if m not in told]
        assert all((m.status, m.estimate) == (Status.INSUFFICIENT, None) for m in rest)

    def test_is_not_known_from_four_iterates(self):
        assert gold_peak([1, 2, 3, 4], [1, 2, 3, 4]).status is Status.INSUFFICIENT
