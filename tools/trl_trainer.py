"""Train the policy with TRL and PEFT.

One iteration is a preference stage (DPO, Rafailov et al. 2023, eq. 7) and an imitation
stage (negative log-likelihood of chosen answers: expert iteration), each with the recipe's
entropy bonus. The reference policy is always built here from named weights: TRL would otherwise
reload whatever lies on disk.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from logs.errors import PlimsollError, UsageError
from logs.vocabulary import Recipe, Reference
from tools.encoding import Codec
from tools.memory import NOTES, less, tried
from tools.models import is_adapter, load_policy
from tools.pairs import Pair, Shown
from tools.training_setup import Setup, require_fit
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
    warm_up,
)

AS_USUAL = Setup()


def train(
    recipe: Recipe,
    *,
    base: Path,
    adapter: Path | None,
    pairs: Sequence[Pair],
    shown: Sequence[Shown],
    seed: int,
    out: Path,
    setup: Setup = AS_USUAL,
    on_step: OnStep = lambda done, of, what: None,
) -> dict[str, float]:
    """Write a trained adapter (or, for `full`, a whole model) under `out`.

    Where a GPU's memory does not hold a batch it is begun again from the same weights, with half
    as many rows at once and twice as many such parts to a step.

    Args:
        base: the frozen founding model.
        adapter: weights trained so far on top of it, or None.
        pairs: preferred and rejected answers, for the preference stage.
        shown: answers to imitate, for the imitation stage.
        seed: of shuffling and initialisation.
        out: an empty folder.
        setup: precision, memory, which layers move.

    Returns:
        Mean loss per stage, the number of optimiser steps, and the rows at once.

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
    at_once, common = recipe.batch, (recipe, base, adapter, (pairs, shown), seed, out, setup)
    while (done := tried(_attempt, *common, at_once, on_step)) is None:
        at_once = less(at_once, "rows at once while training")
    report, model, tokenizer = done
    refuse_broken(report, model)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    name_no_place(out, base)
    return report | {"pairs": len(pairs), "shown": len(shown), "rows_at_once": at_once}


def _attempt(
    recipe: Recipe,
    base: Path,
    adapter: Path | None,
    lessons: tuple[Sequence[Pair], Sequence[Shown]],
    seed: int,
    out: Path,
    setup: Setup,
    at_once: int,
    on_step: OnStep,
) -> tuple[dict[str, float], Any, Any]:
    """Both stages, from the weights that they begin with: report, model and tokenizer."""
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    common = (seed, out, on_step, setup, setup.of_trainer(at_once, -(-recipe.batch // at_once)))
    pairs, shown = lessons
    report: dict[str, float] = {}
    model = trainable(recipe, base, adapter, setup)
    require_fit(model, tokenizer, adapter)
    if pairs and recipe.beta > 0:
        reference = _reference(recipe, base, adapter)
        trainer = preference_trainer(recipe, model, reference, tokenizer, pairs, *common)
        done = run_silently(trainer)
        report |= {"dpo_loss": done.training_loss, "dpo_steps": done.global_step}
    if shown and recipe.nll > 0:
        done = run_silently(imitation_trainer(recipe, model, tokenizer, shown, *common))
        report |= {"nll_loss": done.training_loss, "nll_steps": done.global_step}
    _note_cut(recipe, tokenizer, lessons, setup.max_length)
    return report, model, tokenizer


def _note_cut(
    recipe: Recipe,
    tokenizer: Any,
    lessons: tuple[Sequence[Pair], Sequence[Shown]],
    most: int,
) -> None:
    """Put on record how many answers lost their end, or were left out, for being too long."""
    codec, (pairs, shown) = Codec(tokenizer), lessons
    rows = [(p.prompt, a) for p in pairs if recipe.beta > 0 for a in (p.chosen, p.rejected)]
    rows += [(s.prompt, s.answer) for s in shown if recipe.nll > 0]
    sizes = [len(codec.prompt(p)) + len(codec.encode_answer(a)) + 1 for p, a in rows]
    if cut := sum(size > most for size in sizes):
        NOTES.append(
            f"{cut} of {len(rows)} answers cut while training: up to {max(sizes)} tokens with"
            f" their prompt, training.max_length = {most}"
        )


def _lessons(recipe: Recipe, pairs: Sequence[Pair], shown: Sequence[Shown]) -> bool:
    """Whether any stage will run; an untrained copy must not pass for a candidate."""
    return bool((pairs and recipe.beta > 0) or (shown and recipe.nll > 0))


def trainable(recipe: Recipe, base: Path, adapter: Path | None, setup: Setup = AS_USUAL) -> Any:
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
    model = AutoModelForCausalLM.from_pretrained(base, **setup.weights())
    if adapter is not None:
        going_on = PeftModel.from_pretrained(model, adapter, is_trainable=True)
        # PEFT looks there, when it saves, whether the vocabulary grew.
        going_on.peft_config["default"].base_model_name_or_path = str(base)
        return going_on
    return get_peft_model(model, setup.lora(model, recipe.rank))


def _reference(recipe: Recipe, base: Path, adapter: Path | None) -> PreTrainedModel:
    """The frozen policy of the DPO term, from the weights that the recipe names."""
    start = None if recipe.reference is Reference.ANCHOR else adapter
    return load_policy(base, start).requires_grad_(False)


def preference_trainer(
    recipe: Recipe,
    model: Any,
    reference: PreTrainedModel,
    tokenizer: Any,
    pairs: Sequence[Pair],
    seed: int,
    out: Path,
    on_step: OnStep,
    setup: Setup = AS_USUAL,
    own: Mapping[str, Any] | None = None,
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
    own = own or setup.of_trainer(recipe.batch, 1)
    at_once = own["per_device_train_batch_size"]
    config = DPOConfig(
        **_settings(recipe, len(rows), seed, out, epochs=1) | dict(own),
        beta=recipe.beta,
        precompute_ref_log_probs=True,
        # Without gradients four times as many fit, unless memory ran out already.
        precompute_ref_batch_size=4 * at_once if at_once >= recipe.batch else at_once,
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


def imitation_trainer(
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    shown: Sequence[Shown],
    seed: int,
    out: Path,
    on_step: OnStep,
    setup: Setup = AS_USUAL,
    own: Mapping[str, Any] | None = None,
) -> Any:
    """What runs the imitation stage: `epochs` passes, at `nll` times the learning rate.

    The stage's weight scales its steps: Adam divides by the size of the gradient, so a factor
    on the loss would change nothing.
    """
    rows = [{"prompt": user(s.prompt), "completion": assistant(s.answer)} for s in shown]
    weighed = recipe.model_copy(update={"learning_rate": recipe.learning_rate * recipe.nll})
    config = SFTConfig(
        **_settings(weighed, len(rows), seed, out, epochs=recipe.epochs)
        | dict(own or setup.of_trainer(recipe.batch, 1)),
        completion_only_loss=True,
        packing=setup.packing,
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Progress(on_step, "imitation")],
    )
    if setup.packing:  # then there are fewer rows than answers, and fewer steps
        packed: Any = trainer.train_dataset
        items, batch = len(packed), recipe.batch
        trainer.args.warmup_steps = warm_up(items=items, batch=batch, epochs=recipe.epochs)
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
