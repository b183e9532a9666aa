"""inspect_ai: looks at gold and audits of judges as `.eval` logs that `inspect view` opens.

A sample is an item, named by its digest or id. Its text is a placeholder unless it was asked for.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    write_eval_log,
)
from inspect_ai.scorer import Score

from agent.sinks.marks import Mark
from agent.sinks.protocol import Event, Facts
from logs.canonical import digest_of
from logs.vocabulary import EntryKind, Measurement

CORRECT, INCORRECT, PARTIAL, NO_ANSWER = "C", "I", "P", "N"
SCORER = "plimsoll"


class Item(NamedTuple):
    """One sample of an evaluation."""

    id: str
    epoch: int
    text: str
    target: str
    scores: Mapping[str, Any]
    metadata: Mapping[str, Any]


class Evaluation(NamedTuple):
    """What a log tells."""

    task: str
    model: str
    created: str
    items: tuple[Item, ...]
    measurements: tuple[Measurement, ...]
    metadata: dict[str, Any]


def write(path: Path, told: Evaluation) -> None:
    """Write one log; ids are digests of what it tells."""
    name = digest_of([told.task, told.model, told.created, told.metadata])
    spec = EvalSpec(
        eval_id=name[:22],
        run_id=name[22:44],
        task_id=name[44:],
        created=told.created,
        task=told.task,
        dataset=EvalDataset(name=told.task, samples=len(told.items)),
        model=told.model,
        config=EvalConfig(),
        metadata=told.metadata,
    )
    log = EvalLog(
        status="success",
        eval=spec,
        results=EvalResults(
            total_samples=len(told.items),
            completed_samples=len(told.items),
            scores=[_score(m) for m in told.measurements],
        ),
        samples=[_sample(name, item) for item in told.items],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_eval_log(log, str(path), format="eval")


def _sample(name: str, item: Item) -> EvalSample:
    return EvalSample(
        id=item.id,
        epoch=item.epoch,
        input=item.text,
        target=item.target,
        scores={k: Score(value=v) for k, v in item.scores.items()},
        metadata=dict(item.metadata),
        uuid=digest_of([name, item.id, item.epoch])[:22],
    )


def _score(m: Measurement) -> EvalScore:
    values = {"estimate": m.estimate, "low": m.low, "high": m.high, "n": float(m.n)}
    return EvalScore(
        name=f"{m.instrument} {m.of}".strip(),
        scorer=SCORER,
        metrics={k: EvalMetric(name=k, value=v) for k, v in values.items() if v is not None},
        metadata={"units": m.units, "level": m.level, "guarantee": m.guarantee, "status": m.status},
    )


class ToInspect:
    """One `.eval` log for each look at fresh gold; `inspect view --log-dir FOLDER` shows them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, facts: Facts) -> int:
        """Go on behind what was written; a log that is written again is the same."""
        self._facts, self._mark = facts, Mark(self._folder, facts)
        self._next = self._mark.read()
        return self._next

    def event(self, event: Event) -> None:
        """A look at gold becomes a log; all else is passed by."""
        body = event.entry.body
        if event.entry.kind is EntryKind.MEASURED and "look" in body and "items" in body:
            name = f"{self._facts.run}-gold-{event.step:04d}.eval"
            write(self._folder / name, self._gold(event))
        self._next = event.entry.seq + 1

    def close(self, checkpoint: str) -> None:
        """The checkpoint lies beside the logs."""
        self._mark.write(self._next, checkpoint)

    def _gold(self, event: Event) -> Evaluation:
        body = event.entry.body
        return Evaluation(
            task="plimsoll-gold",
            model=f"plimsoll/{body['head'][:12]}",
            created=event.entry.at,
            items=tuple(_of_gold(body["items"])),
            measurements=tuple(Measurement.model_validate(m) for m in body["measurements"]),
            metadata={
                **self._facts.model_dump(mode="json"),
                "entry": event.entry.seq,
                "turn": event.step,
                "look": body["look"],
                "head": body["head"],
                "against": body["against"],
            },
        )


def _of_gold(items: Iterable[Any]) -> Iterable[Item]:
    for i, (name, truth, judged) in enumerate(items):
        # 1 where HEAD beats the founding policy on this item, 1/2 a tie, 0 where it loses.
        scores = {"gold": truth, "judge": judged}
        placeholder = f"(sealed gold item {name}; its text is not in the log)"
        yield Item(f"{i}-{name}", 1, placeholder, "", scores, {})
