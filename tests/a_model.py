"""A tiny random model of the world's shape: two layers, one head, nothing learnt.

Its weights are scaled up, so that its logits spread as a trained model's do and its answers
vary; an untouched initialisation is so flat that the least rounding would decide the greedy word.
"""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from tools.encoding import Codec
from tools.models import load_tokenizer
from tools.threads import use_threads
from tools.world.base import BaseRecipe, build, save

RECIPE = BaseRecipe(hidden=32, layers=2, heads=1, intermediate=64)
PEAKED = 12.0

# Tiny tensors: a second thread only waits for the first.
use_threads(1)


def saved(factory: pytest.TempPathFactory) -> Path:
    """The model's folder, written once per test session."""
    folder = factory.getbasetemp() / "tiny-model"
    if not folder.exists():
        save(model(), RECIPE, folder)
    return folder


def model(seed: int = 0) -> LlamaForCausalLM:
    """The model itself; another seed is another model."""
    made = build(BaseRecipe(**{**_fields(), "seed": seed}))
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(PEAKED if weight.dim() == 2 else 1.0)
    return made.eval()


def _fields() -> dict[str, int]:
    return {
        "hidden": RECIPE.hidden,
        "layers": RECIPE.layers,
        "heads": RECIPE.heads,
        "intermediate": RECIPE.intermediate,
    }


def plain(folder: Path) -> LlamaForCausalLM:
    """The saved model as `transformers` alone reads it."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def codec(folder: Path) -> Codec:
    """Its tokenizer."""
    return load_tokenizer(folder)


@torch.no_grad()
def forward_logps(model: LlamaForCausalLM, prompt: list[int], answer: list[int]) -> list[float]:
    """log p of each token of an answer by one forward pass, without padding or cache."""
    logp = model(torch.tensor([prompt + answer])).logits[0].double().log_softmax(-1)
    return [float(logp[len(prompt) - 1 + i, token]) for i, token in enumerate(answer)]
