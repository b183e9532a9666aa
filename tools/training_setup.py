"""How a model is trained, apart from what it learns: precision, memory, which weights move."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logs.errors import UsageError

ALL_LINEAR = "all-linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The table [training] of the settings, as a job reads it."""

    dtype: str = "auto"
    """`auto`: float32, with bfloat16 sums on a GPU; `float32`; `bfloat16`: the frozen weights."""
    target_modules: tuple[str, ...] = ()
    """Ends of the names of the layers that LoRA adapts; empty: every linear one but the last."""
    dora: bool = False
    quantise: str = "none"
    """`none` or `4bit`: the frozen weights while training (QLoRA)."""
    gradient_checkpointing: bool = False
    packing: bool = False
    max_length: int = 1024
    """Tokens of a prompt with its answer; what is longer is cut."""

    @property
    def bf16(self) -> bool:
        """Whether sums are in bfloat16."""
        import torch

        return self.dtype == "bfloat16" or (self.dtype == "auto" and torch.cuda.is_available())

    def weights(self) -> dict[str, Any]:
        """How the frozen weights are loaded.

        Raises:
            UsageError: this machine cannot load them so.
        """
        import torch

        dtype = torch.bfloat16 if self.dtype == "bfloat16" else torch.float32
        if self.quantise == "none":
            return {"dtype": dtype}
        return {"dtype": dtype, "quantization_config": _four_bits()}

    def lora(self, model: Any, rank: int) -> Any:
        """The adapter's settings.

        Raises:
            UsageError: the model has no layer of one of these names.
        """
        from peft import LoraConfig

        if self.target_modules:
            require_targets(model, self.target_modules)
        return LoraConfig(
            r=rank,
            lora_alpha=2 * rank,
            lora_dropout=0.0,
            target_modules=list(self.target_modules) or ALL_LINEAR,
            use_dora=self.dora,
            task_type="CAUSAL_LM",
        )

    def of_trainer(self, micro: int, accumulation: int) -> dict[str, Any]:
        """Settings of a TRL trainer beside those of the recipe.

        Args:
            micro: rows of one forward pass.
            accumulation: such passes for one step of the optimiser.
        """
        return {
            "per_device_train_batch_size": micro,
            "gradient_accumulation_steps": accumulation,
            "bf16": self.bf16,
            "gradient_checkpointing": self.gradient_checkpointing,
            "gradient_checkpointing_kwargs": {"use_reentrant": False},
            "max_length": self.max_length,
        }


def require_targets(model: Any, wanted: tuple[str, ...]) -> None:
    """Refuse names of layers that the model does not have; PEFT would adapt the others alone.

    Raises:
        UsageError: with the names of its linear layers.
    """
    import torch

    names = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    ends = sorted({name.rsplit(".", 1)[-1] for name in names})
    missing = [w for w in wanted if not any(n == w or n.endswith(f".{w}") for n in names)]
    if missing:
        raise UsageError(
            "The model has no layers of that name for LoRA to adapt.",
            saw=f"training.target_modules with {', '.join(map(repr, missing))}",
            wanted=f"of: {', '.join(ends)}",
            try_this="edit [training] in plimsoll.toml; an empty list adapts every linear layer",
        )
    head = model.get_output_embeddings()
    last = next((name for name, module in model.named_modules() if module is head), "")
    if any(last == w or last.endswith(f".{w}") for w in wanted):
        # Losses are computed from its weights alone; where it is the embedding too, merging it
        # would change what the model reads.
        raise UsageError(
            "An adapter of the model's last layer would never be trained.",
            saw=f"training.target_modules with {last!r}",
            wanted="layers before it",
            try_this=f"leave {last!r} out under [training] in plimsoll.toml",
        )


def require_fit(model: Any, tokenizer: Any, adapter: Path | None) -> None:
    """Refuse a tokenizer that says more than the model reads, or an adapter of another base.

    Raises:
        UsageError: their vocabularies differ.
    """
    rows = int(model.get_input_embeddings().weight.shape[0])
    if len(tokenizer) > rows:
        raise UsageError(
            "The tokenizer knows more tokens than the model.",
            saw=f"{len(tokenizer)} tokens, {rows} rows of the model's embedding",
            wanted="a tokenizer that was saved with this model",
            try_this="model.resize_token_embeddings(len(tokenizer)), then save both",
        )
    if adapter is None:
        return
    kept = _embedding_rows(adapter)
    if kept is not None and kept != rows:
        raise UsageError(
            "The adapter was trained on a model with another vocabulary.",
            saw=f"{kept} rows in {adapter.name}, {rows} in the base",
            wanted="the base that it was trained on",
            try_this="plimsoll log why HEAD names it",
        )


def _embedding_rows(adapter: Path) -> int | None:
    """Rows of an embedding that an adapter brings along; None where it brings none."""
    from safetensors import safe_open

    path = adapter / "adapter_model.safetensors"
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file:
        names: list[str] = list(file.keys())
        for name in names:
            if "embed_tokens" in name and name.endswith("weight") and "lora" not in name:
                return int(file.get_slice(name).get_shape()[0])
    return None


def _four_bits() -> Any:
    """NF4 with double quantisation (Dettmers et al. 2023, arXiv 2305.14314)."""
    from importlib.util import find_spec

    import torch
    from transformers import BitsAndBytesConfig

    lacks = [
        *(["no bitsandbytes"] if find_spec("bitsandbytes") is None else []),
        *(["no GPU"] if not torch.cuda.is_available() else []),
    ]
    if lacks:
        raise UsageError(
            "The base cannot be held in 4 bits here.",
            saw=f"training.quantise = '4bit', and {' and '.join(lacks)}",
            wanted="bitsandbytes and a GPU",
            try_this="pip install 'plimsoll-line[qlora]', or training.quantise = \"none\"",
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
