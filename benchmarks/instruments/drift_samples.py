"""Answers of the shipped base model to fixed prompts, many per prompt: two seeds of one policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tools.instruments.drift.diversity import token_entropy
from tools.instruments.drift.embedding import FOR_DIVERSITY, HashedNgrams
from tools.models import load_policy, load_tokenizer
from tools.sampling import SamplingParameters, sample
from tools.scoring import IGNORED, batch_of
from tools.world.pools import Pool, prompts

BASE = Path("tools/world/shipped/base")
PROMPTS, SAMPLES = 400, 20


@dataclass(frozen=True)
class Said:
    """Answers of one policy, indexed [prompt][sample]."""

    texts: list[list[str]]
    entropies: list[list[list[float]]]
    """Exact entropy at each token, nats, under the policy at its own temperature."""
    points: NDArray[np.float64]
    """Embeddings, shape (prompts, samples, dimensions)."""
    wide: NDArray[np.float64]
    """The same in the dimensions that diversity wants."""

    def side(self, columns: NDArray[np.int64]) -> dict[str, Any]:
        """One answer per prompt, as the instruments want them."""
        rows = range(len(self.texts))
        return {
            "texts": [self.texts[i][columns[i]] for i in rows],
            "entropies": [self.entropies[i][columns[i]] for i in rows],
            "points": self.points[np.arange(len(self.texts)), columns],
            "wide": self.wide[np.arange(len(self.texts)), columns],
        }


def drawn(temperature: float, seed: int, embed: HashedNgrams) -> Said:
    """The base model's answers at a temperature."""
    model, codec = load_policy(BASE, None), load_tokenizer(BASE)
    asked = [codec.prompt(p) for p in prompts(Pool.AUDIT, PROMPTS, seed=11)]
    parameters = SamplingParameters(samples=SAMPLES, temperature=temperature, seed=seed)
    found = sample(model, asked, eos=codec.eos, pad=codec.pad, parameters=parameters)
    texts = [[codec.text(answer.ids) for answer in row] for row in found]
    rows = [(p, codec.answer(a.ids)) for p, row in zip(asked, found, strict=True) for a in row]
    flat = _entropies(model, rows, codec.pad, temperature)
    nats = [flat[i : i + SAMPLES] for i in range(0, len(flat), SAMPLES)]
    points, wide = (
        made([t for row in texts for t in row]).reshape(PROMPTS, SAMPLES, -1)
        for made in (embed, FOR_DIVERSITY)
    )
    return Said(texts, nats, points, wide)


@torch.inference_mode()
def _entropies(model: Any, rows: Sequence[Any], pad: int, temperature: float) -> list[list[float]]:
    out: list[list[float]] = []
    for start in range(0, len(rows), 512):
        ids, mask, labels = batch_of(rows[start : start + 512], pad=pad, device=model.device)
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].numpy() / temperature
        told = (labels[:, 1:] != IGNORED).numpy()
        nats = token_entropy(logits.astype(np.float64))
        out += [row[here].tolist() for row, here in zip(nats, told, strict=True)]
    return out
