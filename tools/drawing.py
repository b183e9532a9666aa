"""Draw answers from named weights, with what the base model thinks of each."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.divergence import exact_divergence
from tools.drawn_answers import taken
from tools.lists import ANSWERS, DIVERGENCE
from tools.models import load_policy, load_tokenizer
from tools.sampling import Sampled, SamplingParameters, sample
from tools.scoring import answer_logps
from tools.threads import use_threads

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tools.encoding import Codec


_Logps = dict[tuple[str, tuple[int, ...]], float]
"""(prompt, answer ids) -> nats."""


def draw_answers(
    args: dict[str, Any], on_progress: Callable[[int, int], None]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Sibling answers per prompt, and a report of tokens and divergence."""
    use_threads(args["threads"])
    base = Path(args["base"])
    codec = load_tokenizer(base)
    anchor = load_policy(base, None)
    policy = load_policy(base, _path(args["adapter"]))
    groups, drawn = drawn_from(policy, anchor, codec, args, on_progress)
    report: dict[str, Any] = {"tokens": sum(len(s.ids) + s.finished for row in drawn for s in row)}
    if n := args.get("divergence", 0):
        rows = [
            (codec.prompt(p), codec.answer(r[0].ids))
            for p, r in zip(args["prompts"][:n], drawn[:n], strict=True)
        ]
        report["kl_to_anchor"] = exact_divergence(policy, anchor, rows, pad=codec.pad)
        if args.get("previous") is not None:
            previous = load_policy(base, _path(args["previous"]["adapter"]))
            report["kl_to_previous"] = exact_divergence(policy, previous, rows, pad=codec.pad)
    return groups, report


def drawn_from(
    policy: "PreTrainedModel",
    anchor: "PreTrainedModel",
    codec: "Codec",
    args: dict[str, Any],
    on_progress: Callable[[int, int], None],
) -> tuple[list[dict[str, Any]], list[list[Sampled]]]:
    """Sibling answers per prompt, as rows and as they were drawn, by models that are loaded."""
    of = args.get("list", ANSWERS)
    drawn = _sample(policy, codec, args["prompts"], args, args["samples"], of, on_progress)
    logps = _logps(anchor, codec, args["prompts"], drawn)
    reader = load_policy(Path(args["reader"]), None) if args["reader"] else None
    read = _logps(reader, codec, args["prompts"], drawn) if reader else {}
    groups = [
        {"prompt": p, "answers": [_row(codec, p, s, logps, read) for s in row]}
        for p, row in zip(args["prompts"], drawn, strict=True)
    ]
    return groups, drawn


def answer_lists(
    args: dict[str, Any], scratch: Path, on_progress: Callable[[int, int, str], None]
) -> dict[str, Any]:
    """One answer per prompt of each named list, written to `<name>.json`."""
    use_threads(args["threads"])
    base = Path(args["base"])
    codec = load_tokenizer(base)
    models = {"candidate": load_policy(base, _path(args["candidate"]))}
    if any(want["of"] == "head" for want in args["lists"].values()):
        models["head"] = load_policy(base, _path(args["head"]))
    for i, (name, want) in enumerate(args["lists"].items()):
        on_progress(i, len(args["lists"]), f"trial: {name}")
        parameters = args | {"temperature": want["temperature"]}
        drawn = _sample(models[want["of"]], codec, want["prompts"], parameters, 1, name)
        answers = [codec.text(row[0].ids) for row in drawn]
        (scratch / f"{name}.json").write_text(json.dumps(answers))
    report: dict[str, Any] = {}
    if prompts := args.get("divergence"):
        at_one = args | {"temperature": 1.0}
        drawn = _sample(models["candidate"], codec, prompts, at_one, 1, DIVERGENCE)
        rows = [
            (codec.prompt(p), codec.answer(r[0].ids)) for p, r in zip(prompts, drawn, strict=True)
        ]
        anchor = load_policy(base, None)
        report["kl_to_anchor"] = exact_divergence(models["candidate"], anchor, rows, pad=codec.pad)
    return report


def _sample(
    model: "PreTrainedModel",
    codec: "Codec",
    prompts: Sequence[str],
    args: dict[str, Any],
    samples: int,
    of: str,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[list[Sampled]]:
    """Draw the answers of one list, or read what an engine drew for it."""
    if drawn := args.get("drawn"):
        return taken(model, codec, prompts, Path(drawn[of]), args["engine"])
    parameters = SamplingParameters(
        samples=samples,
        temperature=args["temperature"],
        max_new_tokens=args["max_new_tokens"],
        seed=args["seed"],
    )
    encoded = [codec.prompt(p) for p in prompts]
    return sample(
        model, encoded, eos=codec.eos, pad=codec.pad, parameters=parameters, on_progress=on_progress
    )


def _logps(
    model: "PreTrainedModel",
    codec: "Codec",
    prompts: Sequence[str],
    drawn: Sequence[Sequence[Sampled]],
) -> _Logps:
    """Siblings often say the same: each distinct answer is scored once."""
    distinct = list(
        {(p, tuple(s.ids)): None for p, row in zip(prompts, drawn, strict=True) for s in row}
    )
    rows = [(codec.prompt(p), codec.answer(ids)) for p, ids in distinct]
    return dict(zip(distinct, answer_logps(model, rows, pad=codec.pad), strict=True))


def _row(codec: "Codec", prompt: str, drawn: Sampled, base: _Logps, read: _Logps) -> list[Any]:
    """[text, log p under the base, log p under the policy, finished, log p under the reader]"""
    key = (prompt, tuple(drawn.ids))
    return [
        codec.text(drawn.ids),
        round(base[key], 5),
        round(sum(drawn.logps), 5),
        drawn.finished,
        round(read.get(key, 0.0), 5),
    ]


def _path(folder: str | None) -> Path | None:
    return Path(folder) if folder else None
