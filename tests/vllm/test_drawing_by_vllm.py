"""vLLM draws what the model says: from the base, from any adapter, and the same again."""

import json
import math
from dataclasses import replace

import pytest
import torch

from agent.founding import shipped
from logs.errors import UsageError
from tests.vllm.rig import PROMPTS, Rig, drawn, inside
from tools.drawing import read_drawn
from tools.models import load_policy
from tools.sampling import SamplingParameters, sample
from tools.scoring import answer_logps


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("vllm"))
    yield rig
    rig.engine.close()


@pytest.fixture(scope="module")
def adapter(rig):
    return rig.an_adapter(seed=1)


def policy(rig, adapter):
    return load_policy(shipped("base"), rig.store.checkout(adapter) if adapter else None)


@pytest.mark.parametrize("of", ["the base", "an adapter"])
class TestAnswersOf:
    def test_have_the_log_probabilities_that_transformers_gives_them(
        self, rig, adapter, of, tmp_path
    ):
        which = adapter if of == "an adapter" else None
        (tmp_path / "drawn").write_bytes(drawn(rig.engine, rig.ask(which)))
        rows = read_drawn(tmp_path / "drawn")
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

    def test_are_the_greedy_ones_at_temperature_0(self, rig, adapter, of, tmp_path):
        which = adapter if of == "an adapter" else None
        (tmp_path / "drawn").write_bytes(
            drawn(rig.engine, rig.ask(which, temperature=0.0, samples=1))
        )
        rows = read_drawn(tmp_path / "drawn")
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
        """The first token of one prompt, 2000 times: chi-squared against the softmax."""
        prompt = rig.codec.prompt(PROMPTS[0])
        ask = rig.ask(prompts=[prompt] * 20, samples=100, max_new_tokens=1)
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


class TestAClosedEngine:
    def test_leaves_no_process(self, rig):
        drawn(rig.engine, replace(rig.ask(), prompts=rig.ask().prompts[:2]))
        family = inside(rig.engine)
        assert family
        rig.engine.close()
        assert [p for p in family if p.is_running()] == []
