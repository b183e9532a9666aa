"""Two tests of whether two samples come from one policy: exact on nulls, awake to plants."""

import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import KFold, cross_val_predict

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tests.a_speaker import padded, speaker
from tools.instruments.drift.embedding import HashedNgrams
from tools.instruments.drift.permutations import groups_of, labellings, p_value
from tools.instruments.drift.two_samples import c2st, classifier_drift, kernel_drift, mmd

RNG = np.random.default_rng
EMBED = HashedNgrams(dimensions=64)
BOTH = pytest.mark.parametrize("test", [mmd, c2st])


def normal(n, d=8, seed=0, shift=0.0, scale=1.0):
    points = scale * RNG(seed).normal(size=(n, d))
    points[:, 0] += shift
    return points


def by_definition(x, y, bandwidth):
    kernel = rbf_kernel(np.r_[x, y], gamma=1 / (2 * bandwidth**2))
    n, m = len(x), len(y)
    xx, yy, xy = kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
    return (xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1)) - 2 * xy.mean()


def rejected(test, runs, draw, n):
    ps = [
        test(draw(n, seed=2 * s), draw(n, seed=2 * s + 1), seed=s, permutations=199).p
        for s in range(runs)
    ]
    return np.array(ps) <= 0.05


class TestMMD:
    @pytest.mark.parametrize(("n", "m"), [(2, 2), (30, 40), (25, 25)])
    def test_is_its_definition_on_scikit_learns_kernel(self, n, m):
        x, y = normal(n), normal(m, seed=1, shift=0.5)
        found = mmd(x, y, seed=0)
        pooled = [*x, *y]
        apart = [np.linalg.norm(a - b) for i, a in enumerate(pooled) for b in pooled[:i]]
        assert found.bandwidth == pytest.approx(np.median(apart))
        assert found.mmd2 == pytest.approx(by_definition(x, y, found.bandwidth))

    def test_is_unbiased_so_below_zero_half_the_time_between_equals(self):
        found = [mmd(normal(40, seed=s), normal(40, seed=900 + s), seed=0, permutations=1).mmd2
                 for s in range(200)]  # fmt: skip
        assert abs(np.mean(found)) < 3 * stats.sem(found)
        assert 0.3 < np.mean(np.array(found) < 0) < 0.8

    def test_has_a_scale_even_where_most_answers_are_the_same(self):
        x, y = np.zeros((20, 3)), np.zeros((20, 3))
        y[:3] = 1.0
        assert mmd(x, y, seed=0).bandwidth == pytest.approx(np.sqrt(3))

    @pytest.mark.slow
    def test_has_the_p_values_of_hyppo(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from hyppo.ksample import MMD

            for seed, shift in enumerate((0.0, 0.3, 0.5)):
                x, y = normal(30, 4, seed), normal(40, 4, 9 + seed, shift)
                ours = mmd(x, y, seed=1, permutations=1999)
                theirs = MMD(compute_kernel="rbf", gamma=1 / (2 * ours.bandwidth**2))
                _, p = theirs.test(x, y, reps=1999, auto=False, random_state=seed)
                error = np.sqrt(2 * p * (1 - p) / 2000)
                assert abs(ours.p - p) < 4 * error + 1e-3


class TestTheClassifier:
    def test_has_the_auc_of_scikit_learns_ridge_on_the_same_task(self):
        x, y = normal(200), normal(200, seed=1, shift=1.0)
        found = c2st(x, y, seed=0)
        points, sides = np.r_[x, y], np.r_[np.ones(200), -np.ones(200)]
        folds = KFold(5, shuffle=True, random_state=0)
        scores = cross_val_predict(Ridge(alpha=32.0), points, sides, cv=folds)
        assert found.auc == pytest.approx(roc_auc_score(sides, scores), abs=0.02)
        assert found.accuracy == pytest.approx(np.mean((scores > 0) == (sides > 0)), abs=0.03)

    def test_of_sides_far_apart_is_perfect(self):
        found = c2st(normal(50, shift=40), normal(50, seed=1), seed=0)
        assert (found.auc, found.accuracy, found.p) == (1.0, 1.0, 1 / 500)

    def test_names_the_answers_that_were_tampered_with(self):
        texts = speaker().says(400, seed=1)
        found = c2st(EMBED(padded(texts, 0.2)), EMBED(speaker().says(400, seed=2)), seed=0)
        assert found.p <= 0.05
        assert np.mean(np.array(found.unlike_then) < 80) >= 0.9
        assert all(0 <= i < 400 for i in found.unlike_now)

    def test_is_blind_to_a_shrink_that_mmd_sees_so_both_are_needed(self):
        def draw(n, seed):
            return normal(n, 64, seed, scale=0.85 if seed % 2 else 1.0)

        assert rejected(mmd, 20, draw, 100).mean() > 0.9
        assert rejected(c2st, 20, draw, 100).mean() < 0.4


class TestAlarms:
    @BOTH
    def test_on_nulls_are_as_rare_as_they_say(self, test):
        alarms = rejected(test, 200, normal, 40)
        assert stats.binomtest(int(alarms.sum()), 200, 0.05, "greater").pvalue > 1e-3

    @BOTH
    def test_on_answers_that_share_prompts_are_too(self, test):
        alarms = []
        for seed in range(120):
            rng, prompts = RNG(seed), [i // 2 for i in range(60)]
            topics = 3 * rng.normal(size=(30, 4))[prompts]
            x, y = (topics + rng.normal(size=(60, 4)) for _ in range(2))
            found = test(x, y, seed=seed, prompts=(prompts, prompts), permutations=99)
            alarms.append(found.p <= 0.05)
        assert stats.binomtest(sum(alarms), 120, 0.05, "greater").pvalue > 1e-3

    @BOTH
    def test_on_answers_that_share_prompts_are_not_drowned_by_the_prompts(self, test):
        prompts = list(range(100))
        alarms = {True: 0, False: 0}
        for seed in range(30):
            rng = RNG(seed)
            topics = np.c_[rng.normal(size=(100, 3)), np.zeros(100)]
            then = topics + 0.3 * rng.normal(size=(100, 4))
            now = topics + 0.3 * rng.normal(size=(100, 4)) + [0.25, 0, 0, 0]
            for paired in alarms:
                sides = (prompts, prompts) if paired else None
                alarms[paired] += test(now, then, seed=seed, prompts=sides).p <= 0.05
        assert alarms[True] > alarms[False]

    @BOTH
    def test_on_a_colder_policy_come(self, test):
        warm, cold = speaker(), speaker().at(0.6)
        ps = [test(EMBED(cold.says(400, s)), EMBED(warm.says(400, 50 + s)), seed=s).p
              for s in range(5)]  # fmt: skip
        assert max(ps) <= 0.05

    @BOTH
    def test_do_not_depend_on_scale_or_on_which_side_is_which(self, test):
        x, y = normal(40, shift=0.4), normal(40, seed=1)
        there, back = test(x, y, seed=0), test(y, x, seed=0)
        scaled = test(1000 * x, 1000 * y, seed=0)
        assert scaled.p == there.p
        assert abs(there.p - back.p) < 0.05


class TestLabels:
    @given(st.lists(st.integers(0, 4), min_size=4, max_size=12), st.integers(0, 99))
    @settings(max_examples=40)
    def test_are_exchanged_within_prompts_only(self, prompts, seed):
        n = len(prompts)
        groups = groups_of("x", n, n, (prompts, prompts))
        labels = labellings(groups, n, 20, seed)
        assert (labels[:, 0] == np.r_[np.ones(n), np.zeros(n)]).all()
        for group in set(groups):
            assert (labels[groups == group].sum(0) == prompts.count(prompts[group])).all() or (
                labels[groups == group].sum(0) == labels[groups == group, 0].sum()
            ).all()

    def test_are_all_equally_likely(self):
        labels = labellings(np.zeros(4, dtype=np.int64), 2, 12000, seed=0)[:, 1:]
        _, times = np.unique(labels, axis=1, return_counts=True)
        assert len(times) == 6
        assert stats.chisquare(times).pvalue > 1e-3

    def test_that_fit_as_well_as_the_true_ones_count_against_them(self):
        assert p_value(np.array([1.0, 1.0 + 1e-15, 0.0, 2.0])) == 0.75
        assert p_value(np.array([3.0, 1.0, 0.0, 2.0])) == 0.25


class TestWhatIsSaid:
    @pytest.mark.parametrize("drift", [kernel_drift, classifier_drift])
    def test_is_an_alarm_but_never_red_since_drift_is_not_harm(self, drift):
        m = drift(normal(400, shift=5), normal(400, seed=1), "anchor", seed=3)
        assert (m.status, m.of, m.n, m.seed) == (Status.YELLOW, "anchor", 800, 3)
        assert "p = 0.0020 of 499" in m.assumptions[0]

    @pytest.mark.parametrize(("drift", "needs"), [(kernel_drift, 200), (classifier_drift, 400)])
    def test_is_insufficient_where_silence_means_little(self, drift, needs):
        few, many = needs - 1, needs
        silent = [drift(normal(n), normal(n, seed=1), "anchor", seed=0) for n in (few, many)]
        assert [m.status for m in silent] == [Status.INSUFFICIENT, Status.GREEN]
        assert silent[0].estimate is None
        loud = drift(normal(few, shift=3), normal(few, seed=1), "anchor", seed=0)
        assert loud.status is Status.YELLOW

    @pytest.mark.parametrize("drift", [kernel_drift, classifier_drift])
    def test_of_next_to_nothing_is_insufficient(self, drift):
        m = drift(normal(1), normal(1, seed=1), "anchor", seed=0)
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)

    @BOTH
    @pytest.mark.parametrize(
        ("x", "y", "saw"),
        [
            (normal(20), normal(20, d=3), "shapes"),
            (np.ones((20, 2)), np.ones((20, 2)), "0|equal rows"),
            (np.full((20, 2), np.nan), normal(20, 2), "20 rows with NaN"),
        ],
    )
    def test_of_points_that_cannot_be_compared_is_a_refusal(self, test, x, y, saw):
        with pytest.raises(UndefinedMeasurement, match=saw):
            test(x, y, seed=0)

    @BOTH
    def test_of_prompts_that_do_not_match_is_a_refusal(self, test):
        with pytest.raises(UndefinedMeasurement, match="2 of them on one side only"):
            test(normal(20), normal(20), seed=0, prompts=([*range(20)], [*range(19), 99]))

    @BOTH
    def test_is_the_same_for_the_same_seed(self, test):
        x, y = normal(40), normal(40, seed=1)
        assert test(x, y, seed=4) == test(x, y, seed=4)

    @BOTH
    def test_takes_less_than_two_cpu_seconds_at_400_a_side(self, test):
        x, y = normal(400, 64), normal(400, 64, seed=1)
        start = time.process_time()
        test(x, y, seed=0, permutations=499)
        assert time.process_time() - start < 2


class TestTheEmbedding:
    def test_is_frozen_and_known_by_its_digest(self):
        assert HashedNgrams().digest != EMBED.digest == HashedNgrams(dimensions=64).digest
        pinned = EMBED(["sort b a =", "yes"])[:, :4] * 8
        assert np.sign(pinned).astype(int).tolist() == PINNED

    @given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
    @settings(max_examples=50)
    def test_gives_every_text_a_direction(self, texts):
        assert np.linalg.norm(EMBED(texts), axis=1) == pytest.approx(np.ones(len(texts)))

    def test_depends_on_the_order_of_words_and_on_nothing_else_in_the_list(self):
        a, b, again = EMBED(["a b c", "c b a", "a b c"])
        assert a @ again == pytest.approx(1.0)
        assert a @ b < 0.9
        assert EMBED(["a b c"])[0] == pytest.approx(a)

    def test_keeps_angles_about_as_they_are_among_the_n_grams(self):
        texts = ["a b c d e f", "a b c d x y"]
        wide = HashedNgrams(dimensions=512)(texts)
        # 13 unigrams and bigrams with the ends: 4 + 4 shared.
        assert wide[0] @ wide[1] == pytest.approx(8 / 13, abs=3 / np.sqrt(512))


PINNED = [[1, 1, -1, -1], [-1, 1, -1, 1]]
