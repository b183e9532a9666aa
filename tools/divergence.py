"""Exact divergence between two policies, token by token."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from tools.memory import batches
from tools.scoring import IGNORED, Row, batch_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def exact_divergence(
    policy: "PreTrainedModel",
    reference: "PreTrainedModel",
    rows: Sequence[Row],
    *,
    pad: int,
    batch: int = 256,
) -> list[float]:
    """KL(policy || reference) per token, averaged over each answer's tokens.

    Args:
        rows: answers drawn from `policy`.

    Returns:
        Nats per token, shape (len(rows),), each >= 0.
    """
    tokens = token_divergences(policy, reference, rows, pad=pad, batch=batch)
    return [sum(answer) / len(answer) for answer in tokens]


@torch.inference_mode()
def token_divergences(
    policy: "PreTrainedModel",
    reference: "PreTrainedModel",
    rows: Sequence[Row],
    *,
    pad: int,
    batch: int = 256,
) -> list[list[float]]:
    """KL(policy || reference) at each token of each answer, in nats, each >= 0.

    The sum over the vocabulary is exact at every position; only the positions are a
    sample, drawn from the policy. `tools.instruments.drift.kl` reads these.
    """
    out: list[list[float]] = []
    lengths = [len(prompt) + len(answer) for prompt, answer in rows]
    for places in batches(lengths, policy, batch):
        some = rows[places.start : places.stop]
        ids, mask, labels = batch_of(some, pad=pad, device=policy.device)
        p = policy(input_ids=ids, attention_mask=mask).logits[:, :-1].double().log_softmax(-1)
        q = reference(input_ids=ids, attention_mask=mask).logits[:, :-1].double().log_softmax(-1)
        per_token = (p.exp() * (p - q)).sum(-1).clamp(min=0)
        counted = labels[:, 1:] != IGNORED
        out += [row[told].tolist() for row, told in zip(per_token, counted, strict=True)]
    return out
