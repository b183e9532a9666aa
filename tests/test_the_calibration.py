"""Calibration: right on average, silent on nulls, loud on planted faults, and never guessing."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.reliability import (
    brier,
    calibration_e_process,
    calibration_error,
    calibration_test,
    discrimination,
    miscalibration,
    recalibration_gain,
    reliability_curve,
    spiegelhalter_z,
)
from tools.instruments.reliability import calibration as c
from tools.instruments.reliability.brier import corp
from tools.instruments.reliability.calibration_over_time import log_wealth

RNG = np.random.default_rng
ALL = (
    brier,
    calibration_error,
    calibration_test,
    spiegelhalter_z,
    calibration_e_process,
    miscalibration,
    discrimination,
    recalibration_gain,
)
PAIRS = st.lists(
    st.tuples(st.integers(0, 20).map(lambda k: k / 20), st.sampled_from((0.0, 1.0))),
    min_size=4,
    max_size=60,
)


def claims(n, seed, sharper=1.0):
    """Claims of a judge whose logits are `sharper` times too large, and true labels."""
    rng = RNG(seed)
    logits = rng.normal(1.5, 1.0, size=n)
    return expit(sharper * logits), (rng.random(n) < expit(logits)).astype(float)


def columns(pairs):
    return np.array([p for p, _ in pairs]), np.array([y for _, y in pairs])


class TestTheCalibrationError:
    def test_is_the_debiased_sum_over_equal_bins(self):
        p, y = claims(200, 0)
        order = np.argsort(p)
        wanted = 0.0
        for rows in np.array_split(order, 10):
            gap, share = p[rows].mean() - y[rows].mean(), y[rows].mean()
            wanted += len(rows) / 200 * (gap**2 - share * (1 - share) / (len(rows) - 1))
        assert c.binned(p, y).debiased == pytest.approx(wanted, abs=1e-12)

    def test_has_the_bins_and_the_plug_in_of_scikit_learn(self):
        from sklearn.calibration import calibration_curve

        p, y = claims(500, 1)
        share, claimed = calibration_curve(y, p, n_bins=10, strategy="quantile")
        assert c.binned(p, y).ece == pytest.approx(np.abs(share - claimed).mean(), abs=1e-9)

    def test_of_calibrated_judges_is_0_on_average_where_the_plug_in_is_not(self):
        found = [c.binned(*claims(200, s)) for s in range(400)]
        assert abs(np.mean([b.debiased for b in found])) < 6e-4
        assert np.mean([b.ece for b in found]) > 0.05

    @pytest.mark.parametrize("sharper", [1.0, 1.7])
    def test_has_an_interval_that_covers_also_at_0(self, sharper):
        logits = RNG(9).normal(1.5, 1.0, size=400_000)
        true = ((expit(sharper * logits) - expit(logits)) ** 2).mean()
        found = [calibration_error(*claims(300, s, sharper)) for s in range(100)]
        assert sum(m.low <= true <= m.high for m in found) >= 90

    def test_of_clusters_subtracts_the_noise_that_siblings_share(self):
        alone, clustered = [], []
        for seed in range(80):
            rng = RNG(seed)
            p = np.repeat(rng.uniform(0.2, 0.8, size=60), 5)
            y = np.repeat(rng.random(60) < p[::5], 5).astype(float)
            alone.append(calibration_error(p, y).low > 0)
            m = calibration_error(p, y, clusters=[i // 5 for i in range(300)])
            clustered.append(m.low > 0)
        assert np.mean(alone) > 0.5
        assert np.mean(clustered) <= 0.1

    @given(PAIRS, st.integers(2, 12))
    def test_never_divides_equal_claims_between_bins(self, pairs, bins):
        p, _ = columns(pairs)
        index = c.equal_mass(p, bins)
        assert all(len(set(index[p == value])) == 1 for value in p)
        assert np.bincount(index).min() >= 2
        order = index[np.argsort(p, kind="stable")]
        assert all(a <= b for a, b in pairwise(order))

    def test_of_one_claim_is_calibration_in_the_large_in_whatever_order(self):
        p, y = np.full(100, 0.7), np.array([0.0] * 30 + [1.0] * 70)
        assert c.binned(p, y).ece == pytest.approx(0)

    def test_of_few_that_decide_nothing_is_insufficient_and_of_many_is_green(self):
        assert calibration_error(*claims(100, 3)).status is Status.INSUFFICIENT
        assert calibration_error(*claims(20_000, 3)).status is Status.GREEN
        assert calibration_error(*claims(2000, 3, 3.0)).status is Status.RED


class TestTheTests:
    def rate(self, alarm, sharper, n=200, seeds=200):
        return np.mean([alarm(*claims(n, s, sharper)) for s in range(seeds)])

    def test_of_ece_is_silent_on_the_calibrated_and_finds_overconfidence(self):
        def alarm(p, y):
            return c.ece_consistency(p, y, draws=99).p_value <= 0.05

        assert self.rate(alarm, 1.0) <= 0.10
        assert self.rate(alarm, 1.7) >= 0.70

    def test_of_ece_has_a_uniform_p_value(self):
        p = [c.ece_consistency(*claims(60, s), bins=5, draws=99).p_value for s in range(300)]
        assert [np.mean(np.array(p) <= q) for q in (0.1, 0.5, 0.9)] == pytest.approx(
            [0.1, 0.5, 0.9], abs=0.08
        )

    def test_of_spiegelhalter_is_silent_on_the_calibrated_and_finds_overconfidence(self):
        def alarm(p, y):
            return spiegelhalter_z(p, y).status is Status.RED

        assert self.rate(alarm, 1.0) <= 0.10
        assert self.rate(alarm, 1.7) >= 0.70

    def test_of_spiegelhalter_is_the_brier_score_against_its_own_expectation(self):
        p, y = claims(1000, 4, 1.7)
        m = spiegelhalter_z(p, y, alpha=1e-9)
        above = ((p - y) ** 2 - p * (1 - p)).sum()
        spread = math.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
        assert m.estimate == pytest.approx(above / spread) and m.estimate > 0

    def test_of_spiegelhalter_on_certain_claims_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="uncertain"):
            spiegelhalter_z(np.array([0.5, 1.0] * 20), np.ones(40))

    def test_clustered_are_silent_where_siblings_are_copies(self):
        alarms = []
        for seed in range(150):
            p, y = (np.repeat(x, 4) for x in claims(100, seed))
            clusters = [i // 4 for i in range(400)]
            alarms.append(
                [
                    test(p, y, clusters=clusters, **more).status is Status.RED
                    for test, more in ((calibration_test, {"draws": 99}), (spiegelhalter_z, {}))
                ]
            )
        assert (np.mean(alarms, axis=0) <= 0.11).all()

    def test_that_do_not_reject_few_items_are_insufficient_not_green(self):
        m = calibration_test(*claims(100, 5), seed=3)
        assert (m.status, m.estimate, m.seed) == (Status.INSUFFICIENT, None, 3)
        assert "calibrated judges of this size show" in m.assumptions[0]
        assert calibration_test(*claims(800, 5)).status is Status.GREEN


class TestTheEProcess:
    def test_ever_reaches_20_for_few_calibrated_judges_however_often_one_looks(self):
        ever = [
            log_wealth(*claims(500, s), np.arange(500)).max() >= math.log(20) for s in range(400)
        ]
        assert np.mean(ever) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)

    def test_finds_the_overconfident_and_says_how_surely(self):
        found = [calibration_e_process(*claims(500, s, 1.7)) for s in range(100)]
        assert np.mean([m.status is Status.RED for m in found]) >= 0.8
        assert {m.guarantee for m in found} == {Guarantee.ANYTIME}

    def test_against_underconfidence_finds_that_and_not_the_other(self):
        p, y = claims(2000, 1, 0.4)
        assert calibration_e_process(p, y, against="underconfidence").status is Status.RED
        assert calibration_e_process(p, y).status is Status.YELLOW

    def test_does_not_look_ahead(self):
        p, y = claims(60, 2, 1.7)
        changed = y.copy()
        changed[40:] = 1 - changed[40:]
        a, b = (log_wealth(p, labels, np.arange(60)) for labels in (y, changed))
        assert a[:40] == pytest.approx(b[:40]) and a[40] != b[40]
        # The same items with bets that look ahead reach 20 on nulls, so the check above can fail.
        peeking = np.cumsum(np.log1p(0.5 * np.abs(y - p)))
        assert peeking[-1] > math.log(20)

    def test_is_the_product_of_its_bets(self):
        p, y = np.array([0.9, 0.9, 0.9]), np.array([0.0, 0.0, 1.0])
        bets = [0.0, 0.5, 0.5]  # mean .45 over variance (.25 + .81)/2, then cut at 1/2
        wanted = np.cumsum(np.log1p(np.array(bets) * np.array([0.9, 0.9, -0.1])))
        assert log_wealth(p, y, np.arange(3)) == pytest.approx(wanted)


class TestTheBrierScore:
    @given(PAIRS)
    def test_is_miscalibration_less_discrimination_plus_uncertainty(self, pairs):
        parts = corp(*columns(pairs))
        total = parts.miscalibration - parts.discrimination + parts.uncertainty
        assert parts.score == pytest.approx(total, abs=1e-12)
        assert min(parts.miscalibration, parts.discrimination, parts.uncertainty) >= 0

    def test_and_its_parts_are_those_of_scikit_learn(self):
        from sklearn.isotonic import IsotonicRegression
        from sklearn.metrics import brier_score_loss

        p, y = claims(300, 6, 1.7)
        p = np.round(p, 1)
        fit = IsotonicRegression().fit_transform(p, y)
        best = brier_score_loss(y, fit)
        parts = corp(p, y)
        assert parts.score == pytest.approx(brier_score_loss(y, p))
        assert parts.miscalibration == pytest.approx(parts.score - best)
        assert parts.discrimination == pytest.approx(y.mean() * (1 - y.mean()) - best)
        assert brier(p, y).estimate == pytest.approx(parts.score)

    def test_of_a_constant_judge_is_calibrated_and_useless(self):
        p, y = np.full(200, 0.75), np.array([1.0] * 150 + [0.0] * 50)
        calibrated, useful = (part(p, y, draws=99) for part in (miscalibration, discrimination))
        assert (calibrated.status, useful.status) == (Status.GREEN, Status.RED)
        assert calibrated.estimate == useful.estimate == 0

    def test_tells_the_overconfident_from_the_calibrated(self):
        found = [
            [miscalibration(*claims(300, s, k), draws=99).status is Status.RED for k in (1.0, 1.7)]
            for s in range(25)
        ]
        assert np.mean(found, axis=0)[0] <= 0.2
        assert np.mean(found, axis=0)[1] >= 0.85

    def test_covers_its_parts_where_percentiles_would_not(self):
        logits = RNG(8).normal(1.5, 1.0, size=400_000)
        true = ((expit(1.7 * logits) - expit(logits)) ** 2).mean()
        found = [miscalibration(*claims(300, s, 1.7), draws=99) for s in range(25)]
        assert sum(m.low <= true <= m.high for m in found) >= 21

    def test_curve_rises_and_its_band_holds_the_calibrated(self):
        def inside(seed, sharper):
            curve = reliability_curve(*claims(300, seed, sharper), draws=99)
            rows = zip(curve.low, curve.observed, curve.high, strict=True)
            return np.mean([low <= seen <= high for low, seen, high in rows])

        p, _ = claims(300, 7)
        curve = reliability_curve(*claims(300, 7), draws=99)
        assert sum(curve.count) == 300 and list(curve.claimed) == sorted(set(p.tolist()))
        assert all(a <= b for a, b in pairwise(curve.observed))
        assert np.mean([inside(seed, 1.0) for seed in range(20)]) >= 0.88
        assert np.mean([inside(seed, 3.0) for seed in range(5)]) <= 0.7

    def test_curve_of_nothing_is_refused(self):
        with pytest.raises(UndefinedMeasurement):
            reliability_curve(np.array([]), np.array([]))


class TestEveryInstrument:
    @pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
    @pytest.mark.parametrize(
        ("p", "y"),
        [
            ([0.5, math.nan], [0.0, 1.0]),
            ([0.5, 1.2], [0.0, 1.0]),
            ([0.5, 0.4], [0.0, 0.5]),
            ([0.5], [0.0, 1.0]),
        ],
    )
    def test_refuses_what_cannot_be(self, measure, p, y):
        with pytest.raises(UndefinedMeasurement):
            measure(np.array(p), np.array(y))

    @pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
    def test_refuses_clusters_that_belong_to_other_items(self, measure):
        with pytest.raises(UndefinedMeasurement, match="clusters"):
            measure(*claims(300, 0), clusters=["a"] * 299)

    @pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
    def test_of_nothing_is_insufficient_without_a_number(self, measure):
        m = measure(np.array([]), np.array([]))
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)

    @pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
    def test_says_the_same_of_the_same_numbers_and_can_be_logged(self, measure):
        m = measure(*claims(300, 1))
        assert m == measure(*claims(300, 1))
        assert m == Measurement.model_validate_json(m.model_dump_json())
