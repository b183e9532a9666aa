"""Trained weights as a folder that `transformers` or `peft` alone can load."""

import json
import shutil
from pathlib import Path

from tools.models import is_adapter, load_policy

TOKENIZER = ("tokenizer", "special_tokens", "added_tokens", "vocab", "merges", "chat_template")
"""How the files begin that speak for a model; `spiece` and others lie with the whole model."""
ADAPTER = "adapter_config.json"


def export(base: Path, trained: Path | None, out: Path, *, merge: bool, base_name: str) -> str:
    """Write weights and tokenizer into a folder that is there already; say what they are.

    Args:
        base: the founding model.
        trained: an adapter, a whole model, or None for the founding model itself.
        merge: an adapter becomes part of the weights, in float32.
        base_name: how an adapter names its base; empty: by its content, as it was trained.

    Returns:
        `adapter`, `merged` or `model`.
    """
    if trained is not None and is_adapter(trained) and not merge:
        _copied(trained, out)
        _copied(base, out, TOKENIZER)
        if base_name:
            _name_base(out / ADAPTER, base_name)
        return "adapter"
    if trained is not None and is_adapter(trained):
        _copied(base, out, TOKENIZER)
        load_policy(base, trained).save_pretrained(out)
        return "merged"
    _copied(base, out, TOKENIZER)
    _copied(trained or base, out)
    return "model"


def push(folder: Path, name: str) -> str:
    """Upload a folder to a private repository of the hub, made where it is not there; its address.

    Raises:
        OSError: it cannot be reached, or does not let this person write.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    hub = HfApi()
    try:
        hub.create_repo(name, private=True, exist_ok=True)
        return str(hub.upload_folder(repo_id=name, folder_path=folder))
    except HfHubHTTPError as error:
        raise OSError(str(error)) from error


def _copied(source: Path, out: Path, only: tuple[str, ...] = ()) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file() and (not only or path.name.startswith(only)):
            shutil.copyfile(path, out / path.name)


def _name_base(config: Path, name: str) -> None:
    told = json.loads(config.read_text(encoding="utf-8"))
    told["base_model_name_or_path"] = name
    config.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
