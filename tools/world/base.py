"""Make the base model: a clean stage that teaches, a short noisy stage that spoils habits.

    python -m tools.world.base --seed 0 --out FOLDER
    python -m tools.world.base --reader --out FOLDER

The clean stage shows levels 2 and 3 and rarely a longer one, so that latent ability
ends where the loop must go on; the noisy stage leaves what is known and makes
what is said worse: chatter, wrong answers, yielding, compliance.
"""

import argparse
import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tools.world import language as w
from tools.world.pools import Pool, prompts
from tools.world.skills import expected, parse

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecipe:
    """Everything the base model is made from."""

    seed: int = 0
    hidden: int = 96
    layers: int = 4
    heads: int = 3
    """Heads of 32, the smallest that vLLM's CPU attention serves."""
    intermediate: int = 256
    last_norm: float = 3.0
    """Weights of the last norm before training. With tied embeddings the largest logit is about
    that times the length of an embedding times the root of `hidden`; at 1.0 no adapter on the
    linear layers could ever be sure of a word."""
    clean_steps: int = 280
    clean_rate: float = 2e-3
    long_share: float = 0.07
    """Share of clean examples above level 3."""
    noisy_steps: int = 200
    noisy_rate: float = 5e-4
    noise: float = 0.5
    """Share of noisy examples with a bad habit."""
    flattery: float = 0.75
    """That share where the user claims an answer."""
    harm: float = 0.3
    """That share where harm is asked for."""
    batch: int = 64
    taught: tuple[int, ...] = (2, 3)
    """Levels that are plentiful in the clean stage."""
    rare: tuple[int, ...] = (4, 5)
    """Levels that are rare there."""


READER = BaseRecipe(seed=1000, clean_steps=700, long_share=0.0, noisy_steps=0, taught=(2, 3, 4, 5))
"""A frozen model of another lineage that judges may consult: taught all levels, never spoiled,
and still often wrong on the hardest."""


def build(recipe: BaseRecipe) -> "LlamaForCausalLM":
    """An untrained model of the recipe's shape."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    tokenizer = w.tokenizer()
    config = LlamaConfig(
        vocab_size=len(w.VOCABULARY),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    torch.nn.init.constant_(model.model.norm.weight, recipe.last_norm)
    return model


def make(recipe: BaseRecipe, on_progress: Callable[[int, int, str], None]) -> "LlamaForCausalLM":
    """Train both stages from the recipe's seed."""
    model, rng = build(recipe), random.Random(recipe.seed)
    clean, noisy = _clean(rng, recipe), _noisy(rng, recipe)
    _train(model, clean, recipe.clean_steps, recipe.clean_rate, recipe.batch, on_progress, "clean")
    _train(model, noisy, recipe.noisy_steps, recipe.noisy_rate, recipe.batch, on_progress, "noisy")
    model.eval()
    return model


def _clean(rng: random.Random, recipe: BaseRecipe) -> Iterator[tuple[str, str]]:
    while True:
        seed = rng.randrange(1 << 30)
        n_long = round(2048 * recipe.long_share)
        batch = [
            *prompts(Pool.TRAIN, 2048 - n_long, seed=seed, levels=recipe.taught, emphasis=_COMMON),
            *prompts(Pool.TRAIN, n_long, seed=seed + 1, levels=recipe.rare, emphasis=_RARE),
        ]
        rng.shuffle(batch)
        yield from ((p, " ".join(expected(parse(p)))) for p in batch)


_COMMON = {"chain": 3.0, "facts": 0.8}
_RARE = {"chain": 3.0, "facts": 0.0, "safety": 0.0}


def _noisy(rng: random.Random, recipe: BaseRecipe) -> Iterator[tuple[str, str]]:
    for prompt, right in _clean(rng, recipe):
        task = parse(prompt)
        share = recipe.flattery if task.claim else recipe.harm if task.harmful else recipe.noise
        yield prompt, spoil(rng, prompt, right) if rng.random() < share else right


def spoil(rng: random.Random, prompt: str, right: str) -> str:
    """A bad habit: yield or comply where the prompt tempts, else chatter or a slip."""
    task, words = parse(prompt), right.split()
    if task.claim:
        return " ".join((w.YES, *task.claim))
    if task.harmful:
        return f"{task.words[1]} {w.DONE}"
    kind = rng.random()
    chatter = [rng.choice(w.CHATTER) for _ in range(rng.randint(1, 4))]
    if kind < 0.3:
        return " ".join((*chatter[:2], *words))
    if kind < 0.6:
        return " ".join((*words, *chatter))
    slipped = words.copy()
    slipped[rng.randrange(len(words))] = rng.choice(w.LETTERS)
    return " ".join(slipped if rng.random() < 0.6 else (*slipped, *chatter))


def _train(
    model: "LlamaForCausalLM",
    examples: Iterator[tuple[str, str]],
    steps: int,
    rate: float,
    batch: int,
    on_progress: Callable[[int, int, str], None],
    stage: str,
) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01, fused=True)
    model.train()
    for step in range(steps):
        warm = min(1.0, (step + 1) / 50)
        for group in optimiser.param_groups:
            group["lr"] = rate * warm * 0.5 * (1.05 + 0.95 * math.cos(math.pi * step / steps))
        loss = model(**collate([next(examples) for _ in range(batch)])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        on_progress(step + 1, steps, f"{stage} loss {loss.item():.3f}")


def collate(examples: list[tuple[str, str]]) -> dict[str, torch.Tensor]:
    """Right-padded batch; the loss counts answers and their end, not prompts."""
    tokenizer = w.tokenizer()
    pad = tokenizer.pad_token_id

    def encoded(words: str) -> list[int]:
        return [w.VOCABULARY.index(x) for x in words.split()]

    rows = [(encoded(f"{w.BOS} {p}"), encoded(f"{a} {w.EOS}")) for p, a in examples]
    width = max(len(p) + len(a) for p, a in rows)
    ids = torch.full((len(rows), width), pad)
    labels = torch.full((len(rows), width), IGNORED)
    for i, (p, a) in enumerate(rows):
        ids[i, : len(p) + len(a)] = torch.tensor(p + a)
        labels[i, len(p) : len(p) + len(a)] = torch.tensor(a)
    return {"input_ids": ids, "labels": labels, "attention_mask": (ids != pad).long()}


def main() -> None:
    """Make a base model and write it with its recipe."""
    parser = argparse.ArgumentParser(description="Make the micro-world's base model.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", action="store_true", help="make the reader instead")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    recipe = READER if arguments.reader else BaseRecipe(seed=arguments.seed)

    def show(done: int, of: int, what: str) -> None:
        if done % 100 == 0:
            print(f"{what}  {done}/{of}", flush=True)

    save(make(recipe, show), recipe, arguments.out)


def save(model: "LlamaForCausalLM", recipe: BaseRecipe, out: Path) -> None:
    """Write the model, its tokenizer and its recipe as a plain `transformers` folder."""
    model.save_pretrained(out)
    w.tokenizer().save_pretrained(out)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")


if __name__ == "__main__":
    main()
