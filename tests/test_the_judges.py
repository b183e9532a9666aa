"""Judges: what they learn is what was chosen, what they weigh is the constitution, and an
error of theirs never becomes a number."""

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from logs.errors import JudgeError, UsageError
from logs.vocabulary import Constitution, JudgeVerdict, Principle, PrincipleTier
from tools.features import FEATURES, Answer, describe
from tools.judges import calibrate, fit, load, panel_scores, verdicts

NAMES = tuple(dict.fromkeys(FEATURES.values()))
FOUNDING = {name: Decimal(1) / len(NAMES) for name in NAMES}
TRUE = np.linspace(-1.5, 1.5, len(FEATURES))
ANSWERS = [Answer(prompt="copy a b =", text=t, base_logp=-1.0) for t in ("a b", "b a", "sure a")]


def constitution(weights):
    return Constitution(
        version=1,
        principles=tuple(
            Principle(id=name, text=name, weight=weight, tier=PrincipleTier.ADAPTIVE)
            for name, weight in weights.items()
        ),
    )


def choices(n, seed=0):
    """Differences of standard normal features, and logistic choices with weights TRUE."""
    rng = np.random.default_rng(seed)
    background = rng.normal(size=(2 * n, len(FEATURES)))
    differences = background[:n] - background[n:]
    wins = rng.random(n) < 1 / (1 + np.exp(-differences @ TRUE))
    return differences, wins.astype(float), background


def fitted(n=4000, seed=0, **options):
    differences, wins, background = choices(n, seed)
    given_options = {"sees": tuple(FEATURES), "constitution": constitution(FOUNDING)} | options
    return fit(differences, wins, background=background, **given_options)


def newton(z, wins, ridge):
    """An independent fit: Newton's method on the logistic likelihood with a ridge."""
    w = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ w))
        gradient = z.T @ (wins - p) - ridge * w
        hessian = (z * (p * (1 - p))[:, None]).T @ z + ridge * np.eye(len(w))
        w = w + np.linalg.solve(hessian, gradient)
    return w, np.sqrt(np.diag(np.linalg.inv(hessian)))


class TestTheFit:
    def test_equals_an_independent_newton_fit(self):
        differences, wins, background = choices(1500)
        scale = background.std(0)
        wanted, _ = newton(differences / scale, wins, ridge=2.0)
        assert fitted(1500).coefficients == pytest.approx(wanted, abs=1e-3)

    def test_recovers_the_weights_that_chose_within_their_error(self):
        differences, wins, background = choices(20000)
        scale = background.std(0)
        _, error = newton(differences / scale, wins, ridge=2.0)
        judge = fitted(20000)
        z = (np.array(judge.coefficients) / np.array(judge.scale) - TRUE) / (error / scale)
        assert abs(z).max() < stats.norm.ppf(1 - 1e-3 / len(TRUE))

    def test_orders_fresh_pairs_as_the_true_weights_do(self):
        differences, _, _ = choices(2000, seed=9)
        learnt = differences @ (np.array(fitted().coefficients) / np.array(fitted().scale))
        assert np.mean((learnt > 0) == (differences @ TRUE > 0)) > 0.97

    def test_of_coin_flips_learns_nothing(self):
        differences, wins, background = choices(4000)
        flips = np.random.default_rng(1).permutation(wins)
        judge = fit(
            differences,
            flips,
            background=background,
            sees=tuple(FEATURES),
            constitution=constitution(FOUNDING),
        )
        assert abs(np.array(judge.coefficients)).max() < 0.15

    def test_gives_no_weight_to_what_the_judge_does_not_see(self):
        blind = tuple(FEATURES)[3]
        judge = fitted(sees=tuple(f for f in FEATURES if f != blind))
        assert dict(zip(FEATURES, judge.coefficients, strict=True))[blind] == 0.0
        assert sum(c != 0 for c in judge.coefficients) == len(FEATURES) - 1

    def test_stays_with_its_prior_where_the_data_say_nothing(self):
        prior = fitted()
        nothing = np.zeros((5, len(FEATURES)))
        judge = fit(
            nothing,
            np.ones(5),
            background=choices(50)[2],
            sees=tuple(FEATURES),
            constitution=constitution(FOUNDING),
            prior=prior,
        )
        assert judge.coefficients == pytest.approx(prior.coefficients, abs=1e-6)

    def test_scores_have_unit_spread_on_the_answers_it_was_fitted_on(self):
        _, _, background = choices(4000)
        scores = fitted().score_features(background, constitution(FOUNDING))
        assert scores.std() == pytest.approx(1.0) and scores.mean() == pytest.approx(0, abs=1e-9)


class TestTheConstitution:
    features = choices(30, seed=3)[2]

    def part_of(self, judge, principle):
        """What one principle's features add to each score, computed by hand."""
        z = (self.features - np.array(judge.mean)) / np.array(judge.scale)
        mine = np.array([p == principle for p in FEATURES.values()])
        return z[:, mine] @ np.array(judge.coefficients)[mine] / judge.spread

    @given(st.sampled_from(NAMES), st.decimals("0", "3", places=2))
    def test_edit_of_a_weight_scales_exactly_the_features_of_its_principle(self, name, factor):
        before = JUDGE.score_features(self.features, constitution(FOUNDING))
        edited = constitution(FOUNDING | {name: FOUNDING[name] * factor})
        after = JUDGE.score_features(self.features, edited)
        wanted = (float(factor) - 1) * self.part_of(JUDGE, name)
        assert after - before == pytest.approx(wanted, abs=1e-9)

    @given(st.sampled_from(NAMES))
    def test_without_a_principle_is_blind_to_its_features(self, name):
        left = constitution({k: v for k, v in FOUNDING.items() if k != name})
        after = JUDGE.score_features(self.features, left)
        before = JUDGE.score_features(self.features, constitution(FOUNDING))
        assert after == pytest.approx(before - self.part_of(JUDGE, name), abs=1e-9)

    def test_at_the_refit_becomes_the_measure_of_later_edits(self):
        doubled = constitution(FOUNDING | {NAMES[0]: 2 * FOUNDING[NAMES[0]]})
        judge = fit(
            np.zeros((5, len(FEATURES))),
            np.ones(5),
            background=choices(50)[2],
            sees=tuple(FEATURES),
            constitution=doubled,
            prior=JUDGE,
        )
        same_spread = replace(judge, spread=JUDGE.spread)
        assert same_spread.score_features(self.features, doubled) == pytest.approx(
            JUDGE.score_features(self.features, doubled), abs=1e-5
        )


JUDGE = fitted()


class TestAnArtefact:
    def test_comes_back_as_it_was(self):
        again = load(JUDGE.dump())
        assert again == JUDGE
        given_constitution = constitution(FOUNDING)
        assert again(ANSWERS, given_constitution) == JUDGE(ANSWERS, given_constitution)
        assert len(JUDGE(ANSWERS, given_constitution)) == len(describe(ANSWERS)) == 3

    def test_of_other_features_is_refused(self):
        with pytest.raises(UsageError, match="features that it was fitted on"):
            load(JUDGE.dump().replace(b'"length"', b'"breadth"', 1))


def said(scores):
    return lambda answers, _: scores


def raising(error):
    def judge(answers, _):
        raise error

    return judge


class TestAnError:
    def of(self, judge):
        return verdicts("j", judge, ANSWERS, constitution(FOUNDING))

    @pytest.mark.parametrize(
        ("judge", "reason"),
        [
            (raising(RuntimeError("out of\nwords")), "RuntimeError: out of"),
            (raising(KeyError()), "KeyError"),
            (raising(TimeoutError("too slow")), "too slow"),
            (said([1.0, 2.0]), "one score per answer"),
            (said([1.0] * 4), "one score per answer"),
            (said([]), "one score per answer"),
            (said(None), "TypeError"),
            (said(7), "TypeError"),
            (lambda answers, _: (1 / 0 for _ in answers), "ZeroDivisionError"),
        ],
    )
    def test_of_the_whole_judge_is_an_error_for_every_answer(self, judge, reason):
        found = self.of(judge)
        assert [v.answer for v in found] == [a.text for a in ANSWERS]
        assert all(v.score is None and reason in v.error for v in found)

    @pytest.mark.parametrize(
        "nonsense", [math.nan, math.inf, -math.inf, None, "1.0", True, [1.0], 1j]
    )
    def test_of_one_score_is_an_error_for_that_answer_only(self, nonsense):
        found = self.of(said([1.0, nonsense, 3]))
        assert [v.score for v in found] == [1.0, None, 3.0]
        assert [v.error is None for v in found] == [True, False, True]
        assert "not a finite number" in found[1].error

    def test_of_none_leaves_every_number_as_it_was(self):
        found = self.of(said(np.array([0.5, -1.0, 2.0])))
        assert [(v.score, v.error, v.judge) for v in found] == [
            (0.5, None, "j"),
            (-1.0, None, "j"),
            (2.0, None, "j"),
        ]


def row(*scores):
    return [
        JudgeVerdict(
            prompt="p", answer=str(i), judge="j", score=s, error=None if s is not None else "e"
        )
        for i, s in enumerate(scores)
    ]


class TestThePanel:
    def test_is_the_weighted_mean(self):
        scores = panel_scores({"a": row(1, 2), "b": row(3, 6)}, {"a": 0.75, "b": 0.25})
        assert scores == [1.5, 3.0]

    def test_has_no_score_where_a_judge_of_weight_failed(self):
        by_judge = {"a": row(1, None, 3), "b": row(None, 2, 3)}
        assert panel_scores(by_judge, {"a": 0.5, "b": 0.5}) == [None, None, 3.0]

    def test_does_not_ask_a_judge_without_weight(self):
        by_judge = {"a": row(1, 2), "b": row(None, 9), "c": row(None, None)}
        assert panel_scores(by_judge, {"a": 2.0, "b": 0.0}) == [1.0, 2.0]

    @pytest.mark.parametrize("weights", [{}, {"a": 0.0}])
    def test_needs_a_judge_of_weight(self, weights):
        with pytest.raises(JudgeError, match="judge of weight"):
            panel_scores({"a": row(1, 2)}, weights)

    def test_of_judges_that_saw_different_answers_is_refused(self):
        with pytest.raises(ValueError):
            panel_scores({"a": row(1, 2), "b": row(1)}, {"a": 1.0, "b": 1.0})


class TestCalibration:
    def test_recovers_what_a_score_means(self):
        rng = np.random.default_rng(0)
        scores = rng.normal(size=20000)
        right = (rng.random(20000) < 1 / (1 + np.exp(-(1.5 * scores - 0.5)))).astype(float)
        assert calibrate(scores, right) == pytest.approx((1.5, -0.5), abs=0.08)

    def test_of_few_grades_stays_finite(self):
        slope, intercept = calibrate(np.array([-1.0, 1.0]), np.array([0.0, 1.0]))
        assert 0 < slope < 20 and math.isfinite(intercept)
