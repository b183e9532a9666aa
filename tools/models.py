"""Load a policy: the founding model, with or without what was trained on top of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from logs.errors import IntegrityError, PlimsollError, UsageError
from tools.encoding import Codec

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Read = TypeVar("Read")


def load_policy(base: Path, trained: Path | None) -> "PreTrainedModel":
    """A model ready to sample: an adapter is merged, a fully trained model replaces the base.

    Raises:
        IntegrityError: a checkpoint is missing or cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM

    def read(folder: Path) -> "PreTrainedModel":
        loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        return cast("PreTrainedModel", loaded)

    if trained is None:
        model = readable(base, read)
    elif is_adapter(trained):
        model = _merged(readable(base, read), trained)
    else:
        model = readable(trained, read)
    place: torch.nn.Module = model
    place.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    return model


def is_adapter(trained: Path) -> bool:
    """Whether trained weights are a PEFT adapter, to be read on top of the base."""
    return (trained / "adapter_config.json").is_file()


def vocabulary(base: Path) -> int:
    """How many tokens the model gives a probability to; some may have no text.

    Raises:
        IntegrityError: its configuration is missing or cannot be read.
    """
    from transformers import AutoConfig

    config = readable(base, AutoConfig.from_pretrained)
    return int(config.get_text_config().vocab_size)


def load_tokenizer(base: Path) -> Codec:
    """The tokenizer that was saved beside the base model.

    Raises:
        IntegrityError: it is missing or cannot be read.
        UsageError: it cannot say where a prompt or an answer ends.
    """
    from transformers import AutoTokenizer

    return Codec(_speaks(base, readable(base, AutoTokenizer.from_pretrained)))


def _speaks(base: Path, tokenizer: Any) -> Any:
    lacks = [
        *(["no chat template"] if not tokenizer.chat_template else []),
        *(["no token that ends an answer"] if tokenizer.eos_token_id is None else []),
    ]
    if lacks:
        raise UsageError(
            "The base model's tokenizer cannot render a conversation.",
            saw=f"{base.name}: {', '.join(lacks)}",
            wanted="chat_template (or chat_template.jinja) and eos_token",
            try_this="take the instruction-tuned model, or save a template: tokenizer.chat_template"
            " = ...; tokenizer.save_pretrained(FOLDER)",
        )
    return tokenizer


def _merged(model: "PreTrainedModel", adapter: Path) -> "PreTrainedModel":
    """Merged weights sample at the speed of the base; a live adapter costs half as much again."""
    from peft import PeftModel

    def read(folder: Path) -> "PreTrainedModel":
        merged = PeftModel.from_pretrained(model, folder).merge_and_unload()
        return cast("PreTrainedModel", merged)

    return readable(adapter, read)


def readable(folder: Path, read: Callable[[Path], Read]) -> Read:
    """Read a checkpoint, or say which one is broken and how."""
    try:
        return read(folder)
    except (MemoryError, PlimsollError):
        raise
    except Exception as error:  # whatever a library raises, each by classes of its own
        damaged = type(error).__name__ == "SafetensorError"
        why = (str(error).splitlines() or [""])[0]
        raise IntegrityError(
            f"A checkpoint's weights {'are damaged' if damaged else 'cannot be loaded'}.",
            saw=f"{folder.name}: {type(error).__name__}: {why[:160]}",
            wanted="config.json and complete safetensors that belong together",
            try_this="plimsoll doctor; plimsoll log verify; then restore the files from a copy",
        ) from error
