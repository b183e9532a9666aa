"""A study as a job behind the wall: it gets paths and numbers, and gives back JSON."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from logs.canonical import digest_of
from logs.vocabulary import Constitution
from tools.audit import audit, world
from tools.audit.audit import Call, Judge
from tools.audit.studies import PROMPT, Strategy, Study
from tools.audit.study import Asked, examine
from tools.audit.study_judges import (
    LOG_PROB,
    Listening,
    Logps,
    by_log_prob,
    demand_words,
    fitted,
    log_probs,
    reader_of,
    rows_of,
)
from tools.judging import judge_of
from tools.threads import use_threads

Progress = Callable[[int, int, str], None]
NOT_READ = "for this judge the same as {!r}: it reads no {}"


def study(args: dict[str, Any], scratch: Path, progress: Progress) -> dict[str, Any]:
    """Run a study.

    Args:
        args: judge (id, kind, path, hash), base and reader (model folders), study (name, base,
            items, seed, strategies), constitutions (strategy -> constitution), threads.
    """
    use_threads(args["threads"])
    told = study_of(args["study"])
    constitutions = {i: Constitution.model_validate(c) for i, c in args["constitutions"].items()}
    kind = args["judge"]["kind"]
    run, same = distinct(told, kind, constitutions)
    pairs, treatments = world.pairs(told.items, seed=told.seed), world.treatments()
    calls = _calls(pairs, treatments)
    progress(0, len(run) + 1, "reading answers")
    judges = (
        _readers(args, run, calls, progress)
        if kind == LOG_PROB
        else _fitted(args, run, constitutions, calls)
    )
    asked = Asked(
        pairs=pairs,
        treatments=treatments,
        judge_hash=args["judge"]["hash"],
        prompt_hashes={s.id: prompt_hash(s, constitutions[s.id]) for s in told.strategies},
    )
    result = examine(told, args["judge"]["id"], judges, asked, same=same, progress=progress)
    return result.model_dump(mode="json")


def study_of(raw: Mapping[str, Any]) -> Study:
    """A study from plain JSON."""
    strategies = tuple(
        Strategy(
            **{
                **s,
                "weights": {k: Decimal(v) for k, v in s["weights"].items()},
                "only": tuple(s["only"]),
                "order": tuple(s["order"]),
            }
        )
        for s in raw["strategies"]
    )
    return Study(**{**raw, "strategies": strategies})


def plain(told: Study) -> dict[str, Any]:
    """A study as plain JSON."""
    return {
        "name": told.name,
        "base": told.base,
        "items": told.items,
        "seed": told.seed,
        "strategies": [
            {
                "id": s.id,
                "says": s.says,
                "mode": s.mode,
                "template": s.template,
                "constitution": s.constitution,
                "weights": {k: str(v) for k, v in s.weights.items()},
                "only": list(s.only),
                "order": list(s.order),
            }
            for s in told.strategies
        ],
    }


def prompt_hash(strategy: Strategy, constitution: Constitution) -> str:
    """The digest of everything that a strategy puts before a judge."""
    return digest_of(
        {
            "mode": strategy.mode,
            "template": strategy.template,
            "principles": [p.model_dump(mode="json") for p in constitution.principles],
        }
    )


def distinct(
    told: Study, kind: str, constitutions: Mapping[str, Constitution]
) -> tuple[list[Strategy], dict[str, str]]:
    """Strategies that this kind of judge can tell apart, and the others with the reason."""
    order = sorted(told.strategies, key=lambda s: s.id != told.base)  # the base stays itself
    seen: dict[Any, str] = {}
    same: dict[str, str] = {}
    for strategy in order:
        seen.setdefault(_read(strategy, kind, constitutions[strategy.id]), strategy.id)
    for strategy in told.strategies:
        first = seen[_read(strategy, kind, constitutions[strategy.id])]
        if first != strategy.id:
            same[strategy.id] = NOT_READ.format(first, _unread(strategy, kind))
    return [s for s in told.strategies if s.id not in same], same


def _read(strategy: Strategy, kind: str, constitution: Constitution) -> Any:
    """What of a strategy reaches a judge of this kind."""
    if kind == LOG_PROB:
        return (strategy.mode, strategy.template)
    if kind == "feature":
        weights = tuple(sorted((p.id, p.weight) for p in constitution.principles))
        return (strategy.mode, weights)
    return strategy.mode


def _unread(strategy: Strategy, kind: str) -> str:
    if kind == LOG_PROB:
        return "constitution, only prompt text"
    if kind != "feature":
        return "constitution and no prompt text"
    return "prompt text" if strategy.template != PROMPT else "order and no words of principles"


def _calls(pairs: Sequence[Any], treatments: Sequence[Any]) -> list[Call]:
    """Every call that an audit will make."""
    listening = Listening()
    made = audit.cases(pairs, treatments)
    audit.run(listening, pairs, made, judge_hash="", prompt_hash="", repeats=1)
    return list(listening.calls)


def _fitted(
    args: dict[str, Any],
    run: Sequence[Strategy],
    constitutions: Mapping[str, Constitution],
    calls: Sequence[Call],
) -> dict[str, Judge]:
    rows = rows_of(calls)
    base, reader = (_logps(args[name], rows) for name in ("base", "reader"))
    spec = args["judge"]
    scorer = judge_of(spec["id"], spec)
    return {s.id: fitted(spec["id"], scorer, constitutions[s.id], s, base, reader) for s in run}


def _logps(folder: str, rows: Sequence[tuple[str, str]]) -> Logps:
    model, codec = reader_of(Path(folder))
    return log_probs(model, codec, rows)


def _readers(
    args: dict[str, Any], run: Sequence[Strategy], calls: Sequence[Call], progress: Progress
) -> dict[str, Judge]:
    model, codec = reader_of(Path(args["judge"]["path"]))
    demand_words(run, codec)
    made = {}
    for at, strategy in enumerate(run):
        progress(at, len(run), f"reading under {strategy.id}")
        made[strategy.id] = by_log_prob(strategy, log_probs(model, codec, rows_of(calls, strategy)))
    return made
