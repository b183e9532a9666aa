"""Many metrics and many iterations: what may be called red when much is looked at."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import integrate, stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments.sequential.betting import log_wealth
from tools.instruments.sequential.multiplicity import (
    adjusted,
    e_bh,
    e_holm,
    p_to_e,
    red_metrics,
)
from tools.instruments.sequential.spending import (
    Standing,
    alpha_of_claim,
    alpha_of_iteration,
    standing_claim,
)

EVIDENCE = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3), st.floats(0, 400), min_size=1, max_size=6
)
ALPHAS = st.sampled_from((0.01, 0.05, 0.1, 0.3))


class TestEBH:
    @given(EVIDENCE, ALPHAS)
    def test_is_the_largest_set_whose_members_all_reach_its_threshold(self, evidence, alpha):
        sizes = [
            k
            for k in range(len(evidence) + 1)
            if any(
                all(evidence[name] * alpha * k >= len(evidence) for name in names)
                for names in itertools.combinations(evidence, k)
            )
        ]
        found = e_bh(evidence, alpha=alpha)
        assert len(found.names) == max(sizes)
        assert all(evidence[name] >= found.threshold * (1 - 1e-12) for name in found.names)

    @example({"a": 5.0, "b": 0.0, "c": 5.0}, 0.3)
    @given(EVIDENCE.filter(lambda e: all(v == 0 or v > 1 for v in e.values())), ALPHAS)
    def test_is_benjamini_hochberg_on_one_over_e(self, evidence, alpha):
        p = stats.false_discovery_control([1 / e if e else 1.0 for e in evidence.values()])
        # On the edge itself, floats may fall on either side.
        surely, perhaps = (
            {name for name, q in zip(evidence, p, strict=True) if q <= alpha * edge}
            for edge in (1 - 1e-9, 1 + 1e-9)
        )
        assert surely <= set(e_bh(evidence, alpha=alpha).names) <= perhaps

    def test_finds_the_real_ones_and_few_others(self):
        rng, false, power = np.random.default_rng(1), [], []
        p = np.where(np.arange(12) < 3, 0.6, 0.5)
        for _ in range(200):
            now = log_wealth((rng.random((12, 600)) < p[:, None]).astype(float), 0.5)[:, -1]
            names = e_bh({f"{i:02}": math.exp(w) for i, w in enumerate(now)}).names
            wrong = sum(int(name) >= 3 for name in names)
            false.append(wrong / max(1, len(names)))
            power.append((len(names) - wrong) / 3)
        assert np.mean(false) <= 0.1 and np.mean(power) >= 0.9


class TestEHolm:
    @given(EVIDENCE, ALPHAS)
    def test_is_the_closure_of_bonferroni(self, evidence, alpha):
        def falls(names):
            return any(evidence[name] * alpha >= len(names) for name in names)

        subsets = [
            set(names)
            for k in range(1, len(evidence) + 1)
            for names in itertools.combinations(evidence, k)
        ]
        closed = {n for n in evidence if all(falls(s) for s in subsets if n in s)}
        assert set(e_holm(evidence, alpha=alpha).names) == closed

    def test_of_running_maxima_on_nulls_hardly_ever_rings(self):
        x = (np.random.default_rng(2).random((300, 5, 400)) < 0.5).astype(float)
        peaks = np.exp(np.maximum(log_wealth(x, 0.5).max(-1), 0))
        any_red = [bool(e_holm({str(i): e for i, e in enumerate(row)}).names) for row in peaks]
        assert np.mean(any_red) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)


class TestTurningOneIntoAnother:
    @pytest.mark.parametrize("kappa", [0.1, 0.5, 0.9])
    def test_a_p_value_becomes_an_e_value_that_is_one_on_average(self, kappa):
        # By p = u^(1 / kappa), which takes the pole at 0 away.
        power = 1 / kappa
        mean = integrate.quad(
            lambda u: p_to_e(u**power, kappa=kappa) * power * u ** (power - 1), 0, 1
        )
        assert mean[0] == pytest.approx(1.0)
        assert p_to_e(0.04) == pytest.approx(2.5)

    @pytest.mark.parametrize("kappa", [0.1, 0.5, 0.9])
    def test_a_maximum_becomes_one_whose_price_is_right(self, kappa):
        # The largest of an e-process exceeds x with probability 1 / x at most: density x^-2.
        price = integrate.quad(lambda u: adjusted(1 / u, kappa=kappa), 0, 1)[0]
        assert price == pytest.approx(1.0, rel=1e-3)
        assert adjusted(16.0) == 2.0

    @pytest.mark.parametrize("p", [0.0, -0.1, 1.1, math.nan])
    def test_of_an_impossible_p_value_is_refused(self, p):
        with pytest.raises(UndefinedMeasurement, match="p-value"):
            p_to_e(p)

    def test_of_a_maximum_below_the_beginning_is_refused(self):
        with pytest.raises(UndefinedMeasurement):
            adjusted(0.5)


class TestTheRedMetrics:
    def test_are_named_and_counted(self):
        evidence = {"length": 900.0, "refusals": 300.0, "ties": 1.0}
        m = red_metrics(evidence)
        assert (m.status, m.of, m.count, m.n) == (Status.RED, "length, refusals", 2, 3)
        assert m.guarantee is Guarantee.ANYTIME and "discovery rate" in m.assumptions[0]

    def test_of_gates_promise_no_false_alarm_at_all(self):
        m = red_metrics({"harm": 39.0, "honesty": 1.0}, family="gates")
        assert (m.status, m.level) == (Status.GREEN, 0.95)
        assert red_metrics({"harm": 40.0, "honesty": 1.0}, family="gates").status is Status.RED

    def test_of_none_are_insufficient(self):
        m = red_metrics({})
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)

    @given(EVIDENCE)
    def test_do_not_depend_on_the_order_they_came_in(self, evidence):
        m = red_metrics(evidence)
        assert m == red_metrics(dict(reversed(evidence.items())))
        assert Measurement.model_validate_json(m.model_dump_json()) == m

    @pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
    def test_of_impossible_evidence_are_refused(self, bad):
        with pytest.raises(UndefinedMeasurement):
            red_metrics({"x": bad})


class TestAlphaOverIterations:
    def test_adds_up_to_alpha_and_never_beyond(self):
        spent = np.cumsum([alpha_of_iteration(k) for k in range(1, 5000)])
        assert spent[-1] < 0.05 and spent[-1] == pytest.approx(0.05, abs=1e-5)

    def test_grows_with_claims_that_were_made(self):
        assert alpha_of_claim(4, 0) == alpha_of_iteration(4, alpha=0.1)
        assert alpha_of_claim(4, 3) == pytest.approx(4 * alpha_of_claim(4, 0))

    @pytest.mark.parametrize(("k", "made"), [(0, 0), (3, 3), (3, -1)])
    def test_of_an_impossible_count_is_refused(self, k, made):
        with pytest.raises(UndefinedMeasurement):
            alpha_of_claim(k, made)


class TestAStandingClaim:
    def test_multiplies_the_evidence_of_iterations(self):
        claim = Standing().after(math.log(4)).after(math.log(6))
        assert standing_claim(claim).status is Status.GREEN
        assert standing_claim(claim).estimate == pytest.approx(math.log(24))
        assert standing_claim(Standing().after(math.log(4))).status is Status.YELLOW

    def test_once_earned_stays_earned(self):
        claim = Standing().after(math.log(30)).after(-5.0)
        m = standing_claim(claim)
        assert m.status is Status.GREEN and m.estimate < m.margin

    def test_of_no_iteration_is_insufficient(self):
        assert standing_claim(Standing()).status is Status.INSUFFICIENT

    @given(st.lists(st.floats(-50, 50), min_size=1, max_size=9))
    def test_goes_on_to_the_last_bit_after_it_was_written_down(self, logs):
        claim = Standing()
        for log_e in logs[:-1]:
            claim = claim.after(log_e)
        assert Standing.from_json(claim.to_json()).after(logs[-1]) == claim.after(logs[-1])

    def test_that_is_false_is_hardly_ever_earned_over_ten_iterations(self):
        x = (np.random.default_rng(3).random((400, 10, 100)) < 0.5).astype(float)
        product = np.cumsum(log_wealth(x, 0.5)[..., -1], -1)
        earned = product.max(-1) >= math.log(20)
        assert earned.mean() <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)

    def test_of_a_ruined_bet_is_refused(self):
        with pytest.raises(UndefinedMeasurement):
            Standing().after(-math.inf)
