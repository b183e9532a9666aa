"""Ask a chat model over an OpenAI-compatible endpoint: its text, or a name for why there is none.

Nothing here trusts the other side: time and bytes are bounded, no redirect is followed, and
whatever goes wrong comes back as a name, so that whoever asked can go on without an answer.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, Field, ValidationError

MOST_BYTES = 256 * 1024
"""Of one response; an answer of a few hundred tokens is a hundredth of it."""
MOST_LISTED = 16 * MOST_BYTES
"""Bytes of a list of models; hosts of many describe each one at length."""
CONNECT_SECONDS = 10.0
TRY_AGAIN = frozenset({408, 429, *range(500, 600)})
NOT_UNDERSTOOD = frozenset({400, 422, 501})
"""A server that lacks a feature of the request says one of these; it may know a simpler form."""
LONGEST_COUNT = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a model is asked, and how patiently."""

    url: str
    """The base, for example http://127.0.0.1:8000/v1."""
    model: str
    key: str = field(default="", repr=False)
    timeout_seconds: float = 60.0
    """Of one try, from the first byte sent to the last one read."""
    deadline_seconds: float = 180.0
    """Of all tries and waits together."""
    retries: int = 2
    backoff_seconds: float = 0.5
    """Before the first retry; doubled for each further one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of a question; `failed` names why there is no text."""

    text: str = ""
    failed: str = ""
    tries: tuple[str, ...] = ()
    """What became of each try: a status code, or a name."""
    schema: bool = False
    """Whether the server was given the schema; else it was only told of it."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    wait: float = 0.0
    """Seconds that the server asks to wait before another try."""
    logprobs: Any = None
    """As the server gave them, unread; None where it gave none."""


@dataclass(frozen=True, slots=True)
class _Tried:
    how: str
    heard: Heard | None = None
    again: bool = False
    wait: float = 0.0
    said: str = ""


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: Any = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: Any = None


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, so that no proxy has business between."""
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    # A server says that it listens on 0.0.0.0, and people copy that.
    return address.is_loopback or address.is_unspecified


def ask(
    endpoint: Endpoint,
    messages: Sequence[Mapping[str, str]],
    *,
    schema: Mapping[str, Any],
    max_tokens: int,
    temperature: float,
) -> Heard:
    """Ask once, with as many tries as the endpoint allows; never raises for the other side."""
    body = {
        "model": endpoint.model,
        "messages": list(messages),
        "max_tokens": max_tokens,
        "temperature": temperature,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "decision", "strict": True, "schema": schema},
        },
    }
    return asyncio.run(_ask(endpoint, body))


def models_of(endpoint: Endpoint) -> tuple[str, tuple[str, ...]]:
    """(status code or name of the failure, the models that the server lists)."""
    return asyncio.run(_models(endpoint))


def client_of(endpoint: Endpoint, *, at_once: int = 1) -> httpx2.AsyncClient:
    """A client that follows no redirect, verifies TLS, and asks a proxy only beyond loopback.

    Args:
        at_once: connections that it may hold open.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    return httpx2.AsyncClient(
        headers=headers,
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once),
        follow_redirects=False,
        trust_env=not is_loopback(endpoint.url),
    )


async def _ask(endpoint: Endpoint, body: dict[str, Any]) -> Heard:
    async with client_of(endpoint) as client:
        return await converse(client, endpoint, body)


async def converse(client: httpx2.AsyncClient, endpoint: Endpoint, body: dict[str, Any]) -> Heard:
    """Post one question over an open client, with as many tries as the endpoint allows."""
    began, wait = time.monotonic(), endpoint.backoff_seconds
    until = began + endpoint.deadline_seconds
    tries: list[str] = []
    retries = endpoint.retries
    while True:
        left = min(endpoint.timeout_seconds, until - time.monotonic())
        tried = await _try(client, "POST", f"{endpoint.url}/chat/completions", left, body)
        tries.append(tried.how)
        if tried.heard is None and (simpler := _simpler(body, tried)):
            body = simpler
            continue
        pause = max(wait, tried.wait)
        if not tried.again or not retries or time.monotonic() + pause >= until:
            break
        await asyncio.sleep(pause)
        retries, wait = retries - 1, wait * 2
    return replace(
        tried.heard or Heard(failed=tried.how),
        tries=tuple(tries),
        schema="response_format" in body,
        seconds=round(time.monotonic() - began, 3),
        wait=tried.wait,
    )


async def _models(endpoint: Endpoint) -> tuple[str, tuple[str, ...]]:
    async with client_of(endpoint) as client:
        tried = await _try(
            client, "GET", f"{endpoint.url}/models", endpoint.timeout_seconds, most=MOST_LISTED
        )
    try:
        listed = _Listed.model_validate_json(tried.said).data if tried.how == "200" else []
    except ValidationError:
        return "not-a-list", ()
    return tried.how, tuple(model.id for model in listed)


class _Model(BaseModel):
    id: str


class _Listed(BaseModel):
    data: list[_Model]


async def _try(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    seconds: float,
    body: Mapping[str, Any] | None = None,
    most: int = MOST_BYTES,
) -> _Tried:
    """One request within its time, to the last byte."""
    try:
        async with asyncio.timeout(seconds), client.stream(method, url, json=body) as response:
            return _judged(response, await _read(response, most))
    except TimeoutError:
        return _Tried("timed-out")
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError):
        return _Tried("unreachable", again=True)
    except (httpx2.NetworkError, httpx2.RemoteProtocolError):
        return _Tried("dropped", again=True)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError):
        return _Tried("unreachable")


async def _read(response: httpx2.Response, most: int) -> bytes | None:
    """The body as it was sent; None if it is longer than any answer."""
    data = bytearray()
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) > most:
            return None
    return bytes(data)


def _judged(response: httpx2.Response, data: bytes | None) -> _Tried:
    status = response.status_code
    if response.is_redirect or response.has_redirect_location:
        return _Tried("redirected")
    if data is None:
        return _Tried("too-long")
    said = data.decode("utf-8", "replace")
    if status == 200:
        return _Tried("200", heard=_heard(data), said=said)
    wait = _retry_after(response.headers.get("Retry-After", ""))
    return _Tried(f"http-{status}", again=status in TRY_AGAIN, wait=wait, said=said)


def _heard(data: bytes) -> Heard:
    try:
        answer = _Completion.model_validate_json(data)
    except ValidationError:
        return Heard(failed="not-a-completion")
    choice = answer.choices[0]
    text = choice.message.content or ""
    tokens = _tokens(answer.usage, int(bool(text)))
    failed = ""
    if choice.message.refusal or choice.finish_reason == "content_filter":
        failed, text = "refused", choice.message.refusal or text
    elif choice.finish_reason == "length":
        failed = "cut-off"
    elif not text.strip():
        failed = "empty"
    return Heard(
        text=text,
        failed=failed,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        logprobs=choice.logprobs,
    )


def _tokens(usage: Any, least: int) -> tuple[int | None, int | None]:
    """What the server says it counted; what can be no count is unknown, not zero."""
    said = usage if isinstance(usage, dict) else {}
    counts = ((said.get("prompt_tokens"), 1), (said.get("completion_tokens"), least))
    first, last = (n if type(n) is int and low <= n < LONGEST_COUNT else None for n, low in counts)
    return first, last


def _retry_after(value: str) -> float:
    """Seconds that a server asks to wait: a number, or a date."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _simpler(body: dict[str, Any], tried: _Tried) -> dict[str, Any] | None:
    """The same question without what this server does not understand, or None."""
    if tried.how.removeprefix("http-") not in {str(status) for status in NOT_UNDERSTOOD}:
        return None
    plain = {k: v for k, v in body.items() if k != "response_format"}
    # Who names the schema may list all that is known besides: a temperature would go for nothing.
    if plain != body and "response_format" in tried.said:
        return plain
    if "max_completion_tokens" in tried.said and "max_tokens" in body:
        rest = {k: v for k, v in body.items() if k != "max_tokens"}
        return rest | {"max_completion_tokens": body["max_tokens"]}
    if "temperature" in tried.said and "temperature" in body:
        return {k: v for k, v in body.items() if k != "temperature"}
    return plain if plain != body else None
