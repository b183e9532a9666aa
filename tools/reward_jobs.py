"""The job behind the wall that fits a reward model, and says honestly how good it is."""

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logs.errors import Undecided
from tools.pairs import Pair

if TYPE_CHECKING:
    from tools.reward_model import RewardModel

Progress = Callable[[int, int, str], None]
FOLDER = "reward_model"
MIN_HELD_OUT = 20
"""Prompts; an accuracy on fewer choices says nothing."""


def fit_reward_model(args: dict[str, Any], scratch: Path, progress: Progress) -> dict[str, Any]:
    """Train a reward model on annotators' choices, and count held-out choices it agrees with.

    Args:
        args: base, choices (path: lines {prompt, chosen, rejected}), seed, threads,
            held_out (share of prompts kept from training), epochs, batch, learning_rate.

    Returns:
        `correct` of `tried` held-out choices, of prompts that were not trained on; the same
        for the choices trained on; loss, steps, spread and seconds. A tie is not correct.

    Raises:
        Undecided: too few prompts are held out.
    """
    from tools.reward_model import load_reward_model
    from tools.threads import use_threads
    from tools.trl_reward import train_reward_model

    started = time.monotonic()
    use_threads(args["threads"])
    with Path(args["choices"]).open(encoding="utf-8") as lines:
        choices = [Pair(**json.loads(line)) for line in lines]
    seen, held = split_by_prompt(choices, held_out=args["held_out"], seed=args["seed"])
    wanted = {k: args[k] for k in ("epochs", "batch", "learning_rate") if k in args}
    report: dict[str, Any] = train_reward_model(
        seen,
        base=Path(args["base"]),
        seed=args["seed"],
        out=scratch / FOLDER,
        on_step=progress,
        **wanted,
    )
    judge = load_reward_model(scratch / FOLDER)
    report |= {"correct": _agreed(judge, held), "tried": len(held)}
    report |= {"seen_correct": _agreed(judge, seen), "seen": len(seen)}
    return report | {"seconds": time.monotonic() - started}


def split_by_prompt(
    choices: Sequence[Pair], *, held_out: float, seed: int
) -> tuple[list[Pair], list[Pair]]:
    """Choices to train on and choices to test on; no prompt is on both sides.

    Raises:
        Undecided: too few prompts are held out.
    """
    prompts = sorted({c.prompt for c in choices})
    n = round(held_out * len(prompts))
    if n < MIN_HELD_OUT or n >= len(prompts):
        raise Undecided(
            "A reward model's accuracy needs prompts that it did not see.",
            saw=f"{n} of {len(prompts)} prompts held out",
            wanted=f"at least {MIN_HELD_OUT}, and at least 1 to train on",
            try_this="collect choices on more prompts, or raise held_out",
        )
    kept = set(random.Random(seed).sample(prompts, n))
    return [c for c in choices if c.prompt not in kept], [c for c in choices if c.prompt in kept]


def _agreed(judge: "RewardModel", choices: Sequence[Pair]) -> int:
    scores = judge.score_texts([(c.prompt, x) for c in choices for x in (c.chosen, c.rejected)])
    return sum(scores[2 * i] > scores[2 * i + 1] for i in range(len(choices)))
