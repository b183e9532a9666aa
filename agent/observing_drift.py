"""Observe drift: HEAD's answers to a fixed set of prompts, held against the anchor's and the
previous policy's. Nothing is drawn again while the policy does not change.

    prompts of the audit pool, the same ones all session, several answers each
      -> answers and nats per token of HEAD, by digest     (behind the wall, once per policy)
      -> changes against `anchor` and `previous`           (a look: paid for out of alpha)
      -> what the panel makes of them, and tripwires       (`agent.observing_tripwires`)
      -> what paid grades say                              (`agent.observing_grades`)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from agent.auditing import Audit
from agent.drift_record import (
    Answered,
    DriftRecord,
    again,
    last_record,
    policy_of,
    rounded,
    write,
)
from agent.groups import Group
from agent.observing_grades import audited_of, of_grades
from agent.observing_tripwires import judged, panel_key
from agent.seeds import seed_of
from agent.state import Context, Turn
from logs.vocabulary import Digest, Measurement, State
from tools.instruments.drift import certain_tokens, family
from tools.instruments.drift.embedding import FOR_TESTS
from tools.instruments.drift.looks import established

REFERENCES = ("anchor", "previous")


@dataclass(frozen=True, slots=True)
class Drift:
    """What was measured, and where the answers are."""

    measurements: tuple[Measurement, ...] = ()
    record: Digest | None = None


def observe_drift(
    context: Context, turn: Turn, now: State, asked: Sequence[Group], audit: Audit
) -> Drift:
    """Everything about drift that this turn's observation says.

    Args:
        now: the state of HEAD.
        asked: the audit prompts of this turn, judged.
        audit: the grades that were bought for them.
    """
    prompts = drift_prompts(context)
    if not prompts:
        return Drift()
    record = last_record(context, turn) or _begun(context, now, prompts)
    key = panel_key(now)
    record = record.with_(
        audits=(*record.audits, *audited_of(context, turn, now, asked, audit, key))
    )
    moved = record.head.adapter != now.adapter
    if moved:
        record = _answered(context, turn, now, record, prompts)
        record = record.with_(looks=record.looks + 1, looked=turn["iteration"])
        record = record.with_(changes=rounded(_changes(context, record)))
    changes = record.changes if moved else again(record.changes, record.looked)
    if moved or key != record.judged:
        record = judged(context, turn, now, record)
        judgements = record.judgements
    else:
        judgements = again(record.judgements, record.judged_in)
    measurements = (*changes, *judgements, *rounded(of_grades(turn, record, key)))
    return Drift(measurements, write(context, record))


def drift_prompts(context: Context) -> list[str]:
    """The fixed prompts of the session: of the audit pool, each once."""
    n = context.config.drift.prompts
    seed = seed_of(context.config, 0, "drift prompts")
    return list(dict.fromkeys(context.task.audit_prompts(n, seed=seed))) if n else []


def _begun(context: Context, now: State, prompts: list[str]) -> DriftRecord:
    """The first record: the anchor's answers, drawn once per session."""
    anchor = context.anchor.model_copy(update={"recipe": now.recipe})
    answers, nats = _survey(context, anchor, prompts, 0, {})
    drawn = Answered(adapter=anchor.adapter, iteration=0, answers=answers, nats=nats)
    return DriftRecord(planned=context.config.session.iterations, policies=(drawn,))


def _answered(
    context: Context, turn: Turn, now: State, record: DriftRecord, prompts: list[str]
) -> DriftRecord:
    """With HEAD's answers, and their distance from anchor and previous policy."""
    references = {"anchor": record.anchor, "previous": record.head}
    states = {name: policy_of(who, now) for name, who in references.items()}
    answers, nats = _survey(context, now, prompts, turn["iteration"], states)
    far = [sum(tokens) for row in context.hands.store.get_lines(nats) for tokens in row["anchor"]]
    head = Answered(
        adapter=now.adapter,
        iteration=turn["iteration"],
        answers=answers,
        nats=nats,
        kl=round(fmean(far), 6),
    )
    return record.with_(policies=(*record.policies, head))


def _survey(
    context: Context, state: State, prompts: list[str], iteration: int, others: dict[str, State]
) -> tuple[Digest, Digest]:
    return context.hands.survey(
        state,
        prompts,
        samples=context.config.drift.samples,
        temperature=context.anchor.recipe.temperature,
        seed=seed_of(context.config, iteration, "drift"),
        references=others,
        scored=family.CORPUS_SAMPLES,
    )


def _changes(context: Context, record: DriftRecord) -> Iterator[Measurement]:
    """One look: HEAD's policy against the anchor and against the policy before it."""
    store, before = context.hands.store, record.before
    now, nats = _said(context, record.head), store.get_lines(record.head.nats)
    first = before is None or before == record.anchor
    look = family.look_at(record.looks, record.planned, 1 if first else 2)
    seed = seed_of(context.config, record.looked, "drift tests")
    found: list[Measurement] = []
    for of, who in zip(REFERENCES, (record.anchor, before), strict=True):
        if of == "previous" and first:
            break
        assert who is not None
        then = _said(context, who)
        # Step by step, exact nats and intervals tell more than a test of 400 against 400 answers.
        embed = FOR_TESTS if of == "anchor" else None
        found += family.compared(now, then, of, look=look, seed=seed, embed=embed)
    yield established(look, found)
    budget = float(context.policy.values["kl_max"])
    for of in REFERENCES:
        most = budget if of == "anchor" else None
        found += family.distance([row[of] for row in nats], of, look=look, budget=most)
    yield from found
    if first:
        yield from (_as_previous(m) for m in found if m.of == "anchor" and "kl" not in m.instrument)
    yield certain_tokens(
        [answer for row in nats for answer in row["entropy"]],
        prompts=[i for i, row in enumerate(nats) for _ in row["entropy"]],
    )


def _as_previous(found: Measurement) -> Measurement:
    """The previous policy is the anchor: what is said of one is said of the other."""
    note = "the previous policy is the anchor"
    return found.model_copy(update={"of": "previous", "assumptions": (note, *found.assumptions)})


def _said(context: Context, who: Answered) -> family.Said:
    """Stored answers, as the instruments want them."""
    store, task = context.hands.store, context.task
    rows: list[dict[str, Any]] = store.get_lines(who.answers)
    texts = [[answer[0] for answer in row["answers"]] for row in rows]
    firsts = [(row["prompt"], said[0]) for row, said in zip(rows, texts, strict=True)]
    return family.Said(
        texts=texts,
        entropies=[row["entropy"] for row in store.get_lines(who.nats)],
        refused=[task.refuses(answer) for _, answer in firsts],
        formed=[task.well_formed(prompt, answer) for prompt, answer in firsts],
    )
