"""Training at 100 million parameters: the preference stage against a plain TRL script.

    python -m benchmarks.training_large --out benchmarks/results/training_large.json

Both train the same LoRA adapter on the same pairs for the same steps, from loading the base to
saving the adapter. The plain script is what TRL's own documentation shows: `DPOTrainer` with a
`peft_config`, whose reference is the base below the adapter. Ours holds the reference as weights of
its own, named by the recipe, and scores every pair under it once.
"""

import argparse
import gc
import json
import random
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer

import plimsoll  # noqa: F401  puts this checkout first on the path
from agent.founding import shipped
from benchmarks.speed import compare
from logs.vocabulary import Recipe
from tools.pairs import Pair
from tools.threads import use_threads
from tools.trl_settings import assistant, quiet, run_silently, user
from tools.trl_trainer import LORA_TARGETS, train
from tools.world import language

PROMPT_WORDS, ANSWER_WORDS = 48, 32


def main() -> None:
    """Compare, print and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    use_threads(given.threads)
    quiet()
    recipe = Recipe(batch=given.batch, nll=0.0)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        parameters = large_base(base)
        pairs = made_up(given.pairs)
        rivals = {
            "plimsoll": lambda: ours(recipe, base, pairs),
            "plain TRL": lambda: plain(recipe, base, pairs),
        }
        table = compare(rivals, given.repeats, unit="pairs")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found = {"parameters": parameters, "threads": given.threads, "peak_rss_mb": peak, **table}
    print(json.dumps(found, indent=1))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")


def large_base(out: Path) -> int:
    """A Llama of random weights with the shipped tokenizer; how many parameters it has."""
    tokenizer = AutoTokenizer.from_pretrained(shipped("base"))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=1024,
        intermediate_size=2752,
        num_hidden_layers=8,
        num_attention_heads=16,
        num_key_value_heads=16,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return sum(p.numel() for p in model.parameters())


def made_up(n: int) -> list[Pair]:
    """Pairs of random words, all equally long: speed does not depend on what they say."""
    rng, words = random.Random(0), (*language.LETTERS, *language.NAMES, *language.CITIES)

    def say(length: int) -> str:
        return " ".join(rng.choices(words, k=length))

    return [Pair(say(PROMPT_WORDS), say(ANSWER_WORDS), say(ANSWER_WORDS)) for _ in range(n)]


def ours(recipe: Recipe, base: Path, pairs: Sequence[Pair]) -> int:
    """The preference stage as a session runs it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "adapter"
        train(recipe, base=base, adapter=None, pairs=pairs, shown=[], seed=0, out=out)
    gc.collect()
    return len(pairs)


def plain(recipe: Recipe, base: Path, pairs: Sequence[Pair]) -> int:
    """The script that one would write without Plimsoll."""
    rows = [
        {
            "prompt": user(pair.prompt),
            "chosen": assistant(pair.chosen),
            "rejected": assistant(pair.rejected),
        }
        for pair in pairs
    ]
    with tempfile.TemporaryDirectory() as folder:
        trainer = DPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
            args=DPOConfig(**_arguments(recipe, Path(folder))),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(base),
            peft_config=LoraConfig(
                r=recipe.rank,
                lora_alpha=2 * recipe.rank,
                lora_dropout=0.0,
                target_modules=LORA_TARGETS,
                task_type="CAUSAL_LM",
            ),
        )
        run_silently(trainer)
        trainer.save_model(str(Path(folder) / "adapter"))
    gc.collect()
    return len(pairs)


def _arguments(recipe: Recipe, out: Path) -> dict[str, Any]:
    return {
        "output_dir": str(out / "trainer"),
        "per_device_train_batch_size": recipe.batch,
        "num_train_epochs": 1,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "beta": recipe.beta,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": torch.cuda.is_available(),
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 0,
    }


if __name__ == "__main__":
    main()
