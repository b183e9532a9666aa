"""Diversity against the anchor: equal n only, right intervals, loud when answers repeat."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import comb

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tests.a_speaker import padded, repeated, speaker
from tools.instruments.drift.diversity import (
    certain_tokens,
    entropy_change,
    siblings_change,
    token_entropy,
    vendi,
    vendi_change,
)
from tools.instruments.drift.embedding import HashedNgrams
from tools.instruments.drift.lexical import distinct_change, self_bleu, self_bleu_change

RNG = np.random.default_rng
EMBED = HashedNgrams(dimensions=128)
WARM, COLD = speaker(), speaker().at(0.6)
TEXTS = st.lists(
    st.lists(st.sampled_from("abcd"), max_size=7).map(" ".join), min_size=2, max_size=12
)


def spread_out(n, d, seed, weights=None):
    scale = np.ones(d) if weights is None else weights
    return RNG(seed).normal(size=(n, d)) * scale


class TestTheVendiScore:
    @pytest.mark.parametrize("n", [1, 4, 9])
    def test_counts_what_is_at_right_angles_and_not_what_is_alike(self, n):
        assert vendi(np.eye(9)[:n]) == pytest.approx(n)
        assert vendi(np.ones((n, 3))) == pytest.approx(1)
        assert vendi(np.repeat(np.eye(9)[:n], 5, axis=0)) == pytest.approx(n)

    def test_is_its_definition_on_the_matrix_of_cosines(self):
        points = spread_out(30, 12, 0) + 1
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        values = np.linalg.eigvalsh(unit @ unit.T / 30)
        values = values[values > 1e-12]
        assert vendi(points) == pytest.approx(np.exp(-(values * np.log(values)).sum()))

    def test_grows_with_n_for_one_policy(self):
        scores = [vendi(EMBED(WARM.says(n, seed=0))) for n in (50, 100, 200, 400)]
        assert scores == sorted(scores) and scores[-1] > 1.2 * scores[0]

    def test_of_different_n_is_never_compared(self):
        x = spread_out(400, 8, 0)
        with pytest.raises(UndefinedMeasurement, match="400 now, 200 at the anchor"):
            vendi_change(x, x[:200])
        with pytest.raises(UndefinedMeasurement, match="8 now, 4 at the anchor"):
            siblings_change(x.reshape(50, 8, 8), x[:200].reshape(50, 4, 8))

    @pytest.mark.parametrize("bad", [np.zeros((20, 3)), np.full((20, 3), np.nan)])
    def test_of_points_without_a_direction_is_refused(self, bad):
        with pytest.raises(UndefinedMeasurement, match="without a direction"):
            vendi_change(bad, np.ones((20, 3)))


class TestItsChange:
    def test_has_an_interval_that_holds_the_truth_as_often_as_it_says(self):
        weights, held = 0.9 ** np.arange(12), 0
        truth = np.log(vendi(spread_out(200_000, 12, 0, weights**2)))
        truth -= np.log(vendi(spread_out(200_000, 12, 1, weights)))
        for seed in range(300):
            then, now = (spread_out(300, 12, [seed, k], weights ** (1 + k)) for k in (0, 1))
            m = vendi_change(now, then)
            held += np.log1p(m.low) <= truth <= np.log1p(m.high)
        assert stats.binomtest(held, 300, 0.95, "less").pvalue > 1e-3

    def test_counts_a_prompt_once_however_often_it_was_asked(self):
        x, y = spread_out(40, 6, 0), spread_out(40, 6, 1)
        once = vendi_change(x, y, prompts=range(40))
        many = vendi_change(*(np.repeat(s, 4, axis=0) for s in (x, y)),
                            prompts=[i // 4 for i in range(160)])  # fmt: skip
        assert (many.low, many.high) == pytest.approx((once.low, once.high))
        assert (many.n, many.clusters) == (160, 40)

    @pytest.mark.parametrize("say", [WARM, COLD])
    def test_between_two_seeds_of_one_policy_is_green(self, say):
        for seed in range(5):
            x, y = (EMBED(say.says(400, [seed, k])) for k in (0, 1))
            assert vendi_change(x, y).status is Status.GREEN

    def test_of_a_corpus_that_repeats_itself_alarms(self):
        for seed in range(5):
            x, y = (WARM.says(400, [seed, k]) for k in (0, 1))
            m = vendi_change(EMBED(repeated(x, 0.3)), EMBED(y))
            assert m.status is Status.RED and m.high < -0.15

    def test_of_a_colder_policy_alarms(self):
        m = vendi_change(EMBED(COLD.says(400, 0)), EMBED(WARM.says(400, 1)))
        assert m.status in (Status.RED, Status.YELLOW) and m.estimate < -0.15

    def test_among_siblings_sees_a_policy_that_has_one_answer_per_prompt(self):
        points = EMBED(WARM.says(400, 0)).reshape(50, 8, 128)
        other = EMBED(WARM.says(400, 1)).reshape(50, 8, 128)
        stuck = np.repeat(points[:, :1], 8, axis=1)
        assert siblings_change(points, other).status is Status.GREEN
        m = siblings_change(stuck, other)
        assert m.status is Status.RED
        scores = [np.mean([vendi(p) for p in side]) for side in (stuck, other)]
        assert m.estimate == pytest.approx(scores[0] / scores[1] - 1)

    @pytest.mark.parametrize("n", [0, 1, 9])
    def test_of_a_handful_is_insufficient(self, n):
        m = vendi_change(np.ones((n, 3)), np.ones((n, 3)))
        assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)


class TestEntropy:
    def test_of_tokens_is_scipys(self):
        logits = RNG(0).normal(size=(4, 5, 7)) * 3
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        assert token_entropy(logits) == pytest.approx(stats.entropy(p, axis=-1))
        assert token_entropy(np.array([[0.0, -np.inf], [5.0, 5.0]])) == pytest.approx(
            [0, np.log(2)]
        )

    def test_of_a_colder_policy_alarms_and_of_the_same_one_does_not(self):
        warm, cold = (s.entropies(s.says(400, 0)) for s in (WARM, COLD))
        assert entropy_change(cold, warm).status is Status.RED
        again = entropy_change(WARM.entropies(WARM.says(400, 1)), warm)
        assert again.status is Status.GREEN and again.low <= 0 <= again.high

    def test_of_a_certain_anchor_has_no_relative_change(self):
        with pytest.raises(UndefinedMeasurement, match="0 now, 0 at the anchor"):
            entropy_change([[0.0]] * 20, [[0.0]] * 20)
        with pytest.raises(UndefinedMeasurement, match="1 answers without a token"):
            entropy_change([[0.1], []], [[0.1], [0.2]])

    def test_counts_tokens_that_were_hardly_chosen(self):
        m = certain_tokens([[0.01, 0.9], [0.04, 0.0499], [0.05, 0.06]])
        assert m.estimate == pytest.approx(0.5) and m.n == 3


def expected_kinds(texts, order, budget):
    """Hurlbert's expectation, n-gram by n-gram, in exact integers."""
    grams = Counter(
        tuple(w[i : i + order])
        for t in texts
        for w in [t.split()]
        for i in range(len(w) - order + 1)
    )
    total = sum(grams.values())
    missed = [comb(total - n, budget, exact=True) / comb(total, budget, exact=True)
              for n in grams.values()]  # fmt: skip
    return sum(1 - m for m in missed) / budget


class TestDistinctNgrams:
    @pytest.mark.parametrize("order", [1, 2, 3])
    def test_are_expected_on_an_equal_budget(self, order):
        now, then = COLD.says(60, 0), WARM.says(60, 1)
        m = distinct_change(now, then, order=order, budget=80)
        wanted = expected_kinds(now, order, 80) / expected_kinds(then, order, 80) - 1
        assert m.estimate == pytest.approx(wanted)
        assert m.instrument == f"distinct_{order}"

    def test_do_not_fall_because_answers_got_longer(self):
        longer = [f"{a} {b}" for a, b in zip(WARM.says(200, 0), WARM.says(200, 1), strict=True)]
        assert distinct_change(longer, WARM.says(200, 2)).status is not Status.RED

    def test_have_an_interval_that_holds_the_truth_as_often_as_it_says(self):
        sides = [(COLD.says(60, [s, 0]), WARM.says(60, [s, 1])) for s in range(120)]
        found = [distinct_change(now, then, budget=100) for now, then in sides]
        truth = np.mean([np.log1p(m.estimate) for m in found])
        held = sum(np.log1p(m.low) <= truth <= np.log1p(m.high) for m in found)
        assert stats.binomtest(held, 120, 0.95, "less").pvalue > 1e-3

    def test_of_a_corpus_that_repeats_itself_alarm(self):
        m = distinct_change(repeated(WARM.says(400, 0), 0.5), WARM.says(400, 1))
        assert m.status in (Status.RED, Status.YELLOW)

    def test_of_too_few_words_are_insufficient(self):
        for texts in ([], ["a"] * 20, ["a b"] * 20):
            m = distinct_change(texts, texts, budget=30)
            assert (m.status, m.estimate) == (Status.INSUFFICIENT, None)


class TestSelfBleu:
    @given(TEXTS)
    @settings(max_examples=60)
    def test_is_nltks_answer_by_answer(self, texts):
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

        words, smooth = [t.split() for t in texts], SmoothingFunction().method1
        for i, found in enumerate(self_bleu(texts)):
            if not words[i]:
                assert np.isnan(found)
                continue
            k = min(4, len(words[i]))
            wanted = sentence_bleu(words[:i] + words[i + 1 :], words[i], [1 / k] * k, smooth)
            assert found == pytest.approx(wanted, abs=1e-12)

    def test_of_answers_all_alike_is_one(self):
        assert self_bleu(["a b c d e"] * 3) == pytest.approx([1, 1, 1])

    def test_rises_when_a_stock_sentence_is_appended_and_not_between_seeds(self):
        x, y = WARM.says(400, 0), WARM.says(400, 1)
        assert self_bleu_change(x, y).status not in (Status.YELLOW, Status.RED)
        assert self_bleu_change(padded(x, 0.5), y).status is Status.RED

    def test_leaves_empty_answers_out_and_says_so(self):
        texts = ["a b c"] * 15
        m = self_bleu_change(["", *texts], [*texts, "x"])
        assert m.n == 15 and "1 pairs with an empty answer" in m.assumptions[0]
        assert self_bleu_change([""] * 30, texts * 2).status is Status.INSUFFICIENT
        with pytest.raises(UndefinedMeasurement):
            self_bleu_change(texts, texts[1:])
