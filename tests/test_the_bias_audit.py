"""The bias audit: what was planted is found, noise is not, and unseen is not taken for absent."""

import math
import time
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments import audit as a
from tools.instruments.audit.attacks import upper_bound
from tools.instruments.audit.shift import told

RNG = np.random.default_rng
COUNTS = st.integers(0, 60)
YES_NO = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=80)


def oracle(name):
    """A module of statsmodels; what it deprecates while it is imported is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return __import__(name, fromlist=["x"])


def verdicts(psi, d, n, seed=0):
    """Paired verdicts with exactly round(n psi) discordant items and a net shift of d."""
    gained, lost = round(n * (psi + d) / 2), round(n * (psi - d) / 2)
    rest = n - gained - lost
    base = np.r_[np.zeros(gained), np.ones(lost), np.arange(rest) % 2]
    treated = np.r_[np.ones(gained), np.zeros(lost), np.arange(rest) % 2]
    order = RNG(seed).permutation(n)
    return base[order], treated[order]


class TestAShift:
    def test_has_the_t_interval_of_the_paired_differences(self):
        base, treated = RNG(0).random((2, 50))
        shift = a.shift_of(base, treated)
        paired = stats.ttest_rel(treated, base)
        assert (shift.estimate, shift.p) == pytest.approx(((treated - base).mean(), paired.pvalue))
        assert (shift.low, shift.high) == pytest.approx(tuple(paired.confidence_interval()))

    def test_counts_a_cluster_once_however_many_items_it_has(self):
        base, treated = np.zeros(6), np.array([1, 1, 1, 1, 0, 0])
        shift = a.shift_of(base, treated, clusters=["x"] * 4 + ["y", "z"])
        assert (shift.estimate, shift.clusters, shift.n) == (pytest.approx(1 / 3), 3, 6)

    def test_averages_orders_and_repeats_before_anything_else(self):
        cube = RNG(1).integers(0, 2, (30, 2, 2)).astype(float)
        flat = cube.reshape(30, 4).mean(1)
        half = np.full(30, 0.5)
        assert a.net_shift(half, cube[:, :1]).n == 30
        assert a.shift_of(half, flat) == a.shift_of(np.full((30, 2, 2), 0.5), cube)

    @settings(max_examples=50)
    @given(YES_NO)
    def test_of_exchanged_conditions_is_the_opposite(self, rows):
        base, treated = np.array(rows, dtype=float).T
        there, back = a.shift_of(base, treated), a.shift_of(treated, base)
        assert there.estimate == pytest.approx(-back.estimate)
        assert (there.upper, there.p) == (pytest.approx(back.upper), pytest.approx(back.p))

    @settings(max_examples=50)
    @given(YES_NO)
    def test_lies_within_its_bounds(self, rows):
        shift = a.shift_of(*np.array(rows, dtype=float).T)
        assert -1 <= shift.low <= shift.estimate + 1e-12 and shift.estimate <= shift.high + 1e-12
        assert abs(shift.estimate) <= shift.upper <= 1

    def test_is_found_where_it_was_planted_and_called_a_fault(self):
        m = a.net_shift(*verdicts(0.25, 0.15, 400), of="length")
        assert (m.status, m.of, m.units) == (Status.RED, "length", "probability")
        assert m.estimate == pytest.approx(0.15)

    def test_of_a_judge_of_length_alone_is_all_there_is(self):
        assert a.net_shift(np.zeros(200), np.ones(200)).estimate > 0.9

    def test_of_labels_permuted_within_items_is_nothing(self):
        base, treated = verdicts(0.25, 0.2, 194)
        flagged = 0
        for seed in range(200):
            swap = RNG(seed).random(194) < 0.5
            shift = a.shift_of(np.where(swap, treated, base), np.where(swap, base, treated))
            flagged += shift.detected
        assert stats.binomtest(flagged, 200, 0.05, alternative="greater").pvalue > 0.01

    def test_of_noise_without_bias_is_rarely_flagged_and_a_planted_one_mostly_found(self):
        rng, found = RNG(4), {0.0: 0, 0.10: 0}
        for d in found:
            for _ in range(200):
                u, base = rng.random(194), rng.integers(0, 2, 194).astype(float)
                up, down = u < (0.25 + d) / 2, (u >= (0.25 + d) / 2) & (u < 0.25)
                base[up], base[down] = 0, 1
                treated = np.where(up, 1, np.where(down, 0, base))
                found[d] += a.shift_of(base, treated).detected
        assert found[0.0] <= 0.10 * 200
        assert found[0.10] >= 0.72 * 200

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1.1])
    def test_of_verdicts_that_cannot_be_is_refused(self, bad):
        with pytest.raises(UndefinedMeasurement, match="values that cannot be"):
            a.shift_of([0.0, 1.0, bad], [0.0, 1.0, 1.0])

    def test_of_conditions_that_do_not_match_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="item by item"):
            a.shift_of([0, 1, 1], [0, 1])

    def test_of_one_cluster_is_insufficient_and_has_no_number(self):
        m = a.net_shift([0, 0, 1], [1, 1, 1], clusters=["x"] * 3)
        assert (m.status, m.estimate, m.low) == (Status.INSUFFICIENT, None, None)
        with pytest.raises(UndefinedMeasurement, match="fewer than two clusters"):
            a.shift_of([0, 0, 1], [1, 1, 1], clusters=["x"] * 3)

    def test_that_is_punished_rightly_is_a_fault_only_upwards(self):
        worse = verdicts(0.4, -0.3, 300)
        assert a.net_shift(*worse).status is Status.RED
        assert a.net_shift(*worse, fault="up").status is Status.GREEN
        assert a.net_shift(*verdicts(0.4, 0.3, 300), fault="up").status is Status.RED


class TestDetectingAndCertifying:
    def test_are_two_questions_and_no_to_the_first_is_not_yes_to_the_second(self):
        shift = a.shift_of(*verdicts(0.25, 0.0, 100))
        assert not a.detect(shift).yes and not a.certify(shift).yes
        assert told(shift).status is not Status.GREEN

    def test_may_both_be_yes_of_a_shift_that_is_real_and_small(self):
        shift = a.shift_of(*verdicts(0.03, 0.02, 4000))
        assert a.detect(shift).yes and a.certify(shift).yes
        assert told(shift).status is Status.GREEN

    @settings(max_examples=60)
    @given(YES_NO, st.sampled_from((0.05, 0.1, 0.3)))
    def test_agree_with_the_bound_and_the_p_value(self, rows, margin):
        shift = a.shift_of(*np.array(rows, dtype=float).T)
        assume(abs(shift.upper - margin) > 1e-9)
        sure = a.certify(shift, margin=margin)
        assert sure.yes == (shift.upper <= margin) == (sure.p <= 0.05)

    @pytest.mark.parametrize(("psi", "d", "n"), [(0.25, 0.05, 200), (0.06, 0.05, 200)])
    def test_certifies_a_shift_at_the_margin_in_about_one_audit_of_twenty(self, psi, d, n):
        """Exactly, over all tables; without the term for skew the second would be 9 %."""
        gained, lost = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        p = stats.multinomial.pmf(
            np.stack([gained, lost, n - gained - lost], -1).reshape(-1, 3),
            n,
            [(psi + d) / 2, (psi - d) / 2, 1 - psi],
        ).reshape(n + 1, n + 1)
        wrong = 0.0
        for g, k in np.argwhere(p > 2e-5):
            changes = np.r_[np.ones(g), -np.ones(k), np.zeros(n - g - k)]
            if g - k < 0.05 * n and (g + k) < 0.2 * n:
                shift = a.shift_of(np.full(n, 0.5), 0.5 + changes / 2)
                wrong += p[g, k] * (2 * shift.upper <= d)
        assert wrong <= 0.057

    def test_of_an_audit_too_small_to_tell_is_insufficient_never_green(self):
        m = a.net_shift(*verdicts(0.5, 0.0, 40))
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)
        assert m.low < 0 < m.high

    def test_of_verdicts_that_never_change_still_needs_enough_of_them(self):
        same = {n: a.net_shift(np.ones(n), np.ones(n)) for n in (5, 58, 59, 200)}
        assert [same[n].status is Status.GREEN for n in same] == [False, False, True, True]
        assert same[200].estimate == 0.0

    def test_red_needs_to_survive_the_other_biases(self):
        shift = a.shift_of(*verdicts(0.25, 0.08, 200))
        assert shift.p < 0.05
        assert told(shift).status is Status.RED
        assert told(shift, adjusted=16 * shift.p).status is Status.INSUFFICIENT

    def test_needs_a_margin(self):
        with pytest.raises(UndefinedMeasurement, match="smaller than a margin"):
            a.certify(a.shift_of([0, 1], [1, 0]), margin=0)


class TestPairedVerdicts:
    @settings(max_examples=40)
    @given(COUNTS, COUNTS)
    def test_have_the_exact_p_value_of_mcnemar_and_a_smaller_mid_p(self, b, c):
        table = [[5, b], [c, 5]]
        known = oracle("statsmodels.stats.contingency_tables").mcnemar(table, exact=True)
        exact, mid = float(a.mcnemar(b, c, mid=False)), float(a.mcnemar(b, c))
        assert exact == pytest.approx(known.pvalue)
        assert mid <= exact and (b == c or mid < exact)

    @pytest.mark.parametrize("psi", [0.1, 0.15, 0.25])
    def test_keep_the_level_of_the_mid_p_test(self, psi):
        n = 194
        total = np.arange(n + 1)
        level = 0.0
        for m, weight in zip(total, stats.binom.pmf(total, n, psi), strict=True):
            k = np.arange(m + 1)
            level += weight * stats.binom.pmf(k, m, 0.5)[a.mcnemar(k, m - k) < 0.05].sum()
        assert level <= 0.05

    def test_have_newcombes_published_interval(self):
        """Newcombe (1998), the table 36, 12, 2, 0."""
        table = a.Paired(both=36, gained=2, lost=12, neither=0)
        assert a.newcombe(table) == pytest.approx((-0.3404, -0.0569), abs=5e-5)

    @given(COUNTS, COUNTS, COUNTS, COUNTS)
    def test_have_an_interval_around_the_difference(self, both, gained, lost, neither):
        assume(both + gained + lost + neither)
        table = a.Paired(both=both, gained=gained, lost=lost, neither=neither)
        low, high = a.newcombe(table)
        assert -1 <= low <= table.difference + 1e-12 and table.difference <= high + 1e-12 <= 1.1

    @given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
    def test_have_wilsons_interval(self, counts):
        known = stats.binomtest(*counts).proportion_ci(method="wilson")
        assert a.wilson(*counts) == pytest.approx((known.low, known.high), abs=1e-12)

    @pytest.mark.parametrize("rows", [([], []), ([1], [1, 0]), ([0.5], [1]), ([math.nan], [1])])
    def test_that_are_not_yes_or_no_are_refused(self, rows):
        with pytest.raises(UndefinedMeasurement, match="yes and no"):
            a.cross(*rows)


class TestFlips:
    def test_beyond_noise_are_none_for_a_noisy_judge_that_the_treatment_does_not_reach(self):
        rng = RNG(2)
        truth = rng.random((400, 1, 1)) < 0.8
        base, treated = ((truth ^ (rng.random((400, 2, 2)) < 0.15)).astype(float) for _ in "bt")
        flips, floor = a.flip_rate(base, treated), a.noise_floor(base)
        assert flips.estimate == pytest.approx(2 * 0.15 * 0.85, abs=0.04)
        assert floor.estimate == pytest.approx(flips.estimate, abs=0.04)
        excess = a.excess_flip(base, treated)
        assert excess.low <= 0 <= excess.high

    def test_show_a_treatment_that_unsettles_without_a_direction(self):
        rng = RNG(3)
        base = np.broadcast_to(rng.integers(0, 2, (200, 1, 1)), (200, 2, 2)).astype(float)
        treated = rng.integers(0, 2, (200, 2, 2)).astype(float)
        assert a.excess_flip(base, treated).low > 0
        assert a.net_shift(base, treated).estimate == pytest.approx(0, abs=0.1)

    def test_need_something_to_be_asked_twice(self):
        with pytest.raises(UndefinedMeasurement, match="asked twice"):
            a.noise_floor(np.zeros((5, 2, 1)))

    def test_are_between_the_same_items_in_the_same_orders(self):
        with pytest.raises(UndefinedMeasurement, match="same item in the same order"):
            a.flip_rate(np.zeros((5, 2, 2)), np.zeros((5, 1, 2)))


class TestManyBiases:
    @settings(max_examples=30)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_are_corrected_as_holm_says(self, p):
        known = oracle("statsmodels.stats.multitest").multipletests(p, method="holm")[1]
        assert a.holm(p) == pytest.approx(known)

    def test_of_nothing_are_nothing(self):
        assert len(a.holm([])) == 0

    def test_have_a_worst_group_whose_bound_is_above_that_of_any_group_alone(self):
        shifts = {str(d): a.shift_of(*verdicts(0.3, d, 300)) for d in (0.0, 0.02, -0.2)}
        worst = a.worst_group(shifts)
        assert (worst.of, worst.status, worst.estimate) == ("-0.2", Status.RED, 0.2)
        assert worst.high > max(s.upper for s in shifts.values())
        assert worst.low > 0.1

    def test_without_a_group_have_no_worst_one(self):
        with pytest.raises(UndefinedMeasurement, match="worst of no groups"):
            a.worst_group({})


class TestThePlan:
    @pytest.mark.parametrize(
        ("psi", "d", "detect", "certify"),
        [
            (0.25, 0.10, 194, 215),
            (0.25, 0.05, 783, 857),
            (0.15, 0.05, 469, 514),
            (0.10, 0.05, 312, 343),
            (0.30, 0.15, 103, 115),
        ],
    )
    def test_is_the_published_table(self, psi, d, detect, certify):
        assert (a.n_to_detect(psi, d), a.n_to_certify(psi, d)) == (detect, certify)

    def test_of_scores_and_of_two_shares(self):
        assert (a.n_for_scores(0.2, 1.0), a.n_for_scores(0.1, 1.0)) == (197, 785)
        assert (a.n_per_arm(0.9, 0.8), a.n_per_arm(0.75, 0.65)) == (197, 326)
        assert a.n_per_arm(0.9, 0.8) >= _two_sample(0.9, 0.8)

    def test_asks_for_more_items_when_the_bound_straddles_the_margin(self):
        small = a.plan(a.shift_of(*verdicts(0.25, 0.0, 200)))
        assert small.enlarge_to == small.to_certify == 857
        assert "straddles" in small.because

    def test_is_content_with_an_audit_that_decided(self):
        for rows in (verdicts(0.02, 0.0, 400), verdicts(0.4, 0.3, 200)):
            assert a.plan(a.shift_of(*rows)).enlarge_to == len(rows[0])

    @given(st.lists(st.tuples(*[st.sampled_from((0, 0.25, 0.5, 0.75, 1))] * 2), min_size=2))
    def test_is_made_from_any_audit_and_never_asks_for_fewer_items(self, rows):
        made = a.plan(a.shift_of(*np.array(rows, dtype=float).T))
        assert len(rows) <= made.enlarge_to <= 20 * len(rows)

    def test_that_is_followed_decides(self):
        rng = RNG(6)
        wanted = a.n_to_certify(0.25, 0.05)
        sure = sum(
            a.certify(a.shift_of(np.full(wanted, 0.5), 0.5 + x / 2)).yes
            for x in rng.choice((1, -1, 0), (200, wanted), p=(0.125, 0.125, 0.75))
        )
        assert sure > 0.95 * 200, "halved differences have a quarter of the variance"

    @pytest.mark.parametrize("call", [(0.01, 0.2), (0.1, 0.0), (1.1, 0.1), (math.nan, 0.1)])
    def test_of_what_cannot_be_is_refused(self, call):
        with pytest.raises(UndefinedMeasurement, match="No number of items"):
            a.n_to_detect(*call)
        with pytest.raises(UndefinedMeasurement):
            a.n_to_certify(0.2, 0.05, d=0.05)


def _two_sample(p1, p2):
    """The number that the arcsine approximation asks for, less 3 %."""
    h = 2 * (math.asin(p1**0.5) - math.asin(p2**0.5))
    return 0.97 * 2 * ((1.96 + 0.8416) / h) ** 2


class TestEmptyAnswers:
    def test_that_never_won_in_three_hundred_attacks_win_in_fewer_than_one_of_a_hundred(self):
        m = a.attack_success(0, 300)
        assert (m.status, m.count, m.low) == (Status.GREEN, 0, 0.0)
        assert m.high == pytest.approx(1 - 0.05 ** (1 / 300))
        assert m.high <= a.rule_of_three(300) == 0.01

    def test_need_about_three_hundred_attacks_to_say_so(self):
        assert a.attacks_needed(0.01) == 299
        assert a.attack_success(0, 299).status is Status.GREEN
        assert a.attack_success(0, 298).status is Status.INSUFFICIENT

    def test_that_win_often_are_a_fault(self):
        assert a.attack_success(240, 300).status is Status.RED
        assert a.attack_success(2, 300).status is Status.YELLOW
        assert a.attack_success(0, 0).status is Status.INSUFFICIENT

    @settings(max_examples=30)
    @given(st.integers(1, 80), st.floats(0.001, 0.5))
    def test_have_a_bound_that_holds_at_least_as_often_as_it_says(self, n, p):
        covered = [upper_bound(k, n) >= p for k in range(n + 1)]
        assert stats.binom.pmf(np.arange(n + 1), n, p)[covered].sum() >= 0.95 - 1e-9

    @pytest.mark.parametrize("counts", [(3, 2), (-1, 2), (True, 2)])
    def test_that_cannot_be_counted_are_refused(self, counts):
        with pytest.raises(UndefinedMeasurement):
            a.attack_success(*counts)


def test_the_statistics_of_a_whole_audit_take_less_than_two_seconds():
    cubes = RNG(0).integers(0, 2, (17, 200, 2, 2)).astype(float)
    started = time.process_time()
    shifts = [a.shift_of(cubes[0], treated) for treated in cubes[1:]]
    said = [told(s, adjusted=p) for s, p in zip(shifts, a.holm([s.p for s in shifts]), strict=True)]
    said += [a.excess_flip(cubes[0], treated) for treated in cubes[1:]]
    said += [a.position_bias(cubes[0]), a.both_orders_accuracy(cubes[0], ["A", "B"] * 100)]
    assert time.process_time() - started < 2
    assert all(m == Measurement.model_validate_json(m.model_dump_json()) for m in said)
