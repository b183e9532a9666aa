"""What is done over when memory runs out: the same work in halves, and a note of it.

A job is one process, so that its notes are those of this module; whoever runs the job reads them.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

from logs.errors import PlimsollError

P = ParamSpec("P")
T = TypeVar("T")
NOTES: list[str] = []
"""What this process did over, in the words of the record."""
MOST_LOGITS = 2**26
"""Numbers of one table of logits, rows x tokens x vocabulary: half a gibibyte in float64. A large
vocabulary outgrows any memory long before the weights do, and a processor says so by dying."""


def batches(lengths: Sequence[int], model: Any, most: int) -> Iterator[range]:
    """Places of rows, in their order, that are read at once.

    Args:
        lengths: tokens of each row for which the model gives its logits.
        model: whose vocabulary counts.
        most: rows of a batch, however short they are.
    """
    start = 0
    while start < len(lengths):
        end = start + fitting([(1, n) for n in lengths[start : start + most]], model)
        yield range(start, end)
        start = end


def fitting(shapes: Sequence[tuple[int, int]], model: Any) -> int:
    """How many of these, from the front, one table of logits holds; one at least.

    Args:
        shapes: (rows, tokens of the longest) of each.
        model: whose vocabulary counts.
    """
    vocabulary = int(model.config.get_text_config().vocab_size)
    rows, longest = 0, 0
    for n, (more, length) in enumerate(shapes):
        rows, longest = rows + more, max(longest, length)
        if n and rows * longest * vocabulary > MOST_LOGITS:
            return n
    return len(shapes)


def tried(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
    """What the work gives; None where memory ran out, with all that it held let go."""
    try:
        return work(*args, **named)
    except RuntimeError as error:
        if not _ran_out(error):
            raise
    # Behind the `except`: the traceback held the tensors.
    return None


def _ran_out(error: RuntimeError) -> bool:
    """A GPU says so by a type of its own, a processor in words that `accelerate` knows."""
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    return isinstance(error, torch.OutOfMemoryError) or (
        all(isinstance(said, str) for said in error.args) and should_reduce_batch_size(error)
    )


def less(size: int, what: str) -> int:
    """Half of what did not fit.

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
            "The memory does not hold even one at a time.",
            saw=f"out of memory with 1 {what}",
            wanted="a smaller model, shorter answers, or more memory",
            try_this='training.gradient_checkpointing = true, training.quantise = "4bit",'
            " a smaller recipe.rank or sampling.max_new_tokens",
        )
    NOTES.append(f"out of memory with {size} {what}: gone on with {size // 2}")
    return size // 2
