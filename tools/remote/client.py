"""Many questions to one endpoint at once: bounded, patient with a server that is away for a while.

A server that is silent for longer than the deadline is given up by all questions together: a
thousand of them must not wait for the deadline one after the other.
"""

import asyncio
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from tools.chat import TRY_AGAIN, Endpoint, Heard, client_of, converse

PASSES = frozenset({"unreachable", "dropped", "timed-out", *(f"http-{s}" for s in TRY_AGAIN)})
"""What may be over in a moment."""
STAYS = frozenset({"http-401", "http-402", "http-404", "redirected"})
"""What every further question would meet too: a key, a model or an address that is wrong, or an
account that is empty."""
FORBIDDEN = "http-403"
"""A key that may not ask; or one answer that a guard before the model took offence at, which must
not silence the judge of all others."""
SO_OFTEN = 3
"""Questions that must be forbidden, and none answered, before it is the key."""
INTERRUPTED = "interrupted"
"""What becomes of a question that is open when no more are wanted."""
UNHEARD = frozenset({"timed-out", "dropped", "too-long"})
"""What became of a try of which nobody knows how far the server came."""
LONGEST_BACKOFF = 30.0
RESTING = 0.2
"""Seconds between two looks at whether others gave the server up."""


@dataclass(slots=True)
class Usage:
    """What was asked of an endpoint, as far as it counted."""

    calls: int = 0
    tries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    uncounted: int = 0
    """Calls of which the server told no tokens; unknown is not zero."""
    most_in: int = 0
    most_out: int = 0
    """Tokens that uncounted tries may have taken at most, where the server may have worked."""
    seconds: float = 0.0
    """From question to answer, over all calls: many are open at once."""

    def add(self, more: "Usage") -> None:
        """Count what was asked besides."""
        for name, amount in asdict(more).items():
            setattr(self, name, getattr(self, name) + amount)


def usage_of(heard: Heard, most: tuple[int, int] = (0, 0)) -> Usage:
    """What one question took; one that no try was made of took nothing.

    Args:
        most: tokens in and out that one try may take.
    """
    counted = None not in (heard.tokens_in, heard.tokens_out)
    worked = sum(how in UNHEARD or (how == "200" and not counted) for how in heard.tries)
    return Usage(
        calls=int(bool(heard.tries)),
        tries=len(heard.tries),
        tokens_in=heard.tokens_in or 0,
        tokens_out=heard.tokens_out or 0,
        uncounted=int(bool(heard.tries) and not counted),
        most_in=worked * most[0],
        most_out=worked * most[1],
        seconds=heard.seconds,
    )


class Client:
    """Asks one endpoint; never raises for the other side."""

    def __init__(self, endpoint: Endpoint, *, at_once: int) -> None:
        self._endpoint = replace(endpoint, retries=0)
        self._http = client_of(endpoint, at_once=at_once)
        self._alive = time.monotonic()
        """When the server last answered."""
        self._answered, self._forbidden = False, 0
        self.given_up = ""
        """Why nothing more is asked."""
        self.schema = True
        """Whether the server is given schemas; not once it refused one."""

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def stop(self) -> None:
        """Try nothing again, and ask nothing more; what is open is still waited for."""
        self.given_up = self.given_up or INTERRUPTED

    async def ask(self, body: dict[str, Any]) -> Heard:
        """One question, tried again while the server may come back."""
        began, wait = time.monotonic(), self._endpoint.backoff_seconds
        tries: tuple[str, ...] = ()
        heard = Heard(failed=self.given_up)
        while not self.given_up:
            heard = await converse(self._http, self._patient(began), body)
            tries += heard.tries
            if heard.failed not in PASSES:
                self._alive = time.monotonic()
            if heard.tries[-1] == "200":
                self._answered = True
                self.schema = self.schema and (heard.schema or "response_format" not in body)
            if self._is_shut(heard.failed):
                self.given_up = heard.failed
            if heard.failed not in PASSES or not await self._rested(began, wait, heard):
                break
            wait = min(wait * 2, LONGEST_BACKOFF)
        return replace(heard, tries=tries, seconds=round(time.monotonic() - began, 3))

    def _is_shut(self, failed: str) -> bool:
        """Whether every further question would fail like this."""
        self._forbidden += failed == FORBIDDEN
        return failed in STAYS or (
            failed == FORBIDDEN and self._forbidden >= SO_OFTEN and not self._answered
        )

    def _patient(self, began: float) -> Endpoint:
        """The endpoint with what is left of the deadline; a server is given a second at least."""
        left = max(1.0, self._until(began) - time.monotonic())
        return replace(self._endpoint, deadline_seconds=left)

    def _until(self, began: float) -> float:
        """When this question ends without an answer: it, or the server, had its time."""
        return min(began, self._alive) + self._endpoint.deadline_seconds

    async def _rested(self, began: float, wait: float, heard: Heard) -> bool:
        """Wait before the next try; False where there is to be none.

        As long as the server asks for, else as the backoff says, which leaves room for one more.
        """
        now = time.monotonic()
        end = now + max(heard.wait, min(wait, max(RESTING, (self._until(began) - now) / 2)))
        if end >= self._until(began):
            if end >= self._alive + self._endpoint.deadline_seconds:
                self.given_up = heard.failed
            return False
        while (now := time.monotonic()) < end and not self.given_up:
            await asyncio.sleep(min(RESTING, end - now))
        return not self.given_up
