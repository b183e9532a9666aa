"""Train with TRL and PEFT: the only file that imports them.

One iteration is a preference stage (DPO, Rafailov et al. 2023, eq. 7) and an imitation
stage (negative log-likelihood of chosen answers: expert iteration). The reference policy is
always built here from named weights: TRL would otherwise reload whatever lies on disk.
"""

import gc
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from datasets.utils.logging import disable_progress_bar
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    TrainerCallback,
    set_seed,
)
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from logs.errors import PlimsollError, UsageError
from logs.vocabulary import Recipe, Reference
from tools.models import load_policy
from tools.pairs import Pair, Shown

OnStep = Callable[[int, int, str], None]
LORA_TARGETS = "all-linear"


def train(
    recipe: Recipe,
    *,
    base: Path,
    adapter: Path | None,
    pairs: Sequence[Pair],
    shown: Sequence[Shown],
    seed: int,
    out: Path,
    on_step: OnStep = lambda done, of, what: None,
) -> dict[str, float]:
    """Write a trained adapter (or, for `full`, a whole model) under `out`.

    Args:
        recipe: every hyper-parameter.
        base: the frozen founding model.
        adapter: weights trained so far on top of it, or None.
        pairs: preferred and rejected answers, for the preference stage.
        shown: answers to imitate, for the imitation stage.
        seed: of shuffling and initialisation.
        out: an empty folder.

    Returns:
        Mean loss per stage and the number of optimiser steps.

    Raises:
        PlimsollError: there is nothing to learn from, or a loss is not finite.
    """
    if not pairs and not shown:
        raise PlimsollError(
            "There is nothing to learn from.",
            saw="0 pairs and 0 chosen answers",
            wanted="at least 1",
            try_this="draw more prompts or samples: recipe.prompts, recipe.samples",
        )
    _quiet()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = _trainable(recipe, base, adapter)
    report: dict[str, float] = {"pairs": len(pairs), "shown": len(shown)}
    if pairs and recipe.beta > 0:
        reference = _reference(recipe, base, adapter)
        report |= _preference_stage(recipe, model, reference, tokenizer, pairs, seed, out, on_step)
    if shown and recipe.nll > 0:
        report |= _imitation_stage(recipe, model, tokenizer, shown, seed, out, on_step)
    _refuse_broken(report)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return report


def _trainable(recipe: Recipe, base: Path, adapter: Path | None) -> Any:
    if recipe.adapter == "full":
        return AutoModelForCausalLM.from_pretrained(adapter or base, dtype=torch.float32)
    if recipe.adapter != "lora":
        raise UsageError(
            "A recipe trains a LoRA adapter or the full model.",
            saw=f"recipe.adapter = {recipe.adapter!r}",
            wanted="'lora' or 'full'",
            try_this="edit [recipe] in plimsoll.toml",
        )
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        return PeftModel.from_pretrained(model, adapter, is_trainable=True)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=2 * recipe.rank,
        lora_dropout=0.0,
        target_modules=LORA_TARGETS,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def _reference(recipe: Recipe, base: Path, adapter: Path | None) -> PreTrainedModel:
    """The frozen policy of the DPO term, from the weights that the recipe names."""
    start = None if recipe.reference is Reference.ANCHOR else adapter
    return load_policy(base, start).requires_grad_(False)


def _preference_stage(
    recipe: Recipe,
    model: Any,
    reference: PreTrainedModel,
    tokenizer: Any,
    pairs: Sequence[Pair],
    seed: int,
    out: Path,
    on_step: OnStep,
) -> dict[str, float]:
    rows = [
        {
            "prompt": _user(p.prompt),
            "chosen": _assistant(p.chosen),
            "rejected": _assistant(p.rejected),
        }
        for p in pairs
    ]
    config = DPOConfig(
        **_common(recipe, seed, out, epochs=1),
        beta=recipe.beta,
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=4 * recipe.batch,
    )
    trainer = DPOTrainer(
        model=model,
        ref_model=reference,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[_Progress(on_step, "preferences")],
    )
    done = trainer.train()
    return {"dpo_loss": done.training_loss, "dpo_steps": done.global_step}


def _imitation_stage(
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    shown: Sequence[Shown],
    seed: int,
    out: Path,
    on_step: OnStep,
) -> dict[str, float]:
    rows = [{"prompt": _user(s.prompt), "completion": _assistant(s.answer)} for s in shown]
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            **_common(recipe, seed, out, epochs=recipe.epochs), completion_only_loss=True
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[_Progress(on_step, "imitation")],
    )
    done = trainer.train()
    return {"nll_loss": done.training_loss, "nll_steps": done.global_step}


def _common(recipe: Recipe, seed: int, out: Path, *, epochs: int) -> dict[str, Any]:
    """TRL's defaults (bf16, checkpointing, lr 1e-6) suit one large GPU; every one is set here."""
    on_cpu = not torch.cuda.is_available()
    return {
        "output_dir": str(out.parent / f"{out.name}-trainer"),
        "per_device_train_batch_size": recipe.batch,
        "num_train_epochs": epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "seed": seed,
        "data_seed": seed,
        "use_cpu": on_cpu,
        "bf16": not on_cpu,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": not on_cpu,
        "save_strategy": "no",
        "logging_strategy": "epoch",
        "report_to": "none",
        "disable_tqdm": True,
        "optim": "adamw_torch_fused",
    }


def _user(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _assistant(answer: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": answer}]


class _Progress(TrainerCallback):
    """Tells the caller how far a stage is; TRL's own bars write to the terminal."""

    def __init__(self, on_step: OnStep, what: str) -> None:
        self.on_step, self.what = on_step, what

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report one optimiser step."""
        self.on_step(state.global_step, state.max_steps, self.what)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keep TRL from printing its log lines."""


def _quiet() -> None:
    """No bars, and one garbage collection less: `freeze` halves TRL's end-of-training cost."""
    disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)
    gc.freeze()


def _refuse_broken(report: dict[str, float]) -> None:
    broken = {k: v for k, v in report.items() if v != v or abs(v) == float("inf")}
    if broken:
        raise PlimsollError(
            "Training diverged; nothing was kept.",
            saw=", ".join(f"{k} = {v}" for k, v in broken.items()),
            wanted="finite losses",
            try_this="lower recipe.learning_rate",
        )
