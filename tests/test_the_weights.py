"""Weights that leave the house are loaded by others to the same model, and nothing goes alone."""

import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from logs.vocabulary import Recipe
from tests import a_model
from tools import exporting
from tools.models import load_policy
from tools.pairs import Shown
from tools.trl_trainer import train

SHOWN = [Shown("copy a b =", "a b"), Shown("sort d a =", "a d")]
PROMPT = torch.tensor([[1, 20, 4, 5, 3]])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return a_model.saved(tmp_path_factory)


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "adapter"
    recipe = Recipe(rank=2, batch=2, epochs=1, learning_rate=2e-2)
    train(recipe, base=base, adapter=None, pairs=[], shown=SHOWN, seed=1, out=out)
    return out


def logits(model):
    with torch.no_grad():
        return model.eval()(PROMPT).logits


class TestWeights:
    def test_of_an_adapter_are_loaded_by_peft_alone(self, base, adapter, tmp_path):
        told = exporting.export(base, adapter, tmp_path, merge=False, base_name="someone/model")
        assert told == "adapter"
        loaded = PeftModel.from_pretrained(a_model.plain(base), tmp_path)
        assert torch.allclose(logits(loaded), logits(load_policy(base, adapter)), atol=1e-4)
        config = json.loads((tmp_path / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "someone/model"
        assert AutoTokenizer.from_pretrained(tmp_path).chat_template

    def test_that_are_merged_are_loaded_by_transformers_alone(self, base, adapter, tmp_path):
        told = exporting.export(base, adapter, tmp_path, merge=True, base_name="")
        assert told == "merged"
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
        assert torch.allclose(logits(loaded), logits(load_policy(base, adapter)), atol=1e-5)
        assert not torch.allclose(logits(loaded), logits(a_model.plain(base)), atol=1e-2)
        assert AutoTokenizer.from_pretrained(tmp_path).chat_template

    def test_that_nobody_trained_are_the_founding_model(self, base, tmp_path):
        assert exporting.export(base, None, tmp_path, merge=True, base_name="") == "model"
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
        assert torch.equal(logits(loaded), logits(a_model.plain(base)))
