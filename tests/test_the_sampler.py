"""The sampler draws what the model says, however its rows are batched, padded or dropped."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from tests import a_model
from tools import sampling
from tools.sampling import SamplingParameters, sample
from tools.scoring import answer_logps
from tools.world.pools import Pool, prompts

PROMPTS = prompts(Pool.TRAIN, 24, seed=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return a_model.plain(a_model.saved(tmp_path_factory))


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    return a_model.codec(a_model.saved(tmp_path_factory))


@pytest.fixture(scope="module")
def encoded(codec):
    return [codec.prompt(p) for p in PROMPTS]


def drawn(model, encoded, codec, *, eos=None, **parameters):
    return sample(
        model,
        encoded,
        eos=codec.eos if eos is None else eos,
        pad=codec.pad,
        parameters=SamplingParameters(**parameters),
    )


def continued(model, codec, prompt, *, eos, most):
    """The greedy continuation, by `transformers.generate`, one prompt at a time."""
    ids = torch.tensor([prompt])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=most,
        eos_token_id=eos,
        pad_token_id=codec.pad,
    )
    return out[0, len(prompt) :].tolist()


@pytest.fixture(scope="module")
def early_end(model, codec, encoded):
    """A word that ends some greedy answers at once, some later and some never."""
    rows = [continued(model, codec, p, eos=codec.eos, most=12) for p in encoded]
    places = Counter()
    for word in {w for row in rows for w in row}:
        firsts = [row.index(word) if word in row else len(row) for row in rows]
        places[word] = len(set(firsts))
    return places.most_common(1)[0][0]


class TestGreedy:
    def test_equals_transformers_token_for_token(self, model, codec, encoded, early_end):
        rows = drawn(model, encoded, codec, eos=early_end, temperature=0.0, max_new_tokens=12)
        lengths = set()
        for prompt, [row] in zip(encoded, rows, strict=True):
            said = continued(model, codec, prompt, eos=early_end, most=12)
            assert row.ids == (said[:-1] if said[-1] == early_end else said)
            lengths.add(len(row.ids))
        assert len(lengths) >= 3, "the batch must shrink on its way"

    @pytest.mark.parametrize("rows", [1, 5, 1024])
    @pytest.mark.parametrize("compact_below", [0.0, 0.7, 1.1])
    def test_does_not_depend_on_batches_or_on_dropping_rows(
        self, model, codec, encoded, early_end, monkeypatch, rows, compact_below
    ):
        plain = drawn(model, encoded, codec, eos=early_end, temperature=0.0, max_new_tokens=12)
        monkeypatch.setattr(sampling, "COMPACT_BELOW", compact_below)
        again = drawn(
            model, encoded, codec, eos=early_end, temperature=0.0, max_new_tokens=12, rows=rows
        )
        assert [r.ids for [r] in again] == [r.ids for [r] in plain]
        assert [r.finished for [r] in again] == [r.finished for [r] in plain]

    def test_siblings_are_all_the_same(self, model, codec, encoded):
        rows = drawn(model, encoded[:3], codec, temperature=0.0, samples=4, max_new_tokens=6)
        assert all(len(siblings) == 4 for siblings in rows)
        assert all(len({tuple(r.ids) for r in siblings}) == 1 for siblings in rows)


class TestLogProbabilities:
    @pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
    def test_are_those_of_a_plain_forward_pass_at_temperature_one(
        self, model, codec, encoded, early_end, temperature
    ):
        rows = drawn(
            model,
            encoded,
            codec,
            eos=early_end,
            temperature=temperature,
            samples=2,
            seed=4,
            max_new_tokens=10,
        )
        for prompt, siblings in zip(encoded, rows, strict=True):
            for row in siblings:
                answer = [*row.ids, *([early_end] if row.finished else [])]
                wanted = a_model.forward_logps(model, prompt, answer)
                assert row.logps == pytest.approx(wanted, abs=1e-4)

    @pytest.mark.parametrize("prompts_at_once", [1, 5, 128])
    def test_of_written_answers_are_their_sum(self, model, codec, encoded, prompts_at_once):
        rows = [(p, codec.answer(p[1 : 2 + i % 7])) for i, p in enumerate(encoded)]
        siblings = [(p, codec.answer([5] * (i % 4))) for i, p in enumerate([*encoded[:6]] * 3)]
        told = [*rows, *siblings, rows[0]]
        wanted = [sum(a_model.forward_logps(model, p, a)) for p, a in told]
        scored = answer_logps(model, told, pad=codec.pad, prompts=prompts_at_once)
        assert scored == pytest.approx(wanted, abs=1e-4)

    def test_of_answers_that_are_only_an_end_are_told_too(self, model, codec, encoded):
        [scored] = answer_logps(model, [(encoded[0], codec.answer([]))], pad=codec.pad)
        wanted = a_model.forward_logps(model, encoded[0], [codec.eos])
        assert scored == pytest.approx(wanted[0], abs=1e-4)


def wide_of(frequencies, p, n):
    """Chi-square tail of counts against expectations; rare words are counted together."""
    order = np.argsort(-p)
    often = order[p[order] * n >= 5]
    seen = [*frequencies[often], n - frequencies[often].sum()]
    wanted = [*p[often] * n, n - (p[often] * n).sum()]
    return stats.chisquare(seen, wanted).pvalue


class TestSampling:
    n = 4000

    def first_two(self, model, codec, prompt, temperature):
        [rows] = drawn(
            model,
            [prompt],
            codec,
            eos=-1,
            samples=self.n,
            temperature=temperature,
            max_new_tokens=2,
            seed=7,
            rows=self.n,
        )
        return np.array([r.ids for r in rows])

    def softmax(self, model, ids, temperature):
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1].double()
        return (logits / temperature).softmax(-1).numpy()

    @pytest.mark.parametrize("temperature", [0.5, 1.0])
    def test_frequencies_are_the_softmax_within_chance(self, model, codec, encoded, temperature):
        pairs = self.first_two(model, codec, encoded[0], temperature)
        p = self.softmax(model, encoded[0], temperature)
        first = np.bincount(pairs[:, 0], minlength=len(p))
        assert wide_of(first, p, self.n) > 1e-3
        word = int(first.argmax())
        then = pairs[pairs[:, 0] == word, 1]
        q = self.softmax(model, [*encoded[0], word], temperature)
        assert wide_of(np.bincount(then, minlength=len(q)), q, len(then)) > 1e-3

    def test_at_another_temperature_would_be_noticed(self, model, codec, encoded):
        pairs = self.first_two(model, codec, encoded[0], 1.0)
        p = self.softmax(model, encoded[0], 0.8)
        assert wide_of(np.bincount(pairs[:, 0], minlength=len(p)), p, self.n) < 1e-6

    def test_the_same_seed_draws_the_same_answers(self, model, codec, encoded):
        def ids(seed):
            return [
                [r.ids for r in row] for row in drawn(model, encoded, codec, samples=3, seed=seed)
            ]

        assert ids(5) == ids(5) != ids(6)


class TestAnAnswer:
    def test_that_was_cut_is_marked(self, model, codec, encoded):
        rows = drawn(model, encoded, codec, eos=-1, max_new_tokens=5)
        assert all(not r.finished and len(r.ids) == len(r.logps) == 5 for [r] in rows)

    def test_that_ended_keeps_the_end_out_of_its_words_and_in_its_log_probabilities(
        self, model, codec, encoded, early_end
    ):
        rows = drawn(model, encoded, codec, eos=early_end, samples=8, max_new_tokens=12)
        ended = [r for row in rows for r in row if r.finished]
        assert len(ended) > 10
        assert all(early_end not in r.ids and len(r.logps) == len(r.ids) + 1 for r in ended)

    def test_may_end_with_the_last_word_allowed(self, model, codec, encoded, early_end):
        drawn_hot = dict(samples=32, max_new_tokens=1, temperature=4.0)
        rows = drawn(model, encoded, codec, eos=early_end, **drawn_hot)
        flat = [r for row in rows for r in row]
        assert {(r.finished, len(r.ids), len(r.logps)) for r in flat} == {
            (True, 0, 1),
            (False, 1, 1),
        }

    def test_follows_its_prompt_whatever_the_order_of_lengths(self, model, codec, encoded):
        rows = drawn(model, encoded, codec, temperature=0.0, max_new_tokens=4)
        back = drawn(model, encoded[::-1], codec, temperature=0.0, max_new_tokens=4)
        assert [r.ids for [r] in rows] == [r.ids for [r] in back[::-1]]

    def test_of_no_prompt_is_none(self, model, codec):
        assert drawn(model, [], codec) == []


def test_progress_reaches_the_end(model, codec, encoded):
    told = []
    sample(
        model,
        encoded,
        eos=codec.eos,
        pad=codec.pad,
        parameters=SamplingParameters(rows=10, max_new_tokens=2),
        on_progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(10, 24), (20, 24), (24, 24)]
