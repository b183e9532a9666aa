"""Scores of sibling answers by a remote judge: what is not known yet is asked, all at once."""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from logs.vocabulary import Constitution
from tools.chat import Endpoint, Heard
from tools.judging import answers_of, tempting
from tools.principles import in_context
from tools.remote.cache import Cache, Told
from tools.remote.client import INTERRUPTED, PASSES, STAYS, Client, Usage, usage_of
from tools.remote.questions import Shown, questions, scored
from tools.remote.reading import read
from tools.remote.scoring import expected
from tools.remote.spec import Spec
from tools.remote.templates import Message

Progress = Callable[[int, int, str], None]
Group = dict[str, Any]
"""{"prompt", "answers": [[text, ...]]}, as `samples.jsonl` has them."""
NAMES: dict[int, tuple[str, ...]] = {1: ("answer",), 2: ("answer_a", "answer_b")}
NO_LOGPROBS, NO_MEAN = "no-logprobs", "no-expected-grade"
FORGOTTEN = PASSES | STAYS | {INTERRUPTED, "too-long", "not-a-completion", NO_LOGPROBS}
STATUS = "http-"
"""Failures that speak of the server and not of the answer may be over when asked again: these, and
every status."""
EVERY = 16
"""Questions between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote judge and where it is asked."""

    id: str
    spec: Spec
    digest: str
    """Of its artefact."""
    endpoint: Endpoint
    at_once: int


@dataclass(slots=True)
class Judged:
    """Verdicts of one judge on groups of answers, and what they cost."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """{prompt, scores: {judge: [score or null]}, errors: {judge: [reason]}}, as other judges'."""
    usage: Usage = field(default_factory=Usage)
    known: int = 0
    """Questions that had been asked before."""


@dataclass(frozen=True, slots=True)
class _Question:
    key: str
    messages: list[Message]


def judge_groups(
    judge: Remote,
    groups: Sequence[Group],
    constitution: Constitution,
    cache: Cache,
    progress: Progress,
    *,
    salt: str = "",
) -> Judged:
    """Verdicts on every answer of these groups; whatever goes wrong is an error, never a number.

    Args:
        salt: other text asks everything anew; the same text finds again what it asked.
    """
    asked = [_questions_of(judge, group, constitution, salt) for group in groups]
    unique = {q.key: q for row in asked for q in row.values()}
    told = {key: found for key in unique if (found := cache.get(key))}
    open_ = [q for key, q in unique.items() if key not in told]
    judged = Judged(known=len(told))
    if open_:
        asyncio.run(_ask_all(judge, open_, cache, told, judged.usage, progress))
    for group, row in zip(groups, asked, strict=True):
        texts = [answer[0] for answer in group["answers"]]
        said = scored(judge.spec, texts, {shown: told[q.key] for shown, q in row.items()})
        judged.rows.append(
            {
                "prompt": group["prompt"],
                "scores": {judge.id: [s if s is None else round(s, 6) for s in said.scores]},
                "errors": {judge.id: said.errors} if said.errors else {},
            }
        )
    return judged


def flawed_twins(
    groups: Sequence[Group],
    scores: Sequence[Sequence[float | None]],
    *,
    n: int,
    seed: int,
    of_world: bool = True,
) -> dict[str, list[Group]]:
    """What `tempting` finds, each pair as a group that can be asked about."""
    answers = [answers_of(group) for group in groups]
    found = tempting(answers, scores, most=n, seed=seed, of_world=of_world)
    return {
        flaw: [{"prompt": a.prompt, "answers": [[a.text], [b.text]]} for a, b in pairs]
        for flaw, pairs in found.items()
    }


def _questions_of(
    judge: Remote, group: Group, constitution: Constitution, salt: str
) -> dict[Shown, _Question]:
    here = in_context(constitution, group["prompt"])
    texts = [answer[0] for answer in group["answers"]]
    found = {}
    for shown in questions(judge.spec, texts):
        named = dict(zip(NAMES[len(shown)], shown, strict=True))
        messages = judge.spec.messages(here, {"question": group["prompt"], **named})
        said = json.dumps([judge.digest, messages, salt], ensure_ascii=True)
        found[shown] = _Question(hashlib.sha256(said.encode()).hexdigest(), messages)
    return found


async def _ask_all(
    judge: Remote,
    open_: list[_Question],
    cache: Cache,
    told: dict[str, Told],
    usage: Usage,
    progress: Progress,
) -> None:
    """Ask every open question, so many at once; each verdict is kept as soon as it is there."""
    left, what = iter(open_), f"asking {judge.id}"
    done = 0
    async with Client(judge.endpoint, at_once=judge.at_once) as client:

        async def work(left: Iterator[_Question]) -> None:
            nonlocal done
            for question in left:
                try:
                    found, took = await _asked(judge, question, client)
                except asyncio.CancelledError:
                    cache.put(judge.id, "", Told(None, INTERRUPTED), _lost(judge, question))
                    raise
                told[question.key] = found
                usage.add(took)
                kept = found.failed not in FORGOTTEN and not found.failed.startswith(STATUS)
                cache.put(judge.id, question.key if kept else "", found, took)
                if done % EVERY == 0:
                    progress(done, len(open_), what)
                done += 1

        workers = [asyncio.ensure_future(work(left)) for _ in range(min(judge.at_once, len(open_)))]
        try:
            await asyncio.gather(*workers)
        except Exception:
            # What is open will be paid for: it is heard and kept, but nothing more is asked.
            client.stop()
            deque(left, maxlen=0)
            await asyncio.gather(*workers, return_exceptions=True)
            raise
        progress(done, len(open_), what)


def verdict_of(spec: Spec, heard: Heard) -> float | str:
    """The number that was said, or a name for why there is none."""
    said = heard.failed or read(heard.text, spec.template)
    if isinstance(said, str) or spec.scoring == "said":
        return said
    if heard.logprobs is None:
        return NO_LOGPROBS
    mean = expected(heard.logprobs, spec.template)
    return NO_MEAN if mean is None else mean


async def _asked(judge: Remote, question: _Question, client: Client) -> tuple[Told, Usage]:
    heard = await client.ask(judge.spec.body(question.messages, schema=client.schema))
    said = verdict_of(judge.spec, heard)
    took = usage_of(heard, _most(judge, question))
    return Told(None, said) if isinstance(said, str) else Told(said), took


def _most(judge: Remote, question: _Question) -> tuple[int, int]:
    """Tokens of one try: none is shorter than a byte, and no answer longer than was asked for."""
    return sum(len(m["content"].encode()) for m in question.messages), judge.spec.max_tokens


def _lost(judge: Remote, question: _Question) -> Usage:
    """What a question may have taken of which nobody waited for the end."""
    return usage_of(Heard(tries=("dropped",)), _most(judge, question))
