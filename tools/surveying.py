"""Answer a fixed set of prompts, with what drift is told by: entropy and divergence per token."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tools.drawing import draw_answers
from tools.models import load_policy, load_tokenizer
from tools.scoring import IGNORED, Row, batch_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Nats = list[list[float]]
"""Per answer, nats at each of its tokens, its end included."""
DIGITS = 5
BATCH = 256


def survey_answers(
    args: dict[str, Any], on_progress: Callable[[int, int], None]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Sibling answers per prompt, their tokens' nats per prompt, and a report.

    Args:
        args: those of `draw_answers`, and references: name -> adapter or None for the base.

    Returns:
        Rows as `draw_answers` gives them; rows {"entropy": [nats per answer], and
        "REFERENCE": [nats per answer] for each reference}; the report.
    """
    groups, report = draw_answers(args, on_progress)
    base = Path(args["base"])
    codec = load_tokenizer(base)
    policy = load_policy(base, _path(args["adapter"]))
    references = {n: load_policy(base, _path(a)) for n, a in args["references"].items()}
    rows: list[Row] = [
        (codec.prompt(g["prompt"]), _ids(codec.encode_answer(text), codec.eos, finished))
        for g in groups
        for text, _, _, finished, *_ in g["answers"]
    ]
    told = token_nats(policy, references, rows, pad=codec.pad)
    k = args["samples"]
    cut = range(0, len(rows), k)
    nats = [{name: values[i : i + k] for name, values in told.items()} for i in cut]
    return groups, nats, report


@torch.inference_mode()
def token_nats(
    policy: "PreTrainedModel",
    references: dict[str, "PreTrainedModel"],
    rows: Sequence[Row],
    *,
    pad: int,
) -> dict[str, Nats]:
    """Entropy of the policy, and its exact divergence from each reference, at each token."""
    out: dict[str, Nats] = {name: [[] for _ in rows] for name in ("entropy", *references)}
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]) + len(rows[i][1]))
    for start in range(0, len(order), BATCH):
        chunk = order[start : start + BATCH]
        ids, mask, labels = batch_of([rows[i] for i in chunk], pad=pad, device=policy.device)
        told = labels[:, 1:] != IGNORED
        p = _logp(policy, ids, mask)[told]
        found = {"entropy": -(p.exp() * p).sum(-1)}
        for name, model in references.items():
            found[name] = (p.exp() * (p - _logp(model, ids, mask)[told])).sum(-1)
        sizes = told.sum(1).tolist()
        for name, values in found.items():
            for i, answer in zip(chunk, values.clamp(min=0).split(sizes), strict=True):
                out[name][i] = [round(v, DIGITS) for v in answer.tolist()]
    return out


def _logp(model: "PreTrainedModel", ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    return logits.double().log_softmax(-1)


def _ids(said: list[int], end: int, finished: bool) -> list[int]:
    """What was drawn: an answer that was cut has no end."""
    return [*said, end] if finished or not said else said


def _path(folder: str | None) -> Path | None:
    return Path(folder) if folder else None
