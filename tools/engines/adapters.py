"""Does a LoRA adapter fit its base? Asked before vLLM is, which takes smaller ones without a word.

vLLM copies the matrices of an adapter into larger ones of its own: those of a narrower model fill a
part of them, layers that the base lacks are dropped, and what is drawn is of no model at all.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from logs.errors import UsageError

Shapes = dict[str, list[int]]
PREFIX = "base_model.model."
A, B = ".lora_A.weight", ".lora_B.weight"


def require_fits(adapter: Path, base: Path) -> None:
    """Compare the shapes of every pair of matrices with those of the layer that it adds to.

    Raises:
        UsageError: a layer is not there, is of another size, or the files cannot be read.
    """
    layers = _shapes(base)
    if faults := list(_faults(_shapes(adapter), layers)):
        raise UsageError(
            "The adapter does not fit the base model.",
            saw=f"{adapter.name}: {'; '.join(faults[:3])}",
            wanted=f"a LoRA adapter of {base.name}: its layers, of its sizes",
            try_this="compare adapter_config.json with the config.json of the base",
        )


def _faults(adapter: Shapes, base: Shapes) -> Iterator[str]:
    pairs = {name.removesuffix(A): shape for name, shape in adapter.items() if name.endswith(A)}
    if not pairs:
        yield "no matrices of LoRA"
    for name, (rank, wide) in pairs.items():
        layer = name.removeprefix(PREFIX)
        # An output layer that is tied to the embedding is saved once.
        found = base.get(f"{layer}.weight")
        if found is None and layer == "lm_head":
            found = base.get("model.embed_tokens.weight")
        if found is None:
            yield f"{layer} is no layer of the base"
        elif [*adapter.get(f"{name}{B}", [])] != [found[0], rank] or wide != found[-1]:
            yield f"{layer} is {found}, of another size"


def _shapes(folder: Path) -> Shapes:
    """Of all tensors in the safetensors of a folder, from their headers alone.

    Source: the safetensors format: eight bytes of length, then that much JSON.
    """
    shapes: Shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                told = json.loads(file.read(length))
            shapes |= {n: list(t["shape"]) for n, t in told.items() if n != "__metadata__"}
        except (struct.error, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
            raise UsageError(
                "The weights cannot be read.",
                saw=f"{folder.name}/{path.name}: {type(error).__name__}: {error}",
                wanted="safetensors",
                try_this="plimsoll doctor",
            ) from error
    return shapes
