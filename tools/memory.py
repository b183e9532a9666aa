"""What is done over when a GPU's memory runs out: the same work in halves, and a note of it.

A job is one process, so that its notes are those of this module; whoever runs the job reads them.
"""

import gc

from logs.errors import PlimsollError

NOTES: list[str] = []
"""What this process did over, in the words of the record."""


def less(size: int, what: str) -> int:
    """Half of what did not fit; call it behind the `except`, whose traceback holds the tensors.

    Args:
        what: of what there were `size` at once.

    Raises:
        PlimsollError: one alone did not fit.
    """
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if size <= 1:
        raise PlimsollError(
            "The memory of the GPU does not hold even one at a time.",
            saw=f"out of memory with 1 {what}",
            wanted="a smaller model, shorter answers, or more memory",
            try_this='training.gradient_checkpointing = true, training.quantise = "4bit",'
            " a smaller recipe.rank or sampling.max_new_tokens",
        )
    NOTES.append(f"out of memory with {size} {what}: gone on with {size // 2}")
    return size // 2
