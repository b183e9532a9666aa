"""Log-probability of answers under a model, in batches of similar length."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from tools.memory import fitting, less, tried

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
    model: "PreTrainedModel", rows: Sequence[Row], *, pad: int, prompts: int = 128
) -> list[float]:
    """log p(answer, end | prompt) per row, in nats.

    Siblings share their prompt: it is read once, and its cache serves all its answers.

    Args:
        prompts: distinct prompts per batch, at most.
    """
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for i, (prompt, _) in enumerate(rows):
        by_prompt.setdefault(tuple(prompt), []).append(i)
    order = sorted(by_prompt, key=len)
    out = [0.0] * len(rows)
    start = 0
    while start < len(order):
        chunk = order[start : start + prompts]
        shapes = [(len(by_prompt[p]), max(len(rows[i][1]) for i in by_prompt[p])) for p in chunk]
        chunk = chunk[: fitting(shapes, model)]
        indices = [i for prompt in chunk for i in by_prompt[prompt]]
        owners = [at for at, prompt in enumerate(chunk) for _ in by_prompt[prompt]]
        answers = [rows[i][1] for i in indices]
        found = tried(_logps, model, chunk, owners, answers, pad)
        if found is None:
            prompts = less(min(prompts, len(chunk)), "prompts at once while scoring")
            continue
        for i, value in zip(indices, found.tolist(), strict=True):
            out[i] = value
        start += len(chunk)
    return out


def _logps(
    model: "PreTrainedModel",
    prompts: Sequence[Sequence[int]],
    owners: Sequence[int],
    answers: Sequence[list[int]],
    pad: int,
) -> torch.Tensor:
    """Sums of answer log-probabilities, shape (len(answers),); `owners` index the prompts."""
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], device=model.device)
    mask = torch.tensor(
        [[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=model.device
    )
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    read = model(
        input_ids=ids, attention_mask=mask, position_ids=places, use_cache=True, logits_to_keep=1
    )
    owner = torch.tensor(owners, device=model.device)
    longest = max(map(len, answers))
    said = torch.tensor([a + [pad] * (longest - len(a)) for a in answers], device=model.device)
    counted = torch.tensor(
        [[1] * len(a) + [0] * (longest - len(a)) for a in answers], device=model.device
    )
    logits = read.logits[owner]
    if longest > 1:
        read.past_key_values.batch_select_indices(owner)
        both = torch.cat([mask[owner], counted[:, :-1]], 1)
        later = mask.sum(-1)[owner, None] + torch.arange(longest - 1, device=model.device)
        more = model(
            input_ids=said[:, :-1],
            attention_mask=both,
            position_ids=later,
            past_key_values=read.past_key_values,
            use_cache=True,
        )
        logits = torch.cat([logits, more.logits], 1)
    logp = logits.float().log_softmax(-1).gather(2, said[..., None]).squeeze(-1)
    total: torch.Tensor = (logp * counted).sum(1)
    return total
