"""Agreement: what people and judges share beyond chance."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Measurement, Status
from tools.instruments.reliability import (
    cohen_kappa,
    kappa_gap,
    krippendorff_alpha,
)
from tools.instruments.reliability.agreement import kappa
from tools.instruments.reliability.alpha import alpha

RNG = np.random.default_rng
_ = None
WORKED = [  # items x raters; Krippendorff 2011, section E
    (1, 1, _, 1),
    (2, 2, 3, 2),
    (3, 3, 3, 3),
    (3, 3, 3, 3),
    (2, 2, 2, 2),
    (1, 2, 3, 4),
    (4, 4, 4, 4),
    (1, 1, 2, 1),
    (2, 2, 2, 2),
    (_, 5, 5, 5),
    (_, _, 1, 1),
    (_, _, 3, _),
]


def raters(n, seed, agree, prevalence=0.5):
    """A judge who knows the label of a person so often, and otherwise draws one like it."""
    rng = RNG(seed)
    people, other = (rng.random((2, n)) < prevalence).astype(int)
    return np.where(rng.random(n) < agree, people, other).tolist(), people.tolist()


class TestKappa:
    @settings(max_examples=30)
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
    def test_is_that_of_scikit_learn(self, rows):
        from sklearn.metrics import cohen_kappa_score

        judge, people = [a for a, _ in rows], [b for _, b in rows]
        assume(len({*judge, *people}) > 1)
        assert kappa(judge, people).kappa == pytest.approx(cohen_kappa_score(judge, people))

    def test_has_the_standard_error_of_statsmodels(self):
        from statsmodels.stats.inter_rater import cohens_kappa

        rng = RNG(0)
        people = rng.integers(0, 3, size=300)
        judge = np.where(rng.random(300) < 0.6, people, rng.integers(0, 3, size=300))
        table = np.zeros((3, 3))
        np.add.at(table, (judge, people), 1)
        oracle = cohens_kappa(table)
        found = kappa(judge.tolist(), people.tolist())
        se = np.sqrt(np.mean(np.square(found.influence)) / 300)
        assert (found.kappa, se) == pytest.approx((oracle.kappa, oracle.std_kappa))

    @pytest.mark.parametrize("prevalence", [0.5, 0.85])
    def test_has_an_interval_that_covers(self, prevalence):
        found = [cohen_kappa(*raters(200, s, 0.6, prevalence), margin=1) for s in range(200)]
        assert sum(m.low <= 0.6 <= m.high for m in found) >= 0.9 * 200

    def test_shows_both_prevalences_for_agreement_is_easy_where_a_label_is_rare(self):
        rare = cohen_kappa([0] * 96 + [1, 1, 0, 0], [0] * 96 + [0, 0, 1, 1], margin=1)
        assert rare.estimate < 0 and "observed agreement 0.96" in rare.assumptions[0]
        assert "0: judge 0.98, people 0.98" in rare.assumptions[1]

    def test_of_guesses_is_red_and_of_a_good_judge_green(self):
        assert cohen_kappa(*raters(300, 1, 0.0)).status is Status.RED
        assert cohen_kappa(*raters(300, 1, 0.85)).status is Status.GREEN
        assert cohen_kappa(*raters(300, 1, 0.5)).status is Status.YELLOW

    def test_of_few_that_decide_nothing_is_insufficient(self):
        m = cohen_kappa(*raters(60, 2, 0.5))
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)
        assert cohen_kappa(*raters(10, 2, 0.9)).status is Status.INSUFFICIENT

    def test_of_one_label_is_refused_and_of_one_sided_raters_says_so(self):
        with pytest.raises(UndefinedMeasurement, match="two labels"):
            cohen_kappa(["a"] * 40, ["a"] * 40)
        with pytest.raises(UndefinedMeasurement, match="two labels"):
            cohen_kappa([], [])
        m = cohen_kappa(["a"] * 40, ["a", "b"] * 20, margin=1)
        assert m.estimate == 0 and "judge used one label only" in m.assumptions

    def test_of_perfect_agreement_does_not_claim_certainty(self):
        m = cohen_kappa(["a", "b"] * 40, ["a", "b"] * 40)
        assert m.estimate == m.high == 1 and 0.85 < m.low < 1

    def test_of_clustered_labels_is_less_sure(self):
        judge, people = (np.repeat(x, 5).tolist() for x in raters(60, 3, 0.6))
        clusters = [i // 5 for i in range(300)]
        alone = cohen_kappa(judge, people, margin=1)
        together = cohen_kappa(judge, people, clusters=clusters, margin=1)
        assert together.high - together.low > 1.8 * (alone.high - alone.low)
        assert (together.n, together.clusters) == (300, 60)

    def test_is_held_against_the_agreement_among_people(self):
        rng = RNG(4)
        truth = rng.integers(0, 2, size=400)

        def noisy(share):
            return np.where(rng.random(400) < share, truth, 1 - truth).tolist()

        same = kappa_gap(noisy(0.85), noisy(0.85), noisy(0.85))
        worse = kappa_gap(noisy(0.6), noisy(0.9), noisy(0.9))
        assert same.low < 0 < same.high and worse.high < 0

    def test_of_unequal_lists_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="3 judge, 2 people"):
            cohen_kappa([1, 0, 1], [1, 0])


class TestAlpha:
    @pytest.mark.parametrize(
        ("metric", "wanted"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
    )
    def test_is_that_of_the_worked_example(self, metric, wanted):
        assert alpha(WORKED, metric) == pytest.approx(wanted, abs=5e-4)

    def test_is_that_of_crowd_kit(self):
        import pandas as pd
        from crowdkit.metrics.data import alpha_krippendorff

        rng = RNG(5)
        rows = rng.integers(0, 4, size=(60, 1)) + rng.integers(0, 2, size=(60, 3))
        missing = rng.random((60, 3)) < 0.2
        table = [
            [None if gone else int(v) for v, gone in zip(r, m, strict=True)]
            for r, m in zip(rows, missing, strict=True)
        ]
        answers = [
            {"task": i, "worker": j, "label": v}
            for i, row in enumerate(table)
            for j, v in enumerate(row)
            if v is not None
        ]
        # crowd-kit counts items rated once among the marginals; the others are alike.
        answers = [a for a in answers if sum(v is not None for v in table[a["task"]]) > 1]
        assert alpha(table) == pytest.approx(alpha_krippendorff(pd.DataFrame(answers)))

    @given(
        st.lists(
            st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=3, max_size=3),
            min_size=2,
            max_size=15,
        ),
        st.sampled_from(("nominal", "interval")),
    )
    def test_is_observed_over_expected_disagreement_of_all_pairs(self, rows, metric):
        kept = [[v for v in row if v is not None] for row in rows]
        kept = [row for row in kept if len(row) > 1]
        values = [v for row in kept for v in row]
        assume(len(set(values)) > 1)

        def apart(a, b):
            return (a - b) ** 2 if metric == "interval" else a != b

        seen = sum(
            apart(a, b) / (len(row) - 1) for row in kept for a, b in itertools.permutations(row, 2)
        )
        chance = sum(apart(a, b) for a, b in itertools.permutations(values, 2))
        wanted = 1 - seen / (chance / (len(values) - 1))
        assert alpha(rows, metric) == pytest.approx(wanted)

    @pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
    def test_covers_the_truth(self, metric):
        found = [
            krippendorff_alpha(
                np.stack(raters(150, s, 0.6), axis=1).tolist(), metric=metric, draws=199, margin=1
            )
            for s in range(80)
        ]
        assert sum(m.low <= 0.6 <= m.high for m in found) >= 70

    def test_leaves_out_what_was_rated_once_and_says_so(self):
        rows = [[1, 1, None], [0, 0, 0]] * 30 + [[1, None, None]] * 7
        m = krippendorff_alpha(rows, draws=99)
        assert m.n == 60 and "7 items" in m.assumptions[0]
        assert m.estimate == 1 and m.status is Status.YELLOW

    def test_needs_two_values_and_items_rated_twice(self):
        for rows in ([[1, 1]] * 40, [[1, None]] * 40, []):
            with pytest.raises(UndefinedMeasurement, match="two values"):
                krippendorff_alpha(rows)
        with pytest.raises(UndefinedMeasurement, match="finite"):
            krippendorff_alpha([[1.0, math.inf]] * 40)

    def test_of_few_is_insufficient(self):
        assert krippendorff_alpha(WORKED).status is Status.INSUFFICIENT

    def test_is_the_same_again_with_the_same_seed_and_can_be_logged(self):
        rows = np.stack(raters(60, 7, 0.7), axis=1).tolist()
        m = krippendorff_alpha(rows, draws=99, seed=5, margin=1)
        assert m == krippendorff_alpha(rows, draws=99, seed=5, margin=1)
        assert m != krippendorff_alpha(rows, draws=99, seed=6, margin=1)
        assert m == Measurement.model_validate_json(m.model_dump_json())
