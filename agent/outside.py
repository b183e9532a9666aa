"""Audits of judges that no workspace holds: published verdicts, and any program that judges."""

import json
import time
from argparse import Namespace
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent.listener import Listener
from logs.errors import UsageError
from tools.audit import card as cards
from tools.audit.card import Cost, JudgeCard
from tools.audit.design import EXPECTED, Design, Kept, Version, of_published, sources_of
from tools.audit.formats import load, published
from tools.audit.items import AuditSet, Question
from tools.audit.on_questions import measure_questions
from tools.audit.program import SILENCE, Replies, ask, version_of
from tools.audit.program_judge import (
    choices_of,
    question_requests,
    requests_of,
    told_by,
)
from tools.audit.records import Verdict
from tools.audit.verdict_card import carded

QUESTION_REPEATS = 3
"""Each option of a question stands once in each place."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A judge from elsewhere: its card, and the verdicts that it rests on."""

    card: JudgeCard
    kept: Kept
    items: str
    """Digest of what was judged; equal where two audits can be paired."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an audit of published data would ask."""

    source: tuple[str, ...]
    items: int
    calls: int
    judge: str


def read(options: Namespace) -> AuditSet:
    """The published data set that the options name.

    Raises:
        UsageError: it is not there, or nothing here reads it.
    """
    path = Path(options.data).expanduser()
    if not path.exists():
        raise UsageError(
            "The data set is not there.",
            saw=f"--data {options.data}",
            wanted="a file or a folder, as it was published",
            try_this="docs/guides/judges.md names where each set is published",
        )
    return load(path, options.format)


def re_analysed(options: Namespace, name: str, found: AuditSet | None = None) -> Outside:
    """Published verdicts of a judge, measured again.

    Raises:
        UsageError: no such verdicts are published there.
    """
    found = found or read(options)
    folder = Path(options.verdicts or options.data).expanduser()
    prompt = options.prompt or published.PROMPT
    verdicts = published.verdicts(folder, name, prompt)
    verdicts = [v for v in verdicts if not options.subset or v.domain == options.subset]
    design = of_published(found, subset=options.subset or "")
    _refuse_other_items(design, verdicts)
    notes = (f"published verdicts, prompt {prompt}; no call was made",)
    kept = Kept(verdicts, [])
    return Outside(carded(name, design, kept, notes=notes), kept, design.items)


def asked(options: Namespace, listener: Listener, found: AuditSet | None = None) -> Outside:
    """A program asked about a published data set."""
    found = found or read(options)
    if found.questions:
        return _on_questions(options, found, listener)
    design = _design(options, found)
    calls, version = design.calls(), Version(version_of(options.judge_command), _no_prompt())
    replies, seconds = _asked(options, requests_of(calls, seed=design.seed), listener)
    kept = design.answered(told_by(replies, calls), version)
    cost = Cost(calls=sum(calls.values()), seconds_per_call=seconds / sum(calls.values()))
    notes = replies.notes(sum(calls.values()))
    return Outside(carded(options.name, design, kept, cost=cost, notes=notes), kept, design.items)


def wanted(options: Namespace, found: AuditSet) -> Wanted:
    """What would be asked; the program is not started."""
    judge = options.judge_command or f"published verdicts of {options.name}"
    if found.questions:
        questions = _questions(options, found)
        calls = len(questions) * (options.repeats or QUESTION_REPEATS)
        return Wanted(sources_of(found), len(questions), calls, judge)
    design = _design(options, found)
    calls = sum(design.calls().values()) if options.judge_command else 0
    return Wanted(sources_of(found), len(design.pairs), calls, judge)


def _design(options: Namespace, found: AuditSet) -> Design:
    repeats = {"repeats": options.repeats} if options.repeats else {}
    return of_published(
        found,
        subset=options.subset or "",
        treated=options.treatments,
        seed=options.seed or 0,
        most=options.pairs,
        **repeats,
    )


def _asked(
    options: Namespace, requests: list[dict[str, Any]], listener: Listener
) -> tuple[Replies, float]:
    began = time.monotonic()
    silence = options.silence or SILENCE
    replies = ask(options.judge_command, requests, silence=silence, progress=listener.progress)
    return replies, time.monotonic() - began


def _on_questions(options: Namespace, found: AuditSet, listener: Listener) -> Outside:
    questions = _questions(options, found)
    repeats = options.repeats or QUESTION_REPEATS
    version = Version(version_of(options.judge_command), _no_prompt())
    requests = question_requests(questions, repeats=repeats, seed=options.seed or 0)
    replies, seconds = _asked(options, requests, listener)
    choices = choices_of(replies, questions, repeats=repeats)
    audit = measure_questions(
        questions, choices, version=version, notes=replies.notes(len(requests))
    )
    card = cards.make(
        options.name,
        audit,
        required=EXPECTED,
        cost=Cost(calls=len(requests), seconds_per_call=seconds / len(requests)),
        sources=sources_of(found),
    )
    items = sha256(json.dumps([q.id for q in questions]).encode()).hexdigest()
    return Outside(card, Kept([], []), items)


def _questions(options: Namespace, found: AuditSet) -> tuple[Question, ...]:
    kept = [q for q in found.questions if not options.subset or options.subset == q.category]
    if not kept:
        known = sorted({q.category for q in found.questions})
        raise UsageError(
            "There is no question in this subset.",
            saw=repr(options.subset),
            wanted=f"one of: {', '.join(known)}",
            try_this="leave --subset out",
        )
    return tuple(kept[: options.pairs] if options.pairs else kept)


def _refuse_other_items(design: Design, verdicts: list[Verdict]) -> None:
    """Verdicts must be of the pairs in the data, with the same right answers."""
    gold = {p.id: p.gold for p in design.pairs}
    odd = [v.item_id for v in verdicts if gold.get(v.item_id, "?") != v.gold]
    if odd or len(gold) != len({v.item_id for v in verdicts}):
        raise UsageError(
            "The verdicts are not of this data set.",
            saw=f"{len({v.item_id for v in verdicts})} judged items, {len(gold)} pairs"
            + (f"; {odd[0]} has another label or is no pair" if odd else ""),
            wanted="one verdict per order for every pair, under the same labels",
            try_this="give --data the folder that the verdicts were published with",
        )


def _no_prompt() -> str:
    """A program's prompt is its own affair, and part of its version."""
    return sha256(b"").hexdigest()
