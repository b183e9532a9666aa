"""Answer a fixed set of prompts, with what drift is told by: entropy and divergence per token."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tools.drawing import drawn_from
from tools.memory import batches
from tools.models import load_policy, load_tokenizer
from tools.scoring import IGNORED, Row, batch_of
from tools.threads import use_threads

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Nats = list[list[float]]
"""Per answer, nats at each of its tokens, its end included."""
ENTROPY = ""
"""The policy's own entropy, where a reference would have the path of its adapter."""
DIGITS = 5
BATCH = 256


def survey_answers(
    args: dict[str, Any], on_progress: Callable[[int, int], None]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Sibling answers per prompt, and the nats of their tokens.

    Args:
        args: those of `draw_answers`; `references`: name -> adapter, None for the base; and
            `scored`: how many answers to each prompt are scored token by token.

    Returns:
        Rows as `draw_answers` gives them; rows {"entropy": [nats per answer], and
        "REFERENCE": [nats per answer] for each reference}.
    """
    use_threads(args["threads"])
    base = Path(args["base"])
    codec = load_tokenizer(base)
    anchor = load_policy(base, None)
    policy = load_policy(base, Path(args["adapter"])) if args["adapter"] else anchor
    groups, drawn = drawn_from(policy, anchor, codec, args, on_progress)
    others = {a: load_policy(base, Path(a)) if a else anchor for a in args["references"].values()}
    rows: list[Row] = [
        (codec.prompt(p), [*s.ids, codec.eos] if s.finished or not s.ids else s.ids)
        for p, row in zip(args["prompts"], drawn, strict=True)
        for s in row[: args["scored"]]
    ]
    told = token_nats(policy, others, rows, pad=codec.pad)
    named = {"entropy": told[ENTROPY]} | {n: told[a] for n, a in args["references"].items()}
    k = min(args["samples"], args["scored"])
    nats = [
        {name: values[i : i + k] for name, values in named.items()} for i in range(0, len(rows), k)
    ]
    return groups, nats


@torch.inference_mode()
def token_nats(
    policy: "PreTrainedModel",
    references: Mapping[str | None, "PreTrainedModel"],
    rows: Sequence[Row],
    *,
    pad: int,
) -> dict[str | None, Nats]:
    """Entropy of the policy, and its exact divergence from each reference, at each token."""
    out: dict[str | None, Nats] = {name: [[] for _ in rows] for name in (ENTROPY, *references)}
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]) + len(rows[i][1]))
    lengths = [len(rows[i][0]) + len(rows[i][1]) for i in order]
    for places in batches(lengths, policy, BATCH):
        chunk = [order[place] for place in places]
        ids, mask, labels = batch_of([rows[i] for i in chunk], pad=pad, device=policy.device)
        told = labels[:, 1:] != IGNORED
        p = _logp(policy, ids, mask, told)
        found: dict[str | None, torch.Tensor] = {ENTROPY: -(p.exp() * p).sum(-1)}
        for name, model in references.items():
            found[name] = (p.exp() * (p - _logp(model, ids, mask, told))).sum(-1)
        sizes = told.sum(1).tolist()
        for name, values in found.items():
            for i, answer in zip(chunk, values.clamp(min=0).split(sizes), strict=True):
                out[name][i] = [round(v, DIGITS) for v in answer.tolist()]
    return out


def _logp(
    model: "PreTrainedModel", ids: torch.Tensor, mask: torch.Tensor, told: torch.Tensor
) -> torch.Tensor:
    logits: torch.Tensor = model(input_ids=ids, attention_mask=mask).logits[:, :-1][told]
    return logits.double().log_softmax(-1)
