"""Take a model of the user into the store: a folder, or a hub name in the local cache."""

import json
from pathlib import Path

from logs.errors import UsageError
from logs.vocabulary import Digest
from tools.store import Store

LEFT = (".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".msgpack", ".h5", ".py", ".pyc")
"""Endings of files that are not taken: other copies of the weights, pickles, and code."""


def put_model(store: Store, named: str, setting: str) -> Digest:
    """Store what `transformers` needs of a model; the digest of its folder.

    Raises:
        UsageError: it is not there, or has no safetensors.
    """
    folder = model_folder(named, setting)
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _is_taken(path.relative_to(folder))
    }
    if not any(name.endswith(".safetensors") for name in files):
        raise UsageError(
            "A model's weights are read as safetensors only: other formats can carry code.",
            saw=f"{setting} = {named!r}, without one",
            wanted="model.safetensors, in one file or several",
            try_this="model.save_pretrained(FOLDER) writes them",
        )
    return store.put_json({"files": {name: store.put(p.read_bytes()) for name, p in files.items()}})


def model_folder(named: str, setting: str) -> Path:
    """The folder of a model that the settings name.

    Raises:
        UsageError: there is none, neither as a folder nor in the local cache.
    """
    folder = Path(named).expanduser()
    if (folder / "config.json").is_file():
        return folder
    if not folder.exists() and named.count("/") == 1:
        from tools.hub import cached_folder

        cached = cached_folder(named)
        if cached is not None:
            return cached
    raise UsageError(
        "The model is not there.",
        saw=f"{setting} = {named!r}, without a config.json",
        wanted="a folder that transformers can load, or a hub name in the local cache",
        try_this="download it first; a session itself fetches nothing",
    )


def require_a_template(folder: Path, setting: str) -> None:
    """Refuse a model that no conversation can be put to, before anything of it is read or stored.

    Raises:
        UsageError: its tokenizer has no chat template.
    """
    path = folder / "tokenizer_config.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        told = {}
    files = ("chat_template.jinja", "chat_template.json")
    if told.get("chat_template") or any((folder / name).is_file() for name in files):
        return
    raise UsageError(
        "The base model's tokenizer cannot render a conversation.",
        saw=f"{setting} = {folder.name!r}, without a chat template",
        wanted="chat_template.jinja, or chat_template in tokenizer_config.json",
        try_this="take the instruction-tuned model, or save a template: tokenizer.chat_template"
        " = ...; tokenizer.save_pretrained(FOLDER)",
    )


def _is_taken(path: Path) -> bool:
    """Whether a file belongs to the model as it is loaded here; weights only on the top level."""
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and len(path.parts) == 1 and path.suffix.lower() not in LEFT
