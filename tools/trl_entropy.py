"""A bonus for staying unsure: the entropy of the policy's next token on the chosen answers.

    L = L_stage - entropy * mean over tokens t of chosen answers of H(policy(. | prompt, y_<t))
    H(p) = -sum over the vocabulary v of p(v) log p(v), nats

A policy that is trained on its own best answers grows certain, and siblings that agree teach
nothing more. The bonus is largest where the distribution is flat, so what is certain already
loses little. The mean is over the same tokens as that of the negative log-likelihood, the end of
an answer among them.

Source:
    Pereyra et al. 2017, arXiv:1701.06548, section 3: the confidence penalty; for policies that
    explore, Williams & Peng 1991.
"""

from typing import Any

import torch


def with_entropy(trainer: Any, weight: float, *, chosen_half: bool = False) -> Any:
    """The same trainer, whose loss has the bonus taken off; as it is where the weight is 0.

    TRL computes the entropies for its own report, so nothing is run twice: they are read from
    what the model returns while the loss is computed, and carry a gradient.

    Args:
        chosen_half: a batch holds chosen answers, then as many rejected ones, as DPO's does;
            the bonus is for the first half.
    """
    if not weight:
        return trainer
    plain = trainer.compute_loss

    def compute_loss(model: Any, inputs: Any, *rest: Any, **more: Any) -> torch.Tensor:
        seen: list[Any] = []
        hook = model.register_forward_hook(lambda _model, _given, said: seen.append(said))
        try:
            loss = plain(model, inputs, *rest, **more)
        finally:
            hook.remove()
        with_bonus: torch.Tensor = loss - weight * mean_entropy(seen[0], chosen_half=chosen_half)
        return with_bonus

    trainer.compute_loss = compute_loss
    return trainer


def mean_entropy(said: Any, *, chosen_half: bool = False) -> torch.Tensor:
    """Nats per token of the answers of a batch, from the output of TRL's fused head."""
    rows = len(said.entropy) // 2 if chosen_half else len(said.entropy)
    tokens = said.label_mask[:rows].sum().clamp(min=1)
    mean: torch.Tensor = said.entropy[:rows].sum() / tokens
    return mean
