"""Ask a remote judge one made-up question: is it there, what can it, how long does it take?"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from logs.vocabulary import Constitution
from tools.chat import Heard, converse, models_of
from tools.chat import client_of as http_of
from tools.remote.judging import NAMES, Remote, verdict_of
from tools.remote.profiles import PROFILES

SECONDS = 30.0
"""For the whole probe; a model that is being loaded may need them."""
LISTS_NOTHING = frozenset({"http-404", "http-405", "http-501", "not-a-list"})
QUESTION, GOOD, BAD = "What is two plus two?", "Four.", "Seven."


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What came of it."""

    listing: str
    """What became of asking for the models: a status, or a name."""
    listed: bool | None
    """Whether the model is among them; None where the server lists nothing."""
    failed: str
    """Why there is no verdict; empty where there is one."""
    said: float | None
    """The grade of a right answer, or whether it is better than a wrong one (1 yes, 0 no)."""
    schema: bool | None
    """Whether it takes a schema of the answer; None where its profile has none."""
    logprobs: bool | None
    """Whether it gives log-probabilities; None where they were not asked for."""
    counts_tokens: bool
    tokens_in: int | None
    tokens_out: int | None
    seconds: float

    @property
    def reached(self) -> bool:
        """Whether a server answered the question, be it with nonsense."""
        return self.seconds > 0 and self.failed not in ("unreachable", "dropped", "timed-out")


def probe(judge: Remote, constitution: Constitution) -> Probed:
    """Ask for the list of models, and for one verdict on made-up answers; nothing is cached."""
    quick = replace(
        judge.endpoint,
        timeout_seconds=min(judge.endpoint.timeout_seconds, SECONDS),
        deadline_seconds=min(judge.endpoint.deadline_seconds, SECONDS),
        retries=0,
    )
    listing, models = models_of(quick)
    heard = asyncio.run(_asked(replace(judge, endpoint=quick), _body(judge, constitution)))
    said = verdict_of(judge.spec, heard)
    return Probed(
        listing=listing,
        listed=judge.spec.model in models if listing == "200" else None,
        failed=said if isinstance(said, str) else "",
        said=None if isinstance(said, str) else said,
        schema=heard.schema if PROFILES[judge.spec.profile].schema else None,
        logprobs=heard.logprobs is not None if judge.spec.scoring == "expected" else None,
        counts_tokens=None not in (heard.tokens_in, heard.tokens_out),
        tokens_in=heard.tokens_in,
        tokens_out=heard.tokens_out,
        seconds=heard.seconds,
    )


def _body(judge: Remote, constitution: Constitution) -> dict[str, Any]:
    shown = (GOOD,) if judge.spec.template.kind == "pointwise" else (GOOD, BAD)
    named = dict(zip(NAMES[len(shown)], shown, strict=True))
    messages = judge.spec.messages(constitution, {"question": QUESTION, **named})
    return judge.spec.body(messages, schema=True)


async def _asked(judge: Remote, body: dict[str, Any]) -> Heard:
    async with http_of(judge.endpoint) as http:
        return await converse(http, judge.endpoint, body)
