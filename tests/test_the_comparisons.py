"""Comparisons by a panel: how sharply each judge sees, and from which side."""

import itertools

import numpy as np
import pytest
from scipy.special import expit

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tools.instruments.reliability import (
    Comparison,
    bradley_terry,
    position_bias,
    sharpness,
)
from tools.instruments.reliability.bradley_terry import regression
from tools.instruments.reliability.comparisons import design_of

RNG = np.random.default_rng


def robin(seed, sharp, place, prompts=40, answers=6):
    """Round robins of every judge on every prompt, shown in random order."""
    rng, out = RNG(seed), []
    for prompt in range(prompts):
        worth = rng.normal(size=answers)
        for k, (i, j) in itertools.product(
            range(len(sharp)), itertools.combinations(range(answers), 2)
        ):
            a, b = (i, j) if rng.random() < 0.5 else (j, i)
            won = rng.random() < expit(sharp[k] * (worth[a] - worth[b]) + place[k])
            out.append(
                Comparison(
                    judge=f"judge {k}",
                    first=(prompt, a),
                    second=(prompt, b),
                    won=int(won),
                    cluster=prompt,
                )
            )
    return out


class TestBradleyAndTerry:
    def test_recover_sharpness_and_position_and_name_the_inverted_judge(self):
        sharp, place = (1.5, 0.7, -0.5), (0.0, 0.8, 0.0)
        fits = [bradley_terry(robin(s, sharp, place)) for s in range(3)]
        assert np.mean([f.sharpness for f in fits], axis=0) == pytest.approx(sharp, abs=0.25)
        assert np.mean([f.position for f in fits], axis=0) == pytest.approx(place, abs=0.15)
        found = [sharpness(fits[0], f"judge {k}") for k in range(3)]
        assert [m.status for m in found] == [Status.GREEN, Status.GREEN, Status.RED]
        assert position_bias(fits[0], "judge 1").status is Status.RED
        assert position_bias(fits[0], "judge 0").status is not Status.RED

    def test_give_the_order_of_choix_where_all_judges_are_alike(self):
        import choix

        rng, worth = RNG(1), np.linspace(-1.5, 1.5, 8)
        rows = [
            Comparison(
                judge="a", first=i, second=j, won=int(rng.random() < expit(worth[i] - worth[j]))
            )
            for i, j in itertools.combinations(range(8), 2)
            for _ in range(60)
        ]
        both = [*rows, *(mirrored(row) for row in rows)]
        fit = bradley_terry(both)
        index = {a: i for i, a in enumerate(fit.answers)}
        pairs = [
            (index[c.first], index[c.second]) if c.won else (index[c.second], index[c.first])
            for c in both
        ]
        oracle = choix.opt_pairwise(len(index), pairs, alpha=0.5 / fit.sharpness[0] ** 2)
        assert fit.position[0] == pytest.approx(0, abs=1e-6)
        assert np.corrcoef(fit.worth, oracle)[0, 1] > 0.999
        assert fit.sharpness[0] * np.ptp(fit.worth) == pytest.approx(np.ptp(oracle), rel=0.03)

    def test_are_logistic_regression_where_worth_is_known(self):
        from sklearn.linear_model import LogisticRegression

        rng = RNG(2)
        gaps = rng.normal(size=500)
        won = (rng.random(500) < expit(1.2 * gaps + 0.4)).astype(float)
        oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(gaps[:, None], won)
        known = np.repeat(gaps[:, None], 9, axis=1)
        found = regression(known, won, np.array([1.0, 0.0]))
        wanted = (oracle.coef_[0, 0], oracle.intercept_[0])
        assert found == pytest.approx(wanted, abs=2e-3)

    def test_cover_what_was_planted(self):
        hits = []
        for seed in range(8):
            fit = bradley_terry(robin(seed, (1.0, 0.5), (0.3, 0.0), prompts=30, answers=5))
            for k, (a, b) in enumerate(((1.0, 0.3), (0.5, 0.0))):
                for m, true in (
                    (sharpness(fit, f"judge {k}"), a),
                    (position_bias(fit, f"judge {k}"), b),
                ):
                    hits.append(m.low <= true <= m.high)
        assert np.mean(hits) >= 0.8

    def test_count_whatever_shares_an_answer_or_a_prompt_as_one_cluster(self):
        def one(first, second, cluster=None):
            return Comparison(judge="a", first=first, second=second, won=1, cluster=cluster)

        apart = [one(1, 2), one(3, 4), one(5, 6)]
        assert design_of(apart).groups.tolist() == [0, 1, 2]
        assert len(set(design_of([*apart, one(2, 3)]).groups.tolist())) == 2
        assert len(set(design_of([one(1, 2, "p"), one(3, 4, "p")]).groups.tolist())) == 1

    def test_of_few_prompts_are_insufficient_and_of_strangers_refused(self):
        fit = bradley_terry(robin(3, (1.0, 1.0), (0.0, 0.0), prompts=8))
        assert sharpness(fit, "judge 0").status is Status.INSUFFICIENT
        assert position_bias(fit, "judge 0").status is Status.INSUFFICIENT
        with pytest.raises(UndefinedMeasurement, match="made from"):
            sharpness(fit, "stranger")

    @pytest.mark.parametrize(
        "rows",
        [
            [],
            [Comparison(judge="a", first=1, second=1, won=1)],
            [Comparison(judge="a", first=1, second=2, won=2)],
        ],
    )
    def test_refuse_what_is_no_verdict(self, rows):
        with pytest.raises(UndefinedMeasurement, match="two answers"):
            bradley_terry(rows)


def mirrored(c):
    """The same verdict with the answers shown the other way round."""
    return Comparison(
        judge=c.judge, first=c.second, second=c.first, won=1 - c.won, cluster=c.cluster
    )
