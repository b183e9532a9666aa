"""vLLM draws what the model says: from the base, from any adapter, and the same again."""

import json
import math
from dataclasses import replace

import pytest
import torch

from agent.founding import shipped
from logs.errors import UsageError
from tests.vllm.rig import PROMPTS, Rig, drawn, inside
from tools.drawn_answers import taken
from tools.models import load_policy
from tools.sampling import Sampled, SamplingParameters, sample
from tools.scoring import answer_logps


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("vllm"))
    yield rig
    rig.engine.close()


@pytest.fixture(scope="module")
def adapter(rig):
    return rig.an_adapter(seed=1)


def read(lines):
    return [[Sampled(*answer) for answer in json.loads(line)] for line in lines.splitlines()]


def policy(rig, adapter):
    return load_policy(shipped("base"), rig.store.checkout(adapter) if adapter else None)


@pytest.mark.parametrize("of", ["the base", "an adapter"])
class TestAnswersOf:
    def test_have_the_log_probabilities_that_transformers_gives_them(self, rig, adapter, of):
        which = adapter if of == "an adapter" else None
        rows = read(drawn(rig.engine, rig.ask(which)))
        said = [(rig.codec.prompt(p), s) for p, row in zip(PROMPTS, rows, strict=True) for s in row]
        finished = [(p, s) for p, s in said if s.finished]
        assert len(finished) > 0.8 * len(said)
        scored = answer_logps(
            policy(rig, which),
            [(p, [*s.ids, rig.codec.eos]) for p, s in finished],
            pad=rig.codec.pad,
        )
        gaps = [abs(sum(s.logps) - q) for (_, s), q in zip(finished, scored, strict=True)]
        assert max(gaps) < 0.01

    def test_are_the_greedy_ones_at_temperature_0(self, rig, adapter, of):
        which = adapter if of == "an adapter" else None
        rows = read(drawn(rig.engine, rig.ask(which, temperature=0.0, samples=1)))
        by_transformers = sample(
            policy(rig, which),
            [rig.codec.prompt(p) for p in PROMPTS],
            eos=rig.codec.eos,
            pad=rig.codec.pad,
            parameters=SamplingParameters(temperature=0.0, max_new_tokens=20),
        )
        same = [a[0].ids == b[0].ids for a, b in zip(rows, by_transformers, strict=True)]
        assert sum(same) >= len(same) - 1  # a tie may fall either way


class TestADraw:
    def test_is_a_function_of_what_was_asked(self, rig, adapter):
        first, other = drawn(rig.engine, rig.ask(adapter)), drawn(rig.engine, rig.ask(None))
        assert drawn(rig.engine, rig.ask(adapter)) == first != other
        assert drawn(rig.engine, rig.ask(adapter, seed=4)) != first

    def test_is_the_same_by_an_engine_that_was_started_anew(self, rig, adapter):
        first = drawn(rig.engine, rig.ask(adapter))
        rig.engine.close()
        assert drawn(rig.engine, rig.ask(adapter)) == first

    def test_gives_siblings_that_differ(self, rig):
        rows = [json.loads(line) for line in drawn(rig.engine, rig.ask()).splitlines()]
        assert any(len({tuple(ids) for ids, *_ in row}) > 1 for row in rows)

    def test_has_the_frequencies_of_the_model(self, rig):
        """The first token of one prompt, 1000 times: chi-squared against the softmax."""
        prompt = rig.codec.prompt(PROMPTS[0])
        ask = rig.ask(prompts=[prompt] * 10, samples=100, max_new_tokens=1)
        rows = [json.loads(line) for line in drawn(rig.engine, ask).splitlines()]
        first = [(ids or [rig.codec.eos])[0] for row in rows for ids, *_ in row]
        with torch.inference_mode():
            p = policy(rig, None)(torch.tensor([prompt])).logits[0, -1].softmax(-1)
        likely = [i for i in range(len(p)) if p[i] * len(first) >= 5]
        counts = [first.count(i) for i in likely]
        expected = [float(p[i]) * len(first) for i in likely]
        chi = sum((k - e) ** 2 / e for k, e in zip(counts, expected, strict=True))
        assert chi < len(likely) + 5 * math.sqrt(2 * len(likely)) + 5

    def test_of_an_adapter_of_another_rank_needs_no_other_settings(self, rig):
        assert drawn(rig.engine, rig.ask(rig.an_adapter(seed=5, rank=16)))

    def test_longer_than_the_context_is_refused(self, rig):
        with pytest.raises(UsageError, match="longer than the engine's context"):
            drawn(rig.engine, rig.ask(max_new_tokens=500))

    def test_by_no_environment_says_how_to_make_one(self, rig, tmp_path):
        engine = rig.an_engine(python=tmp_path / "bin" / "python")
        with pytest.raises(UsageError, match="environment of vLLM is not there"):
            drawn(engine, rig.ask())


def test_a_base_of_grouped_queries_and_its_adapter_are_drawn_from(rig, tmp_path):
    """A Llama from a configuration: as small as vLLM serves one on a processor."""
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 4}
    folder = rig.a_base(hidden_size=128, **heads)
    base, adapter = rig.store.put_folder(folder), rig.an_adapter(base=folder)
    for trained in (None, adapter):
        lines = drawn(rig.engine, rig.ask(trained, base=base))
        (tmp_path / "drawn").write_bytes(lines)
        model = load_policy(folder, rig.store.checkout(trained) if trained else None)
        nature = {"repeats": True, "tolerance": rig.engine.nature.tolerance}
        rows = taken(model, rig.codec, PROMPTS, tmp_path / "drawn", nature)
        assert rows == read(lines)


def few(rig, **changed):
    ask = rig.ask(**changed)
    return replace(ask, prompts=ask.prompts[:2])


class TestAClosedEngine:
    def test_leaves_no_process(self, rig):
        drawn(rig.engine, few(rig))
        family = inside(rig.engine)
        assert family
        rig.engine.close()
        assert [p for p in family if p.is_running()] == []
