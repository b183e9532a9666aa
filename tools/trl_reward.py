"""Train a reward model with TRL: Bradley-Terry on whole conversations.

The head's scale is free in a Bradley-Terry fit only as far as the data fix it; the trained
head is divided by the spread of its scores, so that judges of a panel share one unit.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed
from trl import RewardConfig, RewardTrainer

from logs.errors import PlimsollError
from tools.pairs import Pair
from tools.reward_model import RewardModel, no_report_of_a_new_head
from tools.trl_settings import (
    OnStep,
    Progress,
    assistant,
    quiet,
    refuse_broken,
    run_silently,
    settings,
    user,
)

CENTRE = 0.01
"""Weight of (r_chosen + r_rejected)^2, which keeps scores around 0 (Eisenstein et al. 2023)."""


def train_reward_model(
    choices: Sequence[Pair],
    *,
    base: Path,
    seed: int,
    out: Path,
    epochs: int = 3,
    batch: int = 32,
    learning_rate: float = 5e-4,
    on_step: OnStep = lambda done, of, what: None,
) -> dict[str, float]:
    """Write a reward model, initialised from the base, as a plain `transformers` folder.

    Returns:
        Mean loss, optimiser steps, and the spread that the head was divided by.

    Raises:
        PlimsollError: there are no choices, the loss is not finite, or every answer scores
            the same.
    """
    if not choices:
        raise PlimsollError(
            "A reward model learns from choices.",
            saw="0 choices",
            wanted="at least 1 pair of a chosen and a rejected answer",
            try_this="collect more comparisons: judges.comparisons in plimsoll.toml",
        )
    quiet()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = _classifier(base, tokenizer)
    shape = {"items": len(choices), "batch": batch, "epochs": epochs, "seed": seed}
    trainer = RewardTrainer(
        model=model,
        args=RewardConfig(
            **settings(out, learning_rate=learning_rate, **shape),
            center_rewards_coefficient=CENTRE,
        ),
        train_dataset=Dataset.from_list([_row(c) for c in choices]),
        processing_class=tokenizer,
        callbacks=[Progress(on_step, "reward model")],
    )
    done = run_silently(trainer)
    report = {"loss": done.training_loss, "steps": done.global_step}
    refuse_broken(report, model)
    report["spread"] = _standardise(model.eval(), tokenizer, choices)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return report


def _row(choice: Pair) -> dict[str, Any]:
    return {
        "prompt": user(choice.prompt),
        "chosen": assistant(choice.chosen),
        "rejected": assistant(choice.rejected),
    }


def _classifier(base: Path, tokenizer: Any) -> Any:
    with no_report_of_a_new_head():
        model = AutoModelForSequenceClassification.from_pretrained(
            base, num_labels=1, dtype=torch.float32
        )
    model.config.pad_token_id = tokenizer.pad_token_id
    return model


def _standardise(model: Any, tokenizer: Any, choices: Sequence[Pair]) -> float:
    """Divide the head by the spread of its scores on the answers it was trained on."""
    rows = [(c.prompt, text) for c in choices for text in (c.chosen, c.rejected)]
    spread = float(np.std(RewardModel(model, tokenizer).score_texts(rows)))
    if not spread > 0:
        raise PlimsollError(
            "The reward model gives every answer the same score; nothing was kept.",
            saw=f"a spread of {spread} over {len(rows)} answers",
            wanted="scores that differ",
            try_this="collect more comparisons, or raise the learning rate",
        )
    with torch.no_grad():
        model.score.weight.div_(spread)
    return spread
