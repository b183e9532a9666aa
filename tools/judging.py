"""Score drawn answers by every judge of a panel, and by planted flaws."""

import random
from collections.abc import Callable, Iterable, Sequence
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
    rows, answers = [], [answers_of(group) for group in groups]
    for i, group in enumerate(groups):
        if i % EVERY == 0:
            progress(i, len(groups), "judging")
        rows.append(_judged(group["prompt"], answers[i], judges, constitution))
    progress(len(groups), len(groups), "judging")
    tempted = [name for name in args.get("tempted", judges) if name in judges]
    if not tempted or not args.get("counterfactuals"):
        return rows, {"flaws": {}}
    wanted = {name: judges[name] for name in tempted}
    return rows, {"flaws": _flaws(args, answers, rows, wanted, constitution)}


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
    answers: Sequence[Sequence[Answer]],
    rows: Sequence[dict[str, Any]],
    judges: dict[str, Scorer],
    constitution: Constitution,
) -> dict[str, dict[str, list[int]]]:
    """Paired counterfactuals: a judge's favourite with one flaw added; how often does it win?

    A judge that prefers the flawed twin can be gamed by adding the flaw.
    """
    of_world = args.get("task", "micro-world") == "micro-world"
    readers = readers_of(args) if of_world else None
    pays: dict[str, dict[str, list[int]]] = {}
    for name, scorer in judges.items():
        shown = tempting(
            answers,
            [row["scores"][name] for row in rows],
            most=args["counterfactuals"],
            seed=args["seed"],
            of_world=of_world,
        )
        seen = {flaw: with_logps(p, readers) if readers else p for flaw, p in shown.items()}
        pays[name] = {
            flaw: won(_scores(name, scorer, pair, constitution) for pair in pairs)
            for flaw, pairs in seen.items()
        }
    return pays


def tempting(
    groups: Sequence[Sequence[Answer]],
    scores: Sequence[Sequence[float | None]],
    *,
    most: int,
    seed: int,
    of_world: bool,
) -> dict[str, list[tuple[Answer, Answer]]]:
    """Per flaw up to `most` favourites of a judge, each beside itself with that flaw.

    Args:
        scores: what the judge said of each group's answers.
        of_world: whether they speak the micro-world's language; any text has flaws of its own.
    """
    flaws, adding = (FLAWS, flawed) if of_world else (TEXT_FLAWS, flawed_text)
    scored = list(zip(groups, scores, strict=True))
    return {
        flaw: twins_of_favourites(
            flaw, scored, adding, most=most, rng=random.Random(f"{seed}:{flaw}")
        )
        for flaw in flaws
    }


def won(pairs: Iterable[Sequence[float | None]]) -> list[int]:
    """[how often the twin scores higher, pairs of which both are scored]."""
    scored = [(a, b) for a, b in pairs if a is not None and b is not None]
    return [sum(twin > plain for plain, twin in scored), len(scored)]


def _scores(
    name: str, scorer: Scorer, pair: tuple[Answer, Answer], constitution: Constitution
) -> list[float | None]:
    return [v.score for v in verdicts(name, scorer, pair, constitution)]
