"""Train the policy with TRL and PEFT.

One iteration is a preference stage (DPO, Rafailov et al. 2023, eq. 7) and an imitation
stage (negative log-likelihood of chosen answers: expert iteration), each with the recipe's
entropy bonus. The reference policy is always built here from named weights: TRL would otherwise
reload whatever lies on disk.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from logs.errors import PlimsollError, UsageError
from logs.vocabulary import Recipe, Reference
from tools.models import is_adapter, load_policy
from tools.pairs import Pair, Shown
from tools.trl_entropy import with_entropy
from tools.trl_settings import (
    OnStep,
    Progress,
    assistant,
    name_no_place,
    quiet,
    refuse_broken,
    run_silently,
    settings,
    user,
)

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
        UsageError: the recipe's adapter does not fit what was trained so far.
    """
    if not _lessons(recipe, pairs, shown):
        raise PlimsollError(
            "There is nothing to learn from.",
            saw=f"{len(pairs)} pairs, beta {recipe.beta}; {len(shown)} answers, nll {recipe.nll}",
            wanted="at least 1 of a stage that the recipe runs",
            try_this="draw more prompts or samples: recipe.prompts, recipe.samples",
        )
    quiet()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = trainable(recipe, base, adapter)
    report: dict[str, float] = {"pairs": len(pairs), "shown": len(shown)}
    if pairs and recipe.beta > 0:
        reference = _reference(recipe, base, adapter)
        report |= _preference_stage(recipe, model, reference, tokenizer, pairs, seed, out, on_step)
    if shown and recipe.nll > 0:
        report |= _imitation_stage(recipe, model, tokenizer, shown, seed, out, on_step)
    refuse_broken(report, model)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    name_no_place(out, base)
    return report


def _lessons(recipe: Recipe, pairs: Sequence[Pair], shown: Sequence[Shown]) -> bool:
    """Whether any stage will run; an untrained copy must not pass for a candidate."""
    return bool((pairs and recipe.beta > 0) or (shown and recipe.nll > 0))


def trainable(recipe: Recipe, base: Path, adapter: Path | None) -> Any:
    """The model of a recipe with the parameters that it trains: a new adapter, or one to go on."""
    if recipe.adapter == "full":
        return load_policy(base, adapter).requires_grad_(True)
    if recipe.adapter != "lora" or (adapter is not None and not is_adapter(adapter)):
        raise UsageError(
            "A recipe trains a LoRA adapter or the full model, and goes on as it began.",
            saw=f"recipe.adapter = {recipe.adapter!r}"
            + (f" on {'an adapter' if is_adapter(adapter) else 'a full model'}" if adapter else ""),
            wanted="'lora' or 'full'; a fully trained model stays 'full'",
            try_this="edit [recipe] in plimsoll.toml",
        )
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        going_on = PeftModel.from_pretrained(model, adapter, is_trainable=True)
        # PEFT looks there, when it saves, whether the vocabulary grew.
        going_on.peft_config["default"].base_model_name_or_path = str(base)
        return going_on
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
    trainer = preference_trainer(recipe, model, reference, tokenizer, pairs, seed, out, on_step)
    done = run_silently(trainer)
    return {"dpo_loss": done.training_loss, "dpo_steps": done.global_step}


def preference_trainer(
    recipe: Recipe,
    model: Any,
    reference: PreTrainedModel,
    tokenizer: Any,
    pairs: Sequence[Pair],
    seed: int,
    out: Path,
    on_step: OnStep,
) -> Any:
    """What runs the preference stage: one pass over the pairs."""
    rows = [
        {
            "prompt": user(p.prompt),
            "chosen": assistant(p.chosen),
            "rejected": assistant(p.rejected),
        }
        for p in pairs
    ]
    config = DPOConfig(
        **_settings(recipe, len(rows), seed, out, epochs=1),
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
        callbacks=[Progress(on_step, "preferences")],
    )
    return with_entropy(trainer, recipe.entropy, chosen_half=True)


def _imitation_stage(
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    shown: Sequence[Shown],
    seed: int,
    out: Path,
    on_step: OnStep,
) -> dict[str, float]:
    done = run_silently(imitation_trainer(recipe, model, tokenizer, shown, seed, out, on_step))
    return {"nll_loss": done.training_loss, "nll_steps": done.global_step}


def imitation_trainer(
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    shown: Sequence[Shown],
    seed: int,
    out: Path,
    on_step: OnStep,
) -> Any:
    """What runs the imitation stage: `epochs` passes, at `nll` times the learning rate.

    The stage's weight scales its steps: Adam divides by the size of the gradient, so a factor
    on the loss would change nothing.
    """
    rows = [{"prompt": user(s.prompt), "completion": assistant(s.answer)} for s in shown]
    weighed = recipe.model_copy(update={"learning_rate": recipe.learning_rate * recipe.nll})
    config = SFTConfig(
        **_settings(weighed, len(rows), seed, out, epochs=recipe.epochs), completion_only_loss=True
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Progress(on_step, "imitation")],
    )
    return with_entropy(trainer, recipe.entropy)


def _settings(recipe: Recipe, items: int, seed: int, out: Path, *, epochs: int) -> dict[str, Any]:
    return settings(
        out,
        items=items,
        batch=recipe.batch,
        epochs=epochs,
        learning_rate=recipe.learning_rate,
        seed=seed,
    )
