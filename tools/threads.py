"""Thread counts, set in one place: oversubscribed cores are slower than one."""

import torch


def use_threads(n: int) -> None:
    """Let tensor operations use `n` threads."""
    torch.set_num_threads(n)
