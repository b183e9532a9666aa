"""The plain ways of doing the same, to compare with: no trainer, no cache shared, no frills."""

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch.nn.functional import logsigmoid

from logs.vocabulary import Recipe
from tools.encoding import Codec
from tools.models import load_policy, load_tokenizer
from tools.pairs import Pair, Shown
from tools.scoring import IGNORED, Row, batch_of
from tools.trl_trainer import trainable

T = TypeVar("T")


@torch.inference_mode()
def generate(
    model: Any, prompts: Sequence[list[int]], codec: Codec, *, samples: int, tokens: int
) -> int:
    """`model.generate` on one left-padded batch; tokens written."""
    ids, mask = _left_padded([p for p in prompts for _ in range(samples)], codec.pad)
    out = model.generate(
        input_ids=ids,
        attention_mask=mask,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        max_new_tokens=tokens,
        pad_token_id=codec.pad,
    )
    return int((out[:, ids.shape[1] :] != codec.pad).sum())


@torch.inference_mode()
def decode(
    model: Any, prompts: Sequence[list[int]], codec: Codec, *, samples: int, tokens: int
) -> int:
    """A key-value cache and a loop; finished rows stay in the batch; tokens written."""
    ids, mask = _left_padded([p for p in prompts for _ in range(samples)], codec.pad)
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    out = model(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=True)
    alive, written = torch.ones(len(ids), dtype=torch.bool), 0
    for _ in range(tokens):
        token = torch.multinomial(out.logits[:, -1].softmax(-1), 1)
        written += int(alive.sum())
        alive &= token.squeeze(1) != codec.eos
        if not alive.any():
            break
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
        out = model(
            input_ids=token,
            attention_mask=mask,
            position_ids=mask.sum(-1, keepdim=True) - 1,
            past_key_values=out.past_key_values,
            use_cache=True,
        )
    return written


def _left_padded(rows: Sequence[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(r)) + r for r in rows])
    mask = torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in rows])
    return ids, mask


def train(
    recipe: Recipe, base: Path, pairs: Sequence[Pair], shown: Sequence[Shown], *, seed: int
) -> int:
    """The same LoRA, losses, optimiser and schedule in a bare loop; examples seen."""
    torch.manual_seed(seed)
    codec = load_tokenizer(base)
    model = trainable(recipe, base, None)
    _preferences(recipe, model, load_policy(base, None), codec, pairs, seed)
    _imitation(recipe, model, codec, shown, seed)
    return len(pairs) + len(shown)


def _preferences(
    recipe: Recipe, model: Any, reference: Any, codec: Codec, pairs: Sequence[Pair], seed: int
) -> None:
    def rows_of(batch: Sequence[Pair]) -> list[Row]:
        chosen = [_row(codec, p.prompt, p.chosen) for p in batch]
        return [*chosen, *(_row(codec, p.prompt, p.rejected) for p in batch)]

    with torch.no_grad():
        batches = list(_batches(pairs, recipe.batch, seed))
        anchors = [_sums(reference, rows_of(b), codec.pad)[0] for b in batches]
    for step, (batch, anchor) in enumerate(zip(batches, anchors, strict=True)):
        sums, _ = _sums(model, rows_of(batch), codec.pad)
        n = len(batch)
        margin = (sums[:n] - anchor[:n]) - (sums[n:] - anchor[n:])
        _step(recipe, model, -logsigmoid(recipe.beta * margin).mean(), step, len(batches))


def _imitation(recipe: Recipe, model: Any, codec: Codec, shown: Sequence[Shown], seed: int) -> None:
    batches = [b for e in range(recipe.epochs) for b in _batches(shown, recipe.batch, seed + e)]
    for step, batch in enumerate(batches):
        sums, n = _sums(model, [_row(codec, s.prompt, s.answer) for s in batch], codec.pad)
        _step(recipe, model, -sums.sum() / n, step, len(batches))


def _row(codec: Codec, prompt: str, answer: str) -> Row:
    return codec.prompt(prompt), codec.answer(codec.encode_answer(answer))


def _batches(items: Sequence[T], size: int, seed: int) -> Iterator[list[T]]:
    order = random.Random(seed).sample(list(items), len(items))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _sums(model: Any, rows: Sequence[Row], pad: int) -> tuple[torch.Tensor, int]:
    """Log-probability of each answer, and the number of tokens counted."""
    ids, mask, labels = batch_of(rows, pad=pad, device=model.device)
    logp = model(input_ids=ids, attention_mask=mask).logits[:, :-1].log_softmax(-1)
    wanted = labels[:, 1:]
    counted = wanted != IGNORED
    picked = logp.gather(2, wanted.clamp(min=0)[..., None]).squeeze(-1) * counted
    return picked.sum(1), int(counted.sum())


_OPTIMISERS: dict[int, torch.optim.Optimizer] = {}


def _step(recipe: Recipe, model: Any, loss: torch.Tensor, step: int, steps: int) -> None:
    """AdamW with a cosine schedule and clipping, as the trainer does it."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    if step == 0:
        rate = recipe.learning_rate
        _OPTIMISERS[id(model)] = torch.optim.AdamW(
            parameters, lr=rate, weight_decay=0.0, fused=True
        )
    optimiser = _OPTIMISERS[id(model)]
    warm = min(1.0, (step + 1) / max(1, steps // 10))
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    optimiser.zero_grad()
