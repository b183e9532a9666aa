"""Change detectors: few false alarms over a planned run, and how late a true one is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.sequential.detectors import (
    STAKES,
    Baseline,
    Detector,
    allowed,
    baseline,
    change,
    path,
)

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=25)
RNG = np.random.default_rng


def watched(detector, values):
    for value in values:
        detector = detector.after(float(value))
    return detector


def by_definition(values, m0, kind):
    """Every possible time of the change gets a bettor of its own, who starts there."""
    found = []
    for stake in allowed(m0):
        started = [
            math.prod(1 + stake * (x - m0) for x in values[start:]) for start in range(len(values))
        ]
        found.append(sum(started) if kind == "sr" else max(started))
    return sum(found) / len(found)


def rung(values, m0, threshold, **which):
    return (path(values, m0, **which) >= threshold).any(-1)


def drawn(seed, p, paths, items):
    return (RNG(seed).random((paths, items)) < p).astype(float)


class TestTheStatistic:
    @given(VALUES, st.floats(0.05, 0.95), st.sampled_from(("sr", "cusum")))
    def test_is_that_of_a_bettor_for_every_time_of_the_change(self, values, m0, kind):
        wanted = by_definition(values, m0, kind)
        assert path(np.array(values), m0, kind=kind)[-1] == pytest.approx(wanted, rel=1e-9)
        step_by_step = watched(Detector.for_average_run(m0, length=1e300, kind=kind), values)
        assert step_by_step.statistic == pytest.approx(wanted, rel=1e-9)

    @given(VALUES, st.floats(0.05, 0.95))
    def test_of_a_fall_is_that_of_a_rise_turned_over(self, values, m0):
        x = np.array(values)
        down = path(x, m0, direction="down")
        assert down == pytest.approx(path(1 - x, 1 - m0))
        stepped = watched(Detector.for_average_run(m0, length=1e300, direction="down"), values)
        assert stepped.statistic == pytest.approx(down[-1])

    @pytest.mark.parametrize("m0", [0.01, 0.25, 0.3, 0.6, 0.99])
    def test_leaves_out_stakes_that_could_ruin(self, m0):
        assert allowed(m0)
        assert all(1 - stake * m0 >= 0 for stake in allowed(m0))
        assert all(1 - stake * m0 < 0 for stake in set(STAKES) - set(allowed(m0)))


class TestARun:
    @pytest.mark.parametrize(("p", "items", "delta"), [(0.5, 12, 0.5), (0.2, 10, 0.3)])
    def test_without_change_rings_at_most_as_often_as_planned_exactly(self, p, items, delta):
        paths = np.array(list(itertools.product((0.0, 1.0), repeat=items)))
        chances = np.prod(np.where(paths == 1, p, 1 - p), axis=-1)
        false_alarm = chances @ rung(paths, p, items / delta)
        assert 0 < false_alarm <= delta

    @pytest.mark.parametrize(("m0", "direction"), [(0.1, "up"), (0.5, "up"), (0.9, "down")])
    @pytest.mark.parametrize("kind", ["sr", "cusum"])
    def test_of_a_thousand_items_without_change_hardly_ever_rings(self, m0, direction, kind):
        false = rung(drawn(1, m0, 400, 1000), m0, 1000 / 0.05, direction=direction, kind=kind)
        assert false.mean() <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)

    def test_with_a_change_rings_within_the_delay_that_is_published(self):
        values = np.hstack([drawn(2, 0.1, 200, 500), drawn(3, 0.2, 200, 500)])
        reached = path(values, 0.1) >= 2000 / 0.05
        at = np.where(reached.any(-1), reached.argmax(-1) + 1, np.inf)
        delays = np.sort(at[at > 500] - 500)
        assert delays[len(delays) // 2] <= 139 * 1.25
        assert delays[len(delays) * 4 // 5] <= 213 * 1.25

    def test_with_a_threshold_for_the_average_run_rings_falsely_half_the_time_it_is_that_long(self):
        false = rung(drawn(4, 0.1, 400, 200), 0.1, 200)
        assert 0.35 < false.mean() < 0.65

    def test_has_an_average_length_of_at_least_the_threshold(self):
        reached = path(drawn(5, 0.1, 200, 2000), 0.1) >= 200
        lengths = np.where(reached.any(-1), reached.argmax(-1) + 1, 2000)
        assert lengths.mean() >= 200 - 2 * lengths.std() / math.sqrt(200)

    def test_is_over_when_its_items_are(self):
        detector = watched(Detector.for_run(0.5, items=5), [0.5] * 5)
        with pytest.raises(UndefinedMeasurement, match="planned run"):
            detector.after(0.5)


class TestAnUnknownBaseline:
    def test_is_a_bound_that_is_paid_for_out_of_delta(self):
        known = baseline([0.0] * 270 + [1.0] * 30)
        assert 0.1 < known.mean < 0.15
        assert Detector.for_run(known, items=100).threshold == pytest.approx(100 / 0.025)
        assert Detector.for_run(0.1, items=100).threshold == pytest.approx(100 / 0.05)

    def test_for_a_fall_is_bounded_from_below(self):
        assert 0.85 < baseline([1.0] * 270 + [0.0] * 30, direction="down").mean < 0.9

    def test_of_values_between_is_bounded_too(self):
        misses = [baseline(list(RNG(s).beta(2, 6, 200))).mean < 0.25 for s in range(200)]
        assert sum(misses) <= 0.025 * 200 + 2 * math.sqrt(200 * 0.025)

    def test_rings_falsely_no_more_often_than_planned(self):
        rng, false = RNG(6), 0
        for values in drawn(7, 0.1, 100, 500):
            known = baseline(list((rng.random(200) < 0.1).astype(float)))
            detector = Detector.for_run(known, items=500)
            false += bool(rung(values, known.mean, detector.threshold))
        assert false <= 0.05 * 100 + 2 * math.sqrt(100 * 0.05)

    def test_that_eats_all_of_delta_is_refused(self):
        with pytest.raises(UndefinedMeasurement):
            Detector.for_run(Baseline(mean=0.1, charged=0.05), items=100)

    def test_that_leaves_nothing_to_detect_is_refused(self):
        for values in ([], [1.0] * 50):
            with pytest.raises(UndefinedMeasurement):
                baseline(values)


class TestTheMeasurement:
    def test_is_insufficient_until_the_worst_items_could_have_rung(self):
        detector = Detector.for_run(0.1, items=100)
        for _ in range(100):
            silent = change(detector).status
            worst = watched(Detector.for_run(0.1, items=100), [1.0] * detector.n)
            assert (silent is Status.INSUFFICIENT) == (worst.alarm_at is None)
            detector = detector.after(0.0)
        assert change(detector).status is Status.GREEN

    def test_is_red_from_the_alarm_on(self):
        detector = watched(Detector.for_run(0.1, items=100), [1.0] * 20 + [0.0] * 50)
        m = change(detector, of="flaw rate")
        assert (m.status, m.n, m.of, m.guarantee) == (
            Status.RED,
            70,
            "flaw rate",
            Guarantee.RUN_HORIZON,
        )
        assert m.count == detector.alarm_at < 20 and m.estimate >= 1

    def test_of_an_average_run_warns_softly_and_promises_no_probability(self):
        m = change(watched(Detector.for_average_run(0.1, length=200), [1.0] * 20))
        assert (m.status, m.guarantee, m.level) == (Status.YELLOW, Guarantee.NONE, 0.0)
        assert "not bounded" in m.assumptions[1]
        assert Measurement.model_validate_json(m.model_dump_json()) == m

    @given(VALUES, VALUES)
    def test_is_the_same_after_the_detector_was_written_down(self, before, after):
        whole = watched(Detector.for_run(0.3, items=50), [*before, *after])
        resumed = Detector.from_json(watched(Detector.for_run(0.3, items=50), before).to_json())
        assert watched(resumed, after) == whole

    @pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
    def test_of_impossible_numbers_is_refused(self, bad):
        with pytest.raises(UndefinedMeasurement):
            Detector.for_run(0.5, items=5).after(bad)
        with pytest.raises(UndefinedMeasurement):
            Detector.for_run(bad, items=5)
        with pytest.raises(UndefinedMeasurement):
            baseline([bad])
