"""Recalibration: judged on items it has not seen, or refused; and any instrument by group."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from logs.errors import Refused, UndefinedMeasurement
from logs.vocabulary import Status
from tools.instruments.reliability import (
    Claim,
    Mode,
    brier,
    by_facet,
    calibration_test,
    recalibrated,
    recalibration_gain,
    spiegelhalter_z,
    split,
    worst,
)
from tools.instruments.reliability import recalibration as rc
from tools.instruments.reliability.grouping import (
    critique_claims,
    dimension_claims,
    pairwise_claim,
    scalar_claim,
)

RNG = np.random.default_rng


def claims(n, seed, sharper=1.0):
    """Claims of a judge whose logits are `sharper` times too large, and true labels."""
    rng = RNG(seed)
    logits = rng.normal(1.5, 1.0, size=n)
    return expit(sharper * logits), (rng.random(n) < expit(logits)).astype(float)


class TestRecalibration:
    def test_by_platt_is_logistic_regression_on_his_targets(self):
        import statsmodels.api as sm

        p, y = claims(400, 10, 1.7)
        ones = y.sum()
        target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (400 - ones + 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = sm.GLM(target, sm.add_constant(logit(p)), family=sm.families.Binomial()).fit()
        assert rc.platt(p, y).knots == pytest.approx(fit.params[::-1], abs=1e-6)

    def test_by_temperature_is_the_least_log_loss(self):
        from scipy.optimize import minimize_scalar

        p, y = claims(400, 11, 1.7)
        found = minimize_scalar(
            lambda k: rc.log_loss(expit(k * logit(p)), y).mean(),
            bounds=(0.05, 20),
            method="bounded",
            options={"xatol": 1e-8},
        )
        assert rc.temperature(p, y).knots[0] == pytest.approx(found.x, abs=1e-4)

    def test_by_isotonic_is_that_of_scikit_learn_away_from_the_ends(self):
        from sklearn.isotonic import IsotonicRegression

        p, y = claims(1000, 12, 1.7)
        oracle = IsotonicRegression(out_of_bounds="clip").fit(p, y)
        new = RNG(0).uniform(0, 1, size=200)
        edge = 1 / 1002
        wanted = np.clip(oracle.predict(new), edge, 1 - edge)
        assert rc.isotonic(p, y)(new) == pytest.approx(wanted, abs=2 * edge)

    def test_recovers_the_temperature_that_was_planted(self):
        fitted, gain = recalibrated(*claims(4000, 13, 1.7), method="temperature")
        assert 1 / fitted.knots[0] == pytest.approx(1.7, abs=0.15)
        assert gain.status is Status.GREEN and gain.low > 0

    @pytest.mark.parametrize(
        ("n", "method"), [(99, None), (100, "temperature"), (200, "platt"), (1000, "isotonic")]
    )
    def test_is_as_flexible_as_the_labels_allow(self, n, method):
        assert rc.method_for(n) == method

    @pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
    def test_keeps_the_order_of_the_claims(self, method):
        fitted, _ = recalibrated(*claims(1000, 14, 1.7), method=method)
        out = fitted(np.linspace(0, 1, 101))
        assert (np.diff(out) >= 0).all() and (out > 0).all() and (out < 1).all()

    def test_that_does_not_help_unseen_items_is_refused(self):
        refused = 0
        for seed in range(20):
            try:
                recalibrated(*claims(150, seed))
            except Refused as no:
                refused += "does not help" in no.what
        assert refused >= 10

    def test_of_an_inverted_judge_is_refused(self):
        p, y = claims(400, 15)
        with pytest.raises(Refused, match="order round"):
            recalibrated(1 - p, y)

    def test_is_judged_on_items_it_has_not_seen(self):
        """Isotonic on 100 coins always looks better in its own sample, and is worse outside."""
        inside, outside = [], []
        for seed in range(20):
            rng = RNG(seed)
            p, y = rng.uniform(0.45, 0.55, size=100), (rng.random(100) < 0.5).astype(float)
            own = rc.isotonic(p, y)(p)
            inside.append(rc.log_loss(p, y).mean() - rc.log_loss(own, y).mean())
            outside.append(recalibration_gain(p, y, method="isotonic"))
        assert min(inside) > 0
        assert [m.status for m in outside].count(Status.RED) >= 15

    def test_never_divides_a_cluster_between_folds(self):
        groups = np.repeat(np.arange(40), 5)
        fold = rc._folds(groups, 5, seed=1)
        assert all(len(set(fold[groups == g])) == 1 for g in range(40))
        assert set(fold) == set(range(5))

    def test_of_few_is_insufficient(self):
        assert recalibration_gain(*claims(80, 17)).status is Status.INSUFFICIENT
        with pytest.raises(UndefinedMeasurement, match="too little"):
            recalibrated(*claims(80, 17))


class TestGroups:
    def claims(self):
        out = []
        for i, (p, y) in enumerate(zip(*claims(600, 20), strict=True)):
            domain = ("maths", "chat")[i % 2]
            claimed = p if domain == "chat" else 0.99
            out.append(pairwise_claim(claimed, int(y), i, domain=domain, population="north"))
        return out

    def test_are_measured_one_by_one_and_the_bad_one_is_found(self):
        chat, maths = by_facet(self.claims(), brier, "domain")
        assert (chat.of, maths.of) == ("domain=chat", "domain=maths")
        assert (chat.n, maths.n) == (300, 300)
        assert worst([chat, maths], bad_is="high") is maths
        tested = by_facet(self.claims(), calibration_test, "domain")
        assert tested[1].status is Status.RED

    def test_that_cannot_be_measured_are_insufficient_with_the_reason(self):
        odd = [pairwise_claim(0.5, i % 2, i, domain="flat") for i in range(40)]
        found = by_facet([*self.claims(), *odd], spiegelhalter_z, "domain")
        flat = next(m for m in found if m.of == "domain=flat")
        assert (flat.status, flat.estimate) == (Status.INSUFFICIENT, None)
        assert any("1/2" in a for a in flat.assumptions)
        assert worst(found, bad_is="high").estimate is None

    def test_may_be_modes_of_judging(self):
        where = {"domain": "chat", "population": "north"}
        said = [
            pairwise_claim(0.8, 1, "q", **where),
            scalar_claim(7.0, 1, "q", low=0, high=10, **where),
            *dimension_claims({"brief": 4, "true": 2}, {"brief": 1, "true": 0}, "q", low=0, high=4),
            *critique_claims({"padding": 0.9, "slip": 0.0}, {"padding": 1, "slip": 0}, "q"),
        ]
        assert [c.probability for c in said] == [0.8, 0.7, 1.0, 0.5, 0.9, 0.0]
        found = by_facet(said, brier, "mode")
        assert {m.of for m in found} == {f"mode={mode.value}" for mode in Mode}
        assert {m.of for m in by_facet(said, brier, "dimension")} >= {"dimension=padding"}

    def test_of_names_that_do_not_match_are_refused(self):
        with pytest.raises(UndefinedMeasurement, match="by name"):
            dimension_claims({"brief": 1}, {"true": 1}, "q", low=0, high=1)
        with pytest.raises(UndefinedMeasurement, match="by name"):
            critique_claims({"padding": 1}, {}, "q")
        with pytest.raises(UndefinedMeasurement, match="scale"):
            scalar_claim(11, 1, "q", low=0, high=10)

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.integers()), max_size=20))
    def test_lose_nothing_when_columns_are_split(self, rows):
        labels, values = [a for a, _ in rows], [b for _, b in rows]
        parts = split(labels, values)
        assert {k: v[0] for k, v in parts.items()} == {
            k: [b for a, b in rows if a == k] for k in dict.fromkeys(labels)
        }

    def test_of_none_have_no_worst(self):
        with pytest.raises(UndefinedMeasurement):
            worst([], bad_is="low")
        assert isinstance(self.claims()[0], Claim)
