"""Score drawn answers by every judge of a panel, and by planted flaws."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from logs.errors import JudgeError
from logs.vocabulary import Constitution, JudgeKind
from tools.counterfactual import FLAWS, flawed, twins_of_favourites
from tools.faults import faulty
from tools.features import Answer
from tools.judges import Scorer, load, verdicts
from tools.text_flaws import FLAWS as TEXT_FLAWS
from tools.text_flaws import flawed_text
from tools.twins import readers_of, with_logps

Progress = Callable[[int, int, str], None]
EVERY = 64
"""Groups between two reports of progress."""


def judge_samples(
    args: dict[str, Any],
    groups: Sequence[dict[str, Any]],
    constitution: Constitution,
    progress: Progress,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Verdicts per group and judge, and per flaw how often it pays.

    Args:
        args: those of `tools.jobs:judge`.

    Returns:
        Rows {prompt, scores: {judge: [score or null]}, errors: {judge: [reason]}}, and
        {"flaws": {judge: {flaw: [wins, n]}}}.
    """
    judges = {
        name: faulty(judge_of(name, spec), spec.get("fault"))
        for name, spec in args["judges"].items()
    }
    rows = []
    for i, group in enumerate(groups):
        if i % EVERY == 0:
            progress(i, len(groups), "judging")
        rows.append(_judged(group["prompt"], answers_of(group), judges, constitution))
    progress(len(groups), len(groups), "judging")
    tempted = [name for name in args.get("tempted", judges) if name in judges]
    if not tempted or not args.get("counterfactuals"):
        return rows, {"flaws": {}}
    wanted = {name: judges[name] for name in tempted}
    return rows, {"flaws": _flaws(args, groups, rows, wanted, constitution)}


def answers_of(group: dict[str, Any]) -> list[Answer]:
    """The siblings of one group of `samples.jsonl`."""
    return [
        Answer(
            prompt=group["prompt"], text=text, base_logp=base, reader_logp=read, finished=finished
        )
        for text, base, _, finished, read in group["answers"]
    ]


def judge_of(name: str, spec: dict[str, Any]) -> Scorer:
    """A judge from its artefact.

    Raises:
        JudgeError: nothing here can run a judge of this kind.
    """
    kind = JudgeKind(spec["kind"])
    if kind is JudgeKind.FEATURE:
        return load(Path(spec["path"]).read_bytes())
    if kind is JudgeKind.REWARD_MODEL:
        from tools.reward_model import load_reward_model

        return load_reward_model(Path(spec["path"]))
    if kind is JudgeKind.VERIFIER:
        from tools.verifiers.judging import load_verifier

        return load_verifier(Path(spec["path"]))
    raise JudgeError(
        "No judge of this kind can run here.",
        saw=f"{name}: {kind}",
        wanted="feature, reward_model or verifier",
        try_this="plimsoll judge list",
    )


def _judged(
    prompt: str, answers: Sequence[Answer], judges: dict[str, Scorer], constitution: Constitution
) -> dict[str, Any]:
    row: dict[str, Any] = {"prompt": prompt, "scores": {}, "errors": {}}
    for name, scorer in judges.items():
        said = verdicts(name, scorer, answers, constitution)
        row["scores"][name] = [v.score if v.score is None else round(v.score, 6) for v in said]
        if any(v.error for v in said):
            row["errors"][name] = [v.error for v in said if v.error]
    return row


def _flaws(
    args: dict[str, Any],
    groups: Sequence[dict[str, Any]],
    rows: Sequence[dict[str, Any]],
    judges: dict[str, Scorer],
    constitution: Constitution,
) -> dict[str, dict[str, list[int]]]:
    """Paired counterfactuals: a judge's favourite with one flaw added; how often does it win?

    A judge that prefers the flawed twin can be gamed by adding the flaw.
    """
    of_world = args.get("task", "micro-world") == "micro-world"
    readers = readers_of(args) if of_world else None
    adding, most = (flawed if of_world else flawed_text), args["counterfactuals"]
    answers = [answers_of(group) for group in groups]
    pays: dict[str, dict[str, list[int]]] = {name: {} for name in judges}
    for name, scorer in judges.items():
        scored = [(a, row["scores"][name]) for a, row in zip(answers, rows, strict=True)]
        for flaw in FLAWS if of_world else TEXT_FLAWS:
            rng = random.Random(f"{args['seed']}:{flaw}")
            pairs = twins_of_favourites(flaw, scored, adding, most=most, rng=rng)
            seen = with_logps(pairs, readers) if readers else pairs
            pays[name][flaw] = _won(name, scorer, seen, constitution)
    return pays


def _won(
    name: str, scorer: Scorer, pairs: Sequence[tuple[Answer, Answer]], constitution: Constitution
) -> list[int]:
    """[how often the twin scores higher, pairs of which both are scored]."""
    both = (verdicts(name, scorer, list(pair), constitution) for pair in pairs)
    scored = [(a.score, b.score) for a, b in both if a.score is not None and b.score is not None]
    return [sum(twin > plain for plain, twin in scored), len(scored)]
