"""What runs behind the wall: pure functions from artefacts to artefacts.

Each job takes paths and numbers, writes plain files into its scratch folder and returns
JSON. None of them knows the right answers: grading happens outside, with whoever holds them.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from logs.vocabulary import Constitution, Recipe

Progress = Callable[[int, int, str], None]
Args = dict[str, Any]

SAMPLES, VERDICTS, ADAPTER = "samples.jsonl", "verdicts.jsonl", "adapter"
WEIGHED = "weighed.jsonl"
NATS = "nats.jsonl"
CONTROLLED = "controlled.jsonl"
ENCODED = "encoded.json"


def draw(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Draw answers from a policy; score each under the frozen base; divergence where asked.

    Args:
        args: base, adapter (or None), prompts, samples, temperature, max_new_tokens, seed,
            threads, and `divergence`: prompts (from the front of the list) on whose first
            answer the exact divergence from the base is computed. Here and in every job that
            samples, `drawn`: name of a list -> file of answers that an engine drew already, and
            `engine`: how far its numbers go, as `tools.drawn_answers` wants it.
    """
    from tools.drawing import draw_answers

    started = time.monotonic()
    groups, report = draw_answers(args, lambda done, of: progress(done, of, "sampling"))
    _write_lines(scratch / SAMPLES, groups)
    return _ended(report, started)


def encode(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Token ids of prompts, for an engine outside that draws the answers.

    Args:
        args: base, and `lists`: name -> prompts.

    Returns:
        `eos`, and `vocabulary`: how many tokens the model knows. The ids are in `ENCODED`.
    """
    from tools.models import load_tokenizer, vocabulary

    base = Path(args["base"])
    codec = load_tokenizer(base)
    ids = {name: [codec.prompt(p) for p in prompts] for name, prompts in args["lists"].items()}
    (scratch / ENCODED).write_text(json.dumps(ids, separators=(",", ":")), encoding="utf-8")
    return {"eos": codec.eos, "vocabulary": vocabulary(base)}


def survey(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Answer a fixed set of prompts; entropy and divergence from references at every token.

    Args:
        args: those of `draw`, `references`: name -> adapter, None for the base alone, and
            `scored`: answers to each prompt that are scored token by token.
    """
    from tools.surveying import survey_answers

    started = time.monotonic()
    groups, nats = survey_answers(args, lambda done, of: progress(done, of, "surveying"))
    _write_lines(scratch / SAMPLES, groups)
    _write_lines(scratch / NATS, nats)
    return _ended({}, started)


def judge(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Score drawn answers by every judge named, and by how much padding or yielding pays.

    Args:
        args: samples (path), judges (id -> {kind, path}), constitution, base, seed, and
            `counterfactuals`: to how many favourites a judge is shown twins with one flaw added,
            and `tempted`: to which judges; without it, to all.
    """
    from tools.judging import judge_samples

    started = time.monotonic()
    constitution = Constitution.model_validate(args["constitution"])
    groups = _read_lines(Path(args["samples"]))
    rows, report = judge_samples(args, groups, constitution, progress)
    _write_lines(scratch / VERDICTS, rows)
    return _ended(report, started)


def weigh(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Draw answers and judge them in one job, so that they lie nowhere between.

    Args:
        args: those of `draw` and of `judge`, but for `samples` as a path.
    """
    from tools.drawing import draw_answers
    from tools.judging import judge_samples

    started = time.monotonic()
    constitution = Constitution.model_validate(args["constitution"])
    groups, _ = draw_answers(args, lambda done, of: progress(done, of, "sampling"))
    rows, _ = judge_samples(args, groups, constitution, progress)
    _write_lines(scratch / WEIGHED, list(zip(groups, rows, strict=True)))
    return _ended({}, started)


def control(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Draw from the anchor, from the anchor made worse and from a constant; judge them blind.

    Args:
        args: those of `weigh`, and `null`: what the constant says.
    """
    from tools.control import controlled

    started = time.monotonic()
    constitution = Constitution.model_validate(args["constitution"])
    _write_lines(scratch / CONTROLLED, controlled(args, constitution, progress))
    return _ended({}, started)


def train(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Train a candidate from pairs and chosen answers.

    Args:
        args: base, adapter (or None), recipe, training, pairs (path), shown (path), seed, threads.
    """
    from tools.pairs import Pair, Shown
    from tools.threads import use_threads
    from tools.training_setup import Setup
    from tools.trl_trainer import train as run

    started = time.monotonic()
    use_threads(args["threads"])
    report = run(
        Recipe.model_validate(args["recipe"]),
        base=Path(args["base"]),
        adapter=Path(args["adapter"]) if args["adapter"] else None,
        pairs=[Pair(*row) for row in _read_lines(Path(args["pairs"]))],
        shown=[Shown(*row) for row in _read_lines(Path(args["shown"]))],
        seed=args["seed"],
        setup=Setup(**args.get("training", {})),
        out=scratch / ADAPTER,
        on_step=progress,
    )
    return _ended(report, started)


def try_out(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Answer several lists of prompts with a candidate, and with HEAD again where asked.

    Args:
        args: base, candidate, head (adapters or None), lists (name -> {prompts, temperature,
            of: candidate|head}), divergence (prompts), seed, threads, max_new_tokens.
    """
    from tools.drawing import answer_lists

    started = time.monotonic()
    report = answer_lists(args, scratch, lambda done, of, what: progress(done, of, what))
    return _ended(report, started)


def found_judges(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Fit the founding judges on annotators' choices between answers of the base model.

    Args:
        args: base, annotators (id -> fields), comparisons, constitution, prompts, seed,
            threads, max_new_tokens.
    """
    from tools.founding import fit_founding_judges

    return fit_founding_judges(args, scratch, progress)


def refit_judge(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Refit a feature judge on graded answers.

    Args:
        args: judge (path), labels (path: rows of sibling answers with 0/1 grades),
            constitution, ridge, folds, keep_prior; to refit it against a flaw also `against`,
            base, reader, threads, seed.
    """
    from tools.refitting import refit

    progress(0, 1, "refitting")
    report = refit(args, _read_lines(Path(args["labels"])), scratch)
    progress(1, 1, "refitting")
    return report


def consult(args: Args, scratch: Path, progress: Progress) -> dict[str, Any]:
    """Ask judges about pairs of answers, for an audit; see `tools.audit.job`."""
    from tools.audit.job import consult as ask

    return ask(args, scratch, progress)


def _ended(report: dict[str, Any], started: float) -> dict[str, Any]:
    """A report with its seconds, and with what was done over for want of memory."""
    from tools.memory import NOTES

    memory = {"memory": list(NOTES)} if NOTES else {}
    return report | memory | {"seconds": time.monotonic() - started}


def _write_lines(path: Path, rows: Sequence[Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, separators=(",", ":")) + "\n")


def _read_lines(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
