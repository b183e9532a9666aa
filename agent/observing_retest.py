"""Ask the judges again about answers that they scored before: are they still who they were?"""

from collections.abc import Iterator, Sequence
from typing import Any

from agent.seeds import seed_of
from agent.state import Context, Turn
from logs.errors import PlimsollError
from logs.scales import scale_of
from logs.vocabulary import EntryKind, Judge, JudgeKind, Measurement, Observation, State
from tools.features import FEATURES, Answer, describe
from tools.instruments.retest import follows, retest

GROUPS = 24
"""Prompts whose answers are judged again; with eight answers each."""
FOLLOWED = {"words": ("length",), "yielding": ("yields", "echoes_claim")}
"""What a change of scores is held against: a name, and features of `tools.features`."""


def of_the_same_answers(
    context: Context, turn: Turn, now: State, judges: Sequence[Judge]
) -> Iterator[Measurement]:
    """What each judge says now of answers that it scored when this scale came into force.

    Nothing in the first turn of a scale: there is nothing to be held against it.
    """
    first = _first_on(context, now)
    if first is None:
        return
    store = context.hands.store
    drawn = store.get_lines(first.samples)[-GROUPS:]
    then = store.get_lines(first.verdicts)[-GROUPS:]
    again, _ = context.hands.judge(
        now,
        store.put_lines(drawn),
        judges,
        constitution=now.constitution,
        seed=seed_of(context.config, turn["iteration"], "retest"),
        anew=True,
    )
    told = store.get_lines(again)
    seated = {j.artefact for j in now.panel.judges}
    features = _features(drawn, judges)
    for judge in judges:
        if not all(judge.id in row["scores"] for row in then):
            continue
        was, is_now = (
            [s for row in rows for s in row["scores"][judge.id]] for rows in (then, told)
        )
        yield retest(was, is_now, judge=judge.id)
        if judge.artefact in seated:
            for name, column in features.items():
                yield follows(was, is_now, column, judge=judge.id, by=name)


def _first_on(context: Context, now: State) -> Observation | None:
    """The oldest observation of the log that this very panel and constitution judged."""
    scale = scale_of(now)
    for entry in context.journal.entries(kind=EntryKind.OBSERVED):
        try:
            if scale_of(context.commit_at(entry.body["head"]).state) == scale:
                return Observation.model_validate(entry.body)
        except PlimsollError:
            continue
    return None


def _features(drawn: Sequence[dict[str, Any]], judges: Sequence[Judge]) -> dict[str, list[float]]:
    """Per name the sum of its features, answer by answer; of any text, its words alone."""
    if all(judge.kind is not JudgeKind.FEATURE for judge in judges):
        return {"words": [float(len(a[0].split())) for group in drawn for a in group["answers"]]}
    rows = [row for group in drawn for row in describe(_answers(group))]
    at = list(FEATURES)
    return {
        name: [float(sum(row[at.index(f)] for f in features)) for row in rows]
        for name, features in FOLLOWED.items()
    }


def _answers(group: dict[str, Any]) -> list[Answer]:
    return [
        Answer(
            prompt=group["prompt"], text=text, base_logp=base, reader_logp=read, finished=finished
        )
        for text, base, _, finished, read in group["answers"]
    ]
