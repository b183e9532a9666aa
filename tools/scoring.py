"""Log-probability of answers under a model, in batches of similar length."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Row = tuple[list[int], list[int]]
"""Token ids of a prompt, and of an answer with its end."""

IGNORED = -100


def batch_of(
    rows: Sequence[Row], *, pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Right-padded ids, attention mask, and labels that count answers only; each (B, L)."""
    width = max(len(p) + len(a) for p, a in rows)
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for i, (prompt, answer) in enumerate(rows):
        n = len(prompt) + len(answer)
        ids[i, :n] = torch.tensor(prompt + answer)
        mask[i, :n] = 1
        labels[i, len(prompt) : n] = torch.tensor(answer)
    return ids.to(device), mask.to(device), labels.to(device)


@torch.inference_mode()
def answer_logps(
    model: "PreTrainedModel", rows: Sequence[Row], *, pad: int, batch: int = 512
) -> list[float]:
    """log p(answer, end | prompt) per row, in nats."""
    order = sorted(range(len(rows)), key=lambda i: sum(map(len, rows[i])))
    out = [0.0] * len(rows)
    for start in range(0, len(order), batch):
        chunk = order[start : start + batch]
        ids, mask, labels = batch_of([rows[i] for i in chunk], pad=pad, device=model.device)
        logp = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float().log_softmax(-1)
        wanted = labels[:, 1:]
        counted = wanted != IGNORED
        picked = logp.gather(2, wanted.clamp(min=0)[..., None]).squeeze(-1) * counted
        for i, value in zip(chunk, picked.sum(1).tolist(), strict=True):
            out[i] = value
    return out
