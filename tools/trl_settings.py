"""What every TRL trainer here is given: settings, progress, quiet, and a look at its losses."""

import gc
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets.utils.logging import disable_progress_bar
from transformers import PrinterCallback, Trainer, TrainerCallback
from transformers.utils.logging import disable_progress_bar as disable_loading_bar

from logs.errors import PlimsollError

OnStep = Callable[[int, int, str], None]


WARM_UP = 20
"""Steps below which there is no warm-up: it begins at rate 0, so a stage of one step would
learn nothing at all."""


def settings(
    out: Path, *, items: int, batch: int, epochs: int, learning_rate: float, seed: int
) -> dict[str, Any]:
    """TRL's defaults (bf16, checkpointing, lr 1e-6) suit one large GPU; every one is set here."""
    on_cpu = not torch.cuda.is_available()
    return {
        "output_dir": str(out.parent / f"{out.name}-trainer"),
        "per_device_train_batch_size": batch,
        "num_train_epochs": epochs,
        "learning_rate": learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": warm_up(items=items, batch=batch, epochs=epochs),
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
        "logging_nan_inf_filter": False,  # else a NaN is reported as the mean of the other steps
        "report_to": "none",
        "disable_tqdm": True,
        "optim": "adamw_torch_fused",
    }


def warm_up(*, items: int, batch: int, epochs: int) -> int:
    """Steps of the warm-up: a tenth of all, or none of few."""
    steps = math.ceil(items / batch) * epochs
    return steps // 10 if steps >= WARM_UP else 0


def user(prompt: str) -> list[dict[str, str]]:
    """A prompt as the conversation that the chat template expects."""
    return [{"role": "user", "content": prompt}]


def assistant(answer: str) -> list[dict[str, str]]:
    """An answer as the turn that follows."""
    return [{"role": "assistant", "content": answer}]


class Progress(TrainerCallback):
    """Tells the caller how far a stage is; TRL's own bars write to the terminal."""

    def __init__(self, on_step: OnStep, what: str) -> None:
        self.on_step, self.what = on_step, what

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report one optimiser step."""
        self.on_step(state.global_step, state.max_steps, self.what)


def run_silently(trainer: Trainer) -> Any:
    """Train; without a bar `transformers` would print every log line on stdout instead."""
    trainer.remove_callback(PrinterCallback)
    return trainer.train()


def quiet() -> None:
    """No bars, and one garbage collection less: `freeze` halves TRL's end-of-training cost."""
    disable_progress_bar()
    disable_loading_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)
    gc.freeze()


def refuse_broken(report: dict[str, float], model: torch.nn.Module) -> None:
    """Look at what a training left behind.

    Raises:
        PlimsollError: a loss or a weight is not finite.
    """
    broken = [f"{k} = {v}" for k, v in report.items() if not math.isfinite(v)]
    broken += [name for name, p in model.named_parameters() if not bool(p.isfinite().all())]
    if broken:
        raise PlimsollError(
            "Training diverged; nothing was kept.",
            saw=", ".join(broken[:3]),
            wanted="finite losses and weights",
            try_this="lower recipe.learning_rate",
        )


def name_no_place(out: Path, base: Path) -> None:
    """Let saved weights name their base by its content, not by a folder of this machine.

    Otherwise the same weights have another digest in another place, and tell where they were.
    """
    (out / "README.md").unlink(missing_ok=True)
    config = out / "adapter_config.json"
    if config.is_file():
        told = json.loads(config.read_text(encoding="utf-8"))
        told["base_model_name_or_path"] = base.name
        config.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
