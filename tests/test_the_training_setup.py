"""How weights are trained: what does not fit the model is refused, what does not fit memory is
done over in halves, and what comes out is read by others as before."""

import json

import pytest
import torch
from peft import PeftConfig
from pydantic import ValidationError
from transformers import AutoTokenizer

from agent.arm import Spent
from agent.config import Config, TrainingSection
from logs.errors import PlimsollError, UsageError
from logs.vocabulary import Recipe
from sandbox.worker import JobResult
from tests import a_model
from tests import a_users_data as user
from tools import jobs, memory, sampling, scoring, surveying, trl_trainer
from tools.divergence import exact_divergence
from tools.encoding import Codec
from tools.models import load_policy
from tools.pairs import Pair, Shown
from tools.training_setup import Setup, require_fit
from tools.trl_trainer import train

PAIRS = [Pair(p, "a b", "b") for p in ("copy a b =", "reverse b a =", "sort b a =", "city ann =")]
SHOWN = [Shown(p.prompt, p.chosen) for p in PAIRS]
RECIPE = Recipe(rank=2, batch=4, epochs=1)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return a_model.saved(tmp_path_factory)


@pytest.fixture(autouse=True)
def no_notes(monkeypatch):
    notes = []
    for module in (memory, trl_trainer):
        monkeypatch.setattr(module, "NOTES", notes)


def run(base, out, setup=trl_trainer.AS_USUAL, recipe=RECIPE):
    return train(
        recipe, base=base, adapter=None, pairs=PAIRS, shown=SHOWN, seed=1, out=out, setup=setup
    )


NO_ROOM = torch.OutOfMemoryError("planted: CUDA out of memory")


class Crowded:
    """What a GPU without room does: more than so many rows at once do not fit."""

    def __init__(self, monkeypatch, room, says=NO_ROOM):
        self.room, self.tried = room, []
        plain = torch.nn.Embedding.forward

        def forward(layer, ids):
            if ids.ndim == 2 and ids.requires_grad is False:
                self.tried.append(len(ids))
                if len(ids) > self.room:
                    raise says
            return plain(layer, ids)

        monkeypatch.setattr(torch.nn.Embedding, "forward", forward)


class TestMemory:
    def test_that_runs_out_while_training_halves_the_batch_and_learns_the_same(
        self, base, tmp_path, monkeypatch
    ):
        recipe = RECIPE.model_copy(update={"beta": 0.0})
        whole = run(base, tmp_path / "whole", recipe=recipe)
        crowded = Crowded(monkeypatch, room=2)
        halved = run(base, tmp_path / "halved", recipe=recipe)
        monkeypatch.undo()
        assert max(crowded.tried) == 4
        assert halved["nll_steps"] == whole["nll_steps"] == 1
        assert (whole["rows_at_once"], halved["rows_at_once"]) == (4, 2)
        prompts = torch.tensor([[1, 20, 4, 5, 3]])
        with torch.no_grad():
            one, other = (
                load_policy(base, tmp_path / name)(prompts).logits for name in ("whole", "halved")
            )
        assert torch.allclose(one, other, atol=1e-3)

    def test_that_ran_out_is_told_in_the_report_of_the_job(self, base, tmp_path, monkeypatch):
        Crowded(monkeypatch, room=4)
        for name, rows in (("pairs", PAIRS), ("shown", SHOWN)):
            lines = [json.dumps(list(vars_of(row))) for row in rows]
            (tmp_path / name).write_text("\n".join(lines))
        args = {"base": str(base), "adapter": None, "threads": 1, "seed": 1}
        args |= {"recipe": RECIPE.model_dump(), "pairs": str(tmp_path / "pairs")}
        args |= {"shown": str(tmp_path / "shown"), "training": TrainingSection().model_dump()}
        report = jobs.train(args, tmp_path, lambda done, of, what: None)
        said = "out of memory with 4 rows at once while training: gone on with 2"
        assert report["memory"] == [said]
        spent = Spent()
        spent.note("train", result_of(report))
        assert spent.said() == {"memory": [said]}

    def test_that_does_not_hold_one_row_ends_the_training_with_what_to_try(
        self, base, tmp_path, monkeypatch
    ):
        Crowded(monkeypatch, room=0)
        with pytest.raises(PlimsollError, match="even one at a time") as refused:
            run(base, tmp_path / "out")
        assert "gradient_checkpointing" in refused.value.try_this
        assert not (tmp_path / "out").exists()

    def test_that_runs_out_while_sampling_halves_what_is_drawn_at_once(self, base, monkeypatch):
        codec, model = a_model.codec(base), load_policy(base, None)
        prompts = [codec.prompt(p.prompt) for p in PAIRS]
        greedy = sampling.SamplingParameters(samples=2, temperature=0, max_new_tokens=4)
        usual = sampling.sample(model, prompts, eos=codec.eos, pad=codec.pad, parameters=greedy)
        Crowded(monkeypatch, room=2)
        parameters = sampling.SamplingParameters(samples=2, temperature=0, max_new_tokens=4)
        again = sampling.sample(model, prompts, eos=codec.eos, pad=codec.pad, parameters=parameters)
        assert [[a.ids for a in row] for row in again] == [[a.ids for a in row] for row in usual]
        assert len(memory.NOTES) == 2

    def test_of_a_processor_runs_out_in_other_words(self, base, monkeypatch):
        codec, model = a_model.codec(base), load_policy(base, None)
        rows = [(codec.prompt(p.prompt), codec.answer(codec.encode_answer("a b"))) for p in PAIRS]
        usual = scoring.answer_logps(model, rows, pad=codec.pad)
        allocator = (
            "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"
        )
        Crowded(monkeypatch, room=2, says=RuntimeError(allocator))
        assert scoring.answer_logps(model, rows, pad=codec.pad) == pytest.approx(usual, abs=1e-4)

    @pytest.mark.parametrize("says", [RuntimeError("shapes differ"), RuntimeError(7, "x")])
    def test_is_not_blamed_for_what_else_goes_wrong(self, base, monkeypatch, says):
        codec, model = a_model.codec(base), load_policy(base, None)
        Crowded(monkeypatch, room=2, says=says)
        rows = [(codec.prompt(p.prompt), codec.answer(codec.encode_answer("a b"))) for p in PAIRS]
        with pytest.raises(RuntimeError) as raised:
            scoring.answer_logps(model, rows, pad=codec.pad)
        assert raised.value is says and not memory.NOTES

    def test_that_runs_out_while_scoring_halves_what_is_read_at_once(self, base, monkeypatch):
        codec, model = a_model.codec(base), load_policy(base, None)
        rows = [(codec.prompt(p.prompt), codec.answer(codec.encode_answer("a b"))) for p in PAIRS]
        usual = scoring.answer_logps(model, rows, pad=codec.pad)
        Crowded(monkeypatch, room=2)
        assert scoring.answer_logps(model, rows, pad=codec.pad) == pytest.approx(usual, abs=1e-4)
        assert memory.NOTES == [
            "out of memory with 4 prompts at once while scoring: gone on with 2"
        ]

    def test_of_a_large_vocabulary_bounds_what_is_read_at_once_and_tells_the_same(
        self, base, monkeypatch
    ):
        codec, model = a_model.codec(base), load_policy(base, None)
        other = a_model.model(seed=1)
        rows = [
            (codec.prompt(p.prompt), codec.answer(codec.encode_answer(text)))
            for p in PAIRS
            for text in ("a b", "b")
        ]

        def told():
            scored = scoring.answer_logps(model, rows, pad=codec.pad)
            nats = surveying.token_nats(model, {"other": other}, rows, pad=codec.pad)
            return scored, nats["other"], exact_divergence(model, other, rows, pad=codec.pad)

        usual = told()
        longest = max(len(answer) for _, answer in rows)
        monkeypatch.setattr(memory, "MOST_LOGITS", 2 * longest * model.config.vocab_size)
        crowded = Crowded(monkeypatch, room=2)
        bounded = told()
        assert max(crowded.tried) == 2
        assert not memory.NOTES
        assert bounded[0] == pytest.approx(usual[0], abs=1e-4)
        assert flat(bounded[1]) == pytest.approx(flat(usual[1]), abs=1e-4)
        assert bounded[2] == pytest.approx(usual[2], abs=1e-4)


class TestLongAnswers:
    def test_that_are_cut_while_training_are_on_record(self, base, tmp_path):
        recipe = RECIPE.model_copy(update={"beta": 0.0})
        codec = a_model.codec(base)
        sizes = [len(codec.prompt(s.prompt)) + len(s.answer.split()) + 1 for s in SHOWN]
        run(base, tmp_path / "whole", Setup(max_length=max(8, *sizes)), recipe)
        assert not memory.NOTES
        run(base, tmp_path / "cut", Setup(max_length=max(sizes) - 1), recipe)
        assert [
            f"{sizes.count(max(sizes))} of 4 answers cut while training: up to {max(sizes)} tokens"
            f" with their prompt, training.max_length = {max(sizes) - 1}"
        ] == memory.NOTES


class TestTheEndOfAnAnswer:
    def test_is_what_the_template_puts_there(self):
        speaks = user.tokenizer()
        assert Codec(speaks).eos == speaks.eos_token_id
        ends = speaks.eos_token_id
        speaks.eos_token = "<|unknown|>"  # as Gemma's <eos>, where a turn ends with another one
        assert Codec(speaks).eos == ends
        speaks.chat_template = user.TEMPLATE.replace("<|end|>", ".")
        assert Codec(speaks).eos == speaks.eos_token_id


def flat(rows):
    return [value for row in rows for value in row]


def vars_of(row):
    if isinstance(row, Pair):
        return row.prompt, row.chosen, row.rejected
    return row.prompt, row.answer


def result_of(report):
    return JobResult(value=report, wall_seconds=1, cpu_seconds=1, peak_rss_bytes=1, level=2)


class TestTheAdapter:
    def test_moves_the_layers_that_are_named_and_no_other(self, base, tmp_path):
        run(base, tmp_path / "out", Setup(target_modules=("q_proj", "v_proj"), dora=True))
        kept = PeftConfig.from_pretrained(tmp_path / "out")
        assert (set(kept.target_modules), kept.use_dora) == ({"q_proj", "v_proj"}, True)
        assert load_policy(base, tmp_path / "out")(torch.tensor([[1, 2]])).logits.isfinite().all()

    def test_of_the_last_layer_is_refused_since_it_would_not_be_trained(self, base, tmp_path):
        with pytest.raises(UsageError, match="never be trained"):
            run(base, tmp_path / "out", Setup(target_modules=("q_proj", "lm_head")))

    def test_of_layers_that_the_model_lacks_is_refused_with_those_it_has(self, base, tmp_path):
        with pytest.raises(UsageError, match="no layers of that name") as refused:
            run(base, tmp_path / "out", Setup(target_modules=("q_proj", "c_attn")))
        assert "'c_attn'" in refused.value.saw
        assert "q_proj" in refused.value.wanted

    def test_is_read_by_others_whatever_the_precision(self, base, tmp_path):
        setup = Setup(dtype="bfloat16", gradient_checkpointing=True)
        run(base, tmp_path / "out", setup)
        policy = load_policy(base, tmp_path / "out")
        assert {p.dtype for p in policy.parameters()} == {torch.float32}

    def test_sees_of_packed_answers_each_by_itself(self, base, tmp_path):
        still = RECIPE.model_copy(update={"beta": 0.0, "learning_rate": 0.0})
        loss = {
            packing: run(base, tmp_path / str(packing), Setup(packing=packing), still)["nll_loss"]
            for packing in (False, True)
        }
        assert loss[True] == pytest.approx(loss[False], abs=1e-4)

    def test_warms_up_by_the_rows_that_are_packed(self, base, tmp_path):
        shown = SHOWN * 100
        model = trl_trainer.trainable(RECIPE, base, None)
        tokenizer = AutoTokenizer.from_pretrained(base)
        steps = [
            trl_trainer.imitation_trainer(
                RECIPE, model, tokenizer, shown, 1, tmp_path, lambda *_: None, Setup(packing=packed)
            ).args.warmup_steps
            for packed in (False, True)
        ]
        assert steps == [10, 0]

    def test_of_four_bits_needs_a_gpu_and_its_library(self, base, tmp_path):
        if torch.cuda.is_available():
            pytest.skip("there is a GPU")
        with pytest.raises(UsageError, match="in 4 bits"):
            run(base, tmp_path / "out", Setup(quantise="4bit"))


class TestTheVocabulary:
    def test_of_a_tokenizer_must_not_be_larger_than_the_models(self, base):
        model, tokenizer = load_policy(base, None), AutoTokenizer.from_pretrained(base)
        tokenizer.add_tokens([f"new{i}" for i in range(500)])
        with pytest.raises(UsageError, match="knows more tokens"):
            require_fit(model, tokenizer, None)

    def test_of_an_adapter_must_be_the_bases(self, base, tmp_path):
        from safetensors.torch import save_file

        model, tokenizer = load_policy(base, None), AutoTokenizer.from_pretrained(base)
        rows = model.get_input_embeddings().weight
        name = "base_model.model.model.embed_tokens.weight"
        save_file({name: torch.zeros_like(rows)}, tmp_path / "adapter_model.safetensors")
        require_fit(model, tokenizer, tmp_path)
        save_file({name: torch.zeros(7, 4)}, tmp_path / "adapter_model.safetensors")
        with pytest.raises(UsageError, match="another vocabulary"):
            require_fit(model, tokenizer, tmp_path)


class TestTheSettings:
    @pytest.mark.parametrize(
        "told", [{"dtype": "float16"}, {"quantise": "8bit"}, {"target_modules": [" "]}]
    )
    def test_that_nothing_trains_with_are_refused(self, told):
        with pytest.raises(ValidationError):
            Config.model_validate({"training": told})

    def test_are_those_that_a_job_reads(self):
        assert Setup(**TrainingSection().model_dump()) == Setup()
