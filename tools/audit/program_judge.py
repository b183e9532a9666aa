"""A judge program in an audit: calls become requests, replies become verdicts."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from tools.audit.audit import Call
from tools.audit.design import Said
from tools.audit.items import Question
from tools.audit.program import Replies, request_id


def requests_of(calls: Counter[Call], *, seed: int) -> list[dict[str, Any]]:
    """Every call as often as it is wanted, in random order."""
    made = [
        {"id": request_id(content, repeat), **content}
        for call, times in calls.items()
        for content in (_content(call),)
        for repeat in range(times)
    ]
    random.Random(seed).shuffle(made)
    return made


def told_by(replies: Replies, calls: Counter[Call]) -> dict[Call, list[Said]]:
    """The answers per call, one for each time it was asked; None where there is none.

    What has the wrong type or lies out of range is counted as a fault, and no answer.
    """
    told: dict[Call, list[Said]] = {}
    for call, times in calls.items():
        content = _content(call)
        answers = [replies.by_id.get(request_id(content, r)) for r in range(times)]
        told[call] = [_verdict(a, replies) for a in answers]
    return told


def question_requests(
    questions: Sequence[Question], *, repeats: int, seed: int
) -> list[dict[str, Any]]:
    """Every question once per repeat, its options turned by one place each time."""
    made = [
        {"id": question_id(q, turn), **_asked(q, turn)}
        for q in questions
        for turn in range(repeats)
    ]
    random.Random(seed).shuffle(made)
    return made


def question_id(question: Question, turn: int) -> str:
    """The name of a question with its options turned."""
    return request_id(_asked(question, turn), turn)


def choices_of(
    replies: Replies, questions: Sequence[Question], *, repeats: int
) -> list[list[int | None]]:
    """Per question and repeat the option chosen, as the file numbers them."""
    return [
        [_choice(replies.by_id.get(question_id(q, turn)), turn, replies) for turn in range(repeats)]
        for q in questions
    ]


def _content(call: Call) -> dict[str, Any]:
    content: dict[str, Any] = {"kind": "pair", "prompt": call.prompt}
    content |= {"first": call.first, "second": call.second}
    if call.note:
        content["note"] = call.note
    if call.history:
        content["history"] = list(call.history)
    return content


def _asked(question: Question, turn: int) -> dict[str, Any]:
    options = [question.options[(place + turn) % 3] for place in range(3)]
    return {
        "kind": "question",
        "context": question.context,
        "question": question.question,
        "options": options,
    }


def _verdict(reply: Mapping[str, Any] | None, replies: Replies) -> Said:
    if reply is None:
        return None
    p, said = reply.get("p_first"), reply.get("verdict")
    if isinstance(p, Real) and not isinstance(p, bool) and 0 <= float(p) <= 1:
        return float(p)
    if p is None and said in ("first", "second", "tie"):
        return said  # type: ignore[no-any-return]
    replies.faults["errors that it reported" if "error" in reply else "without a verdict"] += 1
    return None


def _choice(reply: Mapping[str, Any] | None, turn: int, replies: Replies) -> int | None:
    if reply is None:
        return None
    place = reply.get("choice")
    if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < 3:
        return (place + turn) % 3
    replies.faults["errors that it reported" if "error" in reply else "without a choice"] += 1
    return None
