"""What answers show of the policy: length, variety and certainty, with siblings as one cluster."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from logs.errors import UndefinedMeasurement
from logs.vocabulary import Status
from tests import a_model
from tools.instruments import distinct_2, entropy, lengths
from tools.sampling import SamplingParameters, sample
from tools.world.pools import Pool, prompts

WORDS = tuple(f"w{i}" for i in range(40))


def row(*texts, logp=-1.0, finished=True):
    return {"prompt": "p", "answers": [[t, logp, logp, finished] for t in texts]}


def groups(n=64, k=4, *, seed=0, skew=0.0, most=5):
    """Answers of random words; `skew` above 0 makes a few words common."""
    rng = np.random.default_rng(seed)
    p = np.arange(1, len(WORDS) + 1.0) ** -skew
    return [
        row(
            *(
                " ".join(rng.choice(WORDS, rng.integers(1, most + 1), p=p / p.sum()))
                for _ in range(k)
            )
        )
        for _ in range(n)
    ]


class TestLength:
    def test_is_words_per_answer_averaged_over_prompts(self):
        m = lengths([row("a b", "a b c d"), row("a"), row("", "a b c d")])
        assert (m.estimate, m.n, m.clusters, m.units) == (2.0, 5, 3, "words")

    def test_of_one_prompt_is_insufficient_however_many_answers_it_has(self):
        assert lengths([row(*["a b"] * 50)]).status is Status.INSUFFICIENT


class TestEntropy:
    def test_is_nats_per_token_with_the_end_of_a_finished_answer(self):
        told = [row("a b", logp=-6.0), row("a b", logp=-6.0, finished=False)]
        assert entropy(told).estimate == pytest.approx((6 / 3 + 6 / 2) / 2)

    def test_leaves_out_an_answer_without_tokens(self):
        told = [row("", "a", logp=0.0, finished=False), row("a", logp=-2.0)]
        m = entropy(told)
        assert (m.n, m.estimate) == (2, pytest.approx((0 + 1) / 2))

    @pytest.mark.parametrize("logp", [math.nan, -math.inf, 0.5])
    def test_of_impossible_log_probabilities_is_refused(self, logp):
        with pytest.raises(UndefinedMeasurement):
            entropy([row("a", logp=logp), row("b")])

    def test_reads_the_fields_that_other_columns_follow(self):
        longer = [{"prompt": "p", "answers": [[*a, -9.0] for a in g["answers"]]} for g in groups()]
        assert entropy(longer) == entropy(groups())

    def test_agrees_with_the_exact_entropy_of_the_model(self, tmp_path_factory):
        folder = a_model.saved(tmp_path_factory)
        model, codec = a_model.plain(folder), a_model.codec(folder)
        asked = [codec.prompt(p) for p in prompts(Pool.AUDIT, 150, seed=1)]
        parameters = SamplingParameters(samples=4, max_new_tokens=1, seed=2)
        drawn = sample(model, asked, eos=-1, pad=codec.pad, parameters=parameters)
        told = [
            {"prompt": "p", "answers": [["word", 0.0, r.logps[0], False] for r in siblings]}
            for siblings in drawn
        ]
        exact = [stats.entropy(first_word(model, ids)) for ids in asked]
        m = entropy(told)
        assert m.low < np.mean(exact) < m.high
        assert m.high - m.low < 0.5 < m.estimate


def first_word(model, ids):
    import torch

    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1].double().softmax(-1).numpy()


class TestVariety:
    def by_drawing(self, told, budget, draws=3000):
        """The same expectation by brute force: draw that many pairs, count the distinct ones."""
        pairs = [p for g in told for p in pairwise(g["answers"][0][0].split())]
        codes = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
        rng = np.random.default_rng(0)
        seen = [len(set(rng.choice(codes, budget, replace=False).tolist())) for _ in range(draws)]
        return np.mean(seen) / budget, np.std(seen) / budget / math.sqrt(draws)

    @pytest.mark.parametrize("skew", [0.0, 1.0])
    def test_is_the_expected_share_among_a_fixed_number_of_pairs(self, skew):
        told = groups(256, 1, skew=skew)
        wanted, error = self.by_drawing(told, 200)
        assert distinct_2(told).estimate == pytest.approx(wanted, abs=4 * error)

    def test_does_not_fall_because_more_was_looked_at(self):
        few, many = (distinct_2(groups(n, 1, skew=1.0)) for n in (192, 1536))
        assert few.low < many.estimate < few.high

        def plain(told):
            pairs = [p for g in told for p in pairwise(g["answers"][0][0].split())]
            return len(set(pairs)) / len(pairs)

        assert plain(groups(1536, 1, skew=1.0)) < 0.6 * plain(groups(192, 1, skew=1.0))

    def test_covers_the_truth(self):
        truth = distinct_2(groups(6000, 1, seed=99, skew=1.0)).estimate
        found = [distinct_2(groups(200, 1, seed=s, skew=1.0)) for s in range(100)]
        hits = sum(m.low <= truth <= m.high for m in found)
        assert hits >= stats.binom.ppf(1e-3, 100, 0.92)

    def test_of_the_same_policy_twice_is_the_same_within_chance(self):
        a, b = (distinct_2(groups(300, 1, seed=s, skew=0.5)) for s in (1, 2))
        assert a.low < b.high and b.low < a.high

    def test_of_answers_with_a_stock_phrase_falls(self):
        plain = groups(300, 1, most=4)
        stuck = [row(*(f"{a[0]} sure my friend gladly" for a in g["answers"])) for g in plain]
        assert distinct_2(stuck).high < 0.8 * distinct_2(plain).low

    def test_of_siblings_that_agree_does_not_fall(self):
        one = groups(200, 1)
        eight = [row(*[g["answers"][0][0]] * 8) for g in one]
        assert distinct_2(eight) == distinct_2(one)

    @pytest.mark.parametrize(
        "told",
        [[], [row("a b c")], groups(4, 4), [row("a"), row("b")], [row(" ".join(WORDS * 9)), row()]],
    )
    def test_of_too_few_pairs_is_insufficient(self, told):
        m = distinct_2(told)
        assert (m.status, m.estimate, m.low) == (Status.INSUFFICIENT, None, None)

    def test_of_one_phrase_is_as_low_as_can_be(self):
        m = distinct_2([row("a b a b a")] * 100)
        assert m.estimate == pytest.approx(2 / 200)
