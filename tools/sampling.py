"""Sample answers from a causal language model: the hot path of an iteration.

Each prompt is read once and its key-value cache shared by its k answers; finished
rows leave the batch, so the cost follows the words written, not the longest answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from tools.memory import less, tried

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Ids = list[int]
COMPACT_BELOW = 0.7
"""Share of live rows under which the batch is compacted; copying the cache costs too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParameters:
    """How to draw; `temperature` 0 is greedy."""

    samples: int = 1
    temperature: float = 1.0
    max_new_tokens: int = 24
    seed: int = 0
    rows: int = 1024
    """Answers in flight at once; bounds memory."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One answer: token ids without end-of-sequence, and log p of each, that token included."""

    ids: Ids
    logps: list[float]
    """Nats, natural logarithm, at temperature 1."""
    finished: bool
    """False when the answer was cut at `max_new_tokens`."""


@torch.inference_mode()
def sample(
    model: "PreTrainedModel",
    prompts: Sequence[Ids],
    *,
    eos: int,
    pad: int,
    parameters: SamplingParameters,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[list[Sampled]]:
    """Draw `samples` answers to each prompt; the outer list follows `prompts`."""
    generator = torch.Generator(device=model.device).manual_seed(parameters.seed)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    step = max(1, parameters.rows // parameters.samples)
    drawn: dict[int, list[Sampled]] = {}
    start, k = 0, parameters.samples
    while start < len(order):
        chunk, chance = order[start : start + step], generator.get_state()
        asked = [prompts[i] for i in chunk]
        answers = tried(_answered, model, asked, eos, pad, parameters, generator)
        if answers is None:
            generator.set_state(chance)
            step = less(min(step, len(chunk)), "prompts at once while sampling")
            continue
        drawn |= {i: answers[place * k : (place + 1) * k] for place, i in enumerate(chunk)}
        start += step
        on_progress(min(start, len(order)), len(order))
    return [drawn[i] for i in range(len(prompts))]


def _answered(
    model: "PreTrainedModel",
    prompts: Sequence[Ids],
    eos: int,
    pad: int,
    parameters: SamplingParameters,
    generator: torch.Generator,
) -> list[Sampled]:
    """The answers of one batch."""
    return _Batch(model, prompts, eos, pad, parameters, generator).run()


class _Batch:
    """One batch of rows decoded together; row r answers prompt r // samples."""

    def __init__(
        self,
        model: "PreTrainedModel",
        prompts: Sequence[Ids],
        eos: int,
        pad: int,
        parameters: SamplingParameters,
        generator: torch.Generator,
    ) -> None:
        self.model, self.eos, self.parameters, self.generator = model, eos, parameters, generator
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), pad, device=model.device)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt, device=model.device)
            mask[row, width - len(prompt) :] = 1
        logits, self.cache = self._prefill(ids, mask)
        k = parameters.samples
        self.logits = logits.repeat_interleave(k, 0)
        self.mask = mask.repeat_interleave(k, 0)
        rows = len(prompts) * k
        self.tokens = torch.full((rows, parameters.max_new_tokens), pad)
        self.logps = torch.zeros(rows, parameters.max_new_tokens)
        self.lengths = torch.full((rows,), parameters.max_new_tokens)
        self.live = torch.arange(rows, device=model.device)

    def _prefill(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, Any]:
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
        )
        if self.parameters.samples > 1:
            out.past_key_values.batch_repeat_interleave(self.parameters.samples)
        return out.logits[:, -1].float(), out.past_key_values

    def run(self) -> list[Sampled]:
        alive = torch.ones(len(self.live), dtype=torch.bool, device=self.model.device)
        for step in range(self.parameters.max_new_tokens):
            logp = self.logits.log_softmax(-1)
            token = self._pick(logp)
            self._record(step, token, logp, alive)
            alive = alive & (token != self.eos)
            left = int(alive.sum())
            if left == 0 or step + 1 == self.parameters.max_new_tokens:
                break
            if left < COMPACT_BELOW * len(alive):
                token, alive = self._compact(token, alive)
            self._advance(token)
        return self._collect()

    def _pick(self, logp: torch.Tensor) -> torch.Tensor:
        if self.parameters.temperature == 0:
            return logp.argmax(-1)
        p = (logp / self.parameters.temperature).softmax(-1)
        return torch.multinomial(p, 1, generator=self.generator).squeeze(1)

    def _record(
        self, step: int, token: torch.Tensor, logp: torch.Tensor, alive: torch.Tensor
    ) -> None:
        rows, picked = self.live[alive].cpu(), token[alive]
        self.tokens[rows, step] = picked.cpu()
        self.logps[rows, step] = logp[alive].gather(1, picked[:, None]).squeeze(1).cpu()
        self.lengths[rows[(picked == self.eos).cpu()]] = step

    def _compact(
        self, token: torch.Tensor, alive: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        keep = alive.nonzero().squeeze(1)
        self.cache.batch_select_indices(keep)
        self.mask, self.live = self.mask[keep], self.live[keep]
        return token[keep], alive[keep]

    def _advance(self, token: torch.Tensor) -> None:
        position = self.mask.sum(-1, keepdim=True)
        self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], 1)
        out = self.model(
            input_ids=token[:, None],
            attention_mask=self.mask,
            position_ids=position,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.logits = out.logits[:, -1].float()

    def _collect(self) -> list[Sampled]:
        most = self.parameters.max_new_tokens
        out = []
        for ids, logps, n in zip(
            self.tokens.tolist(), self.logps.tolist(), self.lengths.tolist(), strict=True
        ):
            out.append(Sampled(ids[:n], logps[: min(n + 1, most)], n < most))
        return out
