"""The sabotage control behind the wall: three answers to each sealed item, judged blind.

The anchor answers, the anchor made worse on purpose (the same weights, sampled so hot that words
come nearly by chance), and a null that says the same to every item. Judges get them as siblings in
an order drawn by chance, item by item, and are not told whose is whose.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from logs.vocabulary import Constitution
from tools.drawing import draw_answers
from tools.judging import Progress, judge_samples
from tools.lists import HEAT
from tools.models import load_policy, load_tokenizer
from tools.scoring import answer_logps

SIDES = ("anchor", "degraded", "null")


def controlled(
    args: dict[str, Any], constitution: Constitution, progress: Progress
) -> list[dict[str, dict[str, Any]]]:
    """Per item and side: `text`, what was said, and `scores`, what every judge gave it."""
    anchor, hot = (_drawn(args | {"temperature": t, "list": name}) for name, t in HEAT.items())
    null = _constant(args, [group["prompt"] for group in anchor])
    rng = random.Random(args["seed"])
    orders = [rng.sample(range(3), 3) for _ in anchor]
    sides = list(zip(anchor, hot, null, strict=True))
    groups = [
        {"prompt": row[0]["prompt"], "answers": [row[k]["answers"][0] for k in order]}
        for row, order in zip(sides, orders, strict=True)
    ]
    rows, _ = judge_samples(args, groups, constitution, progress)
    return [
        {
            side: {
                "text": said[k]["answers"][0][0],
                "scores": {judge: s[order.index(k)] for judge, s in row["scores"].items()},
            }
            for k, side in enumerate(SIDES)
        }
        for said, row, order in zip(sides, rows, orders, strict=True)
    ]


def _drawn(args: dict[str, Any]) -> list[dict[str, Any]]:
    groups, _ = draw_answers(args | {"samples": 1, "previous": None}, lambda done, of: None)
    return groups


def _constant(args: dict[str, Any], prompts: Sequence[str]) -> list[dict[str, Any]]:
    """The null's answer to each prompt, with what a judge may ask of any answer."""
    base, text = Path(args["base"]), args["null"]
    codec, models = load_tokenizer(base), [load_policy(base, None)]
    models += [load_policy(Path(args["reader"]), None)] if args["reader"] else []
    rows = [(codec.prompt(p), codec.answer(codec.encode_answer(text))) for p in prompts]
    logps = [answer_logps(model, rows, pad=codec.pad) for model in models]
    read = logps[1] if len(logps) > 1 else [0.0] * len(rows)
    return [
        {"prompt": p, "answers": [[text, round(b, 5), round(b, 5), True, round(r, 5)]]}
        for p, b, r in zip(prompts, logps[0], read, strict=True)
    ]
