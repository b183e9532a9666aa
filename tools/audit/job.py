"""The audit's job behind the wall: what a panel says of many pairs of answers.

It gets questions and gives verdicts back; which answer is right stays outside.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from logs.errors import JudgeError
from logs.vocabulary import Constitution, JudgeKind
from tools.features import Answer
from tools.judges import Scorer, panel_scores, verdicts
from tools.judging import judge_of

Progress = Callable[[int, int, str], None]
SAID = "said.jsonl"
EVERY = 512
"""Calls, or prompts, between two reports of progress."""
Text = tuple[str, str]
"""A prompt and an answer."""


class Asked(NamedTuple):
    """One call: a prompt and the two answers as they are shown."""

    prompt: str
    first: str
    second: str


def consult(args: dict[str, Any], scratch: Path, progress: Progress) -> dict[str, Any]:
    """Ask the judges about every call, once, and about some of them again.

    Args:
        args: calls (path: lines [prompt, first, second]), judges (id -> {kind, path}), weights
            (id -> share), constitution, base, reader (or None), threads, and `again`: how many
            calls are asked a second time, to see whether the same question has one answer.

    Returns:
        Lines [P(first is better) or null, reason or ""] in the order of the calls, and
        {calls, errors, again, seconds}.

    Raises:
        JudgeError: the same question had two answers.
    """
    started = time.monotonic()
    calls = [Asked(*json.loads(line)) for line in Path(args["calls"]).read_text().splitlines()]
    constitution = Constitution.model_validate(args["constitution"])
    judges = {name: judge_of(name, spec) for name, spec in args["judges"].items()}
    weights = {name: float(share) for name, share in args["weights"].items()}
    answers = _answers(args, calls, progress)
    scorers = {name: _by_table(scorer, answers) for name, scorer in judges.items()}

    def ask(call: Asked) -> tuple[float | None, str]:
        shown = [answers[call.prompt, call.first], answers[call.prompt, call.second]]
        return _claimed(shown, scorers, weights, constitution)

    said = []
    for i, call in enumerate(calls):
        if i % EVERY == 0:
            progress(i, len(calls), "asking the judge")
        said.append(ask(call))
    progress(len(calls), len(calls), "asking the judge")
    step = max(1, len(calls) // max(1, args["again"]))
    places = range(0, len(calls), step) if args["again"] else range(0)
    same = sum(ask(calls[i]) == said[i] for i in places)
    with (scratch / SAID).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in said)
    _require_same(same, len(places))
    return {
        "calls": len(calls),
        "errors": sum(p is None for p, _ in said),
        "again": len(places),
        "seconds": time.monotonic() - started,
    }


def _claimed(
    shown: Sequence[Answer],
    scorers: Mapping[str, Scorer],
    weights: Mapping[str, float],
    constitution: Constitution,
) -> tuple[float | None, str]:
    """P(first is better): the logistic function of the difference of scores (Bradley-Terry)."""
    told = {name: verdicts(name, s, shown, constitution) for name, s in scorers.items()}
    first, second = panel_scores(told, weights)
    if first is None or second is None:
        wrong = [f"{name}: {v.error}" for name, row in told.items() for v in row if v.error]
        return None, wrong[0][:200]
    return (1 + math.tanh((first - second) / 2)) / 2, ""


def _by_table(scorer: Scorer, answers: Mapping[Text, Answer]) -> Scorer:
    """A reward model scores each text once, in batches; its siblings do not matter to it."""
    score_texts = getattr(scorer, "score_texts", None)
    if score_texts is None:
        return scorer
    texts = list(answers)
    table = dict(zip(texts, score_texts(texts), strict=True))
    return lambda shown, constitution: [table[a.prompt, a.text] for a in shown]


def _answers(
    args: dict[str, Any], calls: Sequence[Asked], progress: Progress
) -> dict[Text, Answer]:
    """Every text once, with the log-probabilities that a feature judge looks at."""
    texts = list(dict.fromkeys((c.prompt, x) for c in calls for x in (c.first, c.second)))
    if not any(spec["kind"] == JudgeKind.FEATURE for spec in args["judges"].values()):
        return {t: Answer(prompt=t[0], text=t[1], base_logp=0.0) for t in texts}
    base = dict(_logps(args, "base", texts, progress))
    read = dict(_logps(args, "reader", texts, progress)) if args["reader"] else {}
    return {
        t: Answer(prompt=t[0], text=t[1], base_logp=base[t], reader_logp=read.get(t, 0.0))
        for t in texts
    }


def _logps(
    args: dict[str, Any], name: str, texts: Sequence[Text], progress: Progress
) -> Iterator[tuple[Text, float]]:
    from tools.models import load_policy, load_tokenizer
    from tools.scoring import answer_logps
    from tools.threads import use_threads

    use_threads(args["threads"])
    codec, model = load_tokenizer(Path(args["base"])), load_policy(Path(args[name]), None)
    by_prompt: dict[str, list[str]] = {}
    for prompt, text in texts:
        by_prompt.setdefault(prompt, []).append(text)
    prompts = sorted(by_prompt, key=lambda prompt: len(prompt.split()))
    for start in range(0, len(prompts), EVERY):
        progress(start, len(prompts), f"reading by the {name}")
        part = [(p, text) for p in prompts[start : start + EVERY] for text in by_prompt[p]]
        rows = [(codec.prompt(p), codec.answer(codec.encode_answer(x))) for p, x in part]
        yield from zip(part, answer_logps(model, rows, pad=codec.pad), strict=True)
    progress(len(prompts), len(prompts), f"reading by the {name}")


def _require_same(same: int, again: int) -> None:
    """Its table of answers would hide that a judge gives two answers to one question."""
    if same != again:
        raise JudgeError(
            "A judge of this kind is a function, but the same question had two answers.",
            saw=f"{again - same} of {again} answers differed",
            wanted="the same bits for the same call",
            try_this="plimsoll doctor; then the same again",
        )
