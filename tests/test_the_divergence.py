"""Divergence between two policies: exact over the vocabulary, a sample only of the positions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests import a_model
from tools.divergence import exact_divergence
from tools.sampling import SamplingParameters, sample
from tools.world.pools import Pool, prompts

WORDS = 6
LOGITS = hnp.arrays(np.float64, WORDS, elements=st.floats(-8, 8))
ROWS = [([1, 2], [3, 4, 5]), ([1], [2]), ([1, 2, 3, 4], [5, 0])]


class Says:
    """A model with the same logits everywhere."""

    device = torch.device("cpu")
    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(vocab_size=WORDS))

    def __init__(self, logits):
        self.logits = torch.tensor(logits)

    def __call__(self, input_ids, attention_mask):
        return SimpleNamespace(logits=self.logits.expand(*input_ids.shape, WORDS))


def kl(p_logits, q_logits):
    """By hand, in numpy."""
    p = np.exp(p_logits - np.logaddexp.reduce(p_logits))
    q = np.exp(q_logits - np.logaddexp.reduce(q_logits))
    return float((p * np.log(p / q)).sum())


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return a_model.plain(a_model.saved(tmp_path_factory))


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    return a_model.codec(a_model.saved(tmp_path_factory))


@pytest.fixture(scope="module")
def rows(model, codec):
    asked = [codec.prompt(p) for p in prompts(Pool.AUDIT, 120, seed=2)]
    drawn = sample(
        model,
        asked,
        eos=codec.eos,
        pad=codec.pad,
        parameters=SamplingParameters(seed=3, max_new_tokens=8),
    )
    # Only words that were drawn: an end that the policy did not choose is no sample of it.
    ended = [codec.answer(r.ids) if r.finished else r.ids for [r] in drawn]
    return list(zip(asked, ended, strict=True))


def tilted(model, strength):
    """The same model with a known vector added to every logit."""
    other = a_model.plain(model.name_or_path)
    tilt = strength * torch.linspace(-1, 1, model.config.vocab_size)
    plain_forward = other.forward

    def forward(**inputs):
        out = plain_forward(**inputs)
        out.logits = out.logits + tilt
        return out

    other.forward = forward
    return other, tilt


class TestTheValue:
    @given(LOGITS, LOGITS)
    def test_is_the_analytic_one(self, p, q):
        found = exact_divergence(Says(p), Says(q), ROWS, pad=0)
        assert found == pytest.approx([kl(p, q)] * len(ROWS), abs=1e-9)

    @given(LOGITS, LOGITS)
    def test_of_tilted_logits_is_the_log_partition_minus_the_mean_tilt(self, p, tilt):
        weights = np.exp(p - np.logaddexp.reduce(p))
        wanted = np.log((weights * np.exp(tilt)).sum()) - (weights * tilt).sum()
        found = exact_divergence(Says(p), Says(p + tilt), ROWS, pad=0)
        assert found == pytest.approx([wanted] * len(ROWS), abs=1e-9)

    @given(LOGITS, LOGITS)
    def test_is_never_negative(self, p, q):
        assert min(exact_divergence(Says(p), Says(q), ROWS, pad=0)) >= 0

    def test_is_zero_for_equal_models(self, model, codec, rows):
        twin = a_model.plain(model.name_or_path)
        assert exact_divergence(model, twin, rows, pad=codec.pad) == [0.0] * len(rows)

    def test_has_a_direction(self):
        p, q = np.array([5.0, 0, 0, 0, 0, 0]), np.zeros(WORDS)
        there = exact_divergence(Says(p), Says(q), ROWS, pad=0)[0]
        back = exact_divergence(Says(q), Says(p), ROWS, pad=0)[0]
        assert there == pytest.approx(kl(p, q)) and back == pytest.approx(kl(q, p))
        assert abs(there - back) > 0.1


class TestOnRealModels:
    def test_of_a_tilt_is_what_a_forward_pass_gives(self, model, codec, rows):
        other, tilt = tilted(model, 1.5)
        wanted = []
        for prompt, answer in rows[:20]:
            with torch.no_grad():
                logits = model(torch.tensor([prompt + answer])).logits[0].double()
            p = logits[len(prompt) - 1 : -1].softmax(-1)
            per_token = (p @ tilt.double().exp()).log() - p @ tilt.double()
            wanted.append(float(per_token.mean()))
        found = exact_divergence(model, other, rows[:20], pad=codec.pad)
        assert found == pytest.approx(wanted, abs=1e-5)

    def test_agrees_with_monte_carlo_within_three_standard_errors(self, model, codec, rows):
        other, _ = tilted(model, 1.5)
        exact = exact_divergence(model, other, rows, pad=codec.pad)
        ratios = []
        for prompt, answer in rows:
            p = a_model.forward_logps(model, prompt, answer)
            with torch.no_grad():
                ids = torch.tensor([prompt + answer])
                logp = other(input_ids=ids).logits[0].double().log_softmax(-1)
            q = [float(logp[len(prompt) - 1 + i, t]) for i, t in enumerate(answer)]
            ratios.append(np.mean(np.array(p) - np.array(q)))
        off = np.array(ratios) - np.array(exact)
        assert np.mean(exact) > 0.1
        assert abs(off.mean()) < 3 * off.std(ddof=1) / np.sqrt(len(off))

    @pytest.mark.parametrize("batch", [1, 7, 256])
    def test_does_not_depend_on_batch_or_padding(self, model, codec, rows, batch):
        other, _ = tilted(model, 0.5)
        alone = [exact_divergence(model, other, [row], pad=codec.pad)[0] for row in rows[:15]]
        found = exact_divergence(model, other, rows[:15], pad=codec.pad, batch=batch)
        assert found == pytest.approx(alone, abs=1e-6)

    def test_grows_with_the_tilt(self, model, codec, rows):
        steps = [
            np.mean(exact_divergence(model, tilted(model, s)[0], rows[:30], pad=codec.pad))
            for s in (0.0, 0.2, 0.5, 1.0)
        ]
        assert steps == sorted(steps) and steps[0] == 0.0 < steps[1]
