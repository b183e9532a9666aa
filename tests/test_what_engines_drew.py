"""What an engine drew, as the jobs take it: in our tokens, scored, from the weights at hand."""

import json

import pytest

from agent.founding import shipped
from logs.errors import EngineFailed, UsageError
from tests.a_llama import a_base, an_adapter
from tools.drawn_answers import taken
from tools.engines.adapters import require_fits
from tools.models import load_policy, load_tokenizer
from tools.sampling import SamplingParameters, sample
from tools.task import MicroWorld

PROMPTS = MicroWorld().train_prompts(24, seed=1, emphasis={})
OURS = {"repeats": True, "tolerance": 0.01}
ANOTHERS = {"repeats": False, "tolerance": 0.01}


@pytest.fixture(scope="module")
def base():
    return load_policy(shipped("base"), None)


@pytest.fixture(scope="module")
def codec():
    return load_tokenizer(shipped("base"))


@pytest.fixture(scope="module")
def drawn(base, codec):
    parameters = SamplingParameters(samples=3, max_new_tokens=6, seed=4)
    asked = [codec.prompt(p) for p in PROMPTS]
    return sample(base, asked, eos=codec.eos, pad=codec.pad, parameters=parameters)


@pytest.fixture
def write(tmp_path, drawn):
    def write(told=lambda s: [s.ids, s.logps, s.finished]):
        path = tmp_path / "drawn.jsonl"
        path.write_text("".join(json.dumps([told(s) for s in row]) + "\n" for row in drawn))
        return path

    return write


def sums(rows):
    return [sum(s.logps) for row in rows for s in row]


class TestWhatAnEngineDrew:
    def test_is_taken_as_it_is_where_its_numbers_repeat(self, base, codec, drawn, write):
        assert taken(base, codec, PROMPTS, write(), OURS) == drawn
        assert any(not s.finished for row in drawn for s in row)

    @pytest.mark.parametrize(
        "told",
        [lambda s: [s.ids, s.logps, s.finished], lambda s: [s.ids, None, s.finished]],
        ids=["they do not repeat", "it gives none"],
    )
    def test_is_scored_here_where(self, base, codec, drawn, write, told):
        rows = taken(base, codec, PROMPTS, write(told), ANOTHERS)
        assert [s.ids for row in rows for s in row] == [s.ids for row in drawn for s in row]
        assert sums(rows) == pytest.approx(sums(drawn), abs=1e-3)

    def test_comes_to_the_same_whatever_its_last_digits_were(self, base, codec, write):
        shaken = write(lambda s: [s.ids, [p - 1e-5 for p in s.logps], s.finished])
        first = taken(base, codec, PROMPTS, shaken, ANOTHERS)
        assert first == taken(base, codec, PROMPTS, write(), ANOTHERS)

    def test_as_a_text_is_put_into_our_tokens(self, base, codec, drawn, write):
        rows = taken(
            base, codec, PROMPTS, write(lambda s: [codec.text(s.ids), None, s.finished]), ANOTHERS
        )
        said = [[codec.text(s.ids) for s in row] for row in drawn]
        assert [[codec.text(s.ids) for s in row] for row in rows] == said
        assert all(p < 0 for p in sums(rows))

    def test_from_weights_that_were_not_asked_for_is_not_used(self, codec, write, tmp_path):
        stale = load_policy(shipped("base"), an_adapter(tmp_path / "adapter"))
        with pytest.raises(EngineFailed, match="other weights") as caught:
            taken(stale, codec, PROMPTS, write(), OURS)
        assert "nats a token in" in caught.value.saw

    def test_with_log_probabilities_at_another_temperature_is_not_used(self, base, codec, write):
        at_half = write(lambda s: [s.ids, [p / 2 for p in s.logps], s.finished])
        with pytest.raises(EngineFailed, match="other weights"):
            taken(base, codec, PROMPTS, at_half, ANOTHERS)


NARROW = {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 2}


class TestAnAdapter:
    def test_of_the_base_fits(self, tmp_path):
        require_fits(an_adapter(tmp_path / "adapter"), shipped("base"))

    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            (NARROW, "of another size"),
            ({"num_hidden_layers": 6}, "no layer of the base"),
            ({"num_key_value_heads": 1}, "of another size"),
        ],
        ids=["width", "depth", "groups"],
    )
    def test_of_another_base_is_refused_by_the_layer_that_does_not_fit(
        self, tmp_path, changed, says
    ):
        adapter = an_adapter(tmp_path / "adapter", a_base(tmp_path / "base", **changed))
        with pytest.raises(UsageError, match="does not fit") as caught:
            require_fits(adapter, shipped("base"))
        assert says in caught.value.saw

    def test_that_is_cut_short_or_empty_is_refused(self, tmp_path):
        adapter = an_adapter(tmp_path / "adapter")
        weights = adapter / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:100])
        with pytest.raises(UsageError, match="cannot be read"):
            require_fits(adapter, shipped("base"))
        weights.unlink()
        with pytest.raises(UsageError, match="does not fit"):
            require_fits(adapter, shipped("base"))
