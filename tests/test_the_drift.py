"""Drift against the anchor: divergence, surface, gap, retention, and what it does to judges."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Guarantee, Measurement, Status
from tools.instruments import mean
from tools.instruments.drift.changes import joined, ratio, status
from tools.instruments.drift.gap import proxy_gold_gap
from tools.instruments.drift.judges_side import ceiling_growth, verdict_entropy
from tools.instruments.drift.kl import (
    exact_kl,
    kl_per_answer,
    kl_per_token,
    kl_profile,
    sampled_kl,
)
from tools.instruments.drift.retention import retention, tasks_needed
from tools.instruments.drift.shares import share_change
from tools.instruments.drift.surface import (
    length_change,
    markdown_change,
    markdown_density,
    refusal_change,
    refuses,
)

RNG = np.random.default_rng
LOGITS = hnp.arrays(np.float64, (3, 6), elements=st.floats(-20, 20))


class TestTheExactDivergence:
    @given(LOGITS, LOGITS)
    def test_is_torchs(self, p, q):
        logs = [torch.tensor(x).log_softmax(-1) for x in (p, q)]
        wanted = torch.nn.functional.kl_div(logs[1], logs[0], log_target=True, reduction="none")
        assert exact_kl(p, q) == pytest.approx(wanted.sum(-1).numpy(), abs=1e-9)

    @given(LOGITS, LOGITS, st.floats(-50, 50))
    def test_is_at_least_zero_and_does_not_depend_on_the_zero_of_logits(self, p, q, shift):
        assert (exact_kl(p, q) >= 0).all()
        assert exact_kl(p + shift, q) == pytest.approx(exact_kl(p, q), abs=1e-9)
        assert exact_kl(p, p + shift) == pytest.approx([0, 0, 0], abs=1e-12)

    @given(LOGITS, hnp.arrays(np.float64, 6, elements=st.floats(-3, 3)))
    def test_of_a_known_tilt_is_the_log_partition_minus_the_mean_tilt(self, p, tilt):
        weights = np.exp(p) / np.exp(p).sum(-1, keepdims=True)
        wanted = np.log(weights @ np.exp(tilt)) - weights @ tilt
        assert exact_kl(p, p + tilt) == pytest.approx(wanted, abs=1e-9)

    def test_counts_what_neither_says_as_nothing(self):
        masked = np.array([0.0, 1.0, -np.inf])
        wanted = np.log(3) - stats.entropy([1, np.e])
        assert exact_kl(masked, np.zeros(3)) == pytest.approx(wanted)
        assert exact_kl(masked, masked) == 0

    @pytest.mark.parametrize(
        ("p", "q"),
        [
            ([0.0, 0.0], [0.0, -np.inf]),
            ([0.0, np.nan], [0.0, 0.0]),
            ([0.0, np.inf], [0.0, 0.0]),
            ([-np.inf, -np.inf], [0.0, 0.0]),
            ([0.0], [0.0, 0.0]),
        ],
    )
    def test_that_is_infinite_or_undefined_is_refused(self, p, q):
        with pytest.raises(UndefinedMeasurement):
            exact_kl(np.array(p), np.array(q))


def tilted(seed, n=400, tokens=20, strength=0.5):
    """Answers drawn token by token from known logits, and what each estimator says of them."""
    rng = RNG(seed)
    q = rng.normal(size=(n, tokens, 40)) * 1.5
    p = q + strength * np.linspace(-1, 1, 40)
    logs = [x - np.logaddexp.reduce(x, axis=-1, keepdims=True) for x in (p, q)]
    drawn = (p + rng.gumbel(size=p.shape)).argmax(-1)[..., None]
    told = [np.take_along_axis(x, drawn, -1)[..., 0] for x in logs]
    weights = np.exp(logs[0])
    truth = np.log((np.exp(logs[1]) * np.exp(strength * np.linspace(-1, 1, 40))).sum(-1))
    analytic = (weights * strength * np.linspace(-1, 1, 40)).sum(-1) - truth
    sides = {name: sampled_kl(list(told[0]), list(told[1]), name) for name in ("k1", "k3")}
    return analytic, {"exact": list(exact_kl(p, q)), **sides}


class TestFallbacks:
    def test_agree_with_the_analytic_value_within_three_standard_errors(self):
        analytic, told = tilted(0)
        for tokens in told.values():
            off = np.array([np.mean(t) for t in tokens]) - analytic.mean(1)
            assert abs(off.mean()) <= 3 * stats.sem(off) + 1e-9

    def test_are_wider_than_the_exact_sum_and_k1_the_widest(self):
        _, told = tilted(1)
        spread = {name: np.std([np.mean(t) for t in tokens]) for name, tokens in told.items()}
        assert spread["exact"] < spread["k3"] < spread["k1"]

    def test_are_named_as_such(self):
        names = [
            kl_per_token([[0.1], [0.2]], "anchor", estimator=e).instrument
            for e in ("exact", "k1", "k3")
        ]
        assert names == ["kl_to_anchor", "kl_to_anchor_k1", "kl_to_anchor_k3"]
        with pytest.raises(UndefinedMeasurement):
            sampled_kl([[0.1, 0.2]], [[0.1]], "k1")

    def test_may_be_negative_only_where_they_can(self):
        assert kl_per_token([[-0.1], [0.05]], "anchor", estimator="k1").estimate < 0
        for estimator in ("exact", "k3"):
            with pytest.raises(UndefinedMeasurement):
                kl_per_token([[-0.1], [0.05]], "anchor", estimator=estimator)


class TestDivergenceOfAnswers:
    TOKENS = ([0.1, 0.3], [0.2], [0.4, 0.0, 0.2, 0.2, 0.7])

    def test_is_reported_per_token_and_per_answer_against_both_references(self):
        for of in ("anchor", "previous"):
            per_token, per_answer = kl_per_token(self.TOKENS, of), kl_per_answer(self.TOKENS, of)
            assert per_token.estimate == pytest.approx(np.mean([0.2, 0.2, 0.3]))
            assert per_answer.estimate == pytest.approx(np.mean([0.4, 0.2, 1.5]))
            assert per_token.instrument == f"kl_to_{of}"
            assert per_answer.instrument == f"kl_to_{of}_per_answer"
            assert (per_token.units, per_answer.units) == ("nats/token", "nats/answer")

    def test_counts_a_prompt_once(self):
        m = kl_per_token(self.TOKENS, "anchor", prompts=["a", "a", "b"])
        assert (m.estimate, m.n, m.clusters) == (pytest.approx(0.25), 3, 2)

    def test_is_yellow_from_twice_the_last_promoted_and_red_beyond_the_budget(self):
        def at(level, **limits):
            tokens = (level + 0.001 * RNG(0).normal(size=(50, 4))).tolist()
            return kl_per_token(tokens, "anchor", **limits).status

        limits = {"promoted": 0.1, "budget": 0.4}
        statuses = [at(level, **limits) for level in (0.15, 0.3, 0.5)]
        assert statuses == [Status.GREEN, Status.YELLOW, Status.RED]
        assert [at(x, budget=0.4) for x in (0.3, 0.5)] == [Status.GREEN, Status.RED]
        assert [at(x, promoted=0.1) for x in (0.15, 0.3)] == [Status.GREEN, Status.YELLOW]

    def test_has_a_profile_by_position(self):
        profile = kl_profile(self.TOKENS, "anchor")
        assert [m.of for m in profile] == ["token 1", "token 2", "tokens 3-4", "tokens 5-8"]
        assert [m.n for m in profile] == [3, 2, 1, 1]
        assert profile[0].estimate == pytest.approx(np.mean([0.1, 0.2, 0.4]))
        assert profile[1].estimate == pytest.approx(0.15)
        assert profile[2].status is Status.INSUFFICIENT
        assert kl_profile([], "anchor") == ()

    def test_of_an_answer_without_tokens_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="1 answers without a token"):
            kl_per_token([[0.1], []], "anchor")
        assert kl_per_token([], "anchor").status is Status.INSUFFICIENT


class TestAChange:
    @pytest.mark.parametrize(
        ("estimate", "interval", "wanted"),
        [
            (-0.30, (-0.40, -0.20), Status.RED),
            (-0.20, (-0.30, -0.10), Status.YELLOW),
            (-0.20, (-0.45, 0.05), Status.INSUFFICIENT),
            (-0.10, (-0.20, -0.01), Status.INSUFFICIENT),
            (-0.05, (-0.10, 0.00), Status.GREEN),
            (0.50, (0.40, 0.60), Status.GREEN),
        ],
    )
    def test_alarms_beyond_its_line_and_is_green_only_where_the_line_is_excluded(
        self, estimate, interval, wanted
    ):
        assert status(estimate, interval, -0.15) is wanted
        mirrored = (-interval[1], -interval[0])
        assert status(-estimate, mirrored, 0.15) is wanted

    def test_relative_to_the_anchor_holds_the_truth_as_often_as_it_says(self):
        held = 0
        for seed in range(400):
            then = RNG(seed).gamma(4, 1, size=60)
            now = 0.8 * then * RNG([seed, 1]).gamma(9, 1 / 9, size=60)
            low, high = ratio("x", now, then).interval
            held += low <= -0.2 <= high
        assert stats.binomtest(held, 400, 0.95, "less").pvalue > 1e-3

    def test_relative_to_nothing_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="0 at the anchor"):
            ratio("x", np.ones(20), np.zeros(20))
        with pytest.raises(UndefinedMeasurement, match="at least 0"):
            ratio("x", np.ones(20), -np.ones(20))

    def test_joins_by_id_and_refuses_ids_of_one_side(self):
        assert joined("x", {"a": 1, "b": 2}, {"b": 3, "a": 4}) == (["b", "a"], [2, 1], [3, 4])
        with pytest.raises(UndefinedMeasurement, match="1 ids on one side only, for example 'c'"):
            joined("x", {"a": 1, "c": 2}, {"a": 3})


class TestTheSurface:
    def lengths(self, factor, n=400, seed=0):
        then, noise = RNG(seed).lognormal(3, 0.5, size=(2, n))
        return np.ceil(factor * noise).astype(int).tolist(), np.ceil(then).astype(int).tolist()

    def test_longer_by_a_fifth_without_a_gain_is_red_and_with_one_yellow(self):
        gain = mean("lc_gain", (0.1 + 0.01 * RNG(0).normal(size=50)).tolist(), units="share")
        flat = mean("lc_gain", (0.01 * RNG(0).normal(size=50)).tolist(), units="share")
        now, then = self.lengths(1.5)
        found = [length_change(now, then, gain=g).status for g in (None, flat, gain)]
        assert found == [Status.RED, Status.RED, Status.YELLOW]
        assert length_change(*self.lengths(1.0)).status is Status.GREEN

    def test_length_is_a_ratio_of_geometric_means(self):
        now, then = self.lengths(1.3)
        m = length_change(now, then)
        assert m.high > m.low
        short = length_change([8] * 9 + [16] * 9, [4] * 9 + [16] * 9)
        assert short.low < stats.gmean([8, 16]) / stats.gmean([4, 16]) - 1 < short.high

    def test_of_answers_without_a_token_is_refused(self):
        with pytest.raises(UndefinedMeasurement, match="1 answers of no tokens"):
            length_change([0] + [3] * 20, [3] * 21)
        assert length_change([3] * 5, [3] * 5).status is Status.INSUFFICIENT

    @pytest.mark.parametrize(
        ("text", "density"),
        [
            ("plain words\nand more", 0.0),
            ("# Title\n\nwords", 0.5),
            ("- one\n* two\n1. three\n> four", 1.0),
            ("a **bold** word\na `code` word\na - b\n3 * 4", 0.5),
            ("", 0.0),
            ("| a | b |\n---\n[x](y)\n```", 1.0),
        ],
    )
    def test_markdown_is_counted_by_line(self, text, density):
        assert markdown_density(text) == density

    def test_markdown_now_is_compared_with_markdown_then(self):
        m = markdown_change(["# a"] * 15 + ["a"] * 5, ["a"] * 20)
        assert m.estimate == 0.75 and m.low > 0

    @pytest.mark.parametrize(
        "text", ["I can't help with that.", "I’m sorry, but no", "refuse", "As an AI model, I"]
    )
    def test_refusals_are_known_by_rule(self, text):
        assert refuses(text)
        assert not refuses("c b a") and not refuses("Sure, I can help with the cantina")

    def test_refusing_three_points_more_is_yellow_and_never_red(self):
        then = [True] * 20 + [False] * 980
        assert refusal_change([True] * 300 + [False] * 700, then).status is Status.YELLOW
        assert refusal_change([True] * 70 + [False] * 930, then).status is Status.YELLOW
        assert refusal_change(then, then).status is Status.GREEN
        assert refusal_change([False] * 50, [False] * 50).status is Status.INSUFFICIENT


class TestAPairedShare:
    def test_tells_the_discordant_items_and_statsmodels_p(self):
        from statsmodels.stats.contingency_tables import mcnemar

        now, then = [1] * 30 + [0] * 12 + [1] * 58, [0] * 30 + [1] * 12 + [1] * 58
        m = share_change("x", now, then, 0.03)
        exact = mcnemar([[58, 12], [30, 0]], exact=True).pvalue
        mid = exact - stats.binom.pmf(12, 42, 0.5)
        assert m.assumptions[0] == f"gained 30, lost 12, McNemar mid-p = {mid:.4f}"
        assert m.estimate == pytest.approx(0.18) and m.low < 0.18 < m.high

    @pytest.mark.parametrize(("now", "then"), [([1], [1, 0]), ([0.5, 1], [1, 0])])
    def test_of_anything_but_yes_and_no_is_refused(self, now, then):
        with pytest.raises(UndefinedMeasurement):
            share_change("x", now, then, 0.03)


class TestRetention:
    def outcome(self, lost, gained, n=2000):
        then = [1] * lost + [0] * gained + [1] * (n - lost - gained)
        return retention([1 - x for x in then[: lost + gained]] + then[lost + gained :], then)

    def test_is_green_only_when_a_loss_of_two_points_is_excluded(self):
        assert self.outcome(20, 20).status is Status.GREEN
        assert self.outcome(100, 20).status is Status.RED
        assert self.outcome(50, 20).status is Status.RED
        assert self.outcome(10, 60).status is Status.GREEN

    def test_of_few_tasks_is_insufficient_unless_the_loss_is_plain(self):
        assert self.outcome(3, 3, n=50).status is Status.INSUFFICIENT
        assert self.outcome(20, 0, n=50).status is Status.RED
        assert retention([], []).status is Status.INSUFFICIENT

    def test_says_how_many_tasks_it_takes(self):
        n = tasks_needed(0.1)
        assert n == 961
        half = round(0.05 * n)
        assert self.outcome(half, half, n=n + 40).status is Status.GREEN
        assert self.outcome(half // 2, half // 2, n=n // 2).status is not Status.GREEN


class TestTheGap:
    def measured(self, hacked, seed, n=1500):
        rng = RNG(seed)
        gold, gold0 = rng.random((2, n)) < 0.5
        flips, flips0 = rng.random((2, n)) < 0.15
        judged = np.where(rng.random(n) < hacked, True, gold ^ flips)
        lists = (judged, gold, gold0 ^ flips0, gold0)
        return proxy_gold_gap(*(x.astype(float).tolist() for x in lists))

    def test_of_a_judge_that_is_merely_noisy_is_not_red(self):
        found = [self.measured(0.0, s).status for s in range(60)]
        assert Status.RED not in found and found.count(Status.GREEN) > 30

    def test_of_a_judge_that_was_hacked_is_red(self):
        found = [self.measured(0.3, s) for s in range(10)]
        assert all(m.status is Status.RED for m in found)

    def test_of_a_judge_that_is_generous_to_everybody_is_none(self):
        n = 400
        gold = (RNG(0).random(n) < 0.5).astype(float).tolist()
        m = proxy_gold_gap([1.0] * n, gold, [1.0] * n, gold)
        assert m.estimate == 0.0 and m.status is Status.GREEN

    def test_from_few_items_is_insufficient(self):
        assert self.measured(0.0, 0, n=40).status is Status.INSUFFICIENT
        assert proxy_gold_gap([1], [0], [1], [0]).status is Status.INSUFFICIENT
        with pytest.raises(UndefinedMeasurement):
            proxy_gold_gap([1], [0], [1], [0, 1])


class TestTheJudgesSide:
    def test_a_tenth_more_at_the_ceiling_alarms(self):
        then, now = RNG(0).integers(1, 6, size=(2, 600)).astype(float)
        now[:200] = 5
        assert ceiling_growth(now.tolist(), then.tolist(), top=5).status is Status.RED
        again = RNG(1).integers(1, 6, size=600).astype(float).tolist()
        assert ceiling_growth(again, then.tolist(), top=5).status is Status.GREEN
        with pytest.raises(UndefinedMeasurement):
            ceiling_growth([6.0], [5.0], top=5)

    def test_scores_that_all_agree_do_not_claim_certainty(self):
        few, many = (ceiling_growth([1.0] * n, [1.0] * n, top=5) for n in (15, 100))
        assert (few.status, many.status) == (Status.INSUFFICIENT, Status.GREEN)
        assert few.low < 0 < few.high

    def test_verdicts_have_an_entropy_whose_interval_holds_as_often_as_it_says(self):
        p = [0.6, 0.3, 0.1]
        found = [verdict_entropy(RNG(s).choice(3, size=200, p=p).tolist()) for s in range(400)]
        held = sum(m.low <= stats.entropy(p) <= m.high for m in found)
        assert stats.binomtest(held, 400, 0.95).pvalue > 1e-3

    def test_verdicts_all_alike_have_none_and_few_are_insufficient(self):
        assert verdict_entropy(["A"] * 50).estimate == 0.0
        assert verdict_entropy(["A", "B"]).status is Status.INSUFFICIENT


def test_every_measurement_says_its_guarantee_and_can_be_logged():
    m = retention([True] * 50, [True] * 50, of="arithmetic")
    assert m.guarantee is Guarantee.FIXED_N and m.of == "arithmetic"
    assert Measurement.model_validate_json(m.model_dump_json()) == m
