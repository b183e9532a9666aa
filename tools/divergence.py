"""Exact divergence between two policies, token by token."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from tools.scoring import IGNORED, Row, batch_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@torch.inference_mode()
def exact_divergence(
    policy: "PreTrainedModel",
    reference: "PreTrainedModel",
    rows: Sequence[Row],
    *,
    pad: int,
    batch: int = 256,
) -> list[float]:
    """KL(policy || reference) per token, averaged over each answer's tokens.

    The sum over the vocabulary is exact at every position; only the positions are a
    sample, drawn from the policy.

    Args:
        rows: answers drawn from `policy`.

    Returns:
        Nats per token, shape (len(rows),), each >= 0.
    """
    out: list[float] = []
    for start in range(0, len(rows), batch):
        ids, mask, labels = batch_of(rows[start : start + batch], pad=pad, device=policy.device)
        p = policy(input_ids=ids, attention_mask=mask).logits[:, :-1].double().log_softmax(-1)
        q = reference(input_ids=ids, attention_mask=mask).logits[:, :-1].double().log_softmax(-1)
        per_token = (p.exp() * (p - q)).sum(-1).clamp(min=0)
        counted = labels[:, 1:] != IGNORED
        out += ((per_token * counted).sum(1) / counted.sum(1)).tolist()
    return out
